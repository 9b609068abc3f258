"""Parse text that names what to paint: styles with weights, times, frame ranges."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path

from vidstyle.core.declare import Locate
from vidstyle.core.errors import UsageError
from vidstyle.core.timecode import Timecode

_SECONDS = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(s|ms|us)?")
_CLOCK = re.compile(r"(?:(\d+):)?([0-5]?\d):([0-5]?\d(?:\.\d*)?)")
_UNITS = {None: 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_SPAN = re.compile(r"(\d*)(?:\s*([-:\N{EN DASH}])\s*(\d*))?")
Frames = tuple[int | None, int | None]
"""First and last frame, both included; None for an end is the clip's own."""
Range = tuple[Frames | None, float | Timecode | None, float | Timecode | None]
"""Frames; and the first time painted and the time to stop before, in seconds or as timecode."""


def parse_style(text: str, locate: Locate = Path) -> tuple[Path, float]:
    """Path and weight of `monet.jpg` or `monet.jpg:0.5`; if a file named `monet.jpg:0.5` exists, it is that file.

    locate: the name of a file -> its path. Raises UsageError for a weight that is not above 0.
    """
    name, colon, number = text.rpartition(":")
    if not colon or not name or not _NUMBER.fullmatch(number) or os.path.exists(locate(text)):
        return locate(text), 1.0
    weight = float(number)
    if not (weight > 0 and math.isfinite(weight)):
        raise UsageError(f"--style {text} has the weight {number}; give a weight above 0.")
    return locate(name), weight


@dataclass(frozen=True)
class KeyPicture:
    """An artist's painting of a frame."""

    at: int | float | Timecode
    """Number of the frame: from 0 in a movie, that of its file in a sequence; or its seconds, or its timecode."""
    path: Path


def parse_key(text: str, locate: Locate = Path) -> KeyPicture:
    """The frame and the painting of `12=painted.png`, `0.5s=painted.png` or `00:00:01:12=painted.png`.

    locate: the name of a file -> its path. Raises UsageError for anything else.
    """
    at, equals, name = text.partition("=")
    if not equals or not at.strip() or not name.strip():
        raise UsageError(f"--key {text} names no frame and painting; give both, such as 12=painted.png.")
    if at.strip().isdecimal():
        return KeyPicture(int(at), locate(name.strip()))
    try:
        return KeyPicture(parse_time(at, "--key"), locate(name.strip()))
    except UsageError:
        raise UsageError(f"--key {text}: {at.strip()} is neither the number of a frame nor a time; give a number, seconds such "
                         "as 0.5s, or the timecode HH:MM:SS:FF.") from None


def parse_time(text: str, option: str) -> float | Timecode:
    """Seconds of a time as ffmpeg writes it, `12.5`, `750ms`, `MM:SS` or `HH:MM:SS.mmm`; or the timecode `HH:MM:SS:FF`.

    Raises UsageError for anything else.
    """
    if match := _SECONDS.fullmatch(text.strip()):
        return float(match[1]) * _UNITS[match[2]]
    if match := _CLOCK.fullmatch(text.strip()):
        return int(match[1] or 0) * 3600 + int(match[2]) * 60 + float(match[3])
    if (timecode := Timecode.parse(text)) is not None:
        return timecode
    raise UsageError(f"{option} {text} is not a time; give seconds, MM:SS, HH:MM:SS.mmm, or the timecode HH:MM:SS:FF.")


def parse_frames(text: str) -> Frames:
    """First and last frame, both included, of `A-B` or `A:B`, or of `A` for one frame; an end that is left out is None.

    Raises UsageError for anything else.
    """
    match = _SPAN.fullmatch(text.strip())
    if not match or not (match[1] or match[3]):
        raise UsageError(f"--frames {text} is not a range; give A-B, both included, such as 0-99, 5- for all from 5 on, "
                         "or one number.")
    first = int(match[1]) if match[1] else None
    last = first if not match[2] else int(match[3]) if match[3] else None
    if first is not None and last is not None and last < first:
        raise UsageError(f"--frames {text} ends before it starts; give the smaller number first.")
    return first, last


def parse_range(frames: str | None, start: str | None, end: str | None) -> Range:
    """The part of a clip that is given by frames, by times, or not at all. Raises UsageError."""
    if frames is not None and (start is not None or end is not None):
        raise UsageError("--frames and --start/--end both name a part of the clip; give one or the other.")
    begin = None if start is None else parse_time(start, "--start")
    stop = None if end is None else parse_time(end, "--end")
    if isinstance(stop, int | float) and not isinstance(begin, Timecode) and stop <= (begin or 0.0):
        after = "the start" if start is None else f"--start {start}"
        raise UsageError(f"--end {end} is not after {after}; give a later time.")
    return None if frames is None else parse_frames(frames), begin, stop
