"""Writing a CMX 3600 EDL of an edit with painted media.

OpenTimelineIO's adapter writes retimed clips with the wrong source out (the duration is divided by the speed), every
timecode at 29.97 as drop-frame, and wipes as dissolves; so the events are written here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, prod
from pathlib import Path, PurePath
from typing import Any

import opentimelineio as otio

from vidstyle.batch.edits.files import Loaded
from vidstyle.batch.edits.media import Media
from vidstyle.batch.edits.time import exact_rate, frames_of, timecode_of
from vidstyle.video import parse_pattern

_BLACK = "BL"
_NEARLY = Fraction(1, 100)  # of a frame


class Unwritable(Exception):
    """An EDL cannot hold the edit; the message says why."""


@dataclass(frozen=True)
class _Event:
    """What an EDL says of one clip."""

    reel: str
    name: str
    path: str
    """Of the file, where it is known."""
    source: tuple[str, str]
    record: tuple[str, str]
    speed: Fraction
    """Frames of media for each frame of the edit."""
    until: Fraction
    """When it ends in the edit, in frames."""
    comments: tuple[str, ...] = ()

    def line(self, number: int, kind: str) -> str:
        return f"{number:03}  {self.reel:8} V     {kind:8} {' '.join((*self.source, *self.record))}"

    def end(self, number: int) -> str:
        """The line of its last moment, from which a transition starts."""
        return f"{number:03}  {self.reel:8} V     {'C':8} {' '.join([self.source[1]] * 2 + [self.record[1]] * 2)}"

    def about(self, which: str, rate: Fraction) -> Iterator[str]:
        """The lines below the event. which: FROM for a cut, TO for the clip that a transition goes to."""
        if self.reel == _BLACK:
            return
        if self.speed != 1:
            yield f"M2   {self.reel}       {float(self.speed * rate):05.1f}                {self.source[0]}"
        yield f"* {which} CLIP NAME:  {self.name}{' FF' if self.speed == 0 else ''}"
        if self.speed == 0:
            yield "* * FREEZE FRAME"
        if self.path:
            yield f"* {which} CLIP: {self.path}"
        yield from self.comments


def edl_text(edit: Any, files: Mapping[int, Media], loaded: Loaded, source: Path) -> str:
    """The EDL of a Timeline with one track of pictures; sound is left out.

    files: the painted media of each clip, by its id. loaded, source: the edit that was read, and its file. Raises Unwritable.
    """
    if not isinstance(edit, otio.schema.Timeline):
        raise Unwritable("an EDL holds one timeline, and this is a collection")
    tracks = [track for track in edit.video_tracks() if track.enabled and any(True for _ in track.find_clips())]
    if len(tracks) != 1:
        raise Unwritable(f"an EDL holds one video track, and this edit has {len(tracks)}")
    try:
        return _Writer(edit, tracks[0], files, loaded).text(edit.name or source.stem)
    except (otio.exceptions.OTIOError, ValueError, ArithmeticError) as error:
        raise Unwritable(f"a time has no timecode ({error})") from error


class _Writer:
    def __init__(self, edit: Any, track: Any, files: Mapping[int, Media], loaded: Loaded) -> None:
        self.edit, self.track, self.files, self.was_edl = edit, track, files, loaded.is_edl
        self.rate = exact_rate(track.duration().rate)
        start = edit.global_start_time
        self.zero = Fraction(0) if start is None else frames_of(start, self.rate)
        self.drop = any(_drops(media) for media in files.values()) if loaded.drop is None else loaded.drop

    def text(self, title: str) -> str:
        drops = ";" in timecode_of(Fraction(0), self.rate, drop=self.drop)
        lines = [f"TITLE: {title}", f"FCM: {'' if drops else 'NON-'}DROP FRAME", ""]
        children = [None, *self.track, None]
        number, before = 0, self._black(self.zero, self.zero)
        for place, child in enumerate(children[1:-1], 1):
            if isinstance(child, otio.schema.Transition):
                continue
            into, out = (each if isinstance(each, otio.schema.Transition) else None
                         for each in (children[place - 1], children[place + 1]))
            event = self._event(child, into, out)
            if into is not None:
                number += 1
                lines += self._mixed(number, into, before, event)
            elif event.record[0] != event.record[1] and isinstance(child, otio.schema.Clip) and child.enabled:
                number += 1
                lines += [event.line(number, "C"), *event.about("FROM", self.rate)]
            before = event
        if isinstance(children[-2], otio.schema.Transition):  # a fade to black
            length = frames_of(children[-2].in_offset + children[-2].out_offset, self.rate)
            lines += self._mixed(number + 1, children[-2], before, self._black(before.until, before.until + length))
        return "\n".join([*lines, "* WRITTEN BY VIDSTYLE"]) + "\n"

    def _mixed(self, number: int, transition: Any, before: _Event, event: _Event) -> Iterator[str]:
        """The two lines of a transition, and what is below them."""
        kind = transition.metadata.get("cmx_3600", {}).get("transition", "D")
        length = frames_of(transition.in_offset + transition.out_offset, self.rate)
        yield before.end(number)
        yield event.line(number, f"{kind} {round(length):03}")
        if before.name:
            yield f"* FROM CLIP NAME:  {before.name}"
        yield from event.about("TO", self.rate)

    def _event(self, child: Any, into: Any, out: Any) -> _Event:
        """The event of a clip or gap, on which a transition into it begins, and which ends where one out of it begins."""
        if not isinstance(child, otio.schema.Clip | otio.schema.Gap):
            raise Unwritable(f"{child.name or 'an item'} is a nested clip")
        head = Fraction(0) if into is None else frames_of(into.in_offset, self.rate)
        tail = Fraction(0) if out is None else frames_of(out.in_offset, self.rate)
        span = child.trimmed_range()
        begin = self.zero + frames_of(child.transformed_time(span.start_time, self.edit.tracks), self.rate)
        end = begin + frames_of(span.duration, self.rate) - tail
        begin -= head
        if isinstance(child, otio.schema.Gap) or not child.enabled:
            return self._black(begin, end)
        media = self.files.get(id(child))
        by_time = media is not None and media.by_time
        rate = self.rate if by_time else exact_rate(span.start_time.rate) if media is None else media.rate
        speed = prod((Fraction(effect.time_scalar).limit_denominator(10**6) for effect in child.effects
                      if isinstance(effect, otio.schema.LinearTimeWarp)), start=Fraction(1))
        each = abs(speed) if round(rate) == round(self.rate) else abs(speed) * rate / self.rate
        first = frames_of(span.start_time, rate, by_time=by_time) - head * each
        last = first + (ceil((end - begin) * each - _NEARLY) if speed else 1)
        drop = _drops(media) if media is not None and media.timecode is not None else self.drop
        if media is None:
            path, name = getattr(child.media_reference, "target_url", ""), child.name
            reel = child.metadata.get("cmx_3600", {}).get("reel", "AX")
        else:
            path = _path(media)
            name = PurePath(path).name
            reel = PurePath(path).stem.split(".[")[0]
        return _Event(reel.replace(" ", "_") or "AX", name, path,
                      (timecode_of(first, rate, drop=drop), timecode_of(last, rate, drop=drop)),
                      (self._time(begin), self._time(end)), speed, end, tuple(self._comments(child, begin)))

    def _comments(self, clip: Any, begin: Fraction) -> Iterator[str]:
        """The comments of an EDL that was read, but for the name of its file, and markers."""
        stated = clip.metadata.get("cmx_3600", {}).get("comments", [])
        yield from (f"* {comment}" for comment in stated if not comment.startswith(("SOURCE FILE", "WRITTEN BY")))
        for marker in clip.markers:
            at = marker.marked_range.start_time
            time = frames_of(at if self.was_edl else at - clip.source_range.start_time, self.rate)
            yield f"* LOC: {self._time(time if self.was_edl else begin + time)} {marker.color or 'RED':7} {marker.name}"

    def _black(self, begin: Fraction, end: Fraction) -> _Event:
        zero = self._time(Fraction(0))
        return _Event(_BLACK, "", "", (zero, self._time(end - begin)), (self._time(begin), self._time(end)), Fraction(1), end)

    def _time(self, frames: Fraction) -> str:
        return timecode_of(frames, self.rate, drop=self.drop)


def _path(media: Media) -> str:
    """The path of a movie; that of a sequence with its span, `shot.[1001-1100].exr`, as Resolve names it."""
    pattern = parse_pattern(media.clip.path)
    if pattern is None:
        return media.clip.path.absolute().as_posix()
    first, last = (f"{media.clip.number(index):0{pattern.digits}}" for index in (0, media.clip.frames - 1))
    return (pattern.folder.absolute() / f"{pattern.head}[{first}-{last}]{pattern.tail}").as_posix()


def _drops(media: Media) -> bool:
    return (media.clip.timecode or ":")[-3:-2] in (";", ".")
