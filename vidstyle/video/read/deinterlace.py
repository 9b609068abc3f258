"""Whole frames from interlaced ones, by FFmpeg's filters: bwdif fills in the lines of a field, fieldmatch undoes pulldown."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from av import VideoFrame
from av.filter import Graph
from av.filter.context import FilterContext

from vidstyle.core.errors import VidstyleError

AROUND = 2
"""Frames before and after a range that the filters read: it is then bit for bit a slice of the whole clip."""

Field = Literal["tff", "bff", "auto"]
"""Which field is displayed first, top or bottom; `auto` is what each frame states."""


@dataclass(frozen=True)
class Deinterlacing:
    """What is done to the frames of a clip."""

    which: Literal["none", "flagged", "all", "telecine"]
    """The frames that bwdif deinterlaces: none, those that state that they are interlaced, or all; or `telecine`: frames are
    woven anew from fields of neighbours, and bwdif takes those that no neighbour completes."""
    field: Field = "auto"


def deinterlaced(frames: Iterator[tuple[int, VideoFrame, str]], how: Deinterlacing) -> Iterator[tuple[int, VideoFrame, str]]:
    """(index, frame, damage) for each one of `frames`; what is not deinterlaced passes unchanged.

    `AROUND` frames before and after those that are needed must be given too, where the clip has them.
    """
    filters: _Filters | None = None
    waiting: deque[tuple[int, str]] = deque()
    before: tuple[int, VideoFrame, str] | None = None
    for found in frames:
        if filters is None and (how.which != "flagged" or found[1].interlaced_frame):
            filters = _Filters(found[1], how)
            if before is not None:  # it was passed on already; bwdif reads it, and returns it once more
                filters.push(before[1], before[0])
                waiting.append((-1, ""))
        if filters is None:
            before = found
            yield found
            continue
        filters.push(found[1], found[0])
        waiting.append((found[0], found[2]))
        yield from _paired(waiting, filters.ready())
    if filters is not None:
        filters.end(found[1], found[0])
        yield from _paired(waiting, filters.ready())
    if waiting:
        raise VidstyleError(f"{len(waiting)} frames were lost in deinterlacing, from frame {waiting[0][0]} on; "
                            "report this as a bug.")


def _paired(waiting: deque[tuple[int, str]], ready: Iterator[VideoFrame]) -> Iterator[tuple[int, VideoFrame, str]]:
    for frame in ready:
        index, damage = waiting.popleft()
        if index >= 0:
            yield index, frame, damage


def can_weave(pix_fmt: str) -> bool:
    """Whether fieldmatch takes frames of this format as they are; it would convert others."""
    return _is_plain(pix_fmt) or re.fullmatch(r"yuv(j42[02]p|j444p|4(20|22|44)p(9|10|12|14|16)le)", pix_fmt) is not None


def _is_plain(pix_fmt: str) -> bool:
    """Whether fieldmatch compares frames of this format; of others it compares a copy of 8 bits and limited range."""
    return pix_fmt in ("yuv420p", "yuv422p", "yuv444p", "yuv411p", "yuv410p", "yuv440p")


class _Filters:
    """The filters for frames like `frame`.

    bwdif deinterlaces every frame, and the frame before it is taken where that one is whole. Left to choose itself, bwdif fills
    in the first frame that it deinterlaces by another equation than those after it, so that a range would not be a slice.
    """

    def __init__(self, frame: VideoFrame, how: Deinterlacing) -> None:
        graph, name = Graph(), frame.format.name
        self._graph, self._how = graph, how
        self._two = how.which == "telecine" and not _is_plain(name)
        last = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25))
        weave = f"order={how.field}:mode=pc_n:combmatch=full"
        if self._two:
            both, compared = graph.add("split"), graph.add("format", f"{name.replace('j', '')[:6]}p")
            match = graph.add("fieldmatch", f"{weave}:ppsrc=1")
            _linked(_linked(last, both), compared).link_to(match, 0, 0)
            both.link_to(match, 1, 1)
            last = match
        elif how.which == "telecine":
            last = _linked(last, graph.add("fieldmatch", weave))
        fork = _linked(last, graph.add("split"))
        self._plain, self._filled = graph.add("buffersink"), graph.add("buffersink")
        fork.link_to(self._plain, 0, 0)
        filled = graph.add("bwdif", f"mode=send_frame:parity={how.field}:deint=all")
        fork.link_to(filled, 1, 0)
        _linked(filled, self._filled)
        graph.configure()
        self._ahead: deque[VideoFrame] = deque()

    def push(self, frame: VideoFrame, index: int) -> None:
        frame.pts, frame.time_base = index, Fraction(1, 25)  # the filters need an even clock, whatever the clip's rate
        self._graph.push(frame)

    def end(self, last: VideoFrame, index: int) -> None:
        """No frames follow; last, index: those that were pushed last."""
        if self._two:
            self.push(last, index + 1)  # with two inputs, fieldmatch never returns the last frame
        self._graph.push(None)

    def ready(self) -> Iterator[VideoFrame]:
        """The frames that are ready, in order."""
        self._ahead.extend(_pulled(self._plain))
        for filled in _pulled(self._filled):
            plain = self._ahead.popleft()
            yield filled if self._how.which == "all" or plain.interlaced_frame else plain


def _pulled(sink: FilterContext) -> Iterator[VideoFrame]:
    while True:
        try:
            frame = sink.pull()
        except (BlockingIOError, EOFError):
            return
        assert isinstance(frame, VideoFrame), "a graph of video filters gives video frames"
        yield frame


def _linked(last: FilterContext, step: FilterContext) -> FilterContext:
    last.link_to(step)
    return step
