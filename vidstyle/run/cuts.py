"""The shots of a clip: from cut to cut, found as a run finds them."""

from __future__ import annotations

from dataclasses import replace

from vidstyle.core.frame import Frame
from vidstyle.core.images import resize
from vidstyle.core.progress import Listener, Progress
from vidstyle.temporal.shots import cut_detector
from vidstyle.video import Source

Range = tuple[int, int]
"""Indices of the first and last frame, both included."""


def find_shots(source: Source, first: int = 0, last: int | None = None, size: tuple[int, int] | None = None,
               listen: Listener = lambda progress: None) -> list[Range]:
    """The shots among the frames `first` to `last` (None is the end), in order; every frame belongs to one.

    size: width and height at which a run paints, which its cut detector sees; None is the clip's own. Reads every frame.
    """
    last = source.clip.frames - 1 if last is None else last
    is_cut, before, starts = cut_detector(), None, [first]
    for frame in source.decode(first, last):
        small = frame if size is None else _at(frame, size)
        if before is not None and is_cut(before, small):
            starts.append(frame.index)
        before = small
        listen(Progress("cuts", frame.index - first + 1, last - first + 1))
    return list(zip(starts, [*(start - 1 for start in starts[1:]), last], strict=True))


def _at(frame: Frame, size: tuple[int, int]) -> Frame:
    return replace(frame, image=resize(frame.image, (size[1], size[0])))
