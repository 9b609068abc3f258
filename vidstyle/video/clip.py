"""What is known about a clip before any of it is painted: its frames' times, its size, its colours, its sound."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from vidstyle.core.errors import UsageError
from vidstyle.video.pixels.colour import Colour
from vidstyle.video.pixels.hdr import Hdr
from vidstyle.video.pixels.orientation import Orientation


@dataclass(frozen=True)
class Track:
    """One stream of the source beside the picture that is painted."""

    index: int
    """Number of the stream in the file, counted from 0."""
    kind: str
    """`audio`, `subtitle`, `video` (a cover picture or a second camera), `data` or `attachment`."""
    codec: str
    language: str | None = None
    title: str | None = None
    rate: int | None = None
    """Samples a second, for sound."""
    channels: int | None = None
    disposition: tuple[str, ...] = ()
    """What the stream is for: `default`, `forced`, `attached_pic`, ..."""

    def __str__(self) -> str:
        kind = "cover picture" if "attached_pic" in self.disposition else self.kind
        words = [f"stream {self.index}:", kind, self.codec]
        if self.kind == "audio":
            words.append(f"{self.rate} Hz, {self.channels} channel{'s' if self.channels != 1 else ''}")
        words += [text for text in (self.language, self.title) if text and text != "und"]
        return " ".join(words)


@dataclass(frozen=True)
class Clip:
    """A video file as `probe` found it; everything else in this room takes one of these."""

    path: Path
    container: str
    """FFmpeg's name of the file format, such as `mov,mp4,m4a,3gp,3g2,mj2`."""
    stream: int
    """Number of the painted video stream in the file."""
    codec: str
    coded_width: int
    coded_height: int
    width: int
    """Pixels across as a viewer sees it, after rotation."""
    height: int
    """Pixels down as a viewer sees it, after rotation."""
    orientation: Orientation
    """How the coded picture is turned to stand upright."""
    sample_aspect_ratio: Fraction
    """Width of one pixel over its height as a viewer sees it; 1 where the file does not say."""
    pix_fmt: str
    depth: int
    """Bits of one sample."""
    colour: Colour
    """The tags as read, and the matrix and range that are used where a tag is missing."""
    time_base: Fraction
    """Seconds per unit of `pts`."""
    pts: tuple[int, ...]
    """When each displayed frame is shown, in units of `time_base`, in order of showing."""
    durations: tuple[int, ...]
    """How long each frame is shown, in units of `time_base`."""
    keyframes: tuple[int, ...]
    """Indices of the frames that decoding can start from."""
    audio: tuple[Track, ...] = ()
    others: tuple[Track, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    timecode: str | None = None
    """Of the first frame, such as `01:00:00:00`."""
    hdr: Hdr | None = None
    """How its high dynamic range is painted; None for an ordinary clip."""
    deinterlace: bool = False
    """Whether interlaced pictures are made whole as they are read."""
    kept: tuple[str, ...] = ()
    """One line for each stream: what becomes of it in an output of the source's own format."""
    warnings: tuple[str, ...] = ()
    on_damage: str = "fail"
    """What reading does about damage; see `Options.on_damage`."""
    files: tuple[Path | None, ...] = ()
    """The file of each frame, None for a black one, where the clip is a sequence of pictures; `path` is its pattern."""
    numbering: tuple[int, int] = (0, 1)
    """Number of the first frame, and the step from one frame's number to the next one's: those of the files."""
    timed: bool = True
    """Whether it is known how fast frames follow each other; where not, times are made up (24 a second)."""
    sound: Path | None = None
    """The file whose sound lies under the picture, from the first frame on; None is the clip itself."""

    @property
    def frames(self) -> int:
        """How many frames are displayed."""
        return len(self.pts)

    def number(self, index: int) -> int:
        """The number that people know frame `index` by: its own in a movie, its file's in a sequence."""
        return self.numbering[0] + index * self.numbering[1]

    @property
    def written_colour(self) -> Colour:
        """The colours of what is painted: the source's own, or those of ordinary video where HDR is mapped to it."""
        return Colour(1, 1, 1, 1, "bt709", False) if self.hdr is not None and self.hdr.mode == "tonemap" else self.colour

    @property
    def rotation(self) -> int:
        """Degrees clockwise that the coded picture is turned for viewing: 0, 90, 180 or 270."""
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
        """Whether frames are shown for clearly different times.

        Steps that differ by up to 2 ms are rounding: Matroska counts milliseconds, so 30 fps reads 33, 33, 34.
        """
        steps = [after - before for before, after in pairwise(self.pts)]
        return bool(steps) and (max(steps) - min(steps)) * self.time_base > Fraction(21, 10_000)

    def select(self, frames: tuple[int, int] | None = None, start: float | None = None,
               end: float | None = None) -> tuple[int, int]:
        """Indices of the first and last frame, both included, of a range by numbers or by seconds on the source's clock.

        Zero seconds is zero on the file's own clock (`pts` 0). `start` takes frames that appear from then on, `end`
        frames that appear before it; half a millisecond is forgiven. Raises UsageError when nothing lies there.
        """
        last = self.frames - 1
        if not all(math.isfinite(seconds) for seconds in (start, end) if seconds is not None):
            raise UsageError(f"A range from {start} to {end} s cannot be; give times in seconds.")
        if frames is not None and (start is not None or end is not None):
            raise UsageError("A range is given by frames or by times, not by both; drop one of them.")
        if frames is not None:
            first, stop = frames
            if first > stop:
                raise UsageError(f"Frames {first}-{stop} run backwards; give the first frame first.")
            zero, step = self.numbering
            low, high = -((zero - first) // step), (stop - zero) // step
            if first < zero or stop > self.number(last) or low > high:
                every = f", in steps of {step}" if step > 1 else ""
                raise UsageError(f"Frames {first}-{stop} are not all there; the clip has frames "
                                 f"{zero}-{self.number(last)}{every}.")
            return low, high
        if not self.timed and (start is not None or end is not None):
            raise UsageError("A sequence of pictures states no times for --start and --end; "
                             "give its rate with --fps, or give --frames.")
        first = 0 if start is None else bisect_left(self.pts, self._ticks(start))
        stop = last if end is None else bisect_left(self.pts, self._ticks(end)) - 1
        if first > stop:
            begins, ends = float(self.pts[0] * self.time_base), float(self.pts[0] * self.time_base) + self.duration
            asked = f"{begins if start is None else start:g}-{ends if end is None else end:g} s"
            raise UsageError(f"No frame is shown in {asked}; the clip runs from {begins:g} to {ends:g} s.")
        return first, stop

    def _ticks(self, seconds: float) -> int:
        # 1/30 s has no end of decimals: typed as 0.033, it must still name the frame that appears at 0.0333...
        return math.ceil((Fraction(seconds) - Fraction(1, 2000)) / self.time_base)

    def as_dict(self) -> dict[str, Any]:
        """Everything but the list of times, in types that JSON knows."""
        table = asdict(self)
        for name in ("pts", "durations", "keyframes", "orientation", "metadata", "files"):
            del table[name]
        return table | {
            "path": str(self.path), "frames": self.frames, "numbers": [self.number(0), self.number(self.frames - 1)],
            "duration": self.duration, "sound": self.sound and str(self.sound),
            "rotation": self.rotation, "mirrored": self.orientation.mirrored,
            "sample_aspect_ratio": str(self.sample_aspect_ratio), "time_base": str(self.time_base),
            "start": float(self.pts[0] * self.time_base), "average_rate": str(self.average_rate),
            "variable_rate": self.variable_rate, "metadata": dict(self.metadata), "colour": self.colour.as_dict(),
            "audio": _plain(self.audio), "others": _plain(self.others),
            "interlaced": self.deinterlace, "kept": list(self.kept), "warnings": list(self.warnings),
        }


def _plain(tracks: Sequence[Track]) -> list[dict[str, Any]]:
    return [asdict(track) | {"disposition": list(track.disposition)} for track in tracks]
