"""CMX 3600 EDLs: read by OpenTimelineIO's adapter, after what it does not understand is written as it does.

An EDL states neither its frame rate nor where its media is, and "FCM: DROP FRAME" decides what its timecodes count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio

from vidstyle.batch.edits.time import count_of
from vidstyle.core.errors import InputError

_TIMECODE = r"\d\d:\d\d:\d\d[:;.,]\d\d"
_EVENT = re.compile(r"(\d+)\s+(\S+)\s+(\S+)\s+(\S+(?:\s+\d+)?)" + rf"\s+({_TIMECODE})" * 4)
_TO = re.compile(r"(\*\s*)TO (CLIP|FILE)(?=:)")
_FROM = re.compile(r"\*\s*FROM (CLIP|FILE):")
_UNREAD = (otio.exceptions.OTIOError, ValueError, AttributeError)
"""What the adapter raises for an EDL that it cannot read."""
_SPAN = re.compile(r"\[(\d+)-(\d+)\](?=\.\w+$)")
_SPEED = re.compile(rf"(M2\s.*?)\s+(-?\d+\.?\d*)\s+({_TIMECODE})")
_BACKWARDS = re.compile(r"M2\s.*\s-0*[1-9]")
_USUAL = tuple(Fraction(rate) for rate in (24, 25, 30, 50, 60))
_DROPPING = (Fraction(30000, 1001), Fraction(60000, 1001))


@dataclass(frozen=True)
class Edl:
    """An EDL that was read."""

    timeline: Any
    """OpenTimelineIO's Timeline; source and record times are timecodes as counts of frames."""
    drop: bool
    """Whether its timecodes count drop-frame."""
    warnings: tuple[str, ...]


def read_edl(path: Path, rates_of: Callable[[Any], Sequence[Fraction]]) -> Edl:
    """The EDL at `path`. rates_of: the rates of the media of a timeline, the most frequent first.

    Raises InputError where it is no CMX 3600 EDL.
    """
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    lines = list(_corrected(text, None))
    drop = any(";" in line for line in lines if _EVENT.fullmatch(line))
    content = "\n".join(lines)
    try:
        # At 60, every timecode can be read, drop-frame or not; the times are wrong, and only the names are used.
        names = _parse(content, _DROPPING[1] if drop else Fraction(60), guess=True)
        found = rates_of(names)
        dropping = tuple(rate for rate in found if rate in _DROPPING)
        rates = (dropping or _DROPPING) if drop else (*found, *_USUAL)
        for rate in rates:
            try:
                timeline = _parse("\n".join(_corrected(text, rate)), rate)
                return Edl(timeline, drop, _unread_effects(path, lines, timeline))
            except _UNREAD as error:
                if rate == rates[0]:
                    problem = str(error)
        doubt = f"{path.name}: {problem.rstrip('.')}; the source times are used."
        return Edl(_parse(content, rates[0], guess=True), drop, (doubt,))
    except _UNREAD as error:
        raise InputError(f"{path}: is not an EDL that can be read ({str(error).rstrip('.')}); "
                         "export it as CMX 3600, or as OTIO.") from error


def _parse(text: str, rate: Fraction, *, guess: bool = False) -> Any:
    return otio.adapters.read_from_string(text, "cmx_3600", rate=float(rate), ignore_timecode_mismatch=guess)


def _corrected(text: str, rate: Fraction | None) -> Iterator[str]:
    """The lines of an EDL as the adapter has to be given them.

    It ignores FCM; takes the clip that a dissolve comes from for the one that it goes to; refuses a list that begins with
    a fade, a comment before the first event, and a semicolon in an M2 line. An M2 line states the speed to one decimal,
    which is too little for long clips; where `rate` is known, the speed is that of the event's own times.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    events = {at: event for at, line in enumerate(lines) if (event := _EVENT.fullmatch(line)) and event[3] != "NONE"}
    numbers = [event[1] for event in events.values()]
    dropping, into, begun, done = False, False, set[str](), 0
    times: list[str] = []
    for at, line in enumerate(lines):
        if line.startswith("FCM"):
            dropping = "NON" not in line
        elif line.startswith("TITLE"):
            yield line
        elif at in events:
            number, reel, channel, kind, *written = events[at].groups()
            times = [_timecode(time, dropping) for time in written]
            first, second = numbers[done + 1:done + 2] == [number], numbers[max(done - 1, 0):done] == [number]
            into, done = first or second, done + 1
            if kind == "C" and first and (channel not in begun or times[2] != times[3]):
                yield f"{number}000 {reel} {channel} C {' '.join(times)}"  # an event of its own, before the transition
            if kind != "C" and not second:
                yield f"{number} {reel} {channel} C {times[0]} {times[0]} {times[2]} {times[2]}"
            begun.add(channel)
            yield f"{number} {reel} {channel} {kind} {' '.join(times)}"
        elif (done or line[0].isdigit()) and not _EVENT.fullmatch(line) and not line.startswith("SPLIT"):
            if line.startswith("M2"):
                yield _exact_speed(line.replace(";", ":"), times, rate)
            elif not (into and _FROM.match(line)):
                yield _whole_sequence(_TO.sub(r"\1FROM \2", line) if into else line, times, rate)


def _exact_speed(line: str, times: Sequence[str], rate: Fraction | None) -> str:
    """An M2 line with the speed that the event's source and record times make."""
    counts = [None if rate is None else count_of(time, rate) for time in times]
    found = _SPEED.fullmatch(line)
    if rate is None or found is None or not float(found[2]) or None in counts:
        return line
    begin, end, start, stop = (Fraction(count or 0) for count in counts)
    if begin == end or start == stop:
        return line
    speed = abs((end - begin) / (stop - start)) * rate
    return f"{found[1]} {'-' if found[2].startswith('-') else ''}{float(speed):.6f} {found[3]}"


def _whole_sequence(line: str, times: Sequence[str], rate: Fraction | None) -> str:
    """A line without the span of a sequence's name, `shot.[1001-1100].exr`, if that is not the frames of the event.

    The adapter takes its first number for that of the source in, which it is where Nucoda writes it, and not in Resolve.
    """
    span = _SPAN.search(line)
    if span is None or rate is None or not times:
        return line
    begin, end = (count_of(time, rate) for time in times[:2])
    if begin is not None and end is not None and end - begin == int(span[2]) - int(span[1]) + 1:
        return line
    return f"{line[:span.start()]}{'#' * len(span[1]) if len(span[1]) > 1 else '%d'}{line[span.end():]}"


def _unread_effects(path: Path, lines: Sequence[str], timeline: Any) -> tuple[str, ...]:
    """A warning where the adapter left out motion effects: those that are as long as the frames that they show."""
    stated = sum(bool(_BACKWARDS.match(line)) for line in lines)
    read = sum(effect.time_scalar < 0 for clip in timeline.find_clips() for effect in clip.effects
               if isinstance(effect, otio.schema.LinearTimeWarp))
    if stated <= read:
        return ()
    return (f"{path.name}: a clip that runs backwards at full speed is written running forwards; reverse it again.",)


def _timecode(text: str, dropping: bool) -> str:
    """`text` with a semicolon before the frames if it counts drop-frame, and a colon if not."""
    separator = ";" if dropping or text[8] in ";," else ":"
    return f"{text[:8]}{separator}{text[9:]}"
