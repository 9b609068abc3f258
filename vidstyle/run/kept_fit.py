"""The network that a preview has fitted, kept beside its movie for later runs that would fit the same one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from vidstyle.core.atomic import write_atomically
from vidstyle.core.errors import OutputError, reason
from vidstyle.core.files import sha256
from vidstyle.run.manifest import job_of
from vidstyle.run.manifest_file import manifest_path
from vidstyle.run.resume.job import same_fit

SUFFIX = ".vidstyle-fit"


def keep_fit(network: Path | None, preview: Path) -> None:
    """Keep a copy of the network that was fitted for the movie `preview`; with None, remove that of an earlier one.

    Raises OutputError.
    """
    kept = preview.with_name(preview.name + SUFFIX)
    try:
        if network is None:
            kept.unlink(missing_ok=True)
        else:
            write_atomically(kept, network.read_bytes())
    except OSError as error:
        raise OutputError(f"{kept}: cannot be written ({reason(error)}); check the folder and the disk.") from error


def find_fit(folders: Iterable[Path], job: Mapping[str, str]) -> Path | None:
    """The network that a preview in one of `folders` has fitted, where `job` (see `job_of`) would fit the very same one."""
    if job["network"] != "fitted":
        return None
    kept = (path for folder in dict.fromkeys(folders) for path in sorted(folder.glob(f"*{SUFFIX}")))
    return next((path for path in kept if _is_of(path, job)), None)


def _is_of(kept: Path, job: Mapping[str, str]) -> bool:
    """Whether the manifest beside a kept network states the job's fit, and the network is the one that it states."""
    try:
        record = json.loads(manifest_path(kept.with_name(kept.name.removesuffix(SUFFIX))).read_text(encoding="utf-8"))
        return same_fit(job_of(record | {"network": "fitted"}), job) and bool(sha256(kept) == record["network"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
