"""Interlaced pictures made whole: the lines of each field that are missing, by FFmpeg's bwdif."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction

from av import VideoFrame
from av.filter import Graph

from vidstyle.core.errors import VidstyleError


def deinterlaced(pictures: Iterator[tuple[int, VideoFrame, str]]) -> Iterator[tuple[int, VideoFrame, str]]:
    """One whole picture for each, under its own number and mark of damage; progressive ones pass as they are.

    The filter looks at the picture before and the one behind: where a range is to be a slice, they must be given too.
    """
    graph: Graph | None = None
    waiting: deque[tuple[int, str]] = deque()
    for number, picture, damage in pictures:
        if graph is None:
            graph = _graph(picture)
        picture.pts, picture.time_base = number, Fraction(1, 25)  # any clock that runs evenly
        graph.push(picture)
        waiting.append((number, damage))
        yield from _ready(graph, waiting)
    if graph is not None:
        graph.push(None)
        yield from _ready(graph, waiting)
    if waiting:
        raise VidstyleError(f"{len(waiting)} pictures were lost in deinterlacing, from frame {waiting[0][0]} on.")


def _graph(picture: VideoFrame) -> Graph:
    graph = Graph()
    begin = graph.add_buffer(width=picture.width, height=picture.height, format=picture.format,
                             time_base=Fraction(1, 25))
    whole, end = graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced"), graph.add("buffersink")
    begin.link_to(whole)
    whole.link_to(end)
    graph.configure()
    return graph


def _ready(graph: Graph, waiting: deque[tuple[int, str]]) -> Iterator[tuple[int, VideoFrame, str]]:
    while True:
        try:
            picture = graph.pull()
        except (BlockingIOError, EOFError):
            return
        assert isinstance(picture, VideoFrame)
        number, damage = waiting.popleft()
        yield number, picture, damage
