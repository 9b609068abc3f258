"""Timecode: the address of a frame on the original tape, advanced for a range that begins later."""

from __future__ import annotations

import re
from fractions import Fraction

_FORM = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.])(\d\d)")


def advance(timecode: str, frames: int, rate: Fraction) -> str | None:
    """The timecode `frames` later at `rate` frames a second; None if `timecode` is not a timecode or does not fit the rate.

    A semicolon or a point before the frames means drop-frame counting (SMPTE ST 12-1): at 29.97 the numbers 0 and 1, at
    59.94 the numbers 0 to 3, are left out at the start of each minute but every tenth. Goes round at 24 hours.
    """
    found = _FORM.fullmatch(timecode.strip())
    if found is None:
        return None
    hours, minutes, seconds, number = (int(found[group]) for group in (1, 2, 3, 5))
    base, dropping = round(rate), found[4] != ":"
    if base < 1 or number >= base or minutes > 59 or seconds > 59 or (dropping and base % 30):
        return None
    drop = base // 15 if dropping else 0
    minute = hours * 60 + minutes
    count = (minute * 60 + seconds) * base + number - drop * (minute - minute // 10) + frames
    ten = 600 * base - 9 * drop
    count %= 144 * ten
    tens, rest = divmod(count, ten)
    if drop:
        # Of ten minutes the first has all its numbers, the other nine have `drop` fewer.
        rest += drop * max(0, (rest - drop) // (60 * base - drop))
    count = tens * 600 * base + rest
    seconds, number = divmod(count, base)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours % 24:02}:{minutes:02}:{seconds:02}{found[4]}{number:02}"
