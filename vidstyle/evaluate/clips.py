"""The compared clips: opening them, checking that they fit together, and reading them frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vidstyle.core.errors import InputError, UsageError
from vidstyle.core.frame import Frame
from vidstyle.evaluate.record import BASELINE, PAINTING, SOURCE
from vidstyle.video import Clip, ReadSettings, open_source

SMALLEST = 16
"""Pixels on the short side of the smallest painting that is judged."""


class ComparedClips:
    """A painting, its source and perhaps a baseline, frame by frame."""

    def __init__(self, styled: Path, source: Path, baseline: Path | None, frames: tuple[int | None, int | None] | None,
                 read: ReadSettings, indices: tuple[int, int] | None = None) -> None:
        """Open the clips. frames: numbers of the frames of the source that were painted, both ends included; indices: the same
        by index, from 0. Neither is all.

        Raises InputError for a clip that cannot be read, for a painting below `SMALLEST` pixels, and for clips of
        different lengths; UsageError for `frames` that are not as many as the painting has.
        """
        paths = {PAINTING: styled, SOURCE: source} | ({BASELINE: baseline} if baseline else {})
        self._sources = {name: open_source(path, read) for name, path in paths.items()}
        clips = {name: opened.clip for name, opened in self._sources.items()}
        self.frames = _painted_range(clips, frames, indices)
        """First and last frame of the source that are judged, both included."""
        self.size = (clips[PAINTING].height, clips[PAINTING].width)
        """(height, width) of the painting, in pixels."""
        self.source_length = clips[SOURCE].frames
        self.origin = clips[SOURCE].origin
        """`Clip.origin` of the source."""
        """Number of frames in the whole source."""
        if min(self.size) < SMALLEST:
            raise InputError(f"{styled}: is {self.size[1]}x{self.size[0]}; evaluate clips of {SMALLEST} pixels or more on "
                             "each side.")

    def read(self) -> Iterator[dict[str, Frame]]:
        """The frame of each clip by name, for every judged frame in order; each at its own size."""
        first, last = self.frames
        readers = [source.decode(first, last) if source.clip.frames == self.source_length else source.decode()
                   for source in self._sources.values()]
        for frames in zip(*readers, strict=True):
            yield dict(zip(self._sources, frames, strict=True))


def _painted_range(clips: dict[str, Clip], frames: tuple[int | None, int | None] | None,
                   indices: tuple[int, int] | None) -> tuple[int, int]:
    """First and last frame of the source that were painted. Raises as `ComparedClips` does."""
    source, styled = clips[SOURCE], clips[PAINTING]
    if frames is None and indices is None and styled.frames != source.frames:
        raise InputError(f"{styled.path}: has {styled.frames} frames and {source.path} has {source.frames}; say which of "
                         "them were painted with --frames A-B.")
    first, last = indices if indices is not None and frames is None else source.select(frames)
    if styled.frames != last - first + 1:
        raise UsageError(f"--frames {first}-{last} are {last - first + 1} frames and {styled.path} has {styled.frames}; "
                         "give the range that was painted.")
    baseline = clips.get(BASELINE)
    if baseline is not None and baseline.frames not in (styled.frames, source.frames):
        raise InputError(f"{baseline.path}: has {baseline.frames} frames and {styled.path} has {styled.frames}; "
                         "paint the same range frame by frame.")
    return first, last
