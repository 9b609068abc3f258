"""Whole frames from interlaced ones, by FFmpeg's filters: bwdif fills in the lines of a field, fieldmatch undoes pulldown."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from av import VideoFrame
from av.filter import Graph

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
    graph: Graph | None = None
    waiting: deque[tuple[int, str]] = deque()
    before: tuple[int, VideoFrame, str] | None = None
    for found in frames:
        if graph is None and (how.which != "flagged" or found[1].interlaced_frame):
            graph = _graph(found[1], how)
            if before is not None:  # it was passed on already; bwdif reads it, and returns it once more
                _push(graph, before[1], before[0])
                waiting.append((-1, ""))
        if graph is None:
            before = found
            yield found
            continue
        _push(graph, found[1], found[0])
        waiting.append((found[0], found[2]))
        yield from _ready(graph, waiting)
    if graph is not None:
        graph.push(None)
        yield from _ready(graph, waiting)
    if waiting:
        raise VidstyleError(f"{len(waiting)} frames were lost in deinterlacing, from frame {waiting[0][0]} on; "
                            "report this as a bug.")


def can_weave(pix_fmt: str) -> bool:
    """Whether fieldmatch takes frames of this format as they are; it would convert others."""
    return pix_fmt in ("yuv420p", "yuv422p", "yuv444p", "yuv411p", "yuv410p", "yuv440p")


def _graph(frame: VideoFrame, how: Deinterlacing) -> Graph:
    graph = Graph()
    last = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25))
    steps = [("bwdif", f"mode=send_frame:parity={how.field}:deint={'all' if how.which == 'all' else 'interlaced'}"),
             ("buffersink", None)]
    if how.which == "telecine":
        steps.insert(0, ("fieldmatch", f"order={how.field}:mode=pc_n:combmatch=full"))
    for name, options in steps:
        step = graph.add(name, options)
        last.link_to(step)
        last = step
    graph.configure()
    return graph


def _push(graph: Graph, frame: VideoFrame, index: int) -> None:
    frame.pts, frame.time_base = index, Fraction(1, 25)  # the filters need an even clock, whatever the clip's rate
    graph.push(frame)


def _ready(graph: Graph, waiting: deque[tuple[int, str]]) -> Iterator[tuple[int, VideoFrame, str]]:
    while True:
        try:
            frame = graph.pull()
        except (BlockingIOError, EOFError):
            return
        assert isinstance(frame, VideoFrame), "a graph of video filters gives video frames"
        index, damage = waiting.popleft()
        if index >= 0:
            yield index, frame, damage
