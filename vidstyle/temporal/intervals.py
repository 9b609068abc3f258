"""Choose key frames by the motion, and follow the motion from each to the next."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.core.allocator import trim
from vidstyle.core.frame import Correspondence, FlowPair, Frame
from vidstyle.core.interfaces import CutDetector, FlowEstimator, FlowRefiner
from vidstyle.core.stack import Stack
from vidstyle.ops.read_back import read_back
from vidstyle.ops.warp import trust
from vidstyle.temporal.carry import Packed, extend, from_bytes, reverse, to_bytes
from vidstyle.temporal.loop import ahead
from vidstyle.temporal.neighbours import Neighbour, neighbours

LONGEST, SHORTEST = 24, 4
"""Frames from a key frame to the next, at most and at least; at the end of a shot there may be fewer."""
SOON = 12
"""Frames before a key frame that is asked for in which the motion makes none: with all paint laid anew, an interval of two
frames would be seen as a pulse. So an interval may be this much longer than `LONGEST`."""
LOOKAHEAD_BYTES, NEIGHBOUR_BYTES = 100_000_000, 36
"""Memory for frames whose motion is estimated while a key frame is painted, and what each takes for a pixel."""
LOST = 0.35
"""A new key frame comes where more than this share of a frame can be followed from the last frame, but no longer from the
last key frame. On the sample and a clip with a still camera, 0.35 gave 3 key frames in 36 and left 1.8 % and 1.5 % of the
frames to be mended; 0.25 gave 5 and 4, left 1.6 % and 1.4 %, and was no steadier."""
REFINED = 2
"""Frames after which a motion composed from neighbour to neighbour is corrected between its two ends, again and again."""
LONGEST_GIVEN, LOST_BETWEEN = 36, 0.6
"""The same in a shot with key frames that an artist painted, and between two of them: paint of the program's own comes only
where theirs cannot be carried, since it would be seen to change into theirs."""


@dataclass(frozen=True)
class KeyedShot:
    """A shot with given key frames, which an artist has painted."""

    first: int
    """Index of the shot's first frame."""
    last: int
    """Index of its last frame."""
    keys: tuple[int, ...]
    """Indices of the given key frames in it, in order; at least one."""

    def opens(self, every: int | None) -> bool:
        """Whether the shot's first frames are painted from the given key frame ahead alone, so that none comes before it."""
        return 0 < self.keys[0] - self.first <= (every or LONGEST_GIVEN)

    def ahead(self, index: int) -> int | None:
        """The first given key frame behind frame `index` in time; None: there is none."""
        return next((key for key in self.keys if key > index), None)


def shot_at(index: int, shots: Sequence[KeyedShot]) -> KeyedShot | None:
    """The one of `shots` that holds frame `index`; None where none does."""
    return next((shot for shot in shots if shot.first <= index <= shot.last), None)


@dataclass(frozen=True)
class InBetween:
    """A frame between two key frames, in 17 bytes a pixel."""

    index: int
    """Of the frame, see `Frame.index`."""
    image: Tensor
    """(3, H, W) uint8 at the painted size."""
    from_last: Packed | None
    """From the frame before, with the trust to hold its paint; None where a shot begins."""
    from_behind: Packed | None
    """From the key frame behind; None where there is none."""
    to_this: Tensor | None
    """(2, H, W) float16 pixels, the motion from the frame before, on the grid of that; None where a shot begins."""


@dataclass(frozen=True)
class Interval:
    """A key frame, and the frames between the key frame behind it and itself.

    Where a shot begins with a key frame, nothing lies before that. Where it begins with frames that are painted from the key
    frame ahead alone (`KeyedShot.opens`), `between` holds them, and there is no key frame behind.
    """

    frame: Frame
    """The key frame at the painted size."""
    from_behind: Correspondence | None
    """From the key frame behind to this one; None where there is none."""
    motion: FlowPair | None
    """From the frame before to the key frame; None where the key frame begins a shot."""
    between: Stack[InBetween]
    """The last one on top; whoever works through them takes them out."""

    @property
    def first(self) -> int:
        """Index of the first frame between, or of the key frame where there is none between."""
        return self.frame.index - len(self.between)


