"""Patches of an image: taken out at places of a grid, and voted into an image again."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.painting.strokes.passes import GRID

_CHUNK = 65536  # patches voted at once: 17 MB


def grid_size(size: tuple[int, int], side: int, stride: int) -> tuple[int, int]:
    """Rows and columns of the grid of patches that covers an image of (height, width) `size`."""
    rows, columns = (max(0, -(-(pixels - side) // stride)) + 1 for pixels in size)
    return rows, columns


def pad_to_grid(image: Tensor, side: int, stride: int) -> Tensor:
    """`image` (C, H, W), its last row and column repeated until the grid of patches covers it exactly."""
    height, width = image.shape[-2:]
    rows, columns = grid_size((height, width), side, stride)
    below, right = (rows - 1) * stride + side - height, (columns - 1) * stride + side - width
    return F.pad(image[None], (0, right, 0, below), mode="replicate")[0]


def take(image: Tensor, side: int, stride: int, places: Tensor) -> Tensor:
    """The patches (n, C · side²) of `image` (C, H, W) at `places` (n,), numbered along the rows of the grid."""
    patches = image.unfold(1, side, stride).unfold(2, side, stride)
    columns = patches.shape[2]
    return patches[:, places // columns, places % columns].movedim(0, 1).reshape(len(places), -1)


def window(side: int, sharpness: float) -> Tensor:
    """(side, side) Gaussian weights of a patch's pixels, σ = side / sharpness, nowhere 0."""
    x = (torch.arange(side) - (side - 1) / 2) * (sharpness / side)
    falloff = torch.exp(-x.square()) + 1e-6
    return falloff[:, None] * falloff


def vote(picture: Tensor, sources: Tensor, weights: Tensor, places: Tensor, grid: tuple[int, int], stride: int,
         shape: Tensor) -> tuple[Tensor, Tensor]:
    """The image (C, H, W) in which overlapping patches are averaged, and where any lies, (1, H, W) bool.

    picture: (C, h, w), which the patches are taken from. sources: (n,), for each patch its place on the grid of `GRID` pixels
    over `picture`. weights: (n,), one for each patch. places: (n,), where it lies in the image, no place twice. grid: its rows
    and columns. shape: (side, side), the weights of a patch's pixels. Each cell of stride² pixels receives its patches in a
    fixed order, so that the sums do not depend on the number of threads.
    """
    channels, side = len(picture), len(shape)
    overlap = side // stride
    rows, columns = grid[0] + overlap - 1, grid[1] + overlap - 1
    across = (picture.shape[2] - side) // GRID + 1
    blocks = picture.unfold(1, stride, GRID).unfold(2, stride, GRID)
    total = picture.new_zeros(rows * columns, channels + 1, stride, stride)
    for down in range(overlap):
        for right in range(overlap):
            # One block of every patch at a time: all patches of a 1080p painting would take 1.2 GB.
            window = shape[down * stride:(down + 1) * stride, right * stride:(right + 1) * stride]
            for source, weight, place in zip(*(torch.split(some, _CHUNK) for some in (sources, weights, places)), strict=True):
                block = blocks[:, source // across + down * stride // GRID, source % across + right * stride // GRID]
                votes = torch.cat([block.movedim(0, 1) * window, window.expand(len(place), 1, -1, -1)], 1)
                cells = (place // grid[1] + down) * columns + place % grid[1] + right
                total[cells] = total[cells] + votes.mul_(weight[:, None, None, None])
    image, weight = total.view(rows, columns, channels + 1, stride, stride).permute(2, 0, 3, 1, 4).tensor_split([channels])
    covered, image = weight > 0, image.div_(weight.clamp_min(1e-12))
    return (image.reshape(channels, rows * stride, columns * stride), covered.reshape(1, rows * stride, columns * stride))
