"""The timecode of an output, advanced for a range that begins later."""

from __future__ import annotations

from fractions import Fraction

from vidstyle.core.timecode import Timecode


def advance(timecode: str, frames: int, rate: Fraction) -> str | None:
    """The timecode `frames` later at `rate` frames a second; None if `timecode` is not a timecode or does not fit the rate."""
    begin = Timecode.parse(timecode)
    later = None if begin is None else begin.advanced(frames, rate)
    return None if later is None else str(later)