def find_intervals(frames: Iterable[Frame], estimate_flow: FlowEstimator, is_cut: CutDetector, every: int | None,
                   shrink: Callable[[Frame], Frame], always: Container[int] = (),
                   given: Sequence[KeyedShot] = (), lookahead: int = 1, refine_flow: FlowRefiner | None = None,
                   folder: Path | None = None) -> Iterator[Interval]:
    """The key frames of a clip, each with the frames before it back to the last one; arguments as `paint_by_key_frames`.

    Key frames are the first and the last frame of a shot; between them every `every`-th, or, without that, the first at
    which the share that can be carried has fallen by `LOST`, within `SHORTEST` and `LONGEST`. Each depends on nothing but
    the last key frame and the frames after it. In the shots `given` these rules hold between the given key frames, see
    `_is_key`.
    """
    key: Frame | None = None
    path: FlowPair | None = None
    shot: KeyedShot | None = None
    between = Stack[InBetween](folder)
    newest: tuple[Neighbour, Correspondence | None] | None = None  # after the last key frame; whether it is one is still open
    for this in ahead(neighbours(frames, estimate_flow, is_cut, shrink), lookahead):
        index = this.frame.index
        if this.motion is None or this.trust is None:
            if newest is not None:
                yield _interval(*newest, between)
            key, path, between, newest = None, None, Stack(folder), None
            shot = shot_at(index, given)
            if shot is not None and shot.first == index and shot.opens(every):
                newest = this, None
            else:
                key = this.frame
                yield Interval(this.frame, None, None, Stack())
            continue
        if newest is not None:
            between.push(_pack(*newest))
            trim()
        from_key = None
        if key is not None:
            path = follow(key.image, this.frame.image, path, this.motion, len(between) + 1, refine_flow)
            from_key = Correspondence(path.to_last, this.trust if path is this.motion else trust(key.image, this.frame.image,
                                                                                                path))
        newest = this, from_key
        soon = every is None and any(index + later in always for later in range(1, SOON))
        if (index in always or (shot is not None and index in shot.keys)
                or (not soon and _is_key(index, len(between) + 1, from_key, this.trust, every, shot))):
            found = _interval(*newest, between)
            key, path, between, newest = this.frame, None, Stack(folder), None
            yield found
            del found
    if newest is not None:
        yield _interval(*newest, between)


def _is_key(index: int, distance: int, from_key: Correspondence | None, from_last: Tensor, every: int | None,
            shot: KeyedShot | None) -> bool:
    """Whether frame `index` is the next key frame, `distance` frames after the last one; `from_key` is None without one.

    In a shot with given key frames, each of them is one. Before a given one there is none within `SHORTEST` frames, and none
    at all where the shot opens with it; longer distances between two of them are divided evenly.
    """
    if shot is not None and index in shot.keys:
        return True
    if from_key is None:
        return False
    coming = None if shot is None else shot.ahead(index)
    if coming is None:
        return is_key(distance, from_key.visibility, from_last, every, LONGEST if shot is None else LONGEST_GIVEN)
    if coming - index < min(SHORTEST, every or SHORTEST):
        return False
    whole = distance + coming - index
    longest = math.ceil(whole / math.ceil(whole / LONGEST_GIVEN))
    return is_key(distance, from_key.visibility, from_last, every, longest, LOST_BETWEEN)


def is_key(distance: int, from_key: Tensor, from_last: Tensor, every: int | None, longest: int = LONGEST,
           lost: float = LOST) -> bool:
    """Whether the frame `distance` frames after the last key frame is the next one.

    from_key, from_last: trust (1, H, W) of the paintings of the last key frame and the last frame on this one. What cannot
    be followed even from the last frame (water, flames) could not be carried from a new key frame either, and calls for none.
    """
    if every is not None or distance >= longest or distance < SHORTEST:
        return distance >= (every or longest)
    # Sums of integers are the same for any number of threads.
    carried, followed = read_back(torch.stack([to_bytes(each).long().sum() for each in (from_key, from_last)]))
    return followed - carried > lost * 255 * from_key.numel()


