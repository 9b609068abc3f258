"""Luma and chroma to red, green and blue and back: the equations of BT.601, 709 and 2020 in float."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.core.errors import InputError

UNSPECIFIED = 2  # of a matrix, primaries or a transfer; of a range it is 0

MATRICES = {"bt709": (0.2126, 0.0722), "fcc": (0.30, 0.11), "bt601": (0.299, 0.114), "smpte240m": (0.212, 0.087),
            "bt2020nc": (0.2627, 0.0593)}
"""Weights of red and blue in luma, (Kr, Kb); green has the rest."""

_CODES = {0: "rgb", 1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020nc"}
_PRIMARIES = {1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020",
              11: "dci-p3", 12: "display-p3"}
_TRANSFERS = {1: "bt709", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear", 13: "srgb",
              14: "bt2020-10", 15: "bt2020-12", 16: "pq", 18: "hlg"}
_SITES = {"center": (False, False), "topleft": (True, True), "top": (False, True)}
_STRIP = 128  # rows worked on at once, even: a strip of 1080p stays in the processor's cache, a frame does not


@dataclass(frozen=True)
class Colour:
    """The colour tags of a clip as read (numbers of ISO/IEC 23091-2) and what is used in their place."""

    matrix_tag: int
    range_tag: int
    """0 not said, 1 limited, 2 full."""
    primaries_tag: int
    transfer_tag: int
    matrix: str
    """Matrix that is used, a key of `MATRICES`, or `rgb` where the file holds RGB."""
    full_range: bool
    """Range that is used: black is 0 and white the highest code, or 16 and 235 (at 8 bits)."""
    location: str = "unspecified"
    """Where the samples of 4:2:0 chroma lie, by FFmpeg's names."""

    @property
    def cosited(self) -> tuple[bool, bool]:
        """Whether 4:2:0 chroma lies on columns of luma, and on its rows, or halfway between two; by default as in H.264."""
        return _SITES.get(self.location, (True, False))

    @property
    def hdr(self) -> str | None:
        """`pq` or `hlg` for a transfer of high dynamic range."""
        return _TRANSFERS[self.transfer_tag] if self.transfer_tag in (16, 18) else None

    @property
    def assumed(self) -> tuple[str, ...]:
        """What the file does not say and is assumed."""
        said = []
        if self.matrix_tag == UNSPECIFIED and self.matrix != "rgb":
            said.append(f"matrix {self.matrix}")
        if self.range_tag == 0 and self.matrix != "rgb":
            said.append("full range" if self.full_range else "limited range")
        return tuple(said)

    def as_dict(self) -> dict[str, Any]:
        """The tags by name, in types that JSON knows."""
        names = {"primaries": _PRIMARIES.get(self.primaries_tag), "transfer": _TRANSFERS.get(self.transfer_tag)}
        return {"matrix": self.matrix, "range": "full" if self.full_range else "limited",
                "primaries": names["primaries"] or "unspecified", "transfer": names["transfer"] or "unspecified",
                "tags": {"matrix": self.matrix_tag, "range": self.range_tag, "primaries": self.primaries_tag,
                         "transfer": self.transfer_tag}, "chroma_location": self.location, "assumed": list(self.assumed)}


def settle(matrix: int, range_: int, primaries: int, transfer: int, *, width: int, height: int, rgb: bool,
           full_by_format: bool, location: str = "unspecified") -> Colour:
    """The colours of a picture with these tags.

    Untagged video of 720 lines or 1280 columns and more is BT.709, smaller is BT.601; that is what players do.
    Untagged range is limited, except in formats that are full range by name (`yuvj420p`). The same matrix is used
    both ways and a missing tag stays missing, so a wrong guess cancels. Raises InputError for rare matrices.
    """
    if rgb:
        return Colour(matrix, range_, primaries, transfer, "rgb", True)
    name = _CODES.get(matrix, "bt709" if height >= 720 or width >= 1280 else "bt601")
    if name == "rgb" or (matrix not in _CODES and matrix not in (UNSPECIFIED, 3)):
        raise InputError(f"The clip's colour matrix has number {matrix}, which this version does not know; "
                         "convert it to BT.709 first.")
    full_range = range_ == 2 or (range_ != 1 and full_by_format)
    return Colour(matrix, range_, primaries, transfer, name, full_range, location)


def _codes(full_range: bool, depth: int) -> tuple[float, float, float, float]:
    """Code of black, codes from black to white, code of no chroma, codes of the whole chroma range."""
    if full_range:
        return 0.0, 2.0**depth - 1, 2.0 ** (depth - 1), 2.0**depth - 1
    unit = 2.0 ** (depth - 8)
    return 16 * unit, 219 * unit, 128 * unit, 224 * unit


def yuv_to_rgb(planes: Sequence[Tensor], *, matrix: str, full_range: bool, depth: int, clamp: bool = True,
               cosited: tuple[bool, bool] = (True, False)) -> Tensor:
    """(3, H, W) float32 RGB in [0, 1] from integer planes: luma (H, W) and, unless gray, Cb and Cr.

    Without `clamp`, codes that are blacker than black, whiter than white or of no colour that RGB has lie outside
    [0, 1], and `rgb_to_yuv` brings them back.

    Chroma may be half as wide or as wide and half as high; it is interpolated linearly. cosited: whether that of 4:2:0
    lies on every other column, and on every other row, or halfway between two; by default as in MPEG-2 and H.264. That
    of 4:2:2 lies on every other column.

        R = Y + 2(1−Kr)·Cr,  B = Y + 2(1−Kb)·Cb,  G = (Y − Kr·R − Kb·B) / (1−Kr−Kb)
    """
    luma = planes[0]
    height, width = luma.shape
    black, span, zero, chroma_span = _codes(full_range, depth)
    image = torch.empty(3, height, width, device=luma.device)
    if len(planes) == 1:
        image[:] = (luma.float() - black) / span
        return image.clamp_(0, 1) if clamp else image
    with _alone():
        _mix(image, planes, MATRICES[matrix], (black, span, zero, chroma_span), cosited)
    return image.clamp_(0, 1) if clamp else image


