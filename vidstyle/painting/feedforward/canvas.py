"""The canvas: cellular noise that enters the network with every frame, so that plain areas get strokes too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

CELL_SIZES = (3, 8, 22)  # pixels at half size; mean distance between neighbouring cells, by channel
CELL_COUNTS = (107, 43, 17)  # cells along a side of each tile; tiles of 321, 344 and 374 pixels do not repeat together
DEVIATION = 0.4  # standard deviation of the noise
ELONGATION = 2.5  # length of a cell over its width
MARGIN = 16  # pixels by which a frame is padded on each side and cropped again, because the convolutions pad with zeros


@lru_cache(maxsize=4)
def fixed_canvas(height: int, width: int) -> Tensor:
    """The canvas of every frame of this size in pixels: (1, 3, h/2, w/2), the corner of an endless tiling."""
    return tile_canvas(canvas_tiles(), height, width)


def random_canvas(size: torch.Size | tuple[int, int], generator: torch.Generator) -> Tensor:
    """A random, randomly flipped window of the tiling, for an image of this (height, width): (1, 3, h/2, w/2)."""
    tiles = []
    for tile in canvas_tiles():
        down, right, flip_y, flip_x = (int(torch.randint(count, (), generator=generator)) for count in (*tile.shape[-2:], 2, 2))
        tiles.append(tile.roll((down, right), (-2, -1)).flip([-2] * flip_y + [-1] * flip_x))
    return tile_canvas(tiles, *size)


def tile_canvas(tiles: Sequence[Tensor], height: int, width: int) -> Tensor:
    """Repeat each tile (1, 1, p, p) over an image of this size and its MARGIN: (1, 3, h/2, w/2), one channel for each tile."""
    # Only positive numbers are divided: an ONNX graph, into which this is traced, rounds negative quotients towards zero.
    rows, columns = ((side + 7) // 8 * 4 + MARGIN for side in (height, width))
    return torch.cat([tile.repeat(1, 1, rows // tile.shape[-2] + 1, columns // tile.shape[-1] + 1)[..., :rows, :columns]
                      for tile in tiles], 1)


@lru_cache(maxsize=1)
def canvas_tiles() -> tuple[Tensor, ...]:
    """For each of CELL_SIZES a tile (1, 1, p, p) whose opposite edges fit together, of mean 0 and deviation DEVIATION."""
    generator, tiles = torch.Generator().manual_seed(0), []
    for size, count in zip(CELL_SIZES, CELL_COUNTS, strict=True):
        tile = cellular_noise(count, size, generator)
        tiles.append((tile - tile.mean()) * (DEVIATION / tile.std()))
    return tuple(tiles)


def cellular_noise(count: int, size: int, generator: torch.Generator) -> Tensor:
    """(1, 1, p, p), p = count · size: count² elongated cells at random places and angles, each of one random value.

    Cellular noise (Worley 1996) with an anisotropic distance. From smooth noise a network makes ridges that look lit from one
    side; a cell already has an inside and an edge.
    """
    places, angles = torch.rand(2, count, count, generator=generator), torch.rand(count, count, generator=generator) * math.pi
    values = torch.randn(count, count, generator=generator)
    steps = (torch.arange(count * size) + 0.5) / size
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    nearest, noise = torch.full_like(x, torch.inf), torch.zeros_like(x)
    for down in range(-2, 3):
        for right in range(-2, 3):
            row, column = y.long() + down, x.long() + right
            cell = (row % count, column % count)
            dy, dx, angle = y - row - places[0][cell], x - column - places[1][cell], angles[cell]
            along, across = dx * angle.cos() + dy * angle.sin(), dy * angle.cos() - dx * angle.sin()
            distance = along**2 / ELONGATION + across**2 * ELONGATION
            noise = torch.where(distance < nearest, values[cell], noise)
            nearest = torch.minimum(distance, nearest)
    return noise[None, None]
