"""The style target: Gram matrices of the style images at the size that is painted, and the style's palette."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from vidstyle.core.curve import Curve, constant, in_steps, value_at
from vidstyle.core.devices import precision
from vidstyle.core.images import resize, size_at_height
from vidstyle.core.interfaces import SMALLEST_ENCODED, Encoder
from vidstyle.ops.losses import STYLE_LAYERS, Grams, Statistic, blend_grams, gram
from vidstyle.painting.palette import Palette, sample_colours

SCALE_STEPS = 6
"""Steps in which a style scale that changes doubles: each is built once, and two neighbouring ones look alike."""
SCALES_KEPT = 3
"""Scales whose Gram matrices are kept: those of neighbouring key frames."""
# Axes to flip. Paintings and style images are flipped before they are encoded: detail that the features do not respond to in
# one orientation mostly changes them in another.
FLIPS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))


@dataclass
class StyleTarget:
    """The style of one or more style images, measured at any painted height."""

    images: Sequence[Tensor]
    """Each (3, H, W) float32 sRGB in [0, 1]."""
    weights: Sequence[float | Curve]
    """Weight of each image in the blend; scaled to sum 1."""
    encoder: Encoder
    scale: float | Curve = 1.0
    """Height of the style image over the painted height: 2 gives strokes twice as large."""
    shared: Palette | None = None
    """The palette of all clips of a scene; None where a clip has its own."""
    statistic: Statistic = gram
    """What of the features is the style."""
    _known: dict[float, dict[tuple[int, tuple[int, ...]], list[Grams]]] = field(default_factory=dict, init=False, repr=False)
    """Gram matrices of each image by scale, then by height and flip."""

    def at(self, seconds: float) -> StyleTarget:
        """The target of a frame that appears at `seconds`, without curves; a scale that changes does so in steps."""
        found = replace(self, weights=tuple(value_at(weight, seconds) for weight in self.weights),
                        scale=in_steps(self.scale, seconds, scale_step))
        found._known = self._known
        return found

    @torch.no_grad()
    def grams(self, height: int, flip: tuple[int, ...] = ()) -> Grams:
        """Gram matrices (1, C, C), or what else `statistic` gives, by layer for a painting `height` pixels high, of the style
        images flipped along the axes `flip`; where weights or scale are curves, of a target of `at`.

        The style image is scaled to the painted height times `scale`, so that strokes keep their size relative to the frame in
        a small preview and at full size.
        """
        scale, weights = constant(self.scale), [constant(weight) for weight in self.weights]
        if scale not in self._known and len(self._known) == SCALES_KEPT:
            self._known.pop(next(iter(self._known)))
        known = self._known.setdefault(scale, {})
        if (height, flip) not in known:
            grams = list[Grams]()
            for image in self.images:
                scaled = resize(image[None], size_at_height(image.shape[-2:], height * scale, SMALLEST_ENCODED)).flip(flip)
                with precision(scaled.device):
                    found = self.encoder(scaled.contiguous(memory_format=torch.channels_last), STYLE_LAYERS)
                grams.append({layer: self.statistic(value) for layer, value in found.items()})
            known[height, flip] = grams
        return blend_grams(known[height, flip], weights)

    def palette(self, frames: Iterable[Tensor]) -> Palette:
        """The palette that gives a clip the style's colours; `frames` are some of its frames, (3, H, W) in [0, 1] or uint8.

        Of weights that are no curves.
        """
        return self.palette_at(frames)(0.0)

    def palette_at(self, frames: Iterable[Tensor]) -> Callable[[float], Palette]:
        """`palette` for a frame that appears at the seconds that are given."""
        if (shared := self.shared) is not None:
            return lambda seconds: shared
        stacked = stacked_palettes(frames, self.images)
        return lambda seconds: _mixed(stacked, [value_at(weight, seconds) for weight in self.weights])


def scale_step(scale: float) -> float:
    """The nearest scale of those that are built where the scale changes: each 1.12 times the one before."""
    return float(2 ** (round(SCALE_STEPS * math.log2(scale)) / SCALE_STEPS))


def stacked_palettes(frames: Iterable[Tensor], styles: Sequence[Tensor]) -> Palette:
    """The palettes from the colours of `frames` to those of each style image; all (3, H, W) in [0, 1] or uint8."""
    clip = torch.cat([sample_colours(frame) for frame in frames], 1)
    return Palette.stacked([Palette.between(clip, sample_colours(image)) for image in styles])


def blended_palette(frames: Iterable[Tensor], styles: Sequence[Tensor], weights: Sequence[float]) -> Palette:
    """The palette from the colours of `frames` to those of a blend of style images; all (3, H, W) in [0, 1] or uint8."""
    return _mixed(stacked_palettes(frames, styles), weights)


def palette_of(clip: Tensor, styles: Sequence[Tensor], weights: Sequence[float]) -> Palette:
    """The palette from the colours `clip` (3, n) in [0, 1] to those of a blend of style images."""
    return _mixed(Palette.stacked([Palette.between(clip, sample_colours(image)) for image in styles]), weights)


def _mixed(palettes: Palette, weights: Sequence[float]) -> Palette:
    """The blend of stacked palettes; the weights are scaled to sum 1."""
    shares = torch.tensor(list(weights))
    return palettes.mixed(shares / shares.sum())
