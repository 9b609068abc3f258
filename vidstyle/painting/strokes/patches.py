"""Patches of an image: taken out at places of a grid, and voted into an image again."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


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


def vote(patches: Tensor, weights: Tensor, places: Tensor, grid: tuple[int, int], stride: int,
         shape: Tensor) -> tuple[Tensor, Tensor]:
    """The image (C, H, W) in which overlapping patches are averaged, and where any lies, (1, H, W) bool.

    patches: (n, C, side, side). weights: (n,), one for each patch. places: (n,), no place twice. grid: its rows and columns.
    shape: (side, side), the weights of a patch's pixels. Each cell of stride² pixels receives its patches in a fixed order,
    so that the sums do not depend on the number of threads.
    """
    count, channels, side = patches.shape[:3]
    overlap = side // stride
    rows, columns = grid[0] + overlap - 1, grid[1] + overlap - 1
    votes = torch.cat([patches * shape, shape.expand(count, 1, side, side)], 1) * weights[:, None, None, None]
    total = votes.new_zeros(rows * columns, channels + 1, stride, stride)
    for down in range(overlap):
        for right in range(overlap):
            cells = (places // grid[1] + down) * columns + places % grid[1] + right
            block = votes[:, :, down * stride:(down + 1) * stride, right * stride:(right + 1) * stride]
            total[cells] = total[cells] + block
    image = total.view(rows, columns, channels + 1, stride, stride).permute(2, 0, 3, 1, 4)
    image = image.reshape(channels + 1, rows * stride, columns * stride)
    return image[:channels] / image[channels:].clamp_min(1e-12), image[channels:] > 0
