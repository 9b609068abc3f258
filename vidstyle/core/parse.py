"""Parse text that names what to paint: styles with weights, times, frame ranges."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path

from vidstyle.core.curve import Curve, parse_number
from vidstyle.core.declare import Locate
from vidstyle.core.errors import UsageError
from vidstyle.core.timecode import Timecode

_SECONDS = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(s|ms|us)?")
_CLOCK = re.compile(r"(?:(\d+):)?([0-5]?\d):([0-5]?\d(?:\.\d*)?)")
_UNITS = {None: 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
_WEIGHT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)|(\s*[\d:;.]+m?s?:[+-]?[\d.]+)+(\s+[a-z]+)?")
"""A weight of a style, or a curve of it; what looks like a curve and is none is an error."""
_SPAN = re.compile(r"(\d*)(?:\s*([-:\N{EN DASH}])\s*(\d*))?")
SOURCE = "none"
"""What stands for the style of a matte where the source is to be seen."""
Frames = tuple[int | None, int | None]
"""First and last frame, both included; None for an end is the clip's own."""
Range = tuple[Frames | None, float | Timecode | None, float | Timecode | None]
"""Frames; and the first time painted and the time to stop before, in seconds or as timecode."""


def parse_style(text: str, locate: Locate = Path) -> tuple[Path, float | Curve]:
    """Path and weight of `monet.jpg`, `monet.jpg:0.5`, or `monet.jpg:0:1 48:0`, whose weight changes over the clip.

    If a file of the name `monet.jpg:0.5` exists, it is that file. locate: the name of a file -> its path. Raises UsageError
    for a weight that is not above 0, and for a key of a curve whose weight is below 0.
    """
    if os.path.exists(locate(text)):
        return locate(text), 1.0
    colons = [place for place, letter in enumerate(text) if letter == ":" and place]
    found = [(locate(text[:place]), text[place + 1:]) for place in colons if _WEIGHT.fullmatch(text[place + 1:])]
    if not found:
        return locate(text), 1.0
    path, written = next(((path, weight) for path, weight in found if os.path.exists(path)), found[0])
    weight = parse_number(written, f"the weight of {path}")
    values = weight.values if isinstance(weight, Curve) else (weight,)
    if not all(0 <= value < math.inf for value in values) or weight == 0:
        raise UsageError(f"--style {text} has the weight {written}; give a weight above 0"
                         f"{', or 0 at some of its keys' if isinstance(weight, Curve) else ''}.")
    return path, weight


def parse_matte(text: str, locate: Locate = Path) -> tuple[Path, Path | str | None]:
    """File and style of `matte.mp4=monet.jpg`; the style is `SOURCE` for `matte.mp4=none`, and None where none is named.

    If a file named `matte.mp4=monet.jpg` exists, it is that file. locate: the name of a file -> its path. Raises UsageError.
    """
    name, equals, style = text.rpartition("=")
    if text and (not equals or os.path.exists(locate(text))):
        return locate(text), None
    if not (name and style):
        raise UsageError(f"--matte {text} names no {'style' if name else 'file'}; give FILE, FILE=STYLE or FILE=none.")
    return locate(name), style if style == SOURCE else locate(style)


def resolve_matte(text: str, locate: Locate) -> str:
    """`text` with the paths of its files; see `parse_matte`."""
    file, style = parse_matte(text, locate)
    return str(file) if style is None else f"{file}={style}"


@dataclass(frozen=True)
class KeyPicture:
    """An artist's painting of a frame."""

    at: int | float | Timecode
    """Number of the frame: from 0 in a movie, that of its file in a sequence; or its seconds, or its timecode."""
    path: Path

    def __str__(self) -> str:
        """As `parse_key` reads it."""
        return f"{self.at}{'s' if isinstance(self.at, float) else ''}={self.path}"


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
