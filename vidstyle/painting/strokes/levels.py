"""The levels of the pyramid: the style pictures at one size each, with their copies, as whole numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vidstyle.core.images import resize, size_at_height
from vidstyle.painting.strokes.copies import Copy, turn
from vidstyle.painting.strokes.describe import GUIDE_BLUR, STYLE_BLUR, blur, whole
from vidstyle.painting.strokes.passes import GRID, OVERSIZE, PASSES

BORDER = 0.03
"""Share of a style picture's shorter side left out along each edge: frames, and where scans end."""
_STEP = max(one.shrink for one in PASSES) * GRID  # a picture's sides are multiples of it: grids fit at every level
_LEAST = 2 * max(one.side * one.shrink for one in PASSES)  # pixels; leaves patches inside the border of the coarsest level
_LEAST_COPY = max(one.side * one.shrink for one in PASSES)  # pixels; a small copy may have no patches at coarse levels
_GAP = max(one.side for one in PASSES)  # pixels; keeps a shift along a row from reaching the other end of the picture


@dataclass(frozen=True)
class Box:
    """Where a copy of a style picture lies on its level, in pixels; its left edge is the level's."""

    top: int
    height: int
    width: int

    def cut(self, image: Tensor) -> Tensor:
        """The copy (C, height, width) of a level's `image` (C, H, W)."""
        return image[:, self.top:self.top + self.height, :self.width]

    @property
    def border(self) -> int:
        """Pixels along each edge that are left out."""
        return round(BORDER * min(self.height, self.width))


@dataclass(frozen=True)
class Level:
    """The style pictures and their copies, one below the other."""

    picture: Tensor
    """(3, H, W) uint8."""
    guide: Tensor
    """(C, H, W) uint8: what a guide of the painting is compared with."""
    boxes: tuple[tuple[Box, ...], ...]
    """For each style picture those of its copies; the first is the picture itself."""

    @classmethod
    def of(cls, styles: Sequence[Tensor], guides: Sequence[Tensor], sizes: Sequence[tuple[int, int]],
           copied: Sequence[Copy], shrink: int) -> Level:
        """The level at 1 / `shrink` of the canvas; arguments as for `StrokeIndex.build`.

        sizes: (height, width) of each style picture on the canvas.
        """
        boxes, top = list[tuple[Box, ...]](), 0
        for size in sizes:
            mine = list[Box]()
            for copy in copied:
                tall, wide = copy_size(size, copy.size)
                mine.append(Box(top, tall // shrink, wide // shrink))
                top += tall // shrink
            boxes.append(tuple(mine))
        width = max(box.width for mine in boxes for box in mine) + _GAP
        picture = torch.zeros(3, top + _GAP, width, dtype=torch.uint8, device=styles[0].device)
        guide = picture.new_zeros(len(guides[0]) if guides else 3, *picture.shape[1:])
        for number, (style, places) in enumerate(zip(styles, boxes, strict=True)):
            for copy, box in zip(copied, places, strict=True):
                shown = turn(resize(style, (box.height, box.width)), copy.turn)
                box.cut(picture).copy_(whole(shown))
                own = blur(resize(guides[number], (box.height, box.width)), GUIDE_BLUR) if guides else blur(shown, STYLE_BLUR)
                box.cut(guide).copy_(whole(own))
        return cls(picture, guide, tuple(boxes))


def canvas_size(style: Tensor, wanted: float) -> tuple[int, int]:
    """(height, width) of a style picture on the canvas: `wanted` pixels high, or less if the painting would be blurred."""
    own = tuple(style.shape[-2:])
    tall, wide = size_at_height(own, min(wanted, OVERSIZE * own[0]), _LEAST)
    return max(1, round(tall / _STEP)) * _STEP, max(1, round(wide / _STEP)) * _STEP


def copy_size(size: tuple[int, int], share: float) -> tuple[int, int]:
    """(height, width) on the canvas of a copy that is `share` as large as a style picture of `size`."""
    tall, wide = (max(math.ceil(_LEAST_COPY / _STEP), round(pixels * share / _STEP)) * _STEP for pixels in size)
    return tall, wide
