"""Compare an output, its source and its styles with the manifest beside the output."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vidstyle.core.errors import InputError, reason
from vidstyle.run.manifest import HASH_DIGITS, Description, describe
from vidstyle.run.manifest_file import manifest_path
from vidstyle.video import probe


@dataclass(frozen=True)
class Check:
    """One comparison with the manifest."""

    what: str
    good: bool | None
    """Whether it agrees; None if the file to compare is missing."""
    found: str


def verify(target: Path) -> list[Check]:
    """Compare an output, and where they can still be found its source and styles, with the output's manifest.

    Raises InputError if the output or its manifest is missing or cannot be read.
    """
    path, folder = manifest_path(target), target.parent
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        output, hashed = record["output"], len(record["frame_sha256"])
        frames, stated = _frames(target, output.get("files")), output["frames"]
        checks = [compare_file("output", target, output),
                  Check("frames", frames == stated == hashed, f"{frames}" + ("" if frames == stated else f", not {stated}"))]
        inputs = [("source", record["source"]), *([("sound", record["sound"])] if record["sound"] else []),
                  *(("style", style) for style in record["styles"])]
        return checks + [compare_file(what, folder / file["path"], file) for what, file in inputs]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason(error)}); "
                         "name a painted clip, and copy the manifest with it.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is not a manifest that vidstyle wrote; copy it again.") from error


def compare_file(what: str, path: Path, stated: Description) -> Check:
    """Compare the file at `path`, which is `what` (`source`), with what a manifest states about it."""
    try:
        found = describe(path, path.parent, [path.parent / name for name in stated.get("files", ())])
    except InputError:
        return Check(what, False if what == "output" else None, f"{path.name} is not there any more")
    if found["bytes"] != stated["bytes"]:
        return Check(what, False, f"{path.name} has {found['bytes']} bytes, not {stated['bytes']}")
    same = found["sha256"] == stated["sha256"]
    return Check(what, same, f"{path.name}, SHA-256 {found['sha256'][:HASH_DIGITS]}"
                 + ("" if same else f", not {stated['sha256'][:HASH_DIGITS]}"))


def _frames(target: Path, files: Sequence[str] | None) -> int | None:
    """How many of these files are there, or how many frames the movie holds; None where it cannot be read any more."""
    if files is not None:
        return sum((target.parent / name).is_file() for name in files)
    try:
        return probe(target).frames
    except InputError:
        return None
