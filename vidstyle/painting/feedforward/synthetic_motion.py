"""Photographs as film: a crop of one, and what it would show a moment later under a made-up, exactly known motion."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from vidstyle.ops.warp import warp
from vidstyle.painting.style import colours, resized

EDGE = 24  # pixels around a crop that motion may bring into it


def crop_of(photo: Tensor, height: int, side: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A random crop (3, side + 2 EDGE, side + 2 EDGE) of `photo` (3, H, W) painted `height` pixels high, and its colours.

    The colours are those of the whole photograph. A crop is part of a clip whose other frames are lighter, darker,
    flatter: it is changed so, and the colours with it.
    """
    whole = side + 2 * EDGE
    photo = resized(photo[None], size_for(photo.shape[-2:], height, whole))[0]
    gain, lift = (float(value) for value in torch.rand(2, generator=generator))
    photo = ((photo - 0.5) * (0.7 + 0.6 * gain) + 0.5 + 0.2 * (lift - 0.5)).clamp(0, 1)
    top, left = (int(torch.randint(size - whole + 1, (), generator=generator)) for size in photo.shape[-2:])
    crop = photo[:, top : top + whole, left : left + whole]
    mirrored = bool(torch.randint(2, (), generator=generator))
    return crop.flip(-1) if mirrored else crop, colours(photo)


def size_for(shape: torch.Size | tuple[int, int], height: int, least: int) -> tuple[int, int]:
    """(height, width) of a picture of this shape painted `height` pixels high, or as high as no side is below `least`."""
    tall, wide = shape
    factor = max(height / tall, least / min(tall, wide))
    return max(least, round(tall * factor)), max(least, round(wide * factor))


def made_up_motion(side: int, generator: torch.Generator) -> Tensor:
    """A `to_last` (2, side, side): shift, zoom and a smooth random flow, less than EDGE pixels."""
    shift = 8 * torch.randn(2, 1, 1, generator=generator)
    x = torch.linspace(-1, 1, side)
    zoom = 5 * torch.randn((), generator=generator) * torch.stack(torch.meshgrid(x, x, indexing="xy"))
    points = torch.randn(1, 2, 6, 6, generator=generator) * 3
    smooth = F.interpolate(points, (side, side), mode="bicubic", align_corners=True)[0]
    return (shift + zoom + smooth).clamp(1 - EDGE, EDGE - 1)


def middle(crops: Tensor) -> Tensor:
    """Crops from `crop_of` without their edges."""
    return crops[..., EDGE:-EDGE, EDGE:-EDGE]


def moved(crops: Tensor, to_last: Tensor) -> tuple[Tensor, Tensor]:
    """Two pictures (N, 3, side, side): the middle of crops from `crop_of`, and the photograph where the motion says."""
    reach = F.pad(to_last, (EDGE,) * 4, mode="replicate")
    return middle(crops), middle(warp(crops, reach, mode="bicubic").clamp(0, 1))
