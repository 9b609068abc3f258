"""Painting with an artist's key frames: they are used as they are, and their strokes paint the rest of their shots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from vidstyle.core.choices import HELD
from vidstyle.core.curve import Curve, constant, value_at
from vidstyle.core.frame import Frame, Prior
from vidstyle.core.options import Options
from vidstyle.painting.exemplar import Exemplar, ExemplarStylizer
from vidstyle.painting.job import KeyFrames, Painter, Passes, share_of_layers, strokes_or_all
from vidstyle.painting.layers import part_of, split_layers

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
    """Paints the frames of shots with painted key frames by these, and others by `base`.

    With a `share` of the strokes, a painting is two layers as that of a `ChangingStylizer`: all strokes, and the colours alone.
    The artist's painting is the same in both.
    """

    shots: KeyedShots
    base: Painter | None
    """Paints the shots without painted key frames; None where there are none."""
    stylizer: Callable[[int], ExemplarStylizer]
    """Index of a painted key frame -> the painter with its strokes."""
    temporal: float | Curve
    share: float | Curve | None
    """Share of the strokes in what the artist has not painted, see `share_of_layers`; None: there is one layer."""

    @property
    def channels(self) -> int:
        """See `KeyFrames.channels`."""
        keys = None if self.base is None else self.base.key_frames
        return max(3 if self.share is None else 6, 3 if keys is None else keys.channels)

    def stylize(self, frame: Frame, priors: Sequence[Prior]) -> Tensor:
        """A frame that is painted on its own; see `Stylizer`."""
        if self.shots.keys_of(frame.index):
            return self.show(frame, self.paint(frame, None))
        assert self.base is not None, "every shot has painted key frames, or a style"
        return self.base.stylize(frame, priors)

    def paint(self, frame: Frame, prior: Prior | None) -> Tensor:
        """A key frame; see `KeyPainter`."""
        keys = self.shots.keys_of(frame.index)
        if not keys:
            return self._base().paint(frame, prior)
        if frame.index in keys:
            return self.shots.read(frame.index).painting.repeat(self.channels // 3, 1, 1)
        if prior is not None and value_at(self.temporal, frame.seconds) == 0:
            prior = None
        return torch.cat([layer.paint(frame, None if prior is None else part_of(prior, 3 * number, 3))
                          for number, layer in enumerate(self._layers(nearest(frame.index, keys)))])

    def mend(self, frame: Frame, painting: Tensor, known: Tensor) -> Tensor:
        """What no key frame shows; see `Mender`."""
        keys = self.shots.keys_of(frame.index)
        if not keys:
            return self._base().mend(frame, painting, known)
        layers = self._layers(nearest(frame.index, keys))
        return torch.cat([layer.mend(frame, image, known)
                          for layer, image in zip(layers, split_layers(painting), strict=True)])

    def redraw(self, frame: Frame, painting: Tensor) -> Tensor:
        """Other strokes of the painted key frames, and these themselves as they are; see `Redrawer`."""
        keys = self.shots.keys_of(frame.index)
        if frame.index in keys:
            return painting
        if not keys:
            draw = self._base().redraw
            assert draw is not None, "all shots are drawn anew"
            return draw(frame, painting)
        upper, *lower = split_layers(painting)
        drawn = self.stylizer(nearest(frame.index, keys)).redraw(frame, upper)
        # Where both layers are the artist's paint, both are drawn anew.
        return torch.cat([drawn, *(torch.where((layer == upper).all(0), drawn, layer) for layer in lower)])

    def show(self, frame: Frame, painting: Tensor) -> Tensor:
        """See `KeyFrames.show`."""
        if not self.shots.keys_of(frame.index):
            return self._base().show(frame, painting)
        if self.share is None:
            return painting[:3]
        return torch.lerp(painting[3:], painting[:3], value_at(self.share, frame.seconds))

    def _layers(self, key: int) -> list[ExemplarStylizer]:
        """The painters of the layers with the strokes of a key frame."""
        stylizer = self.stylizer(key)
        return [stylizer] if self.channels == 3 else [stylizer, replace(stylizer, index=None)]

    def _base(self) -> KeyFrames:
        assert self.base is not None, "every shot has painted key frames, or a style"
        assert self.base.key_frames is not None, "the frames of all shots are carried, or of none"
        return self.base.key_frames


def nearest(index: int, keys: Sequence[int]) -> int:
    """The one of `keys` nearest to frame `index`; of two, the earlier."""
    return min(keys, key=lambda key: (abs(key - index), key))


def paint_with_keys(shots: KeyedShots, base: Painter | None, options: Options) -> Painter:
    """The painter by key frames that uses painted ones where there are any.

    base: the method's own; None where every shot has painted key frames. The strokes of `options` are the share in what the
    painted key frames do not show.
    """
    strokes = strokes_or_all(options)
    share = share_of_layers(options, strokes)
    shown = 1.0 if share is not None else constant(strokes)
    held = replace(shots, read=lru_cache(_HELD)(shots.read))
    stylizer = lru_cache(_HELD)(lambda index: ExemplarStylizer.of(held.read(index), shown, options.seed,
                                                                  renews=options.refresh is not None))
    painter = KeyedPainter(held, base, stylizer, options.temporal, share)
    found = Painter(painter.stylize, {} if base is None else base.losses)
    if not options.temporal:  # every frame on its own
        return found
    drawings = HELD[options.boil] if strokes else 0
    return replace(found, key_frames=KeyFrames(painter.paint, painter.mend, options.key_every or None, painter.show,
                                               options.refresh, painter.redraw if drawings else None, drawings or 1,
                                               painter.channels))


def paint_every_with_keys(shots: KeyedShots, base: Painter) -> Painter:
    """`base`, which paints every frame, with painted key frames as they are: other frames follow them as they follow others."""
    read = lru_cache(_HELD)(shots.read)

    def is_key(frame: Frame) -> bool:
        return frame.index in shots.keys_of(frame.index)

    def stylize(frame: Frame, priors: Sequence[Prior]) -> Tensor:
        return read(frame.index).painting if is_key(frame) else base.stylize(frame, priors)

    if base.passes is None:
        return replace(base, stylize=stylize)
    own = base.passes

    def repaint(frame: Frame, start: Tensor, priors: Sequence[Prior]) -> Tensor:
        return read(frame.index).painting if is_key(frame) else own.repaint(frame, start, priors)

    return replace(base, stylize=stylize, passes=Passes(repaint, own.count))
