"""Reading an edit, whatever its format, as an OpenTimelineIO object."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import opentimelineio as otio

from vidstyle.batch.edits.edl import read_edl
from vidstyle.batch.edits.fcpxml import read_fcpxml
from vidstyle.core.errors import InputError, UsageError
from vidstyle.core.files import check_plain

READ = (".otio", ".edl", ".fcpxml", ".fcpxmld", ".xml")


@dataclass(frozen=True)
class Loaded:
    """An edit that was read."""

    root: Any
    """A Timeline, or a SerializableCollection of several."""
    is_edl: bool = False
    """Whether its source times are timecodes, as in an EDL, and not counts of frames."""
    drop: bool | None = None
    """Whether its timecodes count drop-frame; None where it does not say."""
    warnings: tuple[str, ...] = ()


def load(path: Path, rates_of: Callable[[Any], Sequence[Fraction]]) -> Loaded:
    """The edit at `path`. rates_of: for EDLs, see `read_edl`. Raises UsageError for its suffix, InputError for its content."""
    suffix = path.suffix.lower()
    if suffix == ".fcpxmld" and os.path.isdir(path):
        return _load_fcpxml(path / "Info.fcpxml")
    check_plain(path, "an edit")
    if suffix == ".edl":
        edl = read_edl(path, rates_of)
        return Loaded(edl.timeline, is_edl=True, drop=edl.drop, warnings=edl.warnings)
    if suffix == ".fcpxml" or (suffix == ".xml" and b"<fcpxml" in path.read_bytes()[:4096]):
        return _load_fcpxml(path)
    if suffix not in READ:
        raise UsageError(f"{path}: is no edit that is read here; give one of {', '.join(READ)}.")
    try:
        root = otio.adapters.read_from_file(str(path), "otio_json" if suffix == ".otio" else "fcp_xml")
    except Exception as error:  # the adapter for XML lets every kind of error through
        raise InputError(f"{path}: is no {'OTIO' if suffix == '.otio' else 'Final Cut Pro 7 XML'} that can be read "
                         f"({str(error).rstrip('.') or type(error).__name__}); export it again.") from error
    if not isinstance(root, otio.schema.Timeline | otio.schema.SerializableCollection):
        raise InputError(f"{path}: holds a {type(root).__name__} and no timeline; export the timeline.")
    for clip in root.find_clips():
        with suppress(ValueError, ArithmeticError):  # a filter with other values stays an effect
            _read_remap(clip)
    timecode = root.metadata.get("fcp_xml", {}).get("timecode")
    form = timecode.get("displayformat") if hasattr(timecode, "items") else None
    return Loaded(root, drop=None if form is None else form == "DF")


def _load_fcpxml(path: Path) -> Loaded:
    root, drop = read_fcpxml(path)
    return Loaded(root, drop=drop)


def _read_remap(clip: Any) -> None:
    """Make the retime of a clip of Final Cut Pro 7 or Premiere a LinearTimeWarp; the adapter reads it as an unknown effect.

    `in` counts frames of the retimed clip in these files, so that the source begins at `in` times the speed.
    """
    for at, effect in enumerate(clip.effects):
        stated: Mapping[str, Any] = effect.metadata.get("fcp_xml", {})
        if stated.get("effectid") != "timeremap":
            continue
        listed = stated.get("parameter", ())
        listed = [listed] if hasattr(listed, "items") else listed
        values = {each.get("parameterid"): str(each.get("value")).lower() for each in listed}
        if values.get("variablespeed", "0") not in ("0", "false") or "speed" not in values:
            clip.effects[at] = otio.schema.TimeEffect(effect.name, "timeremap", metadata=dict(effect.metadata))
            continue
        speed = float(values["speed"]) / 100
        backwards = values.get("reverse") == "true" or speed < 0
        span, available = clip.source_range, clip.media_reference.available_range
        zero = available.start_time if available is not None else otio.opentime.RationalTime(0, span.start_time.rate)
        begin = (span.start_time - zero).value * abs(speed)
        if backwards and available is not None:  # counted from the end of the file
            begin = available.duration.rescaled_to(span.start_time.rate).value - 1 - begin
        start = zero + otio.opentime.RationalTime(begin, span.start_time.rate)
        clip.source_range = otio.opentime.TimeRange(start.rescaled_to(span.start_time.rate), span.duration)
        clip.effects[at] = otio.schema.LinearTimeWarp(effect.name, time_scalar=-abs(speed) if backwards else speed,
                                                      metadata=dict(effect.metadata))
