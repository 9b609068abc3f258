"""Edits on the command line: reading them as shots, and writing them again with the painted files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vidstyle.cli.events import emit, say
from vidstyle.core.errors import UsageError

if TYPE_CHECKING:
    from vidstyle.batch.edit import Edit
    from vidstyle.batch.shot import Shot

EDIT_SUFFIXES = (".otio", ".edl", ".fcpxml", ".xml")


def is_edit(path: Path) -> bool:
    """Whether an argument of a command names an edit."""
    return path.suffix.lower() in EDIT_SUFFIXES and not path.is_dir()


def read_edits(where: Sequence[Path], base: Shot, media: Path | None, handles: int, *, json: bool) -> list[Edit]:
    """The edits among the arguments of a command; what they hold that is not painted is printed. Raises as `read_edit`."""
    from vidstyle.batch.edit import read_edit

    paths = [path for path in where if is_edit(path)]
    if not paths and (media is not None or handles):
        given = "--handles" if media is None else "--media"
        raise UsageError(f"{given} is for edits ({', '.join(EDIT_SUFFIXES)}); leave it out.")
    edits = [read_edit(path, base, media, handles) for path in paths]
    for edit in edits:
        for sentence in edit.warnings:
            say(f"{edit.path.name}: warning: {sentence}")
        for sentence in edit.missing:
            say(f"vidstyle: {edit.path.name}, {sentence}")
        if json:
            emit("edit", source=edit.path, shots=len(edit.shots), clips=len(edit.uses), missing=edit.missing,
                 warnings=edit.warnings)
    return edits


def write_edits(edits: Sequence[Edit], *, json: bool) -> int:
    """Write each edit with the shots that are done, and print its files. Returns how many clips lack their media."""
    from vidstyle.run.manifest import manifest_path

    for edit in edits:
        done = [shot.target for shot in edit.shots if shot.target is not None and manifest_path(shot.target).exists()]
        written = edit.write(done)
        for sentence in written.warnings:
            say(f"{edit.path.name}: warning: {sentence}")
        if json:
            emit("edit", source=edit.path, targets=written.files, warnings=written.warnings)
        else:
            print(*written.files, sep="\n", flush=True)
    return sum(len(edit.missing) for edit in edits)
