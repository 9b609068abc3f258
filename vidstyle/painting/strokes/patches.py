"""Patches of an image: taken out at places of a grid, and voted into an image again."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.core.once import once_per_image
from vidstyle.ops.read_back import places as true_places

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


@cache
def _cut(stride: int, grid: int) -> Callable[[Tensor], Tensor]:
    """What cuts a picture (C, h, w) into its blocks of stride² pixels at every place of the grid of `grid` pixels.

    It gives (rows, columns, C · stride²), and cuts each picture once: a block in one piece is copied in half the time.
    """
    @once_per_image
    def cut(picture: Tensor) -> Tensor:
        return picture.unfold(1, stride, grid).unfold(2, stride, grid).permute(1, 2, 0, 3, 4).flatten(2).contiguous()

    return cut


def vote(onto: Tensor, picture: Tensor, sources: Tensor, weights: Tensor, places: Tensor, stride: int, shape: Tensor,
         grid: int) -> Tensor:
    """`onto` (C, H, W), which the grid of patches covers exactly, with the average of the overlapping patches where any lies.

    onto: in [0, 1]. picture: (C, h, w) uint8, which the patches are taken from. sources: (n,), for each patch its place on the
    grid of `grid` pixels over `picture`. weights: (n,), one for each patch. places: (n,), where it lies, no place twice.
    shape: (side, side), the weights of a patch's pixels. Each cell of stride² pixels receives its patches in a fixed order, so
    that the sums do not depend on the number of threads. The cost follows the patches, not the size of `onto`.
    """
    channels, side = len(picture), len(shape)
    overlap, across = side // stride, (picture.shape[2] - side) // grid + 1
    rows, columns = onto.shape[1] // stride, onto.shape[2] // stride
    corner = places // (columns - overlap + 1) * columns + places % (columns - overlap + 1)
    steps = [(down, right) for down in range(overlap) for right in range(overlap)]
    touched = torch.zeros(rows * columns, dtype=torch.bool, device=onto.device)
    for down, right in steps:
        touched[corner + down * columns + right] = True
    cells, slots = true_places(touched), touched.cumsum(0) - 1
    blocks = _cut(stride, grid)(picture)
    wide, colours = blocks.shape[1], blocks.shape[2]
    starts = sources // across * wide + sources % across
    total = onto.new_zeros(len(cells), colours + stride**2)
    for down, right in steps:
        # One block of every patch at a time: all patches of a 1080p painting would take 1.2 GB.
        window = shape[down * stride:(down + 1) * stride, right * stride:(right + 1) * stride].flatten()
        window, within = torch.cat([(window / 255).repeat(channels), window]), (down * wide + right) * stride // grid
        for start, weight, place in zip(*(torch.split(some, _CHUNK) for some in (starts, weights, corner)), strict=True):
            votes = window.repeat(len(place), 1)
            votes[:, :colours].mul_(blocks.flatten(0, 1).index_select(0, start + within))
            here = slots[place + down * columns + right]
            total[here] = total.index_select(0, here).add_(votes.mul_(weight[:, None]))
    total, image = total.view(-1, channels + 1, stride, stride), onto.clone()
    image.unfold(1, stride, stride).unfold(2, stride, stride)[:, cells // columns, cells % columns] = (
        total[:, :channels] / total[:, channels:]).movedim(1, 0)
    return image
