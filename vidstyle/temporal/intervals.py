"""Choose key frames by the motion, and follow the motion from each to the next."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vidstyle.core.allocator import trim
from vidstyle.core.frame import Correspondence, FlowPair, Frame
from vidstyle.core.interfaces import CutDetector, FlowEstimator
from vidstyle.ops.read_back import read_back
from vidstyle.ops.warp import trust, trusts
from vidstyle.temporal.carry import Packed, extend, from_bytes, reverse, to_bytes
from vidstyle.temporal.loop import ahead

LONGEST, SHORTEST = 24, 4
"""Frames from a key frame to the next, at most and at least; at the end of a shot there may be fewer."""
SOON = 12
"""Frames before a key frame that is asked for in which the motion makes none: with all paint laid anew, an interval of two
frames would be seen as a pulse. So an interval may be this much longer than `LONGEST`."""
LOST = 0.35
"""A new key frame comes where more than this share of a frame can be followed from the last frame, but no longer from the
last key frame. On the sample and a clip with a still camera, 0.35 gave 3 key frames in 36 and left 1.8 % and 1.5 % of the
frames to be mended; 0.25 gave 5 and 4, left 1.6 % and 1.4 %, and was no steadier."""


@dataclass(frozen=True)
class Neighbour:
    """A frame and the motion from the frame before it."""

    frame: Frame
    """At the painted size."""
    motion: FlowPair | None
    """None where a shot begins."""
    trust: Tensor | None
    """(1, H, W) in [0, 1], of the last frame's painting on this one; None where a shot begins."""
    trust_to_hold: Tensor | None
    """(1, H, W) in [0, 1], the same where no other paint is at hand."""


@dataclass(frozen=True)
class InBetween:
    """A frame between two key frames, in 13 bytes a pixel."""

    index: int
    """Of the frame, see `Frame.index`."""
    image: Tensor
    """(3, H, W) uint8 at the painted size."""
    from_last: Packed
    """From the frame before, with the trust to hold its paint."""
    from_behind: Packed
    """From the key frame behind."""


@dataclass(frozen=True)
class Interval:
    """A key frame, and the frames between the key frame behind it and itself."""

    frame: Frame
    """The key frame at the painted size."""
    from_behind: Correspondence | None
    """From the key frame behind to this one; None where a shot begins, which its first frame does as a key frame."""
    motion: FlowPair | None
    """From the frame before to the key frame; None where a shot begins."""
    between: list[InBetween]
    """In order of time; whoever works through them takes them out."""
    steps: list[Tensor]
    """For each of `between`, the motion from the frame before to it, on the grid of that: (2, H, W) float16 pixels."""


def find_intervals(frames: Iterable[Frame], estimate_flow: FlowEstimator, is_cut: CutDetector, every: int | None,
                   shrink: Callable[[Frame], Frame], always: Container[int] = ()) -> Iterator[Interval]:
    """The key frames of a clip, each with the frames before it back to the last one; arguments as `paint_by_key_frames`.

    Key frames are the first and the last frame of a shot; between them every `every`-th, or, without that, the first at
    which the share that can be carried has fallen by `LOST`, within `SHORTEST` and `LONGEST`. Each depends on nothing but
    the last key frame and the frames after it.
    """
    key: Frame | None = None
    path: FlowPair | None = None
    between, steps = list[InBetween](), list[Tensor]()
    newest: tuple[Neighbour, Correspondence] | None = None  # after the last key frame; whether it is one is still open
    for this in ahead(neighbours(frames, estimate_flow, is_cut, shrink)):
        if this.motion is None or this.trust is None or key is None:
            if newest is not None:
                yield _interval(*newest, between, steps)
            key, path, between, steps, newest = this.frame, None, [], [], None
            yield Interval(this.frame, None, None, [], [])
            continue
        if newest is not None:
            between.append(_pack(*newest))
            trim()
            steps.append(_motion(newest[0]).to_this.half())
        path = extend(path, this.motion)
        carried = this.trust if path is this.motion else trust(key.image, this.frame.image, path)
        newest = this, Correspondence(path.to_last, carried)
        soon = every is None and any(this.frame.index + later in always for later in range(1, SOON))
        if this.frame.index in always or (not soon and is_key(len(between) + 1, carried, this.trust, every)):
            found = _interval(*newest, between, steps)
            key, path, between, steps, newest = this.frame, None, [], [], None
            yield found
            del found
    if newest is not None:
        yield _interval(*newest, between, steps)


def is_key(distance: int, from_key: Tensor, from_last: Tensor, every: int | None) -> bool:
    """Whether the frame `distance` frames after the last key frame is the next one.

    from_key, from_last: trust (1, H, W) of the paintings of the last key frame and the last frame on this one. What cannot
    be followed even from the last frame (water, flames) could not be carried from a new key frame either, and calls for none.
    """
    if every is not None or distance >= LONGEST or distance < SHORTEST:
        return distance >= (every or LONGEST)
    # Sums of integers are the same for any number of threads.
    carried, followed = read_back(torch.stack([to_bytes(each).long().sum() for each in (from_key, from_last)]))
    return followed - carried > LOST * 255 * from_key.numel()


def neighbours(frames: Iterable[Frame], estimate_flow: FlowEstimator, is_cut: CutDetector,
               shrink: Callable[[Frame], Frame]) -> Iterator[Neighbour]:
    """Each frame with the motion from the frame before it in its shot, and with its `motion`."""
    last: Frame | None = None
    opening: Neighbour | None = None  # a shot's first frame, which waits for the motion to the next one
    for frame in map(shrink, frames):
        if last is None or is_cut(last, frame):
            if opening is not None:
                yield opening
            opening = Neighbour(frame, None, None, None)
        else:
            motion = estimate_flow(last.image, frame.image)
            if opening is not None:
                yield replace(opening, frame=replace(opening.frame, motion=motion.to_this))
                opening = None
            yield Neighbour(replace(frame, motion=motion.to_last), motion, *trusts(last.image, frame.image, motion))
        last = frame
    if opening is not None:
        yield opening


def walk_back(interval: Interval) -> Iterator[tuple[InBetween, Packed]]:
    """The in-betweens of an interval against time, each with its correspondence from the interval's key frame.

    Takes them out of the interval.
    """
    path, step = None, interval.motion
    while interval.between:
        one, to_this = interval.between.pop(), interval.steps.pop()
        assert step is not None, "a shot's first frame has no in-betweens before it"
        path = extend(path, reverse(step))
        trim()
        yield one, Packed.of(path.to_last, trust(interval.frame.image, from_bytes(one.image), path))
        step = FlowPair(one.from_last.to_last.float(), to_this.float())


def _interval(key: Neighbour, from_behind: Correspondence, between: list[InBetween], steps: list[Tensor]) -> Interval:
    return Interval(key.frame, from_behind, key.motion, between, steps)


def _pack(one: Neighbour, from_behind: Correspondence) -> InBetween:
    assert one.trust_to_hold is not None, "a shot's first frame is a key frame"
    return InBetween(one.frame.index, to_bytes(one.frame.image), Packed.of(_motion(one).to_last, one.trust_to_hold),
                     Packed.of(from_behind.to_last, from_behind.visibility))


def _motion(one: Neighbour) -> FlowPair:
    assert one.motion is not None, "a shot's first frame is a key frame"
    return one.motion
