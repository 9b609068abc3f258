"""The facts of a clip, known before any of it is painted: its frames' times, its size, its colours, its streams."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from vidstyle.core.errors import UsageError
from vidstyle.core.timecode import Timecode
from vidstyle.video.pixels.colour import Colour
from vidstyle.video.pixels.hdr import HdrMetadata
from vidstyle.video.pixels.orientation import Orientation
from vidstyle.video.tracks import Coding, SideData, Track

ROUNDING = Fraction(21, 10_000)
"""Seconds by which the lengths of frames may differ that are the same: Matroska counts milliseconds."""


@dataclass(frozen=True)
class Clip:
    """The facts that a movie or a sequence of images states, as `probe` found them."""

    path: Path
    """The movie file, or the pattern of a sequence."""
    coding: Coding
    width: int
    """Pixels across as a viewer sees it, after rotation."""
    height: int
    """Pixels down as a viewer sees it, after rotation."""
    orientation: Orientation
    """How the coded frame is rotated and mirrored for viewing."""
    sample_aspect_ratio: Fraction
    """Width of one pixel over its height as a viewer sees it; 1 where the file does not say."""
    colour: Colour
    """The tags as read, and the matrix and range that are used where a tag is missing."""
    time_base: Fraction
    """Seconds per unit of `pts`."""
    pts: tuple[int, ...]
    """When each displayed frame appears, in units of `time_base`, in order of display."""
    durations: tuple[int, ...]
    """How long each frame is displayed, in units of `time_base`."""
    keyframes: tuple[int, ...]
    """Indices of the frames that decoding can start from."""
    origin: int = 0
    """The time that a user calls zero, in units of `time_base`; see `read.clock`."""
    hdr: HdrMetadata | None = None
    """Brightness as the first frame states it; None unless the clip has high dynamic range (PQ or HLG)."""
    interlaced: bool = False
    """Whether the first frame is interlaced."""
    audio: tuple[Track, ...] = ()
    others: tuple[Track, ...] = ()
    """All streams but the painted one and sound."""
    metadata: tuple[tuple[str, str], ...] = ()
    side_data: tuple[SideData, ...] = ()
    """What the painted stream and its frames state besides; what is only in some frames is found if it is captions."""
    captions: Mapping[int, bytes] = field(default_factory=dict, repr=False, compare=False)
    """Entries of closed captions inside the frames (see `video.captions`), by the frame's `pts`."""
    timecode: str | None = None
    """Of the first frame, such as `01:00:00:00`."""
    numbering: tuple[int, int] = (0, 1)
    """Number of the first frame, and the step to the next frame's number: of a sequence, the numbers of the files."""
    timed: bool = True
    """Whether the frame rate is known; where it is not, the times are those of 24 frames a second."""

    @property
    def frames(self) -> int:
        """Number of frames that are displayed."""
        return len(self.pts)

    def number(self, index: int) -> int:
        """The number of frame `index`: its index in a movie, its file's number in a sequence."""
        return self.numbering[0] + index * self.numbering[1]

    @property
    def rotation(self) -> int:
        """Degrees clockwise by which the coded frame is rotated for viewing: 0, 90, 180 or 270."""
        return self.orientation.degrees

    @property
    def duration(self) -> float:
        """Seconds from the first frame's appearance to the last one's end."""
        return float((self.pts[-1] + self.durations[-1] - self.pts[0]) * self.time_base)

    @property
    def average_rate(self) -> Fraction:
        """Frames a second, for display only: times are always counted in `pts`."""
        span, steps = (self.pts[-1] - self.pts[0], self.frames - 1) if self.frames > 1 else (self.durations[0], 1)
        return (steps / (span * self.time_base)).limit_denominator(1001) if span > 0 else Fraction(25)

    @property
    def variable_rate(self) -> bool:
        """Whether frames are displayed for clearly different times.

        Steps that differ by up to 2 ms are rounding: Matroska counts milliseconds, so 30 fps reads 33, 33, 34.
        """
        steps = [after - before for before, after in pairwise(self.pts)]
        return bool(steps) and (max(steps) - min(steps)) * self.time_base > ROUNDING

    @property
    def uneven(self) -> bool:
        """Whether the rate is variable, or the last frame is displayed for clearly longer or shorter than the others."""
        return (max(self.durations) - min(self.durations)) * self.time_base > ROUNDING

    def select(self, frames: tuple[int | None, int | None] | None = None, start: float | Timecode | None = None,
               end: float | Timecode | None = None) -> tuple[int, int]:
        """Indices of the first and last frame, both included, of a range by numbers, by seconds or by timecode.

        frames: None for an end is the clip's own. Zero seconds is where the clip's clock begins (`origin`). `start` takes
        frames that appear from then on, `end` frames that appear before it; seconds with a tolerance of half a millisecond.
        A timecode is the source's own where it states one, and else counted from the first frame. Raises UsageError, which
        names the end that is wrong, if the range holds no frame.
        """
        times = [each for each in (start, end) if each is not None]
        if not all(math.isfinite(each) for each in times if not isinstance(each, Timecode)):
            raise UsageError(f"The range from {start} to {end} s is not finite; give times in seconds.")
        if frames is not None and times:
            raise UsageError("A range is given by frames or by times, not by both; drop one of them.")
        if frames is not None:
            return self._select_numbers(*frames)
        if not self.timed and times:
            raise UsageError("A sequence of images states no times for --start and --end; "
                             "give its rate with --fps, or give --frames.")
        first = 0 if start is None else self._first_from(start, "--start")
        stop = self.frames - 1 if end is None else self._first_from(end, "--end") - 1
        if first > stop:
            raise UsageError(self._empty_range(start, end, first, stop))
        return first, stop

    def index_at(self, at: int | float | Timecode, option: str) -> int:
        """Index of the frame with the number `at`, or of the one displayed at that time: seconds, or a timecode.

        option: what states it, such as `--key 12`, for errors. Raises UsageError where the clip has no such frame.
        """
        if isinstance(at, int):
            index, between = divmod(at - self.numbering[0], self.numbering[1])
            if between or not 0 <= index < self.frames:
                every = f", in steps of {self.numbering[1]}" if self.numbering[1] > 1 else ""
                raise UsageError(f"{option}: frame {at} is not in the clip, which has frames {self.number(0)}-"
                                 f"{self.number(self.frames - 1)}{every}.")
            return index
        if not self.timed:
            raise UsageError(f"{option}: a sequence of images states no times; give its rate with --fps, or the number of the "
                             "frame.")
        if isinstance(at, Timecode):
            index = self._index_of(at, option)
        else:  # a tolerance of half a millisecond, as for `--start`
            when = self.origin + math.floor((Fraction(at) + Fraction(1, 2000)) / self.time_base)
            index = bisect_right(self.pts, when) - 1
            if index == self.frames - 1 and when >= self.pts[-1] + max(1, self.durations[-1]):
                index = self.frames
        if not 0 <= index < self.frames:
            begins = float((self.pts[0] - self.origin) * self.time_base)
            raise UsageError(f"{option}: no frame is displayed then; the clip runs from {begins:g} to {self._end:g} s.")
        return index

    def _select_numbers(self, first: int | None, stop: int | None) -> tuple[int, int]:
        zero, step, highest = *self.numbering, self.number(self.frames - 1)
        first, stop = zero if first is None else first, highest if stop is None else stop
        if first > highest:
            raise UsageError(f"Frame {first} is behind the clip's last, {highest}; give --frames from {zero} to {highest}.")
        if first > stop:
            raise UsageError(f"Frames {first}-{stop} run backwards; give the first frame first.")
        low, high = -((zero - first) // step), (stop - zero) // step
        if first < zero or stop > highest or low > high:
            every = f", in steps of {step}" if step > 1 else ""
            raise UsageError(f"Frames {first}-{stop} are not all there; the clip has frames {zero}-{highest}{every}.")
        return low, high

    def _first_from(self, time: float | Timecode, option: str) -> int:
        """Index of the first frame that appears at this time or later; the number of frames where none does."""
        if isinstance(time, Timecode):
            return self._index_of(time, option)
        # The tolerance: a time typed as 0.033 must select the frame that appears at 1/30 s.
        return bisect_left(self.pts, self.origin + math.ceil((Fraction(time) - Fraction(1, 2000)) / self.time_base))

    def moment(self, time: int | float | Timecode, option: str) -> float:
        """When the frame of a time appears, as `Frame.seconds` states it: of the number of a frame (int), of seconds on the
        clip's clock, with a tolerance of half a millisecond, or of a timecode.

        Beyond the clip's ends frames follow at its average rate. Raises UsageError, which names `option`.
        """
        if isinstance(time, Timecode):
            return self._seconds_at(Fraction(self._count_to(time, option)[0]))
        if isinstance(time, int):
            return self._seconds_at(Fraction(time - self.numbering[0], self.numbering[1]))
        if not self.timed:
            raise UsageError(f"{option} has a key in seconds, and a sequence of images states no times; give its rate with "
                             "--fps, or give the numbers of frames.")
        after = self._first_from(time, option)
        found = self.origin * self.time_base + Fraction(time)
        near = self.pts[after] * self.time_base if after < self.frames else found
        return float(near if abs(near - found) <= Fraction(1, 2000) else found)

    def _seconds_at(self, index: Fraction) -> float:
        """Seconds at which frame `index` appears; between two frames and beyond the ends in proportion."""
        low = min(max(0, math.floor(index)), self.frames - 1)
        inside = 0 <= index < self.frames - 1
        step = (self.pts[low + 1] - self.pts[low]) * self.time_base if inside else 1 / self.average_rate
        return float(self.pts[low] * self.time_base + (index - low) * step)

    def _index_of(self, time: Timecode, option: str) -> int:
        """Index of the frame with this timecode, at most the number of frames."""
        index, zero = self._count_to(time, option)
        if zero is not None and not 0 <= index <= self.frames:
            last = zero.advanced(self.frames - 1, self.average_rate)
            raise UsageError(f"{option} {time} is outside the clip, whose timecode runs from {zero} to {last}.")
        return min(index, self.frames)

    def _count_to(self, time: Timecode, option: str) -> tuple[int, Timecode | None]:
        """Frames from the clip's first one to a timecode, and the timecode of the first, None where the clip states none."""
        if self.variable_rate:
            raise UsageError(f"{option} {time} counts frames, and the clip's come at a variable rate; give seconds.")
        rate = self.average_rate
        zero = None if self.timecode is None else Timecode.parse(self.timecode)
        # In a shell a colon is easier to type than a semicolon, so the source decides how numbers are counted.
        counted = (time if zero is None else replace(time, drop=zero.drop)).count(rate)
        begin = 0 if zero is None else zero.count(rate)
        if counted is None or begin is None:
            raise UsageError(f"{option} {time} is no timecode at {float(rate):.5g} frames a second; "
                             f"give HH:MM:SS:FF with FF up to {round(rate) - 1}, or seconds.")
        return counted - begin, zero

    def _empty_range(self, start: float | Timecode | None, end: float | Timecode | None, first: int, stop: int) -> str:
        """Why no frame appears from `start` to `end`, which are frames `first` to `stop`."""
        begins, tick = float((self.pts[0] - self.origin) * self.time_base), self.time_base
        if first == self.frames:
            return f"--start {_text(start)} is behind the clip's last frame; the clip runs from {begins:g} to {self._end:g} s."
        if stop < 0:
            return f"--end {_text(end)} is not after the clip's first frame; the clip runs from {begins:g} to {self._end:g} s."
        if first > stop + 1 or (type(start) is type(end) and start == end):
            return f"--end {_text(end)} is not after --start {_text(start)}; give a later one."
        after = float((self.pts[first] - self.origin) * tick)
        return f"No frame appears from {_text(start)} to {_text(end)} s; the next one appears at {after:g} s."

    @property
    def _end(self) -> float:
        """Seconds at which the last frame ends."""
        return float((self.pts[-1] + self.durations[-1] - self.origin) * self.time_base)

    def as_dict(self) -> dict[str, Any]:
        """Everything but the lists of times, in types that JSON has."""
        coding = self.coding
        return {
            "path": str(self.path), "container": coding.container, "stream": coding.stream, "codec": coding.codec,
            "coded_width": coding.width, "coded_height": coding.height, "pix_fmt": coding.pix_fmt, "depth": coding.depth,
            "width": self.width, "height": self.height, "rotation": self.rotation, "mirrored": self.orientation.mirrored,
            "sample_aspect_ratio": str(self.sample_aspect_ratio), "colour": self.colour.as_dict(),
            "hdr": self.hdr and asdict(self.hdr), "interlaced": self.interlaced,
            "frames": self.frames, "numbers": [self.number(0), self.number(self.frames - 1)],
            "numbering": list(self.numbering), "timed": self.timed, "time_base": str(self.time_base),
            "start": float((self.pts[0] - self.origin) * self.time_base), "duration": self.duration,
            "average_rate": str(self.average_rate), "variable_rate": self.variable_rate, "timecode": self.timecode,
            "audio": _plain(self.audio), "others": _plain(self.others),
            "captions": bool(self.captions), "side_data": {data.kind: data.text for data in self.side_data},
            "metadata": dict(self.metadata),
        }


def _text(time: float | Timecode | None) -> str:
    return f"{time:g}" if isinstance(time, int | float) else str(time)


def _plain(tracks: Sequence[Track]) -> list[dict[str, Any]]:
    return [asdict(track) | {"disposition": list(track.disposition)} for track in tracks]


def evenly_spaced(count: int, most: int) -> list[int]:
    """At most `most` positions out of `count`, evenly over all of them, in order; the middle one if `most` is 1."""
    chosen = min(count, most)
    return [(2 * k + 1) * count // (2 * chosen) for k in range(chosen)]
