"""The edit with painted media: every clip shows the same picture as before, in the painted file."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

from vidstyle import __version__
from vidstyle.batch.edits.edl_write import Unwritable, edl_text
from vidstyle.batch.edits.media import Media
from vidstyle.batch.edits.time import time_of
from vidstyle.core.atomic import write_atomically, write_failed
from vidstyle.video import Clip, parse_pattern, probe

if TYPE_CHECKING:
    from vidstyle.batch.edits.files import Loaded
    from vidstyle.batch.edits.ranges import Use
    from vidstyle.batch.shot import Shot


def write_edit(loaded: Loaded, source: Path, targets: tuple[Path, Path], uses: Sequence[tuple[Use, Shot]],
               painted: Collection[Path]) -> tuple[list[Path], list[str]]:
    """Write the edit `loaded` to `targets`, an OTIO and an EDL. Returns the files that were written, and warnings.

    source: the file of the edit. painted: the targets of the shots that are done.
    """
    clips: dict[Path, Clip] = {}
    files: dict[Any, Media] = {}
    edit = loaded.root.deepcopy()
    copies = list(edit.find_clips())
    for use, shot in uses:
        if shot.target not in painted or shot.target is None:
            continue
        if shot.target not in clips:
            clips[shot.target] = probe(shot.target)
        copy = copies[use.number]
        media = Media(clips[shot.target], use.media.rate)
        files[id(copy)] = _relink(copy, use, media, shot, is_edl=loaded.is_edl)
    edit.metadata["vidstyle"] = {"version": __version__, "edit": source.name}
    otio_target, edl_target = targets
    _write(otio_target, otio.adapters.write_to_string(edit, "otio_json"))
    written, unpainted = [otio_target], sum(shot.target not in painted for _, shot in uses)
    kept = f"{unpainted} of {len(uses)} clips keep their source, because their shots are not painted."
    warnings = [kept] if unpainted else []
    try:
        _write(edl_target, edl_text(edit, files, loaded, source))
        written.append(edl_target)
    except Unwritable as error:
        edl_target.unlink(missing_ok=True)  # of an earlier edit
        warnings.append(f"{edl_target.name} is not written, because {error}; {otio_target.name} holds the whole edit.")
    return written, warnings


def _relink(clip: Any, use: Use, painted: Media, shot: Shot, *, is_edl: bool) -> Media:
    """Point `clip` to the painted file, at the same picture; its markers, which are on its own clock, move with it."""
    old, media = clip.source_range, use.media
    numbers = shot.selection.frames
    assert numbers is not None, "read_edit gives every shot its range"
    first = media.clip.select(numbers)[0]
    start = painted.origin + use.start - media.position(first)
    begin = time_of(start, media.rate, old.start_time, by_time=media.by_time)
    rate = float(media.rate)
    available = TimeRange(RationalTime(painted.origin, rate), RationalTime(float(painted.length), rate))
    reference = _reference(painted.clip, rate, available)
    # Before the clip lets go of its old reference: tables inside its metadata are views of it, and reading them later crashes.
    reference.metadata.update(clip.media_reference.metadata)
    reference.metadata["vidstyle"] = {"source": os.fspath(media.clip.path.absolute())}
    clip.media_reference = reference
    clip.source_range = TimeRange(begin, old.duration)
    if not is_edl:  # there, a marker has a time of the edit
        for marker in clip.markers:
            span = marker.marked_range
            marker.marked_range = TimeRange(span.start_time + (begin - old.start_time), span.duration)
    return painted


def _reference(clip: Clip, rate: float, available: Any) -> Any:
    """The reference to a painted movie or sequence. Its URL is an absolute path, as Resolve writes and reads it."""
    pattern = parse_pattern(clip.path)
    if pattern is None:
        reference = otio.schema.ExternalReference(clip.path.absolute().as_posix(), available)
        reference.name = clip.path.name
        return reference
    first, step = clip.numbering
    return otio.schema.ImageSequenceReference(
        f"{pattern.folder.absolute().as_posix()}/", pattern.head, pattern.tail, start_frame=first, frame_step=step, rate=rate,
        frame_zero_padding=pattern.digits, available_range=available)


def _write(target: Path, text: str) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, text.encode(errors="backslashreplace"))
    except OSError as error:
        raise write_failed(target, error) from error


