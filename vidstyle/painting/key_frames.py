"""Painting key frames: forms of a method or of the frame itself, then strokes of the style (Texler et al. 2019)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from vidstyle.core.frame import Frame, Prior
from vidstyle.ops.warp import TRUSTED
from vidstyle.painting.palette import Palette
from vidstyle.painting.strokes import StrokeIndex, Wishes, find_detail, lay_strokes, mend, redraw

FormPainter = Callable[[Tensor, Prior | None], Tensor]
"""(key frame's image, the last key frame's painting warped onto it) -> forms, each (3, H, W) float32 sRGB in [0, 1]."""

Wisher = Callable[[Frame, Tensor, Tensor], Wishes]
"""(frame, its image in the style's palette, what gives the forms) -> what strokes are asked for, each (3, H, W) in [0, 1]."""


@dataclass(frozen=True)
class KeyFrameStylizer:
    """Paints key frames, and what no key frame shows in the frames between them."""

    palette: Palette
    paint_forms: FormPainter | None
    """Paints the forms of a key frame; None where they are the frame's own."""
    index: StrokeIndex | None
    """The style's strokes; None for the forms alone."""
    forms: float
    """Share of the painted forms in the guide; the rest is the frame in the style's palette."""
    strokes: float
    """Share of the strokes in the painting; the rest is their guide."""
    renews: bool = False
    """Whether a key frame's strokes are others than those that the same guide asked for before."""
    wish: Wisher = lambda frame, own, forms: Wishes()
    """Direction and size of the strokes."""
    channels: ClassVar[int] = 3
    """See `KeyFrames.channels`."""

    def paint(self, frame: Frame, prior: Prior | None) -> Tensor:
        """A key frame -> its painting; see `KeyPainter`.

        prior: the last key frame's painting, warped onto this frame. Where it is trusted its paint stays.
        """
        return self.lay(frame, self.guide(frame.image, prior), prior)

    def lay(self, frame: Frame, guide: Tensor, prior: Prior | None) -> Tensor:
        """The strokes of a frame over their guide (3, H, W) in [0, 1]; prior: as in `paint`."""
        if self.index is None:
            return guide
        index = self.index.redrawn(frame.index) if self.renews and prior is not None else self.index
        painting = torch.lerp(guide, lay_strokes(index, guide, prior, wishes=self.wish(frame, guide, guide)), self.strokes)
        # Blended with its guide at every key frame, paint that stays would fade from one to the next.
        return painting if prior is None else torch.where(prior.visibility >= TRUSTED, prior.image, painting)

    def mend(self, frame: Frame, painting: Tensor, known: Tensor) -> Tensor:
        """Paint the holes of an in-between, guided by its frame in the style's palette; see `Mender`."""
        own = self.own(frame.image)
        guide = torch.lerp(own, painting, known)
        if self.index is None:
            return guide
        laid = mend(self.index, own, painting, known, wishes=self.wish(frame, own, own))
        mended = torch.lerp(guide, laid, self.strokes)
        return torch.where(known >= TRUSTED, painting, mended)

    def redraw(self, frame: Frame, painting: Tensor) -> Tensor:
        """`painting` of a frame with other strokes; see `Redrawer`."""
        assert self.index is not None, "only strokes are drawn anew"
        guide = self.own(frame.image)
        wishes = self.wish(frame, guide, painting)  # drawn anew, strokes keep the directions that they have
        return torch.lerp(guide, redraw(self.index.redrawn(frame.index), guide, painting, wishes), self.strokes)

    def show(self, frame: Frame, painting: Tensor) -> Tensor:
        """See `KeyFrames.show`."""
        return painting

    def own(self, image: Tensor) -> Tensor:
        """A frame's image (3, H, W) in the style's palette."""
        return in_palette(self.palette, image)

    def guide(self, image: Tensor, prior: Prior | None) -> Tensor:
        """What a key frame's strokes follow, (3, H, W) in [0, 1]; prior: as in `paint`."""
        own = self.own(image)
        if self.paint_forms is None:
            return own
        painted = self.paint_forms(image, prior)
        # Under strokes, painted forms would lose small things, as a face or a lighthouse: there the frame's own stay.
        return torch.lerp(own, painted, self.forms if self.index is None else self.forms * (1 - find_detail(own)))


def in_palette(palette: Palette, image: Tensor) -> Tensor:
    """`image` (3, H, W) in the style's palette, each channel within the style's range."""
    darkest, lightest = (limit.to(image)[:, None, None] for limit in (palette.darkest, palette.lightest))
    return torch.minimum(torch.maximum(palette(image), darkest), lightest)
