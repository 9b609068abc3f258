"""Painting with an artist's key frames: they are used as they are, and their strokes paint the rest of their shots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from torch import Tensor

from vidstyle.core.frame import Frame, Prior
from vidstyle.painting.exemplar import Exemplar, ExemplarStylizer
from vidstyle.painting.job import KeyFrames, Painter

_HELD = 2  # exemplars prepared at once: frames between two of them may need either


@dataclass(frozen=True)
class KeyedShots:
    """Where the painted key frames are, and what they show."""

    keys_of: Callable[[int], Sequence[int]]
    """Index of a frame -> indices of the painted key frames of its shot, in order; empty where there are none."""
    read: Callable[[int], Exemplar]
    """Index of a painted key frame -> the frame and its painting."""


@dataclass(frozen=True)
class KeyedPainter:
    """Paints the frames of shots with painted key frames by these, and others by `base`."""

    shots: KeyedShots
    base: Painter | None
    """Paints the shots without painted key frames; None where there are none."""
    stylizer: Callable[[int], ExemplarStylizer]
    """Index of a painted key frame -> the painter with its strokes."""

    def paint(self, frame: Frame, prior: Prior | None) -> Tensor:
        """A key frame, or a frame that is painted on its own; see `KeyPainter`."""
        keys = self.shots.keys_of(frame.index)
        if frame.index in keys:
            return self.shots.read(frame.index).painting
        if keys:
            return self.stylizer(nearest(frame.index, keys)).paint(frame, prior)
        assert self.base is not None, "every shot has painted key frames, or a style"
        if self.base.key_frames is None:
            return self.base.stylize(frame, () if prior is None else (prior,))
        return self.base.key_frames.paint(frame, prior)

    def mend(self, frame: Frame, painting: Tensor, known: Tensor) -> Tensor:
        """What no key frame shows; see `Mender`."""
        keys = self.shots.keys_of(frame.index)
        if keys:
            return self.stylizer(nearest(frame.index, keys)).mend(frame, painting, known)
        assert self.base is not None, "every shot has painted key frames, or a style"
        assert self.base.key_frames is not None, "frames are mended between key frames only"
        return self.base.key_frames.mend(frame, painting, known)


def nearest(index: int, keys: Sequence[int]) -> int:
    """The one of `keys` nearest to frame `index`; of two, the earlier."""
    return min(keys, key=lambda key: (abs(key - index), key))


def paint_with_keys(shots: KeyedShots, base: Painter | None, strokes: float, seed: int, key_every: int, *,
                    carried: bool) -> Painter:
    """The painter by key frames that uses painted ones where there are any.

    base: the method's own; None where every shot has painted key frames. strokes: their share in what the painted key frames
    do not show. carried: whether paint is carried; else every frame is painted on its own.
    """
    held = replace(shots, read=lru_cache(_HELD)(shots.read))
    stylizer = lru_cache(_HELD)(lambda index: ExemplarStylizer.of(held.read(index), strokes, seed))
    painter = KeyedPainter(held, base, stylizer)
    losses = {} if base is None else base.losses
    found = Painter(lambda frame, priors: painter.paint(frame, priors[0] if priors else None), losses)
    return replace(found, key_frames=KeyFrames(painter.paint, painter.mend, key_every or None)) if carried else found


def paint_every_with_keys(shots: KeyedShots, base: Painter) -> Painter:
    """`base`, which paints every frame, with painted key frames as they are: later frames follow them as they follow others."""
    return replace(base, stylize=lambda frame, priors: shots.read(frame.index).painting
                   if frame.index in shots.keys_of(frame.index) else base.stylize(frame, priors))
