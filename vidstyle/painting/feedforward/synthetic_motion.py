"""Synthetic motion: two frames made from a photograph and a random motion that is known exactly."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from vidstyle.core.images import resize, size_at_height
from vidstyle.ops.warp import warp
from vidstyle.painting.palette import sample_colours

EDGE = 24  # pixels around a crop that the motion may bring into it


def random_crop(photo: Tensor, height: int, side: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A random crop of `photo` (3, H, W), painted `height` pixels high, and the photograph's colours.

    The crop is (3, side + 2 EDGE, side + 2 EDGE), the colours (3, n), both in [0, 1]. Brightness and contrast are changed at
    random in both: in a clip, other frames than the one painted contribute to the palette.
    """
    whole = side + 2 * EDGE
    photo = resize(photo, size_at_height(photo.shape[-2:], height, whole))
    gain, lift = (float(value) for value in torch.rand(2, generator=generator))
    photo = ((photo - 0.5) * (0.7 + 0.6 * gain) + 0.5 + 0.2 * (lift - 0.5)).clamp(0, 1)
    top, left = (int(torch.randint(size - whole + 1, (), generator=generator)) for size in photo.shape[-2:])
    crop = photo[:, top : top + whole, left : left + whole]
    flipped = bool(torch.randint(2, (), generator=generator))
    return crop.flip(-1) if flipped else crop, sample_colours(photo)


def random_motion(side: int, generator: torch.Generator) -> Tensor:
    """A `to_last` (2, side, side) in pixels, x then y: a shift, a zoom and a smooth random flow, below EDGE."""
    shift = 8 * torch.randn(2, 1, 1, generator=generator)
    x = torch.linspace(-1, 1, side)
    zoom = 5 * torch.randn((), generator=generator) * torch.stack(torch.meshgrid(x, x, indexing="xy"))
    points = torch.randn(1, 2, 6, 6, generator=generator) * 3
    smooth = F.interpolate(points, (side, side), mode="bicubic", align_corners=True)[0]
    return (shift + zoom + smooth).clamp(1 - EDGE, EDGE - 1)


def without_edges(crops: Tensor) -> Tensor:
    """Crops of `random_crop` without the EDGE pixels around them."""
    return crops[..., EDGE:-EDGE, EDGE:-EDGE]


def moved_pair(crops: Tensor, to_last: Tensor) -> tuple[Tensor, Tensor]:
    """The last and this frame, (N, 3, side, side): crops (N, 3, ...) of `random_crop`, and the same warped along `to_last`."""
    motion = F.pad(to_last, (EDGE,) * 4, mode="replicate")
    return without_edges(crops), without_edges(warp(crops, motion, mode="bicubic").clamp(0, 1))