def lookahead_of(width: int, height: int) -> int:
    """How many frames of this size may wait with their motion: 12 of 640x360, none of 1920x1080.

    For a single one the search that runs beside the painting is not worth its memory: 0.4 GB at 1920x1080.
    """
    fit = min(LONGEST, LOOKAHEAD_BYTES // (NEIGHBOUR_BYTES * width * height))
    return fit if fit > 1 else 0


def are_large(width: int, height: int) -> bool:
    """Whether frames of this size wait for their key frame in a file, and nothing is computed beside their painting."""
    return lookahead_of(width, height) == 0


def worth_painting(frames: Iterable[Frame], estimate_flow: FlowEstimator, is_cut: CutDetector, every: int | None,
                   shrink: Callable[[Frame], Frame], refine_flow: FlowRefiner | None = None) -> Iterator[int]:
    """Indices of the frames from which an artist's paint reaches all others; arguments as `paint_by_key_frames`.

    They are the first frame of each shot, and the key frames that follow it as behind a given one. The last frame of a shot is
    left out: what is new in it does not call for a key frame, and a run paints that itself.
    """
    key: Frame | None = None
    path: FlowPair | None = None
    for this in ahead(neighbours(frames, estimate_flow, is_cut, shrink)):
        if this.motion is not None and this.trust is not None and key is not None:
            path = follow(key.image, this.frame.image, path, this.motion, this.frame.index - key.index, refine_flow)
            carried = this.trust if path is this.motion else trust(key.image, this.frame.image, path)
            if not is_key(this.frame.index - key.index, carried, this.trust, every, LONGEST_GIVEN):
                continue
        key, path = this.frame, None
        yield key.index


def follow(key: Tensor, image: Tensor, path: FlowPair | None, step: FlowPair, distance: int,
           refine_flow: FlowRefiner | None) -> FlowPair:
    """The motion from a key frame to the frame `distance` frames from it, refined at every second one.

    key, image: (3, H, W) in [0, 1]. path, step: the motion to the frame before, and one step more, see `extend`.
    """
    path = extend(path, step)
    return path if refine_flow is None or distance % REFINED else refine_flow(key, image, path)


def walk_back(interval: Interval, refine_flow: FlowRefiner | None = None) -> Iterator[tuple[InBetween, Packed]]:
    """The in-betweens of an interval against time, each with its correspondence from the interval's key frame.

    Takes them out of the interval.
    """
    path, step, count = None, interval.motion, len(interval.between) + 1
    while interval.between:
        one = interval.between.pop()
        assert step is not None, "a shot's first frame has no in-betweens before it"
        key, image = interval.frame.image, from_bytes(one.image)
        path = follow(key, image, path, reverse(step), count - 1 - len(interval.between), refine_flow)
        trim()
        yield one, Packed.of(path.to_last, trust(key, image, path))
        step = None if one.from_last is None or one.to_this is None else FlowPair(one.from_last.to_last.float(),
                                                                                  one.to_this.float())


def _interval(key: Neighbour, from_behind: Correspondence | None, between: Stack[InBetween]) -> Interval:
    return Interval(key.frame, from_behind, key.motion, between)


def _pack(one: Neighbour, from_behind: Correspondence | None) -> InBetween:
    from_last = None
    if one.motion is not None and one.trust_to_hold is not None:
        from_last = Packed.of(one.motion.to_last, one.trust_to_hold)
    return InBetween(one.frame.index, to_bytes(one.frame.image), from_last,
                     None if from_behind is None else Packed.of(from_behind.to_last, from_behind.visibility),
                     None if one.motion is None else one.motion.to_this.half())
