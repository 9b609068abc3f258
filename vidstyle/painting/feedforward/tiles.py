"""A frame too large for memory is painted in parts, which fit together without a seam."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vidstyle.painting.feedforward.canvas import MARGIN, shot_grain
from vidstyle.painting.feedforward.network import PaintNetwork

MOST = 2_100_000  # pixels painted at once: 1920x1080 and a little; four parts of 4K take 0.6 of the memory of the whole
REACH = 128  # pixels around a part that are painted with it and cut off: as far as the network looks


@dataclass(frozen=True)
class Part:
    """A part of a side of the picture, in pixels; `begin` to `end` is what is painted for it."""

    first: int
    last: int
    begin: int
    end: int

    @property
    def own(self) -> slice:
        """Of the picture."""
        return slice(self.first, self.last)

    @property
    def seen(self) -> slice:
        """Of the picture, with what surrounds it."""
        return slice(self.begin, self.end)

    @property
    def kept(self) -> slice:
        """Of what is painted."""
        return slice(self.first - self.begin, self.last - self.begin)

    @property
    def grain(self) -> slice:
        """Of the canvas grain under the whole picture (see `laid`), what lies under `seen` and its margin."""
        return slice(self.begin // 2, (self.end + 7) // 8 * 4 + MARGIN)


def proposed(network: PaintNetwork, image: Tensor, most: int | None = None) -> Tensor:
    """`network.proposal` of a frame (1, 3, H, W), in parts of at most `most` pixels (MOST) and what surrounds them."""
    height, width = image.shape[-2:]
    grain, painting = shot_grain(height, width).to(image.device), torch.empty_like(image)
    step = 8 * network.soft  # parts begin where the network's grid does, and the underpainting's
    down, across = split(height, width, most or MOST)
    for rows in parts(height, down, step):
        for columns in parts(width, across, step):
            part = network.proposal(image[..., rows.seen, columns.seen], grain[..., rows.grain, columns.grain])
            painting[..., rows.own, columns.own] = part[..., rows.kept, columns.kept]
    return painting


def split(height: int, width: int, most: int) -> tuple[int, int]:
    """Into how many parts a picture is cut downwards and across, so that none has more than `most` pixels."""
    down = across = 1
    while (height / down) * (width / across) > most:
        if height / down > width / across:
            down += 1
        else:
            across += 1
    return down, across


def parts(side: int, count: int, step: int) -> Iterator[Part]:
    """`side` cut into nearly equal parts, at most `count`, that begin at multiples of `step`."""
    starts = sorted({round(side * k / count / step) * step for k in range(count)})
    for first, last in zip(starts, [*starts[1:], side], strict=True):
        yield Part(first, last, max(0, first - REACH) // step * step, min(side, last + REACH))
