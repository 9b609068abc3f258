"""The canvas that every frame of a clip is painted on: dabs, out of which strokes grow where the frame is plain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

SIZES = (3, 8, 22)  # of the dabs, in pixels of the half-size picture, about
DABS = (107, 43, 17)  # on a side before each size of them repeats, at 321, 344 and 374 pixels: together never
DEVIATION = 0.4
LONG = 2.5  # a dab's length over its width
MARGIN = 16  # pixels repeated around the frame and cut off again: the convolutions see zeros beyond the edge, which is cheap


@lru_cache(maxsize=4)
def shot_grain(height: int, width: int) -> Tensor:
    """The canvas that every frame of this size is painted on, (1, 3, h/2, w/2): the corner of one endless canvas."""
    return laid(canvas_tiles(), height, width)


def canvas_grain(size: torch.Size | tuple[int, int], generator: torch.Generator) -> Tensor:
    """Any other part of that canvas, or of its mirror image, for a picture of this (height, width)."""
    tiles = []
    for tile in canvas_tiles():
        down, right, over, across = (int(torch.randint(count, (), generator=generator)) for count in (*tile.shape[-2:], 2, 2))
        tiles.append(tile.roll((down, right), (-2, -1)).flip([-2] * over + [-1] * across))
    return laid(tiles, *size)


def laid(tiles: Sequence[Tensor], height: int, width: int) -> Tensor:
    """Tiles beside each other, as many as a picture of this size and its margin take: (1, 3, h/2, w/2)."""
    # Nothing negative is divided: an ONNX graph, into which this is traced, rounds that towards zero.
    rows, columns = ((side + 7) // 8 * 4 + MARGIN for side in (height, width))
    return torch.cat([tile.repeat(1, 1, rows // tile.shape[-2] + 1, columns // tile.shape[-1] + 1)[..., :rows, :columns]
                      for tile in tiles], 1)


@lru_cache(maxsize=1)
def canvas_tiles() -> tuple[Tensor, ...]:
    """For each size of dabs a square (1, 1, p, p) that continues on its other side, of mean 0 and DEVIATION."""
    generator, tiles = torch.Generator().manual_seed(0), []
    for size, count in zip(SIZES, DABS, strict=True):
        tile = dabs(count, size, generator)
        tiles.append((tile - tile.mean()) * (DEVIATION / tile.std()))
    return tuple(tiles)


def dabs(count: int, size: int, generator: torch.Generator) -> Tensor:
    """(1, 1, p, p), p = count · size: about count² dabs at odd places and angles, each of one random value.

    Cellular noise (Worley 1996), its cells drawn out. Of smooth noise a network makes ridges, lit from one side; a dab has an
    inside and an edge already.
    """
    places, angles = torch.rand(2, count, count, generator=generator), torch.rand(count, count, generator=generator) * math.pi
    values = torch.randn(count, count, generator=generator)
    steps = (torch.arange(count * size) + 0.5) / size
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    nearest, found = torch.full_like(x, torch.inf), torch.zeros_like(x)
    for down in range(-2, 3):
        for right in range(-2, 3):
            row, column = y.long() + down, x.long() + right
            cell = (row % count, column % count)
            dy, dx, angle = y - row - places[0][cell], x - column - places[1][cell], angles[cell]
            along, beside = dx * angle.cos() + dy * angle.sin(), dy * angle.cos() - dx * angle.sin()
            distance = along**2 / LONG + beside**2 * LONG
            found = torch.where(distance < nearest, values[cell], found)
            nearest = torch.minimum(distance, nearest)
    return found[None, None]
