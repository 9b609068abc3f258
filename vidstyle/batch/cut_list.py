"""The shots of a clip as a file: a shot list that `vidstyle batch` takes, or a timeline for an editing program."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from vidstyle.core.atomic import check_target, write_atomically
from vidstyle.core.errors import OutputError, UsageError, reason
from vidstyle.core.extras import pip_install
from vidstyle.run.cuts import Range
from vidstyle.run.moment import FIRST
from vidstyle.video import Clip

SUFFIXES = (".csv", ".otio")


def check_cut_list(path: Path, clip: Clip, *, overwrite: bool = False) -> None:
    """Raise, before the frames are read, where the shots of `clip` cannot be written to `path`.

    Raises UsageError for a kind of file that is not written, or that the clip does not fit into, OutputError for its place.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: shots are written as a list or a timeline; name the file {' or '.join(SUFFIXES)}.")
    if path.suffix.lower() == ".otio":
        _otio()
        if not clip.timed or clip.variable_rate:
            raise UsageError(f"{clip.path}: a timeline counts frames at a constant rate, which this clip does not have; "
                             "write the shots as .csv.")
    check_target(path, {"the clip": [clip.path]}, overwrite)


def write_cut_list(path: Path, clip: Clip, shots: Sequence[Range]) -> None:
    """Write the shots of `clip`; the file appears whole or not at all.

    A `.csv` has a line for each shot with the columns `clip`, as the list finds it from its own folder, and `frames`. An
    `.otio` is an OpenTimelineIO timeline whose one track holds the shots; `check_cut_list` has passed. Raises OutputError for
    the disk.
    """
    text = _timeline(path, clip, shots) if path.suffix.lower() == ".otio" else _table(path, clip, shots)
    try:
        write_atomically(path, text.encode(errors="surrogateescape"))
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({reason(error)}); check the folder and the disk.") from error


def _table(path: Path, clip: Clip, shots: Sequence[Range]) -> str:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["clip", "frames"])
    for first, last in shots:
        writer.writerow([_seen_from(path, clip.path), f"{clip.number(first)}-{clip.number(last)}"])
    return table.getvalue()


def _timeline(path: Path, clip: Clip, shots: Sequence[Range]) -> str:
    otio = _otio()
    opentime, schema, rate = otio.opentime, otio.schema, float(clip.average_rate)
    smpte = opentime.RationalTime.nearest_smpte_timecode_rate(rate)
    # Timecode is counted at the rates 24, 25, 30000/1001 and so on, and not at 15, as of a phone or a camera of traffic.
    begin = (opentime.from_timecode(clip.timecode or FIRST, smpte) if abs(smpte - rate) < 0.005
             else opentime.RationalTime(0, rate))
    track = schema.Track(name="V1", kind=schema.TrackKind.Video)
    whole = opentime.TimeRange(begin, opentime.RationalTime(clip.frames, begin.rate))
    for number, (first, last) in enumerate(shots, 1):
        part = opentime.TimeRange(opentime.RationalTime(begin.value + first, begin.rate),
                                  opentime.RationalTime(last - first + 1, begin.rate))
        media = schema.ExternalReference(_seen_from(path, clip.path), whole)
        track.append(schema.Clip(f"{clip.path.stem} {number}", media, part))
    timeline = schema.Timeline(f"{clip.path.stem} cuts", global_start_time=begin)
    timeline.tracks.append(track)
    return str(otio.adapters.write_to_string(timeline, "otio_json"))


def _seen_from(path: Path, clip: Path) -> str:
    """The clip as a file in the folder of `path` names it."""
    try:
        return Path(os.path.relpath(clip.absolute(), path.absolute().parent)).as_posix()
    except ValueError:  # on another drive of Windows
        return str(clip.absolute())


def _otio() -> Any:
    """The library of timelines. Raises UsageError where it is not installed."""
    try:
        return import_module("opentimelineio")
    except ImportError as error:
        raise UsageError("Timelines need OpenTimelineIO, which is not installed; name the file .csv, or run: "
                         f"{pip_install('opentimelineio')}") from error
