"""Paint key frames, carry their paint to the frames between them, and mend what neither key frame shows."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.core.allocator import trim
from vidstyle.core.frame import Frame, Memory, Prior
from vidstyle.core.interfaces import CutDetector, FlowEstimator, FlowRefiner, KeyPainter, Mender
from vidstyle.core.stack import Stack
from vidstyle.ops.read_back import count as count_true
from vidstyle.ops.warp import TRUSTED, warp
from vidstyle.temporal.carry import Packed, choose, colour_change, from_bytes, glide, hold, patch_bias
from vidstyle.temporal.intervals import InBetween, Interval, KeyedShot, find_intervals, shot_at, walk_back
from vidstyle.temporal.loop import Painted, ahead, carry
from vidstyle.temporal.refresh import lose_trust

SPECKS = 1 / 2000
"""Holes that cover less of a frame than this are left with the guess: 115 pixels of 640x360, none wider than a stroke."""

MEMORIES = 2
"""How many memories pass from frame to frame: the key frame behind, and the frame itself."""


def paint_by_key_frames(frames: Iterable[Frame], paint_key: KeyPainter, mend: Mender, estimate_flow: FlowEstimator,
                        is_cut: CutDetector, *, every: int | None = None, always: Container[int] = (),
                        given: Sequence[KeyedShot] = (), refresh: float | None = None, first: int = 0,
                        final: int | None = None, lookahead: int = 1, memories: Sequence[Memory] = (),
                        shrink: Callable[[Frame], Frame] = lambda frame: frame,
                        refine_flow: FlowRefiner | None = None, folder: Path | None = None) -> Iterator[Painted]:
    """Paint the key frames of each shot, carry them to the frames between from both sides, and mend what neither shows.

    frames: read twice, each time from the beginning and with the same frames: once to find and to paint the key frames, and
    again to paint the frames between them, so that none waits at its full size. every: frames from one key frame to the next,
    1 or more, 1 = every frame is painted; None: chosen by the motion, see `find_intervals`. always: indices of frames that are
    key frames beside these. given: the shots with key frames that are given; `paint_key` knows their paintings. refresh:
    seconds in which every place is painted anew once, see `lose_trust`; None: never. first, final: indices of the first and the
    last frame that is wanted, None for all that follow; before them, only key frames and what they follow are painted, and
    after them no more than the next key frame. lookahead: frames whose motion a second thread may estimate before they are
    asked for, 0 = no thread does; above 1, a third one paints the next key frame too, for which a second interval is held.
    shrink: makes the frame that is painted out of the one that was read. refine_flow: corrects the motion to the key frames;
    None: it may drift. folder: where the frames of an interval wait in a file without a name; None: in memory.

    A painting may have more than three channels, (C, H, W) in [0, 1], which are carried alike.

    Each `Painted.memories` holds two: that of the key frame behind (of a key frame, its own; where a shot begins with frames
    that have none, that of the shot's first frame), and that of the frame itself, both without the frame's image.
    With them as `memories`, and with frames from that key frame on, this goes on after the frame as if it had never
    stopped: the frames up to it are read again, and not yielded.

    For a range to be a slice of the whole clip, `frames` begins where its shot begins, and goes on beyond the range: at the
    end of `frames` the last one is a key frame, as at the end of a shot. Frames are read one interval ahead, so a caller
    that stops after the range's last frame reads as far as the key frame after it and one more. What is held is one interval.
    Raises ValueError if `memories` and `frames` do not belong together, or if `frames` is an iterator.
    """
    if every is not None and every < 1:
        raise ValueError(f"key frames every {every} frames: it must be 1 or more")
    sources = iter(frames)
    if sources is frames:
        raise ValueError("frames that are read twice cannot be an iterator")
    begin: Memory | None = None  # the frame from which reading begins to paint those that follow: mostly the key frame behind
    resumed = memories[0] if memories else None
    last = memories[-1] if memories else None
    done = -1 if last is None else last.frame.index
    intervals = find_intervals(frames, estimate_flow, is_cut, every, shrink, always, given, lookahead, refine_flow, folder)
    spans = _paint_keys(intervals, paint_key, refresh, first, final, resumed, refine_flow, folder)
    for span in ahead(spans, int(lookahead > 1)):
        coming, frame = span.ahead, span.ahead.frame
        if span.begins_shot:  # nothing passes over a cut
            begin, last = resumed, None if resumed is None else last
        for painted in _between(span, begin, last, mend, sources, done, glides=shot_at(frame.index, given) is not None):
            yield painted
            begin, last = painted.memories
            del painted
        begin, resumed = coming, None
        if frame.index > done:
            last = coming
            yield Painted(_read_to(sources, frame.index), (coming, coming))


@dataclass(frozen=True)
class _Span:
    """The frames between two painted key frames, or before the first one of a shot."""

    behind: Memory | None
    """The key frame behind; None where a shot begins."""
    ahead: Memory
    """The key frame ahead."""
    begins_shot: bool
    waiting: Stack[tuple[InBetween, Packed]]
    """What `walk_back` gives of the frames between, the first one on top; whoever works through them takes them out."""


def _paint_keys(intervals: Iterator[Interval], paint_key: KeyPainter, refresh: float | None, first: int,
                final: int | None, resumed: Memory | None, refine_flow: FlowRefiner | None,
                folder: Path | None) -> Iterator[_Span]:
    """Paint the key frames of the intervals, up to the one of frame `final` or the next after it.

    In spans that end before frame `first` or with it, no frames wait.

    resumed: the frame from which reading begins again after a stop, None at the start.
    """
    key: Memory | None = None
    for interval in intervals:
        frame, behind = interval.frame, interval.from_behind
        if behind is None:
            key = None
        if resumed is not None and resumed.frame.index != interval.first:
            raise ValueError(f"the frames begin at {interval.first}, the memories at the frame {resumed.frame.index}")
        if resumed is not None and not interval.between:
            coming = _remember(frame, resumed.painting)
        else:
            prior = None
            if key is not None and behind is not None:
                prior = replace(carry(key.painting, behind), seconds=key.frame.seconds)
                if refresh is not None:
                    prior = lose_trust(prior, key.frame.seconds, frame.seconds, refresh)
            trim()
            coming = _remember(frame, paint_key(frame, prior))
            del prior
        waiting = Stack[tuple[InBetween, Packed]](folder)
        for one in walk_back(interval, refine_flow) if frame.index > first else ():
            waiting.push(one)
        del interval
        yield _Span(key, coming, behind is None, waiting)
        if final is not None and frame.index >= final:
            return
        key, resumed = coming, None


def _remember(frame: Frame, painting: Tensor) -> Memory:
    """What later frames need of a frame: its painting, and where it stands."""
    return Memory(Frame(painting.new_empty(0), frame.pts, frame.time_base, frame.index, frame.duration), painting)


def _read_to(sources: Iterator[Frame], index: int) -> Frame:
    return next(source for source in sources if source.index == index)


def _between(span: _Span, begin: Memory | None, last: Memory | None, mend: Mender, sources: Iterator[Frame], done: int, *,
             glides: bool) -> Iterator[Painted]:
    """The frames of a span, painted; those up to index `done` are left out.

    begin: the frame from which reading begins to paint these; None: the first of these. last: the frame before the first that
    is painted. sources: the frames as they are read. glides: whether colours glide from one key frame to the other, which an
    artist may have painted in different ones.
    """
    count, behind = len(span.waiting) + 1, span.behind
    paint = None if behind is None else torch.cat([behind.painting, patch_bias(behind.painting)])
    for place in range(1, count):
        one, to_ahead = span.waiting.pop()
        if one.index <= done:
            continue
        source = _read_to(sources, one.index)
        frame = Frame(from_bytes(one.image), source.pts, source.time_base, source.index, source.duration)
        found, change = _carried(one, to_ahead, paint, span.ahead.painting, None if last is None else last.painting, place,
                                 count, glides=glides)
        painting = found.image
        if count_true(found.visibility < TRUSTED) > SPECKS * found.visibility.numel():
            if one.from_last is not None:
                frame = replace(frame, motion=one.from_last.unpack().to_last)
            painting = mend(frame, found.image, found.visibility)
            if change is not None:  # strokes come in the colours of the nearer key frame
                own = glide(Prior(painting, found.visibility), change, (place - (count if 2 * place > count else 0)) / count)
                painting = torch.where(found.visibility < TRUSTED, own.image, painting)
        del frame, found
        trim()
        last = _remember(source, painting)
        begin = begin or last
        yield Painted(source, (begin, last))


def _carried(one: InBetween, to_ahead: Packed, behind: Tensor | None, ahead: Tensor, last: Tensor | None,
             place: int, count: int, *, glides: bool) -> tuple[Prior, Tensor | None]:
    """The painting of an in-between, as far as it is known; and the change of colours between the key frames if it `glides`.

    behind: (C + 1, H, W), the painting of the key frame behind and its `patch_bias`. ahead, last: (C, H, W), the paintings of
    the key frame ahead and of the frame before. place: of the in-between, 0 at the key frame behind, `count` at the one ahead.
    """
    far, change, closeness = to_ahead.unpack(), None, place / count
    # Paint of a key frame is resampled once: float32, off by 1e-4 px and twice as fast, does. The last frame's is resampled
    # again and again.
    keys = Prior(warp(ahead, far.to_last, mode="bicubic", exact=False).clamp_(0, 1), far.visibility)
    if behind is not None and one.from_behind is not None:
        near = one.from_behind.unpack()
        warped = warp(behind, near.to_last, mode="bicubic", exact=False)
        first = Prior(warped[:-1].clamp_(0, 1), near.visibility)
        if glides:
            change = colour_change(first, keys, from_bytes(one.image))
            first, keys = glide(first, change, closeness), glide(keys, change, closeness - 1)
        keys = choose(first, keys, closeness, warped[-1:].clamp(min=0))
        del near, warped, first
    if last is None or one.from_last is None:
        return keys, change
    held = carry(last, one.from_last.unpack())
    return hold(keys, held if change is None else glide(held, change, 1 / count)), change
