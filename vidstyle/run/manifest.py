"""The manifest beside an output, OUT.vidstyle.json: inputs, options, versions and hashes, for `verify` and a repetition."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import torch

from vidstyle import __version__
from vidstyle.core.atomic import write_atomically
from vidstyle.core.choices import DETAIL
from vidstyle.core.curve import plain
from vidstyle.core.declare import options_of
from vidstyle.core.errors import InputError, OutputError, reason
from vidstyle.core.files import sha256
from vidstyle.core.options import Options
from vidstyle.models.registry import RECORDS, location
from vidstyle.painting.methods import find_method
from vidstyle.run.manifest_file import manifest_path
from vidstyle.run.plan import Plan
from vidstyle.run.resume.frame_log import FrameLog
from vidstyle.video import libraries

FORMAT = 1
HASH_DIGITS = 12  # hexadecimal digits of a hash in messages
Description = dict[str, Any]
"""What the manifest states about a file or a run, in types that JSON has."""


def describe(path: Path, folder: Path, files: Sequence[Path] = ()) -> Description:
    """A file's path relative to `folder`, its size in bytes and its hash; of a sequence of `files`, of all of them together.

    Raises InputError where a file cannot be read.
    """
    try:
        if files:
            return _describe_files(_relative(path, folder), [(file, sha256(file)) for file in files])
        return {"path": _relative(path, folder), "bytes": path.stat().st_size, "sha256": sha256(path)}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason(error)}); check the path.") from error


def _describe_files(path: str, files: Sequence[tuple[Path, str]]) -> Description:
    """`describe` for files whose hashes are known."""
    names = "".join(f"{file.name} {found}\n" for file, found in files).encode(errors="surrogatepass")  # any byte of a name
    return {"path": path, "bytes": sum(file.stat().st_size for file, _ in files),
            "sha256": hashlib.sha256(names).hexdigest(), "files": [file.name for file, _ in files]}


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path.absolute(), folder.absolute())).as_posix()
    except ValueError:  # on another drive of Windows
        return str(path.absolute())


def describe_run(plan: Plan, *, source: Description | None = None, sound: Description | None = None) -> Description:
    """All that the painted frames and the written file depend on; the hashes take a second for each gigabyte or two.

    source, sound: what is known of these files already, so that they are not read.
    """
    folder, options = plan.target.parent, plan.options
    named = plan.source.settings.sound
    return {
        "source": source or describe(plan.clip.path, folder, plan.source.images),
        "sound": None if named is None else sound or describe(named, folder),
        "styles": [{"path": _relative(style.path, folder), "bytes": style.path.stat().st_size, "sha256": style.sha256,
                    "weight": plain(style.weight)} for style in plan.styles],
        "network": _network(options),
        "palette": "none" if options.palette is None else sha256(options.palette),
        "controls": {name: _hash_of(files) for name, files in plan.control_files.items()},
        "frames": list(plan.frames),
        "paint_size": list(plan.paint_size),
        "output_size": list(plan.output.size),
        "container": plan.target.suffix.lower(),
        "options": {name: value for name, value in options.as_dict().items()
                    if name not in ("network", "palette", "matte", "color_from", "key", "keys", "device")
                    and (name != "stroke_size" or value in (None, DETAIL))},
        "weights": _weights(options.encoder, options.flow),
        **describe_machine(plan.device),
    }


def describe_machine(device: str) -> Description:
    """What the painted frames depend on beside files and options."""
    return {"device": _device(device),
            "versions": {"vidstyle": __version__, "python": platform.python_version(), "torch": torch.__version__,
                         "torchvision": version("torchvision"), "opencv": cv2.__version__, **libraries()},
            "threads": {"torch": torch.get_num_threads(), "opencv": cv2.getNumThreads()}}


def _options_of_files(options: Options, folder: Path) -> Description:
    """The options that name files and differ from the defaults, as text, with paths relative to `folder`."""
    def locate(name: str) -> Path:
        return Path(_relative(Path(name), folder))

    found: Description = {}
    for name, option in options_of(Options).items():
        value = getattr(options, name)
        if option.resolve is not None and value != option.default:
            texts = [str(option.resolve(text, locate)) for text in option.words(value)]
            found[name] = texts if option.several else texts[0]
    return found


def _hash_of(files: Sequence[Path]) -> str:
    """The hash of the files of a control, of all of them together."""
    return hashlib.sha256("".join(map(sha256, files)).encode()).hexdigest()


def _network(options: Options) -> str:
    """Hash of the network file; `fitted` if a network will be fitted, `none` if no network is used."""
    if options.strength == 0 or "network" not in find_method(options.method).uses(options):
        return "none"
    return sha256(options.network) if options.network is not None and os.path.exists(options.network) else "fitted"


def _device(name: str) -> str:
    """The device with its model or instruction set, because others round sums differently."""
    if name.startswith("cuda"):
        return f"{name} ({torch.cuda.get_device_name(name)})"
    return f"{name} ({torch.backends.cpu.get_cpu_capability()})" if name == "cpu" else name


def _weights(encoder: str, flow: str) -> Description:
    """Hash of each file of weights in use."""
    used = (encoder, f"{encoder}-encoder", flow, "builtin-start")
    files = {name: location(record) for name, record in RECORDS.items() if name in used}
    if "=" in flow:
        files[flow.partition("=")[0]] = Path(flow.partition("=")[2])
    return {name: sha256(path) for name, path in files.items()}


def weight_text(weight: float | str) -> str:
    """A weight as a manifest states it, in words: a number, or the text of a curve."""
    return weight if isinstance(weight, str) else f"{weight:g}"


def job_of(run: Description) -> dict[str, str]:
    """The values that must be unchanged for an unfinished run to be continued, by name; names of options where there is one."""
    job = {"source": run["source"]["sha256"][:HASH_DIGITS],
           "styles": ", ".join(f"{style['sha256'][:HASH_DIGITS]}:{weight_text(style['weight'])}" for style in run["styles"]),
           "network": run["network"][:HASH_DIGITS], "palette": run["palette"][:HASH_DIGITS]}
    job |= {name: str(run[name]) for name in ("frames", "paint_size", "output_size", "container", "device")}
    # A run that stopped at a damaged frame may continue with another --on-damage: the frames before it were not damaged.
    # Sound is muxed at the end, so a run that stopped at damaged sound may continue with another --audio. The review movie
    # is made of the finished output.
    job |= {name: str(value) for name, value in run["options"].items() if name not in ("on_damage", "audio", "compare")}
    job |= {name: value[:HASH_DIGITS] for name, value in run.get("controls", {}).items()}
    job |= {f"weights {name}": value[:HASH_DIGITS] for name, value in run["weights"].items()}
    # torch splits and rounds its sums differently for another number of threads; OpenCV does not.
    job |= {"threads": str(run["threads"]["torch"])}
    return job | {name: value for name, value in run["versions"].items() if name != "python"}


def write_manifest(plan: Plan, run: Description, whole: Path | None, log: FrameLog, network: Path | None,
                   seconds: dict[str, float]) -> None:
    """Write the manifest of an output that is complete and still has its temporary name.

    run: from `describe_run`. whole: the file of the movie; None for images, whose hashes are in `log`. network: the file of a
    fitted network. The manifest is written before the movie is renamed, so that no movie lacks one. Raises OutputError.
    """
    path, folder = manifest_path(plan.target), plan.target.parent
    written = _describe_files("", log.images) if whole is None else describe(whole, folder)
    named = {"path": plan.target.name, "sheet": None if plan.sheet is None else plan.sheet.name}
    record = {"format": FORMAT, "output": written | named | {"frames": len(log.facts)}, **run,
              "range": list(plan.numbers) if plan.range_given else None,
              "styled": plan.styled, "file_options": _options_of_files(plan.options, folder),
              "network": run["network"] if network is None else sha256(network), "fitted": network is not None,
              "encoder": plan.output.record(), "streams": plan.output.streams, "warnings": plan.warnings,
              "seconds": {name: round(value, 3) for name, value in seconds.items()},
              "frame_sha256": [fact["sha256"] for fact in log.facts]}
    try:
        write_atomically(path, json.dumps(record, indent=1, default=str).encode() + b"\n")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({reason(error)}); check the folder and the disk.") from error
