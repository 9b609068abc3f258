"""Painting key frames with settings that change over the clip: curves of forms, strokes, style scale, temporal and weights."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import torch
from torch import Tensor

from vidstyle.core.curve import Curve, in_steps, value_at
from vidstyle.core.frame import Frame, Prior
from vidstyle.ops.warp import TRUSTED
from vidstyle.painting.key_frames import KeyFrameStylizer
from vidstyle.painting.strokes import StrokeIndex
from vidstyle.painting.strokes.copies import Copy
from vidstyle.painting.strokes.gamut import Gamut
from vidstyle.painting.style import scale_step

SHARE_STEPS = 20
"""Steps from 0 to 1 in which forms and weights change between keys: for less, no paint is laid anew."""
_KEPT = 3  # indices of strokes: those of neighbouring key frames


@dataclass(frozen=True)
class Settings:
    """What decides the paint of a key frame. Where it differs from the last key frame's, all paint is laid anew."""

    forms: float
    scale: float
    shares: tuple[float, ...]
    """Weight of each style, of sum 1."""


@dataclass(frozen=True)
class Changes:
    """The numbers that decide the paint, some of which are curves."""

    forms: float | Curve
    scale: float | Curve
    weights: Sequence[float | Curve]

    def at(self, seconds: float) -> Settings:
        """The settings of a frame that appears at `seconds`; what changes does so in steps, and is exact at its keys."""
        weights = [value_at(weight, seconds) for weight in self.weights]
        shares = tuple(weight / sum(weights) for weight in weights)
        if any(isinstance(weight, Curve) for weight in self.weights):
            rounded = [_share_step(share) for share in shares]
            shares = tuple(share / sum(rounded) for share in rounded)
        return Settings(in_steps(self.forms, seconds, _share_step), in_steps(self.scale, seconds, scale_step), shares)


@dataclass(frozen=True)
class ChangingStylizer:
    """A `KeyFrameStylizer` for every time.

    With a `share`, a painting is two layers, (6, H, W): all strokes (or, without strokes, the painted forms) over what lies
    under them. Both are carried, and each frame shows its own share of the upper one: so it changes evenly, without a pulse.
    """

    at: Callable[[Settings, float], KeyFrameStylizer]
    """The stylizer of these settings at these seconds; with a `share` it paints the upper layer in full."""
    changes: Changes
    temporal: float | Curve
    share: float | Curve | None
    """Share of the upper layer that is shown; None: there is one layer."""

    @property
    def channels(self) -> int:
        """See `KeyFrames.channels`."""
        return 3 if self.share is None else 6

    def paint(self, frame: Frame, prior: Prior | None) -> Tensor:
        """See `KeyPainter`; nothing of the prior stays where the settings have changed, or where `temporal` is 0."""
        settings, keys = self._of(frame)
        if prior is not None and prior.seconds is not None and (
                value_at(self.temporal, frame.seconds) == 0 or self.changes.at(prior.seconds) != settings):
            prior = None
        if self.share is None:
            return keys.paint(frame, prior)
        upper = None if prior is None else Prior(prior.image[:3], prior.visibility)
        guide = keys.guide(frame.image, upper)
        return torch.cat([keys.lay(frame, guide, upper), keys.own(frame.image) if keys.index is None else guide])

    def mend(self, frame: Frame, painting: Tensor, known: Tensor) -> Tensor:
        """See `Mender`."""
        _, keys = self._of(frame)
        if self.share is None:
            return keys.mend(frame, painting, known)
        lower = torch.lerp(keys.own(frame.image), painting[3:], known)
        return torch.cat([keys.mend(frame, painting[:3], known), torch.where(known >= TRUSTED, painting[3:], lower)])

    def redraw(self, frame: Frame, painting: Tensor) -> Tensor:
        """See `Redrawer`."""
        _, keys = self._of(frame)
        return torch.cat([keys.redraw(frame, painting[:3]), painting[3:]])

    def show(self, frame: Frame, painting: Tensor) -> Tensor:
        """See `KeyFrames.show`."""
        if self.share is None:
            return painting
        return torch.lerp(painting[3:], painting[:3], value_at(self.share, frame.seconds))

    def _of(self, frame: Frame) -> tuple[Settings, KeyFrameStylizer]:
        settings = self.changes.at(frame.seconds)
        return settings, self.at(settings, frame.seconds)


@dataclass(frozen=True)
class ChangingIndex:
    """The strokes of every setting, built when they are asked for; the last few are kept."""

    images: Sequence[Tensor]
    """(3, H, W) each, on the device."""
    weights: Sequence[float] | None
    """Weight of each image; None where they change."""
    height: int
    """Of the painting, in pixels."""
    seed: int
    copied: tuple[Copy, ...] = (Copy(),)
    """The copies of the images, see `StrokeIndex.build`."""
    gamut: Gamut | None = None
    """See `StrokeIndex.gamut`."""
    _whole: OrderedDict[float, StrokeIndex] = field(default_factory=OrderedDict)
    _weighted: OrderedDict[tuple[float, tuple[float, ...]], StrokeIndex] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)
    """The next key frame is painted while the frames before it are mended."""

    def at(self, settings: Settings) -> StrokeIndex:
        """The strokes of these settings."""
        scale, shares = settings.scale, settings.shares
        with self._lock:
            if scale not in self._whole:
                _make_room(self._whole)
                weights = self.weights or [1.0] * len(self.images)
                self._whole[scale] = StrokeIndex.build(self.images, weights, self.height, scale, seed=self.seed,
                                                       copied=self.copied, gamut=self.gamut)
            if self.weights is not None:
                return self._whole[scale]
            if (scale, shares) not in self._weighted:
                _make_room(self._weighted)
                self._weighted[scale, shares] = self._whole[scale].weighted(shares, seed=self.seed)
            return self._weighted[scale, shares]


def _make_room(kept: OrderedDict[Any, StrokeIndex]) -> None:
    """Forget the oldest entry where there are `_KEPT` already."""
    if len(kept) == _KEPT:
        kept.popitem(last=False)


def _share_step(share: float) -> float:
    return round(share * SHARE_STEPS) / SHARE_STEPS
