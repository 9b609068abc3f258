"""What a painted clip was made from, as the manifest beside it states: source, range, style, and how the source is read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from vidstyle.core.errors import InputError
from vidstyle.core.options import Options
from vidstyle.run.manifest import Description
from vidstyle.run.manifest_file import manifest_path
from vidstyle.run.verify import compare_file
from vidstyle.video import ReadSettings


@dataclass(frozen=True)
class Inputs:
    """What a painted clip is compared with, and how."""

    source: Path
    style: Path | None = None
    frames: tuple[int, int] | None = None
    """Indices of the first and last frame of the source that were painted; None is all."""
    read: ReadSettings = field(default_factory=ReadSettings)
    stabilised_by: str = Options.flow
    """The flow that the clip was painted with, or `none`."""
    notes: tuple[str, ...] = ()
    """What was taken from the manifest, and what could not be; one sentence each."""


def find_inputs(styled: Path, source: Path | None = None, style: Path | None = None) -> Inputs:
    """What `styled` was painted from; what is given here stands, and the rest is read from the manifest.

    Raises InputError, in one sentence, where no source is given and the manifest names none that is there unchanged.
    """
    record = _manifest(styled)
    if record is None:
        if source is None:
            raise InputError(f"{styled}: has no manifest beside it that says what it was painted from; give --source, and "
                             "--style and --frames where they are needed.")
        return Inputs(source, style)
    folder = styled.parent
    if compare_file("output", styled, record["output"]).good is not True:
        if source is None:
            raise InputError(f"{styled}: is not the file that the manifest beside it describes; give --source, and --style and "
                             "--frames where they are needed.")
        return Inputs(source, style, notes=("The manifest beside the painting describes another file, and was not used.",))
    if source is None:
        source = folder / record["source"]["path"]
        found = compare_file("source", source, record["source"])
        if found.good is None:
            raise InputError(f"{styled}: was painted from {source}, which is not there any more; give --source.")
        if not found.good:
            raise InputError(f"{styled}: was painted from another {source} than the one that is there ({found.found}); "
                             "give the right one with --source.")
    notes = [f"What is not on the command line is read from {manifest_path(styled).name}."]
    if style is None:
        style = _style(record["styles"], folder, notes)
    first, last = record["frames"]
    options = record["options"]
    notes += _not_of_the_style(record)
    followed = options["temporal"] != 0 and options["strength"] != 0
    return Inputs(source, style, (first, last), _read_settings(options), options["flow"] if followed else "none", tuple(notes))


def _manifest(styled: Path) -> Description | None:
    """The manifest beside a painted clip; None where there is none. Raises InputError for a file that is none."""
    path = manifest_path(styled)
    try:
        record: Description = json.loads(path.read_text(encoding="utf-8"))
        if not {"output", "source", "styles", "frames", "options"} <= record.keys():
            raise ValueError
    except OSError:
        return None
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path}: is not a manifest that vidstyle wrote; copy it again, or move it away.") from error
    return record


def _style(styles: list[Description], folder: Path, notes: list[str]) -> Path | None:
    """The one style picture that the manifest names; None, and a note, where there are several or it has changed."""
    if len(styles) > 1:
        notes.append("The painting has several styles; name one of them with --style to measure how close it is.")
        return None
    path = folder / str(styles[0]["path"])
    if compare_file("style", path, styles[0]).good is not True:
        notes.append(f"The style picture {path} is not there unchanged; name it with --style to measure how close the "
                     "painting is.")
        return None
    return path


def _not_of_the_style(record: Description) -> list[str]:
    """A sentence for each control by which parts of the painting are not in the style picture that it is compared with."""
    controls, notes = list(record.get("controls", {})), []
    if record["options"].get("color", "style") != "style":
        notes.append(f"The painting has --color {record['options']['color']}, and is compared with the style picture in its "
                     "own colours: the distance from the style counts the colours too.")
    if any(name.startswith("key ") for name in controls):
        notes.append("Some key frames are an artist's paintings; the distance from the style is that from --style alone.")
    if any(name.startswith("matte ") for name in controls):
        notes.append("Mattes show the source or other styles in parts of the frame; the distance from the style is that of the "
                     "whole frame from --style.")
    return notes


def _read_settings(options: dict[str, Any]) -> ReadSettings:
    """How the source was read; its sound is not needed."""
    rate = options["fps"]
    return ReadSettings(options["on_damage"], None if rate is None else Fraction(rate), options["gaps"], options["hdr"],
                        options["deinterlace"])
