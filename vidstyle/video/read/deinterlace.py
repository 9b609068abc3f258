"""Deinterlacing by FFmpeg's bwdif filter, which fills in the lines that one of the two fields lacks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction

from av import VideoFrame
from av.filter import Graph

from vidstyle.core.errors import VidstyleError


def deinterlaced(frames: Iterator[tuple[int, VideoFrame, str]]) -> Iterator[tuple[int, VideoFrame, str]]:
    """(index, frame, damage) for each one of `frames`, deinterlaced; progressive frames pass unchanged.

    The filter reads the frame before and the one after: for a range that equals a slice of the whole clip, they must be
    given too.
    """
    graph: Graph | None = None
    waiting: deque[tuple[int, str]] = deque()
    for index, frame, damage in frames:
        if graph is None:
            graph = _graph(frame)
        frame.pts, frame.time_base = index, Fraction(1, 25)  # the filter needs an even clock, whatever its rate
        graph.push(frame)
        waiting.append((index, damage))
        yield from _ready(graph, waiting)
    if graph is not None:
        graph.push(None)
        yield from _ready(graph, waiting)
    if waiting:
        raise VidstyleError(f"{len(waiting)} frames were lost in deinterlacing, from frame {waiting[0][0]} on; "
                            "report this as a bug.")


def _graph(frame: VideoFrame) -> Graph:
    graph = Graph()
    entry = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format,
                             time_base=Fraction(1, 25))
    bwdif, end = graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced"), graph.add("buffersink")
    entry.link_to(bwdif)
    bwdif.link_to(end)
    graph.configure()
    return graph


def _ready(graph: Graph, waiting: deque[tuple[int, str]]) -> Iterator[tuple[int, VideoFrame, str]]:
    while True:
        try:
            frame = graph.pull()
        except (BlockingIOError, EOFError):
            return
        assert isinstance(frame, VideoFrame), "a graph of video filters gives video frames"
        index, damage = waiting.popleft()
        yield index, frame, damage
