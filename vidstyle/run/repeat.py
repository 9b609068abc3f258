"""Reading a job from its manifest, so that it can be painted again as it was or with changes."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from vidstyle.core.config import read_stated
from vidstyle.core.curve import Curve, parse_number
from vidstyle.core.declare import options_of
from vidstyle.core.errors import InputError, UsageError, reason
from vidstyle.core.options import Options

FORMAT = 1
"""Of the manifests that can be read."""
_SHOWN = 12  # hexadecimal digits of a hash


@dataclass(frozen=True)
class Job:
    """A painting as its manifest states it."""

    manifest: Path
    clip: Path
    styles: tuple[tuple[Path, float | Curve], ...]
    """File and weight of each style picture; () where the paintings of key frames were the styles."""
    options: Options
    """All options but the device."""
    frames: tuple[int, int] | None
    """Numbers of the first and last frame that were asked for; None where no range was given."""
    record: dict[str, Any] = field(repr=False, compare=False)
    """The whole manifest."""

    @property
    def folder(self) -> Path:
        """The folder of the output and of its manifest."""
        return self.manifest.parent

    @property
    def output(self) -> Path:
        """The file that was written, or the pattern of the files; it may be gone."""
        return self.folder / str(self.record["output"]["path"])

    @property
    def device(self) -> str:
        """The device that painted, as `--device` takes it."""
        return str(self.record["device"]).partition(" (")[0]

    @property
    def is_preview(self) -> bool:
        """Whether `vidstyle preview` has written the output."""
        return self.record["output"].get("sheet") is not None

    def check_files(self, given: Collection[str]) -> None:
        """Raise InputError or UsageError where a file that the job needs is gone or not known.

        given: what is named anew: names of options, and `clip` and `style`.
        """
        from vidstyle.video import parse_pattern

        if "clip" not in given and parse_pattern(self.clip) is None and not os.path.exists(self.clip):
            raise InputError(f"{self.manifest}: was painted from {self.clip}, which is not there any more; name the clip "
                             f"before --from: vidstyle run CLIP --from {self.manifest.name}.")
        lost = [path for path, _ in self.styles if not os.path.exists(path)]
        if lost and "style" not in given:
            raise InputError(f"{self.manifest}: was painted in the style of {lost[0]}, which is not there any more; "
                             "put it there, or name the styles with --style.")
        used = {"palette": self.record["palette"] != "none",
                "network": self.record["network"] != "none" and not self.record.get("fitted")}
        for name, was_used in used.items():
            if was_used and name not in given and getattr(self.options, name) is None:
                raise UsageError(f"{self.manifest}: was painted with a {name} (SHA-256 {self.record[name][:_SHOWN]}) whose "
                                 f"file it does not name; name it with --{name}.")

    def free_output(self, *, unchanged: bool) -> Path:
        """Where a repetition is written: the old name with the next free number, `clip_monet_2.mp4`.

        That of a repetition which was stopped is free, so that the same command goes on with it. unchanged: nothing is
        changed, so that the old name itself is taken where the output is gone; otherwise the manifest there would be lost.
        """
        if unchanged and not _taken(self.output):
            return self.output
        names = (_numbered(self.output, number) for number in count(2))
        return next(name for name in names if not _taken(name) and not os.path.exists(_manifest_of(name)))


def read_job(manifest: str | Path) -> Job:
    """The job that a manifest describes; given an output, of the manifest beside it.

    Raises InputError where it cannot be read, UsageError where a later version has written it.
    """
    path = Path(manifest)
    if not path.name.endswith(".vidstyle.json"):
        path = _manifest_of(path)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason(error)}); name the manifest of a painting, "
                         "OUT.vidstyle.json.") from error
    except ValueError as error:
        raise InputError(f"{path}: is not a manifest that vidstyle wrote; copy it again.") from error
    found = record.get("format") if isinstance(record, dict) else None
    if isinstance(found, int) and found > FORMAT:
        raise UsageError(f"{path}: has format {found}, and this version of vidstyle reads up to {FORMAT}; use the version that "
                         f"wrote it{_version(record)}.")
    try:
        return _job(path, record)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise InputError(f"{path}: is not a manifest that vidstyle wrote; copy it again.") from error


def _job(path: Path, record: dict[str, Any]) -> Job:
    stated: dict[str, Any] = record["options"]
    if unknown := sorted(set(stated) - options_of(Options).keys()):
        raise UsageError(f"{path}: states {', '.join(unknown)}, which this version of vidstyle does not have; use the version "
                         f"that wrote it{_version(record)}.")

    def locate(name: str) -> Path:
        found = path.parent / name
        # Without `..`, where the folder is there: of `a.mov=../b.png` it is not, and the text names two files.
        return Path(os.path.normpath(found)) if os.path.exists(found.parent) else found

    # Manifests of earlier versions have no file_options, and name files as the command line did.
    options = read_stated(stated, Path, lambda name: f"{path}, {name}").options
    options |= read_stated(record.get("file_options", {}), locate, lambda name: f"{path}, {name}").options
    if not {"output", "device", "threads", "versions", "palette", "network", "frame_sha256"} <= record.keys():
        raise KeyError
    return Job(path, locate(record["source"]["path"]),
               tuple((locate(style["path"]), parse_number(str(style["weight"]), "weight"))
                     for style in record["styles"] if record.get("styled", True)),
               Options(**options), _range(record), record)


def _range(record: dict[str, Any]) -> tuple[int, int] | None:
    """Numbers of the frames that were asked for; of earlier manifests, which do not state them, of those that were painted."""
    if "range" in record:
        return None if record["range"] is None else (int(record["range"][0]), int(record["range"][1]))
    first, last = (int(index) for index in record["frames"])
    files = record["source"].get("files")
    if not files:
        return first, last
    numbers = [int(re.findall(r"\d+", name)[-1]) for name in (files[0], files[-1])]
    step = max(1, (numbers[1] - numbers[0]) // max(1, len(files) - 1))
    return numbers[0] + first * step, numbers[0] + last * step


def _version(record: dict[str, Any]) -> str:
    version = record.get("versions", {}).get("vidstyle")
    return "" if version is None else f", {version}"


# What is imported below loads torch, and a wrong option is reported before.
def _manifest_of(output: Path) -> Path:
    from vidstyle.run.manifest_file import manifest_path

    return manifest_path(output)


def _taken(output: Path) -> bool:
    """Whether a file of this output is there, unless the run that writes it is not finished."""
    from vidstyle.run.resume.folder import work_folder
    from vidstyle.video import parse_pattern

    if os.path.exists(work_folder(output)):
        return False

    pattern = parse_pattern(output)
    if pattern is None:
        return os.path.lexists(output)
    try:
        return bool(pattern.found())
    except InputError:
        return False


def _numbered(output: Path, number: int) -> Path:
    """The name of an output with a number behind it: `clip_monet_2.mp4`."""
    from vidstyle.video import parse_pattern

    pattern = parse_pattern(output)
    return output.with_stem(f"{output.stem}_{number}") if pattern is None else pattern.tagged(f"_{number}")
