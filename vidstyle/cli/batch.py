"""`vidstyle batch`: paint the shots of a list, a folder or a glob, and go on where it was stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidstyle.cli.dry_run import DryRun, show_dry_run, state_of
from vidstyle.cli.events import emit, print_warnings, say
from vidstyle.cli.failures import explain
from vidstyle.cli.request import Request, with_request
from vidstyle.cli.stop import Stopper

if TYPE_CHECKING:
    from vidstyle.batch.conduct import Outcome
    from vidstyle.batch.shot import Shot


@partial(with_request, for_lists=True)
def batch(
    clip: Annotated[
        list[Path],
        typer.Argument(
            metavar="SHOTLIST",
            help="Shot list (.csv or .toml), folder of clips, or clips by a pattern in quotes ('shots/*.mp4').",
        ),
    ],
    request: Request,
    dry_run: DryRun = False,
) -> None:
    """Paint many shots, each with its own options; what is given here holds for every shot that does not state its own."""
    paint_shots(read(clip, request), request, dry_run=dry_run)


def read(where: Sequence[Path], request: Request) -> list[Shot]:
    """The shots that the arguments of a command name."""
    from vidstyle.batch.shot_list import read_shots

    return read_shots(where, request.shot())  # an edit (.otio, .edl, .fcpxml, .xml) is read here, by its suffix


def paint_shots(shots: Sequence[Shot], request: Request, *, dry_run: bool) -> None:
    """Paint these shots and print where each went; or only what would be done."""
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
        planned = plan_shots([replace(shot, overwrite=True) for shot in shots], report)
        show_dry_run([(each.plan, state_of(each.plan, overwrite=request.overwrite)) for each in planned], json=request.json)
        return
    stopper = Stopper()
    with stopper.watching(), showing(json=request.json) as listen:
        engine = in_turn(stopper.listening_to_shots(listen))  # --jobs and --cluster choose another engine here
        results = run_shots(shots, engine, report)
    if request.json:
        emit("result", exit_code=0, targets=[result.plan.target for result in results])
