"""`vidstyle batch`: paint the shots of a list, a folder or a glob, and go on where it was stopped."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidstyle.cli.edits import is_edit, read_edits, write_edits
from vidstyle.cli.events import emit, plan_text, print_warnings, say
from vidstyle.cli.failures import explain
from vidstyle.cli.request import Request, with_request
from vidstyle.cli.stop import Stopper
from vidstyle.core.options import REPORT, WHAT

if TYPE_CHECKING:
    from vidstyle.batch.conduct import Outcome
    from vidstyle.batch.edit import Edit
    from vidstyle.batch.shot import Shot


@partial(with_request, for_lists=True)
def batch(
    clip: Annotated[
        list[Path],
        typer.Argument(
            metavar="SHOTLIST",
            help="Shot list (.csv, .toml), edit (.otio, .edl, .fcpxml, .xml), folder of clips, or clips by a pattern in quotes "
                 "('shots/*.mp4').",
        ),
    ],
    request: Request,
    media: Annotated[
        Path | None,
        typer.Option("--media", rich_help_panel=WHAT, metavar="FOLDER", show_default=False,
                     help="Folder to search, with all below it, for the clips of an edit that are not where it says."),
    ] = None,
    handles: Annotated[
        int,
        typer.Option("--handles", rich_help_panel=WHAT, metavar="FRAMES", min=0,
                     help="Frames painted before and after each range of an edit, for trims."),
    ] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", rich_help_panel=REPORT, help="Print what would be done, and write nothing.")
    ] = False,
) -> None:
    """Paint many shots, each with its own options; what is given here holds for every shot that does not state its own."""
    edits = read_edits(clip, request.shot(), media, handles, json=request.json)
    shots = [shot for edit in edits for shot in edit.shots]
    rest = [path for path in clip if not is_edit(path)]
    if rest:
        shots += read(rest, request)
    paint_shots(shots, request, dry_run=dry_run, edits=edits)


def read(where: Sequence[Path], request: Request) -> list[Shot]:
    """The shots that the arguments of a command name."""
    from vidstyle.batch.shot_list import read_shots

    return read_shots(where, request.shot())


def paint_shots(shots: Sequence[Shot], request: Request, *, dry_run: bool, edits: Sequence[Edit] = ()) -> None:
    """Paint these shots and print where each went; or only what would be done. edits: those to write at the end."""
    from vidstyle.batch.conduct import in_turn, plan_shots, run_shots
    from vidstyle.cli.progress import showing

    def report(outcome: Outcome) -> None:
        if outcome.result is not None:
            print_warnings(outcome.result)
            if request.json:
                emit("clip", exit_code=0, **outcome.result.as_dict())
            else:
                print(outcome.result.plan.target, flush=True)
        elif outcome.error is not None:
            code, sentence = explain(outcome.error)
            say(f"vidstyle: {sentence}")
            if request.json:
                emit("clip", source=outcome.shot.clip, exit_code=code, message=sentence)

    if dry_run:
        plans = [each.plan for each in plan_shots(shots, report)]
        if request.json:
            emit("result", exit_code=0, dry_run=True, plans=[plan.as_dict() for plan in plans])
        else:
            print("\n\n".join(plan_text(plan) for plan in plans))
        return
    stopper = Stopper()
    with stopper.watching(), showing(json=request.json) as listen:
        engine = in_turn(stopper.listening_to_shots(listen))  # --jobs and --cluster choose another engine here
        try:
            results = run_shots(shots, engine, report)
        finally:
            write_edits(edits, json=request.json)
    if request.json:
        emit("result", exit_code=0, targets=[result.plan.target for result in results])
