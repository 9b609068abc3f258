"""Paint key frames, carry their paint to the frames between them, and mend what neither key frame shows."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from vidstyle.core.allocator import trim
from vidstyle.core.frame import Frame, Memory, Prior
from vidstyle.core.interfaces import CutDetector, FlowEstimator, KeyPainter, Mender
from vidstyle.ops.read_back import count as count_true
from vidstyle.ops.warp import TRUSTED, warp
from vidstyle.temporal.carry import Packed, choose, from_bytes, hold, patch_bias
from vidstyle.temporal.intervals import InBetween, Interval, find_intervals, walk_back
from vidstyle.temporal.loop import Painted, carry
from vidstyle.temporal.refresh import lose_trust

SPECKS = 1 / 2000
"""Holes that cover less of a frame than this are left with the guess: 115 pixels of 640x360, none wider than a stroke."""

MEMORIES = 2
"""How many memories pass from frame to frame: the key frame behind, and the frame itself."""


def paint_by_key_frames(frames: Iterable[Frame], paint_key: KeyPainter, mend: Mender, estimate_flow: FlowEstimator,
                        is_cut: CutDetector, *, every: int | None = None, always: Container[int] = (),
                        refresh: float | None = None,
                        memories: Sequence[Memory] = (),
                        shrink: Callable[[Frame], Frame] = lambda frame: frame) -> Iterator[Painted]:
    """Paint the key frames of each shot, carry them to the frames between from both sides, and mend what neither shows.

    frames: read twice, each time from the beginning and with the same frames: once to find and to paint the key frames, and
    again to paint the frames between them, so that none waits at its full size. every: frames from one key frame to the next,
    1 or more, 1 = every frame is painted; None: chosen by the motion, see `find_intervals`. always: indices of frames that are
    key frames beside these. refresh: seconds in which every place is painted anew once, see `lose_trust`; None: never. shrink:
    makes the frame that is painted out of the one that was read.

    A painting may have more than three channels, (C, H, W) in [0, 1], which are carried alike.

    Each `Painted.memories` holds two: that of the key frame behind (of a key frame, its own), and that of the frame itself,
    both without the frame's image.
    With them as `memories`, and with frames from that key frame on, this goes on after the frame as if it had never
    stopped: the frames up to it are read again, and not yielded.

    For a range to be a slice of the whole clip, `frames` begins where its shot begins, and goes on beyond the range: at the
    end of `frames` the last one is a key frame, as at the end of a shot. Frames are read one interval ahead, so a caller
    that stops after the range's last frame reads as far as the key frame after it and one more. What is held in memory is
    one interval. Raises ValueError if `memories` and `frames` do not belong together, or if `frames` is an iterator.
    """
    if every is not None and every < 1:
        raise ValueError(f"key frames every {every} frames: it must be 1 or more")
    sources = iter(frames)
    if sources is frames:
        raise ValueError("frames that are read twice cannot be an iterator")
    key: Memory | None = None
    resumed = memories[0] if memories else None
    last = memories[-1] if memories else None
    done = -1 if last is None else last.frame.index
    for interval in find_intervals(frames, estimate_flow, is_cut, every, shrink, always):
        frame = interval.frame
        if resumed is not None:
            if resumed.frame.index != frame.index:
                raise ValueError(f"the frames begin at {frame.index}, the memories at the key frame {resumed.frame.index}")
            key, resumed = _remember(frame, resumed.painting), None
        else:
            # A cut, too, has no correspondence: nothing passes over it.
            behind = interval.from_behind
            prior = None
            if key is not None and behind is not None:
                prior = replace(carry(key.painting, behind), seconds=key.frame.seconds)
                if refresh is not None:
                    prior = lose_trust(prior, key.frame.seconds, frame.seconds, refresh)
            trim()
            coming = _remember(frame, paint_key(frame, prior))
            del prior
            if key is not None and last is not None:
                for painted in _between(interval, key, coming, last.painting, mend, sources, done):
                    yield painted
                    last = painted.memories[-1]
                    del painted
            key = coming
        if frame.index > done:
            last = key
            yield Painted(_read_to(sources, frame.index), (key, key))


def _remember(frame: Frame, painting: Tensor) -> Memory:
    """What later frames need of a frame: its painting, and where it stands."""
    return Memory(Frame(painting.new_empty(0), frame.pts, frame.time_base, frame.index, frame.duration), painting)


def _read_to(sources: Iterator[Frame], index: int) -> Frame:
    return next(source for source in sources if source.index == index)


def _between(interval: Interval, behind: Memory, ahead: Memory, last: Tensor, mend: Mender, sources: Iterator[Frame],
             done: int) -> Iterator[Painted]:
    """The frames between two key frames, painted; those up to index `done` are left out.

    last: (C, H, W), the painting of the frame before the first that is painted. sources: the frames as they are read.
    """
    count = len(interval.between) + 1
    waiting = list(walk_back(interval))  # against time: the next one is last
    paint = torch.cat([behind.painting, patch_bias(behind.painting)])
    for place in range(1, count):
        one, to_ahead = waiting.pop()
        if one.index <= done:
            continue
        source = _read_to(sources, one.index)
        frame = Frame(from_bytes(one.image), source.pts, source.time_base, source.index, source.duration)
        found = _carried(one, to_ahead, paint, ahead.painting, last, place / count)
        last = found.image
        if count_true(found.visibility < TRUSTED) > SPECKS * found.visibility.numel():
            last = mend(frame, found.image, found.visibility)
        del frame, found
        trim()
        yield Painted(source, (behind, _remember(source, last)))


def _carried(one: InBetween, to_ahead: Packed, behind: Tensor, ahead: Tensor, last: Tensor, closeness: float) -> Prior:
    """The painting of an in-between, as far as it is known.

    behind: (C + 1, H, W), the painting of the key frame behind and its `patch_bias`. ahead, last: (C, H, W), the paintings of
    the key frame ahead and of the frame before. closeness: 0 at the key frame behind, 1 at the one ahead.
    """
    near, far = one.from_behind.unpack(), to_ahead.unpack()
    # Paint of a key frame is resampled once: float32, off by 1e-4 px and twice as fast, does. The last frame's is resampled
    # again and again.
    from_behind = warp(behind, near.to_last, mode="bicubic", exact=False)
    from_ahead = warp(ahead, far.to_last, mode="bicubic", exact=False)
    keys = choose(Prior(from_behind[:-1].clamp_(0, 1), near.visibility), Prior(from_ahead.clamp_(0, 1), far.visibility),
                  closeness, from_behind[-1:].clamp_(min=0))
    del near, far, from_behind, from_ahead
    return hold(keys, carry(last, one.from_last.unpack()))
