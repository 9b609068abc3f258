"""Edits on the command line: reading them as shots, and writing them again with the painted files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vidstyle.cli.events import emit, say
from vidstyle.cli.request import Request
from vidstyle.core.errors import InputError, UsageError

if TYPE_CHECKING:
    from vidstyle.batch.conduct import Outcome
    from vidstyle.batch.edits.edit import Edit

EDIT_SUFFIXES = (".otio", ".edl", ".fcpxml", ".fcpxmld", ".xml")


def is_edit(path: Path) -> bool:
    """Whether an argument of a command names an edit."""
    return path.suffix.lower() in EDIT_SUFFIXES and os.path.isdir(path) == (path.suffix.lower() == ".fcpxmld")


def read_edits(where: Sequence[Path], request: Request, media: Path | None, handles: int) -> list[Edit]:
    """The edits among the arguments of a command; what of them stays as it is is printed. Raises as `read_edit` does."""
    paths = [path for path in where if is_edit(path)]
    if not paths and (media is not None or handles):
        given = "--handles" if media is None else "--media"
        raise UsageError(f"{given} is for edits ({', '.join(EDIT_SUFFIXES)}); leave it out.")
    if not paths:
        return []
    from vidstyle.batch.edits.edit import read_edit

    edits = [read_edit(path, request.shot(), media, handles) for path in paths]
    for edit in edits:
        _print_warnings(edit, edit.warnings)
    return edits


def lost_clips(edits: Sequence[Edit], shots: int) -> list[Outcome]:
    """The clips whose media was not found, as shots that have failed; they are numbered after the `shots` that are there."""
    if not edits:
        return []
    from vidstyle.batch.conduct import Outcome

    lost = [each for edit in edits for each in edit.missing]
    return [Outcome(replace(each.shot, number=number), error=InputError(each.reason))
            for number, each in enumerate(lost, shots + 1)]


def write_edits(edits: Sequence[Edit], request: Request) -> None:
    """Write each edit with the shots that are painted, and print its files."""
    for edit in edits:
        from vidstyle.run.manifest_file import manifest_path

        painted = [shot.target for shot in edit.shots if shot.target is not None and os.path.exists(manifest_path(shot.target))]
        written = edit.write(painted)
        _print_warnings(edit, written.warnings)
        if request.json:
            emit("edit", source=edit.path, targets=written.files, warnings=[*edit.warnings, *written.warnings])
        else:
            print(*written.files, sep="\n", flush=True)


def _print_warnings(edit: Edit, warnings: Sequence[str]) -> None:
    for warning in warnings:
        say(f"{edit.path.name}: warning: {warning}")
