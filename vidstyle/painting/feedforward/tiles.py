"""Paint a large frame in tiles, to save memory; the result has no seams."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vidstyle.painting.feedforward.canvas import MARGIN, fixed_canvas
from vidstyle.painting.feedforward.network import PaintNetwork

MOST = 2_100_000  # pixels painted at once: a little above 1920x1080; four tiles of 4K take 0.6 of the memory of the whole frame
REACH = 128  # pixels; the receptive field of the network on each side, painted around a tile and cut off


@dataclass(frozen=True)
class TileSpan:
    """One side of a tile, in pixels of the frame."""

    first: int
    """First pixel of the tile."""
    last: int
    """First pixel after the tile."""
    padded_first: int
    """First pixel that is given to the network."""
    padded_last: int
    """First pixel after those that are given to the network."""

    @property
    def inner(self) -> slice:
        """The tile, in the frame."""
        return slice(self.first, self.last)

    @property
    def padded(self) -> slice:
        """What is given to the network, in the frame."""
        return slice(self.padded_first, self.padded_last)

    @property
    def cropped(self) -> slice:
        """The tile, in what the network painted."""
        return slice(self.first - self.padded_first, self.last - self.padded_first)

    @property
    def canvas(self) -> slice:
        """The part of the frame's canvas (see `tile_canvas`) that lies under `padded` and its margin."""
        return slice(self.padded_first // 2, (self.padded_last + 7) // 8 * 4 + MARGIN)


def tiled_proposal(network: PaintNetwork, image: Tensor, most: int | None = None) -> Tensor:
    """`network.proposal` of a frame (1, 3, H, W), in tiles of at most `most` pixels (None: MOST) before padding."""
    height, width = image.shape[-2:]
    canvas, painting = fixed_canvas(height, width).to(image.device), torch.empty_like(image)
    step = 8 * network.soft  # tiles start on the grid of the network's strides and of the underpainting
    down, across = tile_counts(height, width, most or MOST)
    for rows in tile_spans(height, down, step):
        for columns in tile_spans(width, across, step):
            painted = network.proposal(image[..., rows.padded, columns.padded], canvas[..., rows.canvas, columns.canvas])
            painting[..., rows.inner, columns.inner] = painted[..., rows.cropped, columns.cropped]
    return painting


def tile_counts(height: int, width: int, most: int) -> tuple[int, int]:
    """How many tiles a frame is cut into, downwards and across, so that none has more than `most` pixels."""
    down = across = 1
    while (height / down) * (width / across) > most:
        if height / down > width / across:
            down += 1
        else:
            across += 1
    return down, across


def tile_spans(side: int, count: int, step: int) -> Iterator[TileSpan]:
    """Cut `side` pixels into at most `count` spans of nearly equal length that start at multiples of `step`."""
    starts = sorted({round(side * k / count / step) * step for k in range(count)})
    for first, last in zip(starts, [*starts[1:], side], strict=True):
        yield TileSpan(first, last, max(0, first - REACH) // step * step, min(side, last + REACH))
