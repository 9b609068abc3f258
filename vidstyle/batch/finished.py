"""Whether a shot is painted already: the manifest beside its output is compared with its plan."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vidstyle.run.manifest import HASH_DIGITS, Description, describe_run, job_of, weight_text
from vidstyle.run.manifest_file import manifest_path
from vidstyle.run.plan import Plan
from vidstyle.run.resume.job import differences
from vidstyle.video import parse_pattern

_ROUNDING = ("device", "threads", "torch", "torchvision", "opencv", "av", "ffmpeg")
"""Names in a job that change a painting by rounding only: a night's work is not painted again for them."""


def read_manifest(target: Path) -> Description | None:
    """The manifest of an output; None where there is none that can be read."""
    try:
        record = json.loads(manifest_path(target).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def changes_since(plan: Plan) -> list[str] | None:
    """What differs between the plan and the painting that is there, a clause each; [] where it is finished.

    None where no painting is there that is whole and as its manifest states. Files are compared by size, and read only where
    they were changed after the painting was made.
    """
    record = read_manifest(plan.target)
    try:
        if record is None or not _is_whole(plan.target, record["output"]):
            return None
        made = manifest_path(plan.target).stat().st_mtime
        sound = plan.source.settings.sound
        run = describe_run(plan, source=_known(record["source"], plan.clip.path, plan.source.images, made),
                           sound=None if sound is None else _known(record["sound"], sound, (), made))
        return differences(_job(record, record), _job(json.loads(json.dumps(run, default=str)), record))
    except (OSError, KeyError, TypeError, AttributeError):
        return None


def _is_whole(target: Path, stated: Description) -> bool:
    """Whether the files of an output are there with the stated number of bytes in all."""
    names = stated["files"] if parse_pattern(target) is not None else [target.name]
    return bool(sum((target.parent / name).stat().st_size for name in names) == stated["bytes"])


def _known(stated: Description | None, path: Path, files: Sequence[Path], made: float) -> Description | None:
    """What is stated of an input, if it still holds: the file at `path`, or `files`, has the size and was not changed since.

    made: when the painting was finished, in seconds since the epoch. The time of the last change of a file's entry counts too,
    which a copied or a renamed file cannot hide.
    """
    found = [file.stat() for file in files or [path]]
    if stated is None or sum(each.st_size for each in found) != stated["bytes"]:
        return None
    if files and [file.name for file in files] != stated["files"]:
        return None
    return stated if all(max(each.st_mtime, each.st_ctime) < made for each in found) else None


def _job(run: Description, record: Description) -> dict[str, Any]:
    """The values that a finished painting is compared by. record: the manifest, which holds the hash of a fitted network."""
    job = {name: value for name, value in job_of(run).items() if name not in _ROUNDING}
    job |= {name: str(run["options"][name]) for name in ("on_damage", "audio")}
    job |= {"styles": ", ".join(f"{Path(style['path']).name} ({style['sha256'][:HASH_DIGITS]}) {weight_text(style['weight'])}"
                                for style in run["styles"]),
            "sound": "none" if run["sound"] is None else run["sound"]["sha256"][:HASH_DIGITS]}
    if run["network"] == "fitted" and record["fitted"]:
        job["network"] = record["network"][:HASH_DIGITS]
    return job
