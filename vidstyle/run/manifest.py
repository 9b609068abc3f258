"""The manifest beside an output, OUT.vidstyle.json: what it was made from and how, so that it can be checked or made again."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import torch

from vidstyle import __version__
from vidstyle.core.atomic import write_atomically
from vidstyle.core.errors import InputError, OutputError
from vidstyle.core.files import sha256
from vidstyle.core.options import Options
from vidstyle.models.registry import RECORDS, location
from vidstyle.run.plan import Plan, Style
from vidstyle.run.resume.checkpoint import Work
from vidstyle.video import OutputPlan, Source, libraries, probe

FORMAT = 1
HASH = 12  # hexadecimal digits that are shown of a hash
Record = dict[str, Any]


def manifest_path(target: Path) -> Path:
    """Where the manifest of an output lies."""
    return target.with_name(f"{target.name}.vidstyle.json")


def describe(path: Path, folder: Path, files: Sequence[Path] = ()) -> Record:
    """A file's place as seen from `folder`, its size in bytes and its hash; of a sequence of `files`, of all in a row.

    Raises InputError where a file cannot be read.
    """
    try:
        if files:
            return _several(_seen_from(folder, path), [(file, sha256(file)) for file in files])
        return {"path": _seen_from(folder, path), "bytes": path.stat().st_size, "sha256": sha256(path)}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()}); check the path.") from error


def _several(path: str, files: Sequence[tuple[Path, str]]) -> Record:
    """What `describe` says of files whose hashes are known."""
    names = "".join(f"{file.name} {found}\n" for file, found in files)
    return {"path": path, "bytes": sum(file.stat().st_size for file, _ in files),
            "sha256": hashlib.sha256(names.encode()).hexdigest(), "files": [file.name for file, _ in files]}


def _seen_from(folder: Path, path: Path) -> str:
    try:
        return Path(os.path.relpath(path.absolute(), folder.absolute())).as_posix()
    except ValueError:  # on another drive of Windows
        return str(path.absolute())


def describe_run(plan: Plan, styles: Sequence[Style], source: Source) -> Record:
    """All that the painted frames and the written file depend on; the hashes take a second for each gigabyte or two."""
    folder, options = plan.target.parent, plan.options
    beside = source.settings.sound if source.settings.sound != source.clip.path else None
    return {
        "source": describe(plan.source, folder, source.images),
        "sound": None if beside is None else describe(beside, folder),
        "styles": [describe(style.path, folder) | {"weight": style.weight} for style in styles],
        "network": _network(options),
        "frames": list(plan.frames),
        "paint_size": list(plan.paint_size),
        "output_size": list(plan.output_size),
        "container": plan.target.suffix.lower(),
        "device": _device(plan.device),
        "options": {name: value for name, value in asdict(options).items() if name not in ("network", "device")},
        "weights": _weights(options.encoder, options.flow),
        "versions": {"vidstyle": __version__, "python": platform.python_version(), "torch": torch.__version__,
                     "torchvision": version("torchvision"), "opencv": cv2.__version__, **libraries()},
        "threads": {"torch": torch.get_num_threads(), "opencv": cv2.getNumThreads()},
    }


def _network(options: Options) -> str:
    """Hash of the network that is given, or that one will be fitted, or that none is used."""
    if options.method == "optimize":
        return "none"
    return sha256(options.network) if options.network is not None and options.network.exists() else "fitted"


def _device(name: str) -> str:
    """The device and its kind; sums are rounded otherwise on another."""
    if name.startswith("cuda"):
        return f"{name} ({torch.cuda.get_device_name(name)})"
    return f"{name} ({torch.backends.cpu.get_cpu_capability()})" if name == "cpu" else name


def _weights(encoder: str, flow: str) -> Record:
    """Hash of each file of weights in use."""
    used = (encoder, f"{encoder}-encoder", flow, "builtin-start")
    files = {name: location(record) for name, record in RECORDS.items() if name in used}
    if "=" in flow:
        files[flow.partition("=")[0]] = Path(flow.partition("=")[2])
    return {name: sha256(path) for name, path in files.items()}


def job_of(run: Record) -> dict[str, str]:
    """What must be the same for an unfinished run to be continued, by the name that a user knows it by."""
    job = {"source": run["source"]["sha256"][:HASH],
           "styles": ", ".join(f"{style['sha256'][:HASH]}:{style['weight']:g}" for style in run["styles"]),
           "network": run["network"][:HASH]}
    job |= {name: str(run[name]) for name in ("frames", "paint_size", "output_size", "container", "device")}
    # What is done of a damaged clip was not damaged: a run that stopped there goes on with another --on-damage. Sound is
    # put under the picture at the end, so that one that stopped at damaged sound goes on with another --audio.
    job |= {name: str(value) for name, value in run["options"].items() if name not in ("on_damage", "audio")}
    job |= {f"weights {name}": value[:HASH] for name, value in run["weights"].items()}
    # With another number of threads, sums are split up and rounded otherwise; OpenCV's do not depend on it.
    job |= {"threads": str(run["threads"]["torch"])}
    return job | {name: value for name, value in run["versions"].items() if name != "python"}


def write_manifest(plan: Plan, run: Record, output: OutputPlan, whole: Path | None, work: Work,
                   seconds: dict[str, float]) -> None:
    """Write the manifest of an output that lies `whole` under its passing name, about to get its own.

    run: from `describe_run`; output: how it was written; whole: None for pictures, each of which `work` knows by its hash.
    The manifest is there first, so that no movie is ever without one. Raises OutputError.
    """
    path, folder = manifest_path(plan.target), plan.target.parent
    written = _several("", work.pictures) if whole is None else describe(whole, folder)
    record = {"format": FORMAT, "output": written | {"path": plan.target.name, "frames": len(work.facts)}, **run,
              "network": run["network"] if work.network is None else sha256(work.network),
              "encoder": output.record(),
              "streams": plan.streams, "warnings": plan.warnings,
              "seconds": {name: round(value, 3) for name, value in seconds.items()},
              "frame_sha256": [fact["sha256"] for fact in work.facts]}
    try:
        write_atomically(path, json.dumps(record, indent=1, default=str).encode() + b"\n")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"{path}: cannot be written ({reason}); check the folder and the disk.") from error


@dataclass(frozen=True)
class Check:
    """One thing that was compared with what the manifest says."""

    what: str
    good: bool | None
    """None where the file to compare is not there."""
    found: str


def verify(target: Path) -> list[Check]:
    """Compare an output, and where they can still be found its source and styles, with the output's manifest.

    Raises InputError where there is no output or no manifest that can be read.
    """
    path, folder = manifest_path(target), target.parent
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        output, hashed = record["output"], len(record["frame_sha256"])
        frames, stated = _frames(target, output.get("files")), output["frames"]
        checks = [_compare("output", target, output),
                  Check("frames", frames == stated == hashed, f"{frames}" + ("" if frames == stated else f", not {stated}"))]
        inputs = [("source", record["source"]), *([("sound", record["sound"])] if record["sound"] else []),
                  *(("style", style) for style in record["styles"])]
        return checks + [_compare(what, folder / file["path"], file) for what, file in inputs]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()}); "
                         "name a painted clip, and copy the manifest with it.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is not a manifest that vidstyle wrote; copy it again.") from error


def _compare(what: str, path: Path, stated: Record) -> Check:
    try:
        found = describe(path, path.parent, [path.parent / name for name in stated.get("files", ())])
    except InputError:
        return Check(what, False if what == "output" else None, f"{path.name} is not there any more")
    if found["bytes"] != stated["bytes"]:
        return Check(what, False, f"{path.name} has {found['bytes']} bytes, not {stated['bytes']}")
    same = found["sha256"] == stated["sha256"]
    return Check(what, same, f"{path.name}, SHA-256 {found['sha256'][:HASH]}"
                 + ("" if same else f", not {stated['sha256'][:HASH]}"))


def _frames(target: Path, files: Sequence[str] | None) -> int | None:
    """Pictures of these that are there, or frames in a movie; None where it cannot be read any more."""
    if files is not None:
        return sum((target.parent / name).is_file() for name in files)
    try:
        return probe(target).frames
    except InputError:
        return None
