"""Copies of a style picture, turned and made smaller, so that strokes of any direction and of several sizes can be found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.painting.strokes.passes import GRID

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


def turn(picture: Tensor, allowed: Tensor, angle: float, side: int) -> tuple[Tensor, Tensor]:
    """`picture` (3, H, W), turned about its centre within the same frame, and where patches of `side` pixels may lie.

    allowed: (rows, columns) bool, of the grid of `GRID` pixels, before it is turned. A patch may lie where all its pixels
    come from allowed patches.
    """
    if angle == 0:
        return picture, allowed
    height, width = picture.shape[-2:]
    # Every pixel that an allowed patch covers: the maximum over the patches of one pixel's surroundings.
    starts = torch.zeros(1, 1, height + side - 1, width + side - 1)
    rows, columns = allowed.shape
    starts[0, 0, side - 1:side - 1 + rows * GRID:GRID, side - 1:side - 1 + columns * GRID:GRID] = allowed.float()
    covered = F.max_pool2d(starts, side, 1)
    sine, cosine = math.sin(angle), math.cos(angle)
    # output (x, y) -> input, both in [-1, 1] of their sides; the inverse of the turn.
    matrix = torch.tensor([[[cosine, sine * height / width, 0.0], [-sine * width / height, cosine, 0.0]]])
    grid = F.affine_grid(matrix, [1, 1, height, width], align_corners=False)
    known = F.grid_sample(covered, grid, mode="bilinear", padding_mode="zeros", align_corners=False) > 0.999
    turned = F.grid_sample(picture[None], grid.to(picture), mode="bicubic", padding_mode="reflection", align_corners=False)
    whole = -F.max_pool2d(-known.float(), side, GRID)[0, 0]
    return turned[0].clamp(0, 1), whole > 0


def in_turns(places: Sequence[Tensor]) -> Tensor:
    """The places of several copies (n,) each, in one line: the first of each, the second of each, and so on."""
    order = torch.cat([torch.arange(len(some)) for some in places]).argsort(stable=True)
    return torch.cat([*places])[order.to(places[0].device)]
