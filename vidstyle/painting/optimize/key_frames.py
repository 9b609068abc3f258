"""Painting key frames: forms by optimization or from the frame itself, then strokes of the style (Texler et al. 2019)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vidstyle.core.frame import Frame, Prior
from vidstyle.core.images import resize
from vidstyle.ops.warp import TRUSTED
from vidstyle.painting.optimize.stylizer import OptimizingStylizer, resize_prior
from vidstyle.painting.palette import Palette
from vidstyle.painting.strokes import StrokeIndex, find_detail, lay_strokes, mend

FORM_SIZE = 0.5
"""Size at which forms are painted under strokes, over the painted size: at full size they look nearly the same, and take three
times as long."""


@dataclass(frozen=True)
class KeyFrameStylizer:
    """Paints key frames, and what no key frame shows in the frames between them."""

    optimizer: OptimizingStylizer
    index: StrokeIndex | None
    """The style's strokes; None for the forms alone."""
    forms: float
    """Share of the optimized painting in the guide; the rest is the frame in the style's palette."""
    strokes: float
    """Share of the strokes in the painting; the rest is their guide."""

    def paint(self, frame: Frame, prior: Prior | None) -> Tensor:
        """A key frame -> its painting; see `KeyPainter`.

        prior: the last key frame's painting, warped onto this frame. Where it is trusted its paint stays.
        """
        guide = self._guide(frame.image, prior)
        if self.index is None:
            return guide
        painting = torch.lerp(guide, lay_strokes(self.index, guide, prior), self.strokes)
        # Blended with its guide at every key frame, paint that stays would fade from one to the next.
        return painting if prior is None else torch.where(prior.visibility >= TRUSTED, prior.image, painting)

    def mend(self, frame: Frame, painting: Tensor, known: Tensor) -> Tensor:
        """Paint the holes of an in-between, guided by its frame in the style's palette; see `Mender`."""
        guide = torch.lerp(in_palette(self.optimizer.palette, frame.image), painting, known)
        if self.index is None:
            return guide
        mended = torch.lerp(guide, mend(self.index, guide, painting, known), self.strokes)
        return torch.where(known >= TRUSTED, painting, mended)

    def _guide(self, image: Tensor, prior: Prior | None) -> Tensor:
        own = in_palette(self.optimizer.palette, image)
        if self.forms == 0:
            return own
        if self.index is None:
            return torch.lerp(own, self.optimizer.paint_key(image, prior), self.forms)
        height, width = image.shape[-2:]
        size = (max(16, round(FORM_SIZE * height)), max(16, round(FORM_SIZE * width)))
        painted = self.optimizer.paint_key(resize(image, size), None if prior is None else resize_prior(prior, size))
        # Under strokes, the optimizer's forms would lose small things, as a face or a lighthouse: there the frame's own stay.
        return torch.lerp(own, resize(painted, (height, width)), self.forms * (1 - find_detail(own)))


def in_palette(palette: Palette, image: Tensor) -> Tensor:
    """`image` (3, H, W) in the style's palette, each channel within the style's range."""
    darkest, lightest = (limit.to(image)[:, None, None] for limit in (palette.darkest, palette.lightest))
    return torch.minimum(torch.maximum(palette(image), darkest), lightest)
