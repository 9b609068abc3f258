"""Parse the text of command-line options: styles with weights, times, frame ranges, outputs."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

from vidstyle.core.errors import UsageError

_SECONDS = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(s|ms|us)?")
_CLOCK = re.compile(r"(?:(\d+):)?([0-5]?\d):([0-5]?\d(?:\.\d*)?)")
_UNITS = {None: 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")


def parse_style(text: str) -> tuple[Path, float]:
    """Path and weight of `monet.jpg` or `monet.jpg:0.5`; if a file named `monet.jpg:0.5` exists, it is that file."""
    name, colon, number = text.rpartition(":")
    if not colon or not name or not _NUMBER.fullmatch(number) or os.path.exists(text):
        return Path(text), 1.0
    weight = float(number)
    if not (weight > 0 and math.isfinite(weight)):
        raise UsageError(f"--style {text} has the weight {number}; give a weight above 0.")
    return Path(name), weight


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


def parse_output(text: str | None, clips: int) -> tuple[Path | None, bool]:
    """The output of `clips` clips, and whether it is a folder; None where `text` is. Raises UsageError."""
    if text is None:
        return None, False
    folder = text.endswith(("/", os.sep)) or Path(text).is_dir()
    if clips > 1 and not folder:
        raise UsageError(f"-o {text} is one file for {clips} clips; give a folder, such as -o {text}/.")
    return Path(text), folder
