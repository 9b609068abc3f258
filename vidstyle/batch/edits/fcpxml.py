"""FCPXML, the edits of Final Cut Pro X and Resolve, as an OpenTimelineIO timeline.

OpenTimelineIO's own adapter for it counts 29 frames a second where there are 29.97, and knows neither transitions, nor
retimes, nor files named by `media-rep` (FCPXML 1.9 and later), so that its ranges are not exact to the frame.
Reference: https://developer.apple.com/documentation/professional-video-applications/fcpxml-reference
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

from vidstyle.core.errors import InputError
from vidstyle.core.files import check_plain

_ITEMS = ("asset-clip", "clip", "video", "ref-clip", "sync-clip", "mc-clip", "title", "audition")
"""Elements that are on a track; of others only `gap` takes time there."""
_NESTED = ("ref-clip", "sync-clip", "mc-clip")
"""Elements that hold tracks of their own: a compound clip, a picture with its sound, several cameras."""
_Lanes = dict[tuple[int, str], "_Lane"]
"""The tracks, by their lane and kind."""


def read_fcpxml(path: Path) -> tuple[Any, bool]:
    """A Timeline of the project in the file, or a SerializableCollection of several, and whether its timecode is drop-frame.

    Raises InputError.
    """
    check_plain(path, "an edit")
    try:
        root = ElementTree.fromstring(path.read_bytes())
        reader = _Reader(root)
        timelines = [reader.timeline(project) for project in root.iter("project")]
    except (ElementTree.ParseError, LookupError, ValueError, ArithmeticError) as error:
        raise InputError(f"{path}: is not FCPXML that can be read ({error}); export it again, or as OTIO.") from error
    if not timelines:
        raise InputError(f"{path}: holds no project; export the project, and not the clips of an event.")
    drop = any(sequence.get("tcFormat") == "DF" for sequence in root.iterfind(".//project/sequence"))
    return timelines[0] if len(timelines) == 1 else otio.schema.SerializableCollection(path.stem, timelines), drop


@dataclass
class _Lane:
    """One track while it is filled."""

    items: list[tuple[Fraction, Fraction, Any]] = field(default_factory=list)
    """Where each item begins, from the start of the sequence, its length, both in seconds, and the item."""

    def track(self, name: str, kind: str, rate: Fraction) -> Any:
        """The track, with gaps where it is empty."""
        track, end = otio.schema.Track(name, kind=kind), Fraction(0)
        for begin, length, item in sorted(self.items, key=lambda each: each[:2]):  # a transition, without length, first
            if begin > end:
                track.append(otio.schema.Gap(source_range=_span(Fraction(0), begin - end, rate)))
            track.append(item)
            end = begin + length
        return track


class _Reader:
    def __init__(self, root: Element) -> None:
        resources = root.find("resources")
        self._resources = {} if resources is None else {each.get("id"): each for each in resources}

    def timeline(self, project: Element) -> Any:
        sequence = project.find("sequence")
        if sequence is None:
            raise ValueError(f"the project {project.get('name')} has no sequence")
        timeline, rate = otio.schema.Timeline(project.get("name", "")), self._rate(sequence)
        timeline.global_start_time = _time(_seconds(sequence.get("tcStart")), rate)
        timeline.tracks = self._stack(sequence, "tracks", rate)
        return timeline

    def _stack(self, holder: Element, name: str, rate: Fraction) -> Any:
        """The tracks of a sequence or of a nested clip, from the bottom; the primary storyline is lane 0."""
        lanes: _Lanes = {}
        inner = holder.find("spine")
        self._fill(holder if inner is None else inner, 0, Fraction(0), _seconds(holder.get("tcStart")), rate, lanes)
        stack = otio.schema.Stack(name)
        for (lane, kind), each in sorted(lanes.items(), key=lambda item: (item[0][1] == "Audio", item[0][0])):
            stack.append(each.track(f"lane {lane}", kind, rate))
        return stack

    def _fill(self, parent: Element, lane: int, begin: Fraction, zero: Fraction, rate: Fraction, lanes: _Lanes, *,
              connected: bool = False) -> None:
        """Place the children of `parent`. begin: where it begins; zero: the time there on its own clock, in seconds.

        connected: only those with a lane of their own, which are attached to the clip `parent`.
        """
        running = begin
        for element in parent:
            offset = element.get("offset")
            at = running if offset is None else begin + _seconds(offset) - zero
            length, here = _seconds(element.get("duration")), int(element.get("lane", lane))
            if connected and "lane" not in element.attrib:
                continue
            if element.tag == "spine":
                self._fill(element, here, at, Fraction(0), rate, lanes)
            elif element.tag == "transition":
                item = _transition(element, at, running, rate)
                lanes.setdefault((here, "Video"), _Lane()).items.append((running, Fraction(0), item))
            elif element.tag in (*_ITEMS, "gap"):
                if element.tag != "gap":
                    item, kind = self._item(element, length, rate)
                    lanes.setdefault((here, kind), _Lane()).items.append((at, length, item))
                if element.tag not in _NESTED:
                    self._fill(element, here, at, _seconds(element.get("start")), rate, lanes, connected=True)
                running = at + length

    def _item(self, element: Element, length: Fraction, rate: Fraction) -> tuple[Any, str]:
        """The clip or the nested tracks, and the kind of the track for them."""
        chosen = next((each for each in element if each.tag in _ITEMS), element) if element.tag == "audition" else element
        holder = self._holder(chosen)
        if holder is None:
            item, kind = self._clip(chosen, length, rate)
        else:
            inner, kind = self._rate(holder, rate), "Video"
            item = self._stack(holder, chosen.get("name", ""), inner)
            item.source_range = _span(_seconds(chosen.get("start")) - _seconds(holder.get("tcStart")), length, inner)
        item.enabled = element.get("enabled", "1") == "1"
        for marker in chosen.findall("marker"):
            span = _span(_seconds(marker.get("start")), _seconds(marker.get("duration")), rate)
            item.markers.append(otio.schema.Marker(marker.get("value", ""), span))
        return item, kind

    def _holder(self, element: Element) -> Element | None:
        """The element that holds what a nested clip shows; None for a clip that is not nested."""
        media = self._resources.get(element.get("ref"))
        if element.tag == "sync-clip":
            return element
        if element.tag == "ref-clip" and media is not None:
            return media.find("sequence")
        if element.tag == "mc-clip" and media is not None:
            cameras = {each.get("srcEnable", "all"): each.get("angleID") for each in element.findall("mc-source")}
            camera = cameras.get("video", cameras.get("all"))
            return next((angle for angle in media.iter("mc-angle") if angle.get("angleID") == camera), None)
        return None

    def _clip(self, element: Element, length: Fraction, rate: Fraction) -> tuple[Any, str]:
        name = element.get("name", "")
        picture = element.find("video") if element.tag == "clip" else element
        asset = None if picture is None else self._resources.get(picture.get("ref"))
        if picture is None or asset is None or asset.tag != "asset":
            reference = otio.schema.GeneratorReference(name, generator_kind=element.tag)
            sound = element.tag == "clip" and next(element.iter("video"), None) is None
            span = _span(_seconds(element.get("start")), length, rate)
            return otio.schema.Clip(name, reference, span), "Audio" if sound else "Video"
        rate = self._rate(asset, rate)
        begin, available = _seconds(asset.get("start")), _seconds(asset.get("duration"))
        start = _seconds(element.get("start")) if "start" in element.attrib or picture is not element else begin
        if picture is not element:  # `clip` holds the picture, which is placed on its own clock
            start += _seconds(picture.get("start")) - _seconds(picture.get("offset"))
        start, effects = _retimed(element, start, begin, available)
        reference = otio.schema.ExternalReference(_source(asset), _span(begin, available, rate))
        reference.name = asset.get("name", "")
        clip = otio.schema.Clip(name, reference, _span(start, length, rate), effects=effects)
        return clip, "Audio" if asset.get("hasVideo") != "1" and asset.get("hasAudio") == "1" else "Video"

    def _rate(self, element: Element, otherwise: Fraction | None = None) -> Fraction:
        """Frames a second of the format that an element names."""
        named = self._resources.get(element.get("format"))
        duration = None if named is None else named.get("frameDuration")
        if duration is not None:
            return 1 / _seconds(duration)
        if otherwise is None:
            raise ValueError(f"the format {element.get('format')} states no frameDuration")
        return otherwise


def _retimed(element: Element, start: Fraction, begin: Fraction, length: Fraction) -> tuple[Fraction, list[Any]]:
    """Where a clip starts in its file, in seconds, and the effect that its `timeMap` is.

    A map of more than one speed becomes an effect that states none, which the clip is left out for.
    """
    found = element.find("timeMap")
    if found is None:
        return start, []
    points = [(_seconds(point.get("time")), _seconds(point.get("value"))) for point in found.findall("timept")]
    speeds = {(after[1] - before[1]) / (after[0] - before[0]) for before, after in pairwise(points) if after[0] != before[0]}
    if len(speeds) != 1:
        return start, [otio.schema.TimeEffect("timeMap", "timeMap")]
    [speed] = speeds
    source = points[0][1] + (start - points[0][0]) * speed
    if not begin <= source <= begin + length:  # the map counts from the file's first frame, and not in its timecode
        source += begin
    effect = otio.schema.FreezeFrame() if speed == 0 else otio.schema.LinearTimeWarp(time_scalar=float(speed))
    return source, [effect]


def _transition(element: Element, at: Fraction, cut: Fraction, rate: Fraction) -> Any:
    end = at + _seconds(element.get("duration"))
    return otio.schema.Transition(element.get("name", ""), otio.schema.TransitionTypes.SMPTE_Dissolve,
                                  _time(max(cut - at, Fraction(0)), rate), _time(max(end - cut, Fraction(0)), rate))


def _source(asset: Element) -> str:
    """The file of an asset: `media-rep` since FCPXML 1.9, `src` before."""
    kinds = {each.get("kind", "original-media"): each.get("src", "") for each in asset.findall("media-rep")}
    return kinds.get("original-media") or next(iter(kinds.values()), "") or asset.get("src") or ""


def _seconds(text: str | None) -> Fraction:
    """`1001/30000s`, `5s`; 0 where the attribute is missing."""
    return Fraction((text or "0s").strip().removesuffix("s"))


def _time(seconds: Fraction, rate: Fraction) -> RationalTime:
    return RationalTime(float(seconds * rate), float(rate))


def _span(start: Fraction, duration: Fraction, rate: Fraction) -> TimeRange:
    return TimeRange(_time(start, rate), _time(duration, rate))
