"""Parse text that names what to paint: styles with weights, times, frame ranges."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

from vidstyle.core.declare import Locate
from vidstyle.core.errors import UsageError

_SECONDS = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(s|ms|us)?")
_CLOCK = re.compile(r"(?:(\d+):)?([0-5]?\d):([0-5]?\d(?:\.\d*)?)")
_UNITS = {None: 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
Range = tuple[tuple[int, int] | None, float | None, float | None]
"""First and last frame, both included; and the seconds of the first time painted and of the time to stop before."""


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


def parse_time(text: str, option: str) -> float:
    """Seconds of a time as ffmpeg writes it: `12.5`, `750ms`, `MM:SS` or `HH:MM:SS.mmm`. Raises UsageError."""
    if match := _SECONDS.fullmatch(text.strip()):
        return float(match[1]) * _UNITS[match[2]]
    if match := _CLOCK.fullmatch(text.strip()):
        return int(match[1] or 0) * 3600 + int(match[2]) * 60 + float(match[3])
    raise UsageError(f"{option} {text} is not a time; give seconds, MM:SS or HH:MM:SS.mmm.")


def parse_frames(text: str) -> tuple[int, int]:
    """First and last frame, both included, of `A-B`, or of `A` for one frame. Raises UsageError."""
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text.strip())
    if not match:
        raise UsageError(f"--frames {text} is not a range; give A-B, both included, such as 0-99, or one number.")
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise UsageError(f"--frames {text} ends before it starts; give the smaller number first.")
    return first, last


def parse_range(frames: str | None, start: str | None, end: str | None) -> Range:
    """The part of a clip that is given by frames, by times, or not at all. Raises UsageError."""
    if frames is not None and (start is not None or end is not None):
        raise UsageError("--frames and --start/--end both name a part of the clip; give one or the other.")
    begin = None if start is None else parse_time(start, "--start")
    stop = None if end is None else parse_time(end, "--end")
    if stop is not None and stop <= (begin or 0.0):
        raise UsageError(f"--end {end} is not after the start; give a later time.")
    return None if frames is None else parse_frames(frames), begin, stop
