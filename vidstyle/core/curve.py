"""Curves: numbers that change over a clip, by keys as animation programs have them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from vidstyle.core.errors import UsageError
from vidstyle.core.timecode import Timecode

Time = int | float | Timecode
"""The number of a frame (int), seconds on the clip's clock (float), or a timecode."""
LINEAR, HOLD, EASE = "linear", "hold", "ease"
WAYS = (LINEAR, HOLD, EASE)
"""How a curve goes from key to key: evenly, in steps, or slowly out of one key and into the next (smoothstep, 3t² - 2t³)."""
FORM = '"0:0 48:1"'
"""An example of a curve, for messages."""

_FRAME = re.compile(r"\d{1,9}")
_SECONDS = re.compile(r"(\d{1,9}(?:\.\d*)?|\.\d+)(s|ms)")
_CLOCK = re.compile(r"(?:(\d{1,9}):)?([0-5]?\d):([0-5]?\d(?:\.\d*)?)")
_VALUE = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_UNITS = {"s": 1.0, "ms": 1e-3}


@dataclass(frozen=True)
class Curve:
    """A number that changes over a clip. `parse_number` makes it of text, and `str` the text again.

    Before the first key and after the last one it holds their values.
    """

    text: str
    """As the user wrote it: keys `TIME:VALUE`, and at the end one of `WAYS` or nothing."""
    times: tuple[Time, ...]
    values: tuple[float, ...]
    way: str = LINEAR
    seconds: tuple[float, ...] = field(default=(), compare=False)
    """When the clip's picture of each key appears (`Frame.seconds`); () until the clip is known, see `on`."""

    def __str__(self) -> str:
        return self.text

    def __format__(self, spec: str) -> str:
        return self.text  # where a number is formatted, a curve is written as it was given

    def on(self, moment: Callable[[Time], float], name: str) -> Curve:
        """The curve on a clip; moment: a time -> its seconds there. Raises UsageError where two keys are out of order."""
        seconds = tuple(map(moment, self.times))
        for number, (before, after) in enumerate(pairwise(seconds), 1):
            if before >= after:
                one, two = self.text.split()[number - 1:number + 1]
                raise UsageError(f"{name}: the key {two} is not after {one}; give each time once, in order.")
        return replace(self, seconds=seconds)

    def at(self, seconds: float) -> float:
        """The value of a frame that appears at `seconds` (`Frame.seconds`); exact at the keys."""
        assert self.seconds, "`on` has given it the clip's times"
        key = bisect_right(self.seconds, seconds) - 1
        if key < 0:
            return self.values[0]
        if key + 1 == len(self.seconds) or self.way == HOLD:
            return self.values[key]
        begin, end = self.seconds[key:key + 2]
        share = (seconds - begin) / (end - begin)
        if self.way == EASE:
            share = share * share * (3 - 2 * share)
        return self.values[key] + share * (self.values[key + 1] - self.values[key])


def parse_number(text: str, name: str) -> float | Curve:
    """A number, or a curve where `text` holds keys; a curve that never changes is a number, too.

    name: of the option, for messages. Raises UsageError for anything else.
    """
    text = " ".join(text.split())
    if _VALUE.fullmatch(text):
        return float(text)
    *tokens, last = text.split() or [""]
    way = last if tokens and last in WAYS else LINEAR
    keys = tokens if tokens and last in WAYS else [*tokens, last]
    times, values = list[Time](), list[float]()
    for token in keys:
        time, colon, value = token.rpartition(":")
        found = _time(time) if colon else None
        if found is None or not _VALUE.fullmatch(value):
            raise UsageError(
                f"{name} has {token!r}; give a number, or keys TIME:VALUE such as {FORM}, where TIME is a frame, seconds "
                f"(2.5s), MM:SS or HH:MM:SS:FF, and at the end {', '.join(WAYS[:-1])} or {WAYS[-1]} if you like.")
        times.append(found)
        values.append(float(value))
    return values[0] if len(set(values)) == 1 else Curve(text, tuple(times), tuple(values), way)


def value_at(number: float | Curve, seconds: float) -> float:
    """The value of an option for a frame that appears at `seconds`; see `Curve.at`."""
    return number.at(seconds) if isinstance(number, Curve) else number


def constant(number: float | Curve) -> float:
    """A number where no curve is possible any more."""
    assert not isinstance(number, Curve), "a curve has no one value"
    return number


def plain(value: object) -> Any:
    """The text of a curve, which JSON and TOML have; any other value as it is."""
    return str(value) if isinstance(value, Curve) else value


def most(number: float | Curve) -> float:
    """The largest value."""
    return max(number.values) if isinstance(number, Curve) else number


def in_steps(number: float | Curve, seconds: float, step: Callable[[float], float]) -> float:
    """`value_at`, between the keys of a curve rounded by `step`: what is costly to make again changes in steps."""
    value = value_at(number, seconds)
    return step(value) if isinstance(number, Curve) and value not in number.values else value


def _time(text: str) -> Time | None:
    if _FRAME.fullmatch(text):
        return int(text)
    if match := _SECONDS.fullmatch(text):
        return float(match[1]) * _UNITS[match[2]]
    if (timecode := Timecode.parse(text)) is not None:
        return timecode
    if match := _CLOCK.fullmatch(text):
        return int(match[1] or 0) * 3600.0 + int(match[2]) * 60 + float(match[3])
    return None
