"""Decoding a movie exactly from any frame on, through one open container."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from fractions import Fraction
from types import TracebackType
from typing import Self

import av
from av import VideoFrame
from av.container import InputContainer
from av.video.stream import VideoStream

from vidstyle.core.errors import InputError, reason
from vidstyle.video.clip import Clip
from vidstyle.video.read.alpha import decoded
from vidstyle.video.read.bare import numbered
from vidstyle.video.read.container import open_container, video_stream
from vidstyle.video.read.damage import OUT_OF_STEP, REMEDY, decodable, every_frame, has_layout
from vidstyle.video.read.deinterlace import AROUND, Deinterlacing, deinterlaced
from vidstyle.video.read.layouts import change_error, layout_of
from vidstyle.video.settings import ReadSettings

Decoded = tuple[int, VideoFrame, str]
"""Index, decoded frame, and mark of damage (see `Frame.damage`)."""


class MovieDecoder:
    """Decodes ranges of frames of one movie; a context manager.

    The file stays open between ranges; it is opened again only to decode from its beginning after something was read,
    because seeking there is not exact in every format.
    """

    def __init__(self, clip: Clip, settings: ReadSettings, how: Deinterlacing) -> None:
        self._clip, self._settings, self._how = clip, settings, how
        self._file: tuple[InputContainer, VideoStream] | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._open.close()

    def frames(self, first: int, last: int) -> Generator[Decoded, None, None]:
        """Frames `first` to `last`, deinterlaced. One range at a time."""
        if self._how.which == "none":
            yield from self._frames(first, last)
            return
        around = self._frames(max(0, first - AROUND), min(last + AROUND, self._clip.frames - 1))
        with closing(around):
            yield from (found for found in deinterlaced(around, self._how) if first <= found[0] <= last)

    def runs(self, positions: Sequence[int], run: int) -> Iterator[list[Decoded]]:
        """For each of `positions`, in order, the `run` consecutive frames that start there (fewer at the clip's end).

        Skips the frames between them by seeking where a keyframe lies between, and by decoding where none does.
        """
        clip = self._clip
        found, at, current = self.frames(0, clip.frames - 1), 0, list[Decoded]()
        for position in positions:
            stop = min(position + run, clip.frames)
            current = [frame for frame in current if position <= frame[0] < stop]
            if current and current[0][0] != position:
                current = []
            start = current[-1][0] + 1 if current else position
            # The frame that a missing one repeats is only known after all frames before it are read.
            can_seek = self._settings.on_damage == "fail"
            if start < at or (keyframe_before(clip, start) > at and can_seek) or not at:
                found.close()
                found, at = self.frames(start, clip.frames - 1), start
            while at < stop:
                one = next(found)
                at = one[0] + 1
                if one[0] >= start:
                    current.append(one)
            yield list(current)
        found.close()

    def _frames(self, first: int, last: int) -> Generator[Decoded, None, None]:
        """Frames `first` to `last` as decoded.

        Seeking alone is not exact: with open groups of pictures or in transport streams it may land late. The
        position is checked; if it is late, the seek is repeated 1, 2, 4, ... seconds earlier, and at last from the beginning.
        """
        clip = self._clip
        if self._settings.on_damage != "fail":
            found = self._timed(decodable(*self._beginning()))
            yield from every_frame(clip, found, self._settings.on_damage, first, last)
            return
        back = Fraction(0)
        while True:
            target = clip.pts[keyframe_before(clip, first)] - back / clip.time_base
            from_start = target <= clip.pts[0]
            landed = self._frames_from(first, last, None if from_start else int(target))
            begin = next(landed, None)
            if begin is not None:
                yield begin
                yield from landed
                return
            assert not from_start, "decoding from the start raises or yields"
            back = max(2 * back, Fraction(1))

    def _timed(self, frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
        """The frames, read from the beginning where the stream has no container, with their times."""
        return numbered(frames, self._clip) if self._clip.coding.bare else frames

    def _beginning(self) -> tuple[InputContainer, VideoStream]:
        """The file, opened again, so that reading starts at its beginning."""
        self._open.close()
        container = self._open.enter_context(open_container(self._clip.path))
        self._file = container, video_stream(container, self._clip.path, self._clip.coding.stream)
        return self._file

    def _frames_from(self, first: int, last: int, seek: int | None) -> Iterator[Decoded]:
        """Frames `first` to `last` after a seek to time `seek`; nothing at all if that landed behind `first`."""
        clip = self._clip
        indices = {time: index for index, time in enumerate(clip.pts)}
        container, stream = self._file if seek is not None and self._file is not None else self._beginning()
        if seek is not None:
            try:
                container.seek(seek, stream=stream)
            except av.FFmpegError:
                return
        index = None if seek is not None else 0
        unmatched: set[int] = set()
        late = 0
        found = self._timed(decoded(container, stream))
        while True:
            try:
                frame = next(found, None)
            except av.FFmpegError as error:
                if seek is not None and (index is None or index <= first):
                    return  # it may lack what lies before the place of the seek
                raise InputError(f"{clip.path}: is damaged ({reason(error)}); "
                                 f"{index or 0} of {clip.frames} frames were read; {REMEDY}.") from error
            if frame is None:
                break
            time = frame.pts
            if seek is None and index == 0 and time is not None and time < clip.pts[0]:
                continue  # the probe leaves these frames out
            if index is None:
                index = indices.get(time) if time is not None else None
                if index is None:
                    continue  # a broken frame right after a seek
                if index > first:
                    return
            if index >= clip.frames:
                raise InputError(f"{clip.path}: holds more frames than its packets promise ({clip.frames}); remux it.")
            # Some files state times that contradict the decoder's order by a few frames; players follow the decoder.
            if time is not None:
                unmatched ^= {time} ^ {clip.pts[index]}
            late = late + 1 if unmatched else 0
            if late > OUT_OF_STEP:
                raise InputError(f"{clip.path}: a frame before frame {index} cannot be decoded; "
                                 f"{index - late + 1} of {clip.frames} frames were read; {REMEDY}.")
            if index >= first:
                if frame.is_corrupt:
                    raise InputError(f"{clip.path}: frame {index} is damaged; "
                                     f"{index} of {clip.frames} frames were read; {REMEDY}.")
                _check_layout(clip, frame, index)
                yield index, frame, ""
            index += 1
            if index > last:
                return
        if seek is None or (index is not None and index > first):
            raise InputError(f"{clip.path}: breaks off; {index or 0} of {clip.frames} frames were read; {REMEDY}.")


def keyframe_before(clip: Clip, index: int) -> int:
    """The last frame at or before `index` that decoding can start from."""
    at = bisect_right(clip.keyframes, index)
    return clip.keyframes[at - 1] if at else 0


def _check_layout(clip: Clip, frame: VideoFrame, index: int) -> None:
    if not has_layout(clip, frame):
        coding = clip.coding
        stated = coding.width, coding.height, coding.pix_fmt
        raise change_error(clip.path, stated, layout_of(frame), index)
