"""Times of an edit as frames: exact rates for the rounded ones that edits state, and timecode as a count of frames."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from opentimelineio import opentime

_ROUNDED = Fraction(6, 1000)  # 23.976, 23.98 and 29.97 are rounded forms of n 1000/1001


def exact_rate(rate: float | Fraction) -> Fraction:
    """Frames a second of a rate that was rounded: 30000/1001 for 29.97."""
    slow = Fraction(1000 * round(rate), 1001)
    if round(rate) and abs(Fraction(rate) - slow) < _ROUNDED:
        return slow
    return Fraction(rate).limit_denominator(1001)


def frames_of(time: Any, rate: Fraction, *, by_time: bool = False) -> Fraction:
    """An OpenTimelineIO time in frames of a clip that has `rate` frames a second.

    Rates that round to the same number count the same frames, because edits often say 24 for a clip with 24000/1001;
    `by_time` goes by the seconds always, for clips whose rate varies.
    """
    value = Fraction(time.value).limit_denominator(10**6)
    return value if _same(time, rate) and not by_time else value * rate / exact_rate(time.rate)


def time_of(frames: Fraction, rate: Fraction, like: Any, *, by_time: bool = False) -> Any:
    """The reverse of `frames_of`: an OpenTimelineIO time at the rate of the time `like`."""
    value = frames if _same(like, rate) and not by_time else frames * exact_rate(like.rate) / rate
    return opentime.RationalTime(float(value), like.rate)


def _same(time: Any, rate: Fraction) -> bool:
    return bool(round(time.rate) == round(rate))


def count_of(timecode: str, rate: Fraction) -> int | None:
    """Frames from 00:00:00:00 to `timecode`; None if it is no timecode of this rate. A semicolon means drop-frame."""
    head, separator, tail = timecode.strip().replace(".", ";").replace(",", ";").rpartition(";")
    text = f"{head};{tail}" if separator else tail
    try:
        return int(opentime.from_timecode(text, float(rate)).value)
    except ValueError:  # also for rates that have no timecode, such as 15
        return None


def timecode_of(count: Fraction, rate: Fraction, *, drop: bool) -> str:
    """The timecode `count` frames after 00:00:00:00, at a rate that has timecode; drop-frame where the rate knows it."""
    if not drop or round(rate) % 30:
        rate = Fraction(round(rate))  # counts without drop-frame, as if 30 frames were a second
    return str(opentime.to_timecode(opentime.RationalTime(round(count), float(rate)), float(rate)))
