"""`vidstyle farm`: write a shot list as a job for a render farm."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidstyle.cli.batch import read
from vidstyle.cli.edits import is_edit
from vidstyle.cli.events import emit, say
from vidstyle.cli.request import Request, with_request
from vidstyle.core.choices import DETAIL, OUTPUT
from vidstyle.core.errors import OutputError, UsageError, reason
from vidstyle.core.parse import parse_style, resolve_matte

if TYPE_CHECKING:
    from vidstyle.batch.farm import File

_SUFFIXES = (".yaml", ".yml")
_NOT_PASSED = {"clip", "job", "json", "debug"}
_FILES = {"config": "Config", "network": "Network", "audio": "Audio"}
"""Options that name a file, and the job's parameter for it."""


@partial(with_request, for_lists=True, without={"output", "repeats", "vary"})
def farm(
    clip: Annotated[Path, typer.Argument(metavar="SHOTLIST", help="Shot list, as `vidstyle batch` takes it.")],
    request: Request,
    context: typer.Context,
    job: Annotated[
        Path,
        typer.Option("--output", "-o", rich_help_panel=OUTPUT, metavar="JOB.yaml", help="File to write the job to."),
    ],
) -> None:
    """Write SHOTLIST as a job for a render farm, an Open Job Description with one task for each shot.

    The options are those of `vidstyle batch`. List, styles and clips have to be where the machines of the farm see them.
    """
    if job.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"-o {job}: a job is written as YAML; name it {job.with_suffix('.yaml').name}.")
    if not os.path.isfile(clip):
        raise UsageError(f"{clip}: is no shot list; the tasks of a job are its lines, so write one with a line for each clip.")
    if is_edit(clip):
        raise UsageError(f"{clip}: is an edit, which is written again when all of it is painted, and no task of a farm does "
                         "that; paint it with vidstyle batch and --jobs or --cluster, or write a shot list.")
    shots = read([clip], request)

    from vidstyle.batch.farm import job_template
    from vidstyle.core.atomic import check_target, write_atomically

    text = job_template(clip, shots, list(_arguments(context)), job.parent)
    check_target(job, {"the shot list": [clip]}, request.overwrite)
    try:
        write_atomically(job, text.encode(errors="surrogateescape"))
    except OSError as error:
        raise OutputError(f"{job}: cannot be written ({reason(error)}); check the folder and the disk.") from error
    say(f"{job}: {len(shots)} tasks, one for each shot of {clip.name}")
    if request.json:
        emit("result", exit_code=0, target=job, tasks=len(shots))
    else:
        print(job)


def _arguments(context: typer.Context) -> Iterator[str | File]:
    """The options that were given on the command line, as the command of a task takes them."""
    from vidstyle.batch.farm import File

    for parameter in context.command.params:
        name, value = parameter.name or "", context.params.get(parameter.name or "")
        source = context.get_parameter_source(name)
        if name in _NOT_PASSED or source is None or source.name != "COMMANDLINE":
            continue
        flag = parameter.opts[0]
        if name == "style":
            for number, text in enumerate(value or (), 1):
                path, _ = parse_style(text)
                yield flag
                yield File(f"Style{number}", path, text.removeprefix(str(path)) if text != str(path) else "")
        elif name == "matte":
            for text in value or ():
                yield from (flag, resolve_matte(text, lambda file: Path(file).absolute()))
        elif name == "stroke_size":
            yield from (flag, str(value) if value == DETAIL else str(Path(str(value)).absolute()))
        elif isinstance(value, bool):
            yield flag
        elif name in _FILES and not (name == "audio" and value in ("copy", "none")):
            yield flag
            yield File(_FILES[name], Path(str(value)), written=name == "network")
        else:
            yield from (flag, str(value))
