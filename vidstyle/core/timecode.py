"""Timecode: the address of a frame as cameras and editors write it, `HH:MM:SS:FF`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

_FORM = re.compile(r"(\d\d?):(\d\d):(\d\d)([:;.])(\d\d)")
_HOURS = 24  # after which timecode begins again at zero


@dataclass(frozen=True)
class Timecode:
    """A timecode, not yet tied to a frame rate.

    Drop-frame counting (SMPTE ST 12-1): at 29.97 the numbers 0 and 1, at 59.94 the numbers 0 to 3, are left out at the
    start of each minute but every tenth.
    """

    hours: int
    minutes: int
    seconds: int
    frames: int
    drop: bool
    """Whether numbers are left out, which a semicolon or a point before the frames states."""
    separator: str = ":"
    """The character before the frames."""

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The timecode that `text` states; None if it is none."""
        found = _FORM.fullmatch(text.strip())
        if found is None or int(found[2]) > 59 or int(found[3]) > 59:
            return None
        return cls(int(found[1]), int(found[2]), int(found[3]), int(found[5]), found[4] != ":", found[4])

    def __str__(self) -> str:
        return f"{self.hours:02}:{self.minutes:02}:{self.seconds:02}{self.separator}{self.frames:02}"

    def count(self, rate: Fraction) -> int | None:
        """Frames from 00:00:00:00 to here at `rate` frames a second; None where the timecode does not fit the rate."""
        base = round(rate)
        if base < 1 or self.frames >= base or (self.drop and base % 30):
            return None
        dropped = base // 15 if self.drop else 0
        minute = self.hours * 60 + self.minutes
        return (minute * 60 + self.seconds) * base + self.frames - dropped * (minute - minute // 10)

    def advanced(self, frames: int, rate: Fraction) -> Timecode | None:
        """The timecode `frames` later at `rate` frames a second, past 24 hours from zero again; None where it does not fit."""
        count, base = self.count(rate), round(rate)
        if count is None:
            return None
        dropped = base // 15 if self.drop else 0
        ten = 600 * base - 9 * dropped
        tens, rest = divmod((count + frames) % (_HOURS * 6 * ten), ten)
        if dropped:
            # Of ten minutes the first has all its numbers, the other nine have `dropped` fewer.
            rest += dropped * max(0, (rest - dropped) // (60 * base - dropped))
        seconds, number = divmod(tens * 600 * base + rest, base)
        minutes, seconds = divmod(seconds, 60)
        return Timecode(minutes // 60, minutes % 60, seconds, number, self.drop, self.separator)