def _mix(image: Tensor, planes: Sequence[Tensor], weights: tuple[float, float],
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
        cb, cr = _spread(chroma[:, low:high], tall, width, cosited)[:, top - low * tall:bottom - low * tall]
        y = luma[top:bottom].float().sub_(black).div_(span)
        red, green, blue = image[:, top:bottom]
        torch.add(y, cr, alpha=2 * (1 - kr), out=red)
        torch.add(y, cb, alpha=2 * (1 - kb), out=blue)
        torch.add(y, cb, alpha=-2 * kb * (1 - kb) / kg, out=green).sub_(cr, alpha=2 * kr * (1 - kr) / kg)


def rgb_to_yuv(image: Tensor, *, matrix: str, full_range: bool, depth: int,
               subsampling: tuple[int, int] = (2, 2),
               cosited: tuple[bool, bool] = (True, False)) -> tuple[Tensor, Tensor, Tensor]:
    """Integer planes Y, Cb, Cr (uint8, or int16 above 8 bits) from `image` (3, H, W) float32 RGB in [0, 1].

    subsampling: columns and rows of luma for one of chroma: (2, 2) for 4:2:0, (2, 1) for 4:2:2, (1, 1) for 4:4:4.
    The filters that thin chroma out are the exact inverse of `yuv_to_rgb`'s interpolation (the analysis filters of
    the biorthogonal spline wavelets 2.2 and 3.1), so an unpainted frame comes back as it was, save for rounding.
    """
    with _alone():
        return _split(image, matrix, full_range, depth, subsampling, cosited)


def _split(image: Tensor, matrix: str, full_range: bool, depth: int,
           subsampling: tuple[int, int], cosited: tuple[bool, bool]) -> tuple[Tensor, Tensor, Tensor]:
    kr, kb = MATRICES[matrix]
    black, span, zero, chroma_span = _codes(full_range, depth)
    wide, tall = subsampling
    height, width = image.shape[1:]
    kind = torch.uint8 if depth == 8 else torch.int16
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
            c = (_thin_on(c.mT).mT if cosited[1] else _thin_between(c))[:, (top - low) // 2:][:, :-(-(bottom - top) // 2)]
        if wide == 2:
            c = _thin_on(c) if cosited[0] or tall == 1 else _thin_between(c.mT).mT
        chroma[:, top // tall:-(-bottom // tall)] = _quantize(c, chroma_span, zero, depth)
    return luma, chroma[0], chroma[1]


@contextmanager
def _alone() -> Iterator[None]:
    """Compute in one thread, as quick as two where memory is the limit.

    A frame takes some hundred small steps, and between them torch's threads wait by spinning: beside a decoder, an
    encoder or another program that wants the cores, a frame of 1080p was measured at 1.2 s instead of 0.01 s.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _quantize(x: Tensor, span: float, zero: float, depth: int) -> Tensor:
    return (x * span).add_(zero).round_().clamp_(0, 2**depth - 1)


def _spread(c: Tensor, tall: int, width: int, cosited: tuple[bool, bool]) -> Tensor:
    """Chroma (2, h, w) interpolated to (2, h·tall, width)."""
    x = c[None]
    if tall == 2:
        x = _double_on(x.mT).mT if cosited[1] else _double_between(x)
    if c.shape[2] != width:
        x = _double_on(x) if cosited[0] or tall == 1 else _double_between(x.mT).mT
    return x[0, :, :, :width]


def _double_between(x: Tensor) -> Tensor:
    """Two rows for each of (1, 2, h, w), which lies halfway between them."""
    return F.interpolate(x, size=(2 * x.shape[2], x.shape[3]), mode="bilinear", align_corners=False)


def _double_on(x: Tensor) -> Tensor:
    """Two columns for each of (1, 2, h, w), which is the first of them."""
    # align_corners puts every other column of the result exactly on a chroma sample; the extra sample at the
    # right edge makes one more column than are needed.
    padded = F.pad(x, (0, 1, 0, 0), mode="replicate")
    size = (x.shape[2], 2 * x.shape[3] + 1)
    return F.interpolate(padded, size=size, mode="bilinear", align_corners=True)[..., :-1]


def _thin_between(c: Tensor) -> Tensor:
    """Every two rows (2, H, W) to one halfway between them, by the taps (−1, 3, 3, −1)/4."""
    if c.shape[1] % 2 and c.shape[1] > 1:  # an odd last row is 3/4 of its own sample and 1/4 of the one above
        c = torch.cat((c, torch.lerp(c[:, -2:-1], c[:, -1:], 1.5)), dim=1)
    c = F.pad(c[None], (0, 0, 1, 1 + c.shape[1] % 2), mode="replicate")[0]
    return (c[:, 1:-2:2] + c[:, 2:-1:2]).mul_(0.75).sub_(c[:, :-3:2], alpha=0.25).sub_(c[:, 3::2], alpha=0.25)


def _thin_on(c: Tensor) -> Tensor:
    """Every other column (2, H, W), by the taps (−1, 2, 6, 2, −1)/8; mirrored at the left edge, as the taps need."""
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
