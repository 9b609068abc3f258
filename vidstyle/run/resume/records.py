"""The records in the journal of a run: which of them are valid, and which files they need.

The first line is `{"format": FORMAT, "job": ...}`. Each later one is a record of one of four kinds, with
- `kind`: `fit`, a state of an unfinished fit; `network`, the fitted network; `frames`, frames that were written; or `parts`,
  the parts in which the clip is painted;
- `files`: name, relative to the folder, and SHA-256 of each file that the record needs;
- `resume`: where a run continues if this is the last record, `after 21 of 29 frames`.

A record of a fit or a network of another layer than the first (see `painting.layers`) has its number as `layer`.

In a record of frames, `files` are the coded segments that ended or, for a sequence, the image of each frame, which lies
outside the folder. It also has
- `facts`: for each frame, what the manifest and the result state about it;
- `samples`: name, size and SHA-256 of the file with the samples of the frames since the last segment, or None;
- `memories`: name and SHA-256 of the file with the memories that the next frame is painted with.

A record of parts, which is written once, has no `files`. It also has
- `parts`: the first and the last frame of each, in order;
- `folders`: for each the name of its folder, which has a journal of its own;
- `run`: what `describe_run` found when the clip was split.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vidstyle.core.files import sha256
from vidstyle.run.resume.journal import Record
from vidstyle.run.resume.sample_file import samples_sha256

FORMAT = 2
"""Of the journal; a folder of another format cannot be continued."""
FIT, NETWORK, FRAMES, PARTS = "fit", "network", "frames", "parts"


def of_kind(records: Sequence[Record], kind: str) -> list[Record]:
    """The records of one kind, in order."""
    return [record for record in records if record["kind"] == kind]


def of_layer(records: Sequence[Record], layer: int) -> list[Record]:
    """The records of the fits or networks of one layer, in order."""
    return [record for record in records if record.get("layer", 0) == layer]


def trusted(records: Sequence[Record], folder: Path) -> list[Record]:
    """The records up to the first whose files are missing or damaged; a run can continue from the last one returned."""
    found = list[Record]()
    for record in records:
        if all(_is_intact(folder / name, digest) for name, digest in record["files"]):
            found.append(record)
        elif record["kind"] != FIT:  # older states of a fit are removed during the fit
            break
    while found and found[-1]["kind"] == FRAMES and not _can_continue(found[-1], folder):
        found.pop()
    return found


def needed_files(records: Sequence[Record]) -> set[str]:
    """Names of the files that the records need; of states that are replaced, the last two, in case the last is damaged."""
    networks, frames = of_kind(records, NETWORK), of_kind(records, FRAMES)
    fitted = {record.get("layer", 0) for record in networks}
    fits = [record for record in of_kind(records, FIT) if record.get("layer", 0) not in fitted][-2:]
    names = {name for record in (*fits, *networks, *frames) for name, _ in record["files"]}
    for record in frames[-2:]:
        names |= {record["memories"][0]} | ({record["samples"][0]} if record["samples"] else set())
    for record in of_kind(records, PARTS):
        names |= set(record["folders"])
    return names


def _can_continue(record: Record, folder: Path) -> bool:
    name, digest = record["memories"]
    if not _is_intact(folder / name, digest):
        return False
    if record["samples"] is None:
        return True
    name, size, digest = record["samples"]
    try:
        return bool(samples_sha256(folder / name, size) == digest)
    except OSError:
        return False


def _is_intact(path: Path, digest: str) -> bool:
    try:
        return sha256(path) == digest
    except OSError:
        return False
