"""Luma and chroma to red, green and blue and back: the equations of BT.601, 709 and 2020 in floats."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.core.devices import threads

MATRICES = {"bt709": (0.2126, 0.0722), "fcc": (0.30, 0.11), "bt601": (0.299, 0.114), "smpte240m": (0.212, 0.087),
            "bt2020nc": (0.2627, 0.0593)}
"""Weights of red and blue in luma, (Kr, Kb); green has the rest."""

_STRIP = 128  # rows worked on at once, even: a strip of 1080p stays in the processor's cache, a frame does not


def _codes(full_range: bool, depth: int) -> tuple[float, float, float, float]:
    """Code of black, codes from black to white, code of no chroma, codes of the whole chroma range."""
    if full_range:
        return 0.0, 2.0**depth - 1, 2.0 ** (depth - 1), 2.0**depth - 1
    unit = 2.0 ** (depth - 8)
    return 16 * unit, 219 * unit, 128 * unit, 224 * unit


def yuv_to_rgb(planes: Sequence[Tensor], *, matrix: str, full_range: bool, depth: int, clamp: bool = True,
               cosited: tuple[bool, bool] = (True, False)) -> Tensor:
    """(3, H, W) float32 RGB in [0, 1] from integer planes: luma (H, W) and, unless gray, Cb and Cr.

    Without `clamp`, codes below black, above white or outside the RGB cube give values outside [0, 1], and `rgb_to_yuv`
    returns the same codes.

    Chroma may have half the width, or half the width and half the height; it is interpolated linearly. cosited: whether
    4:2:0 chroma lies on every other column of luma, and on every other row, or halfway between two; the default is that
    of MPEG-2 and H.264. 4:2:2 chroma lies on every other column.

        R = Y + 2(1−Kr)·Cr,  B = Y + 2(1−Kb)·Cb,  G = (Y − Kr·R − Kb·B) / (1−Kr−Kb)
    """
    luma = planes[0]
    height, width = luma.shape
    black, span, zero, chroma_span = _codes(full_range, depth)
    image = torch.empty(3, height, width, device=luma.device)
    if len(planes) == 1:
        image[:] = (luma.float() - black) / span
        return image.clamp_(0, 1) if clamp else image
    with _single_thread():
        _fill_rgb(image, planes, MATRICES[matrix], (black, span, zero, chroma_span), cosited)
    return image.clamp_(0, 1) if clamp else image


def _fill_rgb(image: Tensor, planes: Sequence[Tensor], weights: tuple[float, float],
              codes: tuple[float, float, float, float], cosited: tuple[bool, bool]) -> None:
    """Fill `image` (3, H, W) from the planes of luma and chroma."""
    luma, (kr, kb), (black, span, zero, chroma_span) = planes[0], weights, codes
    height, width = luma.shape
    kg = 1 - kr - kb
    chroma = torch.stack((planes[1].float(), planes[2].float())).sub_(zero).div_(chroma_span)
    tall = 2 if chroma.shape[1] != height else 1
    for top in range(0, height, _STRIP):
        bottom = min(top + _STRIP, height)
        low, high = max(top // tall - 1, 0), min(-(-bottom // tall) + 1, chroma.shape[1])
        cb, cr = _upsample(chroma[:, low:high], tall, width, cosited)[:, top - low * tall:bottom - low * tall]
        y = luma[top:bottom].float().sub_(black).div_(span)
        red, green, blue = image[:, top:bottom]
        torch.add(y, cr, alpha=2 * (1 - kr), out=red)
        torch.add(y, cb, alpha=2 * (1 - kb), out=blue)
        torch.add(y, cb, alpha=-2 * kb * (1 - kb) / kg, out=green).sub_(cr, alpha=2 * kr * (1 - kr) / kg)


def rgb_to_yuv(image: Tensor, *, matrix: str, full_range: bool, depth: int,
               subsampling: tuple[int, int] = (2, 2),
               cosited: tuple[bool, bool] = (True, False)) -> tuple[Tensor, Tensor, Tensor]:
    """Integer planes Y, Cb, Cr (uint8; int16 above 8 bits, int32 for 16) from `image` (3, H, W) float32 RGB in [0, 1].

    subsampling: columns and rows of luma for one of chroma: (2, 2) for 4:2:0, (2, 1) for 4:2:2, (1, 1) for 4:4:4.
    The filters that subsample chroma are the exact inverse of `yuv_to_rgb`'s interpolation (the analysis filters of the
    biorthogonal spline wavelets 2.2 and 3.1), so an unchanged frame returns unchanged but for rounding.
    """
    with _single_thread():
        return _rgb_to_yuv(image, matrix, full_range, depth, subsampling, cosited)


def _rgb_to_yuv(image: Tensor, matrix: str, full_range: bool, depth: int,
                subsampling: tuple[int, int], cosited: tuple[bool, bool]) -> tuple[Tensor, Tensor, Tensor]:
    kr, kb = MATRICES[matrix]
    black, span, zero, chroma_span = _codes(full_range, depth)
    wide, tall = subsampling
    height, width = image.shape[1:]
    kind = torch.uint8 if depth == 8 else torch.int16 if depth < 16 else torch.int32
    luma = torch.empty(height, width, dtype=kind, device=image.device)
    chroma = torch.empty(2, -(-height // tall), -(-width // wide), dtype=kind, device=image.device)
    margin = 2 if tall == 2 else 0
    for top in range(0, height, _STRIP):
        bottom = min(top + _STRIP, height)
        low, high = max(top - margin, 0), min(bottom + margin, height)
        red, green, blue = image[:, low:high]
        y = (red * kr).add_(green, alpha=1 - kr - kb).add_(blue, alpha=kb)
        luma[top:bottom] = _quantize(y[top - low:bottom - low], span, black, depth)
        c = torch.stack((blue, red)).sub_(y)
        c[0] /= 2 * (1 - kb)
        c[1] /= 2 * (1 - kr)
        if tall == 2:
            c = (_halve_cosited(c.mT).mT if cosited[1] else _halve_midway(c))[:, (top - low) // 2:][:, :-(-(bottom - top) // 2)]
        if wide == 2:
            c = _halve_cosited(c) if cosited[0] or tall == 1 else _halve_midway(c.mT).mT
        chroma[:, top // tall:-(-bottom // tall)] = _quantize(c, chroma_span, zero, depth)
    return luma, chroma[0], chroma[1]


def _single_thread() -> AbstractContextManager[None]:
    """Compute in one thread, which is as fast as two, because memory is the limit.

    A frame takes some hundred small steps, and between them torch's threads wait by spinning: next to a decoder, an
    encoder or another program that uses the cores, a frame of 1080p was measured at 1.2 s instead of 0.01 s.
    """
    return threads(1)


def _quantize(x: Tensor, span: float, zero: float, depth: int) -> Tensor:
    return (x * span).add_(zero).round_().clamp_(0, 2**depth - 1)


def _upsample(c: Tensor, tall: int, width: int, cosited: tuple[bool, bool]) -> Tensor:
    """Chroma (2, h, w) interpolated to (2, h·tall, width)."""
    x = c[None]
    if tall == 2:
        x = _double_cosited(x.mT).mT if cosited[1] else _double_midway(x)
    if c.shape[2] != width:
        x = _double_cosited(x) if cosited[0] or tall == 1 else _double_midway(x.mT).mT
    return x[0, :, :, :width]


def _double_midway(x: Tensor) -> Tensor:
    """(1, 2, 2h, w) of (1, 2, h, w): each row becomes two, and its old place is halfway between them."""
    return F.interpolate(x, size=(2 * x.shape[2], x.shape[3]), mode="bilinear", align_corners=False)


def _double_cosited(x: Tensor) -> Tensor:
    """(1, 2, h, 2w) of (1, 2, h, w): each column becomes two, and its old place is the first of them."""
    # align_corners puts every other column of the result exactly on a chroma sample; the extra sample at the
    # right edge makes one more column than are needed.
    padded = F.pad(x, (0, 1, 0, 0), mode="replicate")
    size = (x.shape[2], 2 * x.shape[3] + 1)
    return F.interpolate(padded, size=size, mode="bilinear", align_corners=True)[..., :-1]


def _halve_midway(c: Tensor) -> Tensor:
    """(2, H/2, W) of (2, H, W): two rows become one, halfway between them, with the taps (−1, 3, 3, −1)/4."""
    if c.shape[1] % 2 and c.shape[1] > 1:  # an odd last row is 3/4 of its own sample and 1/4 of the one above
        c = torch.cat((c, torch.lerp(c[:, -2:-1], c[:, -1:], 1.5)), dim=1)
    c = F.pad(c[None], (0, 0, 1, 1 + c.shape[1] % 2), mode="replicate")[0]
    return (c[:, 1:-2:2] + c[:, 2:-1:2]).mul_(0.75).sub_(c[:, :-3:2], alpha=0.25).sub_(c[:, 3::2], alpha=0.25)


def _halve_cosited(c: Tensor) -> Tensor:
    """(2, H, W/2) of (2, H, W): two columns become one, on the first of them, with the taps (−1, 2, 6, 2, −1)/8.

    The left edge is mirrored, as the taps need."""
    width = c.shape[2]
    left = c[:, :, [min(2, width - 1), min(1, width - 1)]]
    right = c[:, :, -1:].expand(-1, -1, 2 + width % 2)
    if width % 2 and width > 2:
        right = c[:, :, [-2, -3, -3]]
    pairs = torch.cat((left, c, right), dim=2)
    even, odd = pairs.unfold(2, 2, 2).permute(3, 0, 1, 2).contiguous()
    thin: Tensor = even[..., 1:-1] * 0.75
    thin.add_(odd[..., :-2] + odd[..., 1:-1], alpha=0.25)
    return thin.sub_(even[..., :-2] + even[..., 2:], alpha=0.125)
