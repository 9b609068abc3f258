"""Writing some of a movie's frames apart from the others, as segments and samples that one sink later joins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from av import VideoFrame

from vidstyle.core.errors import VidstyleError
from vidstyle.core.frame import Frame
from vidstyle.video.interfaces import Written
from vidstyle.video.pixels.planes import pack_samples, unpack_samples
from vidstyle.video.write.coder import SegmentCoder
from vidstyle.video.write.layout import MovieLayout
from vidstyle.video.write.readers import open_readers
from vidstyle.video.write.segment import pack, segment_of


class MoviePartSink:
    """Codes the segments of a layout whose frames are all in one part; of the part's other frames it gives the samples.

    frames: indices of the first and last frame of the part. See `interfaces.OutputPlan.open_part`.
    """

    def __init__(self, layout: MovieLayout, frames: tuple[int, int]) -> None:
        self._layout = layout
        # As `MovieSink` counts: frames of the movie before the part, and up to its end.
        self._begin, self._end = frames[0] - layout.first, frames[1] - layout.first + 1
        self._written = self._begin
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._coder = SegmentCoder(self._layout, self._open.enter_context(open_readers(self._layout.source)).movie)
        return self

    def write(self, frame: Frame) -> Written:
        """Write the next frame, (3, H, W) in [0, 1] in the planned size."""
        coded = self._coder.samples(frame)
        samples, at = pack_samples(coded), self._written
        self._written += 1
        if self._is_coded(at):
            return Written(samples, self._encode(coded, frame.pts, frame.duration))
        return Written(samples, samples_only=self._written == self._end or self._is_coded(self._written))

    def restore(self, segments: Sequence[Path], samples: Iterable[bytes] = ()) -> None:
        """Continue after these segments, then after these frames."""
        layout, clip, form = self._layout, self._layout.source.clip, self._layout.format
        for _ in segments:
            self._written = segment_of(self._written, layout.frames)[1]
        for one in samples:
            at, index = self._written, layout.first + self._written
            self._written += 1
            if self._is_coded(at):
                coded = unpack_samples(one, layout.size, form.pix_fmt, form.colour)
                self._encode(coded, clip.pts[index], clip.durations[index])

    def _is_coded(self, at: int) -> bool:
        """Whether all frames of the segment that holds frame `at` of the movie are in this part."""
        begin, end = segment_of(at, self._layout.frames)
        return self._begin <= begin and end <= self._end

    def _encode(self, coded: VideoFrame, pts: int, duration: int) -> bytes | None:
        """Encode the frame that was counted last; returns its segment where it ends one."""
        ends = self._written == segment_of(self._written - 1, self._layout.frames)[1]
        packets = self._coder.encode(coded, pts, duration, ends=ends)
        return pack(packets) if ends else None

    def close(self) -> None:
        """Check that all frames of the part were written. Raises VidstyleError."""
        got, promised = self._written - self._begin, self._end - self._begin
        if got != promised:
            raise VidstyleError(f"{self._layout.target}: got {got} of {promised} frames.")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        with self._open:
            if kind is None:
                self.close()
