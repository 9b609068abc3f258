"""`vidstyle run`: paint one clip, or several one after another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidstyle.cli.dry_run import show_dry_run
from vidstyle.cli.events import emit, print_warnings, say
from vidstyle.cli.failures import explain
from vidstyle.cli.request import Request, with_request
from vidstyle.cli.stop import Stopper
from vidstyle.core.options import REPORT

if TYPE_CHECKING:
    from vidstyle.batch.conduct import Outcome
    from vidstyle.run.plan import Plan
    from vidstyle.run.result import Result


@with_request
def run(
    clip: Annotated[
        list[Path],
        typer.Argument(metavar="CLIP", help="Video or image sequence ('shot.####.exr') to paint, or several of them."),
    ],
    request: Request,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", rich_help_panel=REPORT, help="Print what would be done, with shots, time, memory and disk estimated by painting a few frames; "
                     "writes nothing but temporary files."),
    ] = False,
) -> None:
    """Paint CLIP in the style of an image; where several clips are given, one that fails does not stop the others."""
    from vidstyle.batch.conduct import in_turn, run_shots

    several = len(clip) > 1

    def report(outcome: Outcome) -> None:
        if outcome.result is not None:
            _show_result(outcome.result, request, event="clip" if several else "result")
        elif outcome.error is not None:
            code, sentence = explain(outcome.error)
            say(f"vidstyle: {sentence}")
            if request.json:
                emit("clip", source=outcome.shot.clip, exit_code=code, message=sentence)

    shots = [request.shot(each) for each in clip]
    if dry_run:
        show_dry_run(shots, report, json=request.json)
        return
    stopper = Stopper()
    results = run_shots(shots, in_turn(lambda plan: _paint(plan, request, stopper)), report)
    if several and request.json:
        emit("result", exit_code=0, targets=[result.plan.target for result in results])


def _paint(plan: Plan, request: Request, stopper: Stopper) -> Result:
    from vidstyle.cli.progress import listening
    from vidstyle.run import pipeline

    with stopper.watching(), listening(plan, json=request.json) as listen:
        return pipeline.run(plan, restart=request.restart, listen=stopper.listening(listen))


def _show_result(result: Result, request: Request, event: str) -> None:
    print_warnings(result)
    if request.json:
        emit(event, exit_code=0, **result.as_dict())
    else:
        print(result.plan.target, flush=True)
        if result.plan.comparison is not None:
            print(result.plan.comparison.target, flush=True)
