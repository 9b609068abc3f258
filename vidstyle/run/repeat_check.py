"""What differs between a job and its repetition: the files and the machine before it is painted, the frames after."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from vidstyle.core.devices import find_device
from vidstyle.core.errors import DeviceError
from vidstyle.run.manifest import HASH_DIGITS, Description, describe_machine, describe_run
from vidstyle.run.plan import Plan
from vidstyle.run.repeat import Job
from vidstyle.run.result import Result


@dataclass(frozen=True)
class Comparison:
    """The frames of a repetition against those of the job."""

    compared: int
    """Frames that both have."""
    different: tuple[int, ...]
    """Numbers of those that differ."""
    machine: tuple[str, ...]
    """What differs in versions, device and threads, a clause each: `torch was 2.11.0 and is 2.12.0`."""

    def sentence(self, job: Job) -> str:
        """The result in words."""
        name, (count, different) = job.manifest.name, (self.compared, self.different)
        if not count:
            return f"No frame is one of {name}."
        if not different:
            return f"All {count} frames are those of {name}, bit for bit." if count > 1 else f"The frame is that of {name}."
        because = f" ({'; '.join(self.machine)})" if self.machine else ""
        return f"{len(different)} of {count} frames differ from those of {name}; the first is frame {different[0]}{because}."

    def as_dict(self) -> dict[str, Any]:
        """The same in types that JSON has."""
        return {"compared": self.compared, "different": len(self.different),
                "first_different": self.different[0] if self.different else None, "machine": list(self.machine)}


def device_of(job: Job) -> str:
    """The device that painted the job, for `Options.device`; `auto` where this machine has none like it."""
    try:
        return find_device(job.device)
    except DeviceError:
        return "auto"


def noting_changes(plan: Plan, job: Job, given: Collection[str]) -> Plan:
    """The plan with a warning for each file that is not the one of the job, and one for another machine or version.

    given: what is named anew: names of options, and `clip` and `style`; a change of these is no warning.
    """
    run: Description = json.loads(json.dumps(describe_run(plan), default=str))
    notes = list(_changed_files(run, job.record, given))
    if machine := machine_changes(run, job.record):
        notes.append(f"{job.manifest.name} was painted otherwise: {'; '.join(machine)}; frames may differ by rounding.")
    return replace(plan, warnings=(*notes, *plan.warnings))


def _changed_files(run: Description, old: Description, given: Collection[str]) -> Iterator[str]:
    """A sentence for each file that has changed since."""
    pairs = [("clip", "The clip", [run["source"]], [old["source"]]), ("style", "The style", run["styles"], old["styles"]),
             ("audio", "The sound", [run["sound"]], [old["sound"]])]
    for name, what, news, olds in pairs:
        for new, before in zip(news, olds, strict=False):
            if name not in given and new and before and new["sha256"] != before["sha256"]:
                yield (f"{what} {new['path']} has changed since: SHA-256 was {before['sha256'][:HASH_DIGITS]} and is "
                       f"{new['sha256'][:HASH_DIGITS]}.")
    for name in ("palette", "network"):
        hashes = {old[name], run[name]} - {"none", "fitted"}
        if name not in given and len(hashes) > 1:
            yield f"The {name} has changed since: SHA-256 was {old[name][:HASH_DIGITS]} and is {run[name][:HASH_DIGITS]}."
    for name, digest in old.get("controls", {}).items():
        new = run["controls"].get(name, digest)
        if name.partition(" ")[0] not in given and new != digest:  # `matte 1` is the first file of --matte
            yield f"The files of {name} have changed since: SHA-256 was {digest[:HASH_DIGITS]} and is {new[:HASH_DIGITS]}."


def machine_changes(run: Description, old: Description) -> list[str]:
    """A clause for each version, number of threads, device and file of weights that differs."""
    def facts(each: Description) -> dict[str, str]:
        weights = {f"weights {name}": str(digest)[:HASH_DIGITS] for name, digest in each.get("weights", {}).items()}
        return {"device": str(each["device"]), "threads": str(each["threads"]["torch"]), **each["versions"], **weights}

    before, now = facts(old), facts(run)
    # Weights that only one of them uses belong to an option that was changed; Python computes no pixel.
    return [f"{name} was {before[name]} and is {now[name]}" for name in before
            if name != "python" and name in now and before[name] != now[name]]


def compare(job: Job, result: Result) -> Comparison:
    """The frames of a run against those of the job, where they are of the same numbers."""
    old, first = job.record["frame_sha256"], int(job.record["frames"][0])
    before = dict(enumerate(old, first))
    now = dict(enumerate(result.frame_hashes, result.plan.frames[0]))
    shared = sorted(before.keys() & now.keys())
    different = tuple(result.plan.clip.number(index) for index in shared if before[index] != now[index])
    return Comparison(len(shared), different, tuple(machine_changes(describe_machine(result.plan.device), job.record)))
