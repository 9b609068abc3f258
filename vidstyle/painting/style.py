"""The style target: Gram matrices of the style images at the size that is painted, and the style's palette."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from vidstyle.core.devices import precision
from vidstyle.core.images import resize, size_at_height
from vidstyle.core.interfaces import SMALLEST_ENCODED, Encoder
from vidstyle.ops.losses import STYLE_LAYERS, Grams, blend_grams, gram
from vidstyle.painting.palette import Palette, sample_colours

# Axes to flip. Paintings and style images are flipped before they are encoded: detail that the features do not respond to in
# one orientation mostly changes them in another.
FLIPS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))


@dataclass
class StyleTarget:
    """The style of one or more style images, measured at any painted height."""

    images: Sequence[Tensor]
    """Each (3, H, W) float32 sRGB in [0, 1]."""
    weights: Sequence[float]
    """Weight of each image in the blend; scaled to sum 1."""
    encoder: Encoder
    scale: float = 1.0
    """Height of the style image over the painted height: 2 gives strokes twice as large."""
    shared: Palette | None = None
    """The palette of all clips of a scene; None where a clip has its own."""
    _known: dict[tuple[int, tuple[int, ...]], dict[str, Tensor]] = field(default_factory=dict, init=False, repr=False)

    @torch.no_grad()
    def grams(self, height: int, flip: tuple[int, ...] = ()) -> Grams:
        """Gram matrices (1, C, C) by layer for a painting `height` pixels high, of the style images flipped along the axes
        `flip`.

        The style image is scaled to the painted height times `scale`, so that strokes keep their size relative to the frame in
        a small preview and at full size.
        """
        if (height, flip) not in self._known:
            grams = []
            for image in self.images:
                scaled = resize(image[None], size_at_height(image.shape[-2:], height * self.scale, SMALLEST_ENCODED)).flip(flip)
                with precision(scaled.device):
                    found = self.encoder(scaled.contiguous(memory_format=torch.channels_last), STYLE_LAYERS)
                grams.append({layer: gram(value) for layer, value in found.items()})
            self._known[height, flip] = blend_grams(grams, self.weights)
        return self._known[height, flip]

    def palette(self, frames: Iterable[Tensor]) -> Palette:
        """The palette that gives a clip the style's colours; `frames` are some of its frames, (3, H, W) in [0, 1] or uint8."""
        return blended_palette(frames, self.images, self.weights) if self.shared is None else self.shared


def blended_palette(frames: Iterable[Tensor], styles: Sequence[Tensor], weights: Sequence[float]) -> Palette:
    """The palette from the colours of `frames` to those of a blend of style images; all (3, H, W) in [0, 1] or uint8."""
    return palette_of(torch.cat([sample_colours(frame) for frame in frames], 1), styles, weights)


def palette_of(clip: Tensor, styles: Sequence[Tensor], weights: Sequence[float]) -> Palette:
    """The palette from the colours `clip` (3, n) in [0, 1] to those of a blend of style images."""
    palettes = Palette.stacked([Palette.between(clip, sample_colours(image)) for image in styles])
    shares = torch.tensor(list(weights))
    return palettes.mixed(shares / shares.sum())
