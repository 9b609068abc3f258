"""A shot list as a job for a render farm: an Open Job Description template with one task for each shot.

The format is that of https://github.com/OpenJobDescription/openjd-specifications, version jobtemplate-2023-09. Files in the
folder of the template are parameters of the type PATH, which a farm can copy and map to the paths of its machines; the format
allows no others there, and so these are named by their absolute paths.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vidstyle.batch.shot import Shot
from vidstyle.core.errors import UsageError

MOST_SHOTS = 1024  # values of one parameter of a task, by the specification
SECONDS_TO_STOP = 120
"""Time from the farm's signal to stop until it kills: a run stops after the frame that it paints, and can then continue."""


@dataclass(frozen=True)
class File:
    """An argument that names a file."""

    parameter: str
    """Name of the job's parameter: `Style1`."""
    path: Path
    after: str = ""
    """Text after the name, `:0.5`."""
    written: bool = False
    """Whether the file may be written too."""


def job_template(shot_list: Path, shots: Sequence[Shot], arguments: Sequence[str | File], folder: Path) -> str:
    """The template as YAML. arguments: those of `vidstyle batch` after the list. folder: of the template. Raises UsageError."""
    folder = folder.resolve()
    if len(shots) > MOST_SHOTS:
        raise UsageError(f"{shot_list}: has {len(shots)} shots, and a job has at most {MOST_SHOTS}; divide the list.")
    named = [shot_list_file := File("ShotList", shot_list), *(one for one in arguments if isinstance(one, File))]
    files = [one for one in named if one.path.resolve().is_relative_to(folder)]

    def word(one: str | File) -> str:
        if isinstance(one, str):
            return _plain(one)
        return (f"{{{{Param.{one.parameter}}}}}" if one in files else _plain(str(one.path.absolute()))) + one.after

    words = ["batch", word(shot_list_file), "--only", "{{Task.Param.Shot}}", *map(word, arguments)]
    lines = [
        f"# Run it here with: openjd run {{this file}}; or submit it to the farm. {len(shots)} tasks, one for each shot.",
        "specificationVersion: jobtemplate-2023-09",
        f"name: {_quoted(f'vidstyle {shot_list.stem}')}",
        "parameterDefinitions:",
        *(line for one in files for line in _file_parameter(one, folder)),
        "  - name: Vidstyle",
        "    type: STRING",
        "    default: vidstyle",
        '    description: "The command, or its path, on the machines of the farm."',
        "steps:",
        "  - name: Paint",
        "    parameterSpace:",
        "      taskParameterDefinitions:",
        "        - name: Shot",
        "          type: INT",
        f'          range: "1-{len(shots)}"',
        "        - name: Clip",
        "          type: STRING",
        "          range:",
        *(f"            - {_quoted(_label(shot))}" for shot in shots),
        '      combination: "(Shot, Clip)"',
        "    script:",
        "      actions:",
        "        onRun:",
        '          command: "{{Param.Vidstyle}}"',
        "          args:",
        *(f"            - {json.dumps(word, ensure_ascii=False)}" for word in words),
        "          cancelation:",
        "            mode: NOTIFY_THEN_TERMINATE",
        f"            notifyPeriodInSeconds: {SECONDS_TO_STOP}",
    ]
    return "\n".join(lines) + "\n"


def _file_parameter(file: File, folder: Path) -> list[str]:
    return [f"  - name: {file.parameter}",
            "    type: PATH",
            "    objectType: FILE",
            f"    dataFlow: {'INOUT' if file.written else 'IN'}",
            f"    default: {_quoted(file.path.resolve().relative_to(folder).as_posix())}"]


def _label(shot: Shot) -> str:
    """The shot for people, who see it in the monitor of the farm."""
    frames = shot.selection.frames
    return shot.clip.name if frames is None else f"{shot.clip.name} {frames[0]}-{frames[1]}"


def _quoted(text: str) -> str:
    """A string of YAML, which takes those of JSON."""
    return json.dumps(_plain(text), ensure_ascii=False)


def _plain(text: str) -> str:
    if "{{" in text or "}}" in text:
        raise UsageError(f"{text}: has double braces, which stand for parameters in a job; rename it.")
    return text
