"""Copies of a style picture, turned and made smaller, so that strokes of any direction and of several sizes can be found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

TURNS = 8
"""Directions in half a circle: no stroke lies further than 11° from one of them. Strokes have no front, so half is enough."""
SMALLEST = 1 / 3
"""Size of the smallest strokes over the style's own."""
SIZES = (1.0, 0.6, SMALLEST)
"""Sizes of the copies, over the style's own."""


@dataclass(frozen=True)
class Copy:
    """How a copy of a style picture differs from it."""

    turn: float = 0.0
    """Radians, clockwise as it is seen: y points down."""
    size: float = 1.0


def copies(*, turned: bool, sized: bool) -> tuple[Copy, ...]:
    """The copies that a painting needs; the style picture itself is the first."""
    turns = [math.pi * step / TURNS for step in range(TURNS)] if turned else [0.0]
    return tuple(Copy(turn, size) for size in (SIZES if sized else (1.0,)) for turn in turns)


def turn(picture: Tensor, angle: float) -> Tensor:
    """`picture` (3, H, W) in [0, 1], turned about its centre within the same frame; its corners are filled by reflection."""
    if angle == 0:
        return picture
    grid = _turned(angle, picture.shape[-2], picture.shape[-1]).to(picture)
    turned = F.grid_sample(picture[None], grid, mode="bicubic", padding_mode="reflection", align_corners=False)
    return turned[0].clamp(0, 1)


def turn_places(allowed: Tensor, angle: float, side: int, grid: int) -> Tensor:
    """Where patches may lie in a turned picture: all their pixels come from patches that were allowed before.

    allowed: (rows, columns) bool, of the grid of `grid` pixels, before the picture is turned.
    """
    if angle == 0:
        return allowed
    rows, columns = allowed.shape
    height, width = (rows - 1) * grid + side, (columns - 1) * grid + side
    # Every pixel that an allowed patch covers: the maximum over the patches of one pixel's surroundings.
    starts = torch.zeros(1, 1, height + side - 1, width + side - 1)
    starts[0, 0, side - 1:side - 1 + rows * grid:grid, side - 1:side - 1 + columns * grid:grid] = allowed.float()
    covered = F.max_pool2d(starts, side, 1)
    known = F.grid_sample(covered, _turned(angle, height, width), mode="bilinear", padding_mode="zeros",
                          align_corners=False) > 0.999
    return -F.max_pool2d(-known.float(), side, grid)[0, 0] > 0


def _turned(angle: float, height: int, width: int) -> Tensor:
    """(1, height, width, 2): where each pixel of a picture turned by `angle` comes from, both in [-1, 1] of its sides."""
    sine, cosine = math.sin(angle), math.cos(angle)
    matrix = torch.tensor([[[cosine, sine * height / width, 0.0], [-sine * width / height, cosine, 0.0]]])
    return F.affine_grid(matrix, [1, 1, height, width], align_corners=False)


def in_turns(places: Sequence[Tensor]) -> Tensor:
    """The places of several copies (n,) each, in one line: the first of each, the second of each, and so on."""
    order = torch.cat([torch.arange(len(some)) for some in places]).argsort(stable=True)
    return torch.cat([*places])[order.to(places[0].device)]
