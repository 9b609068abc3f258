"""`vidstyle run`: paint one clip, or several one after another."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vidstyle.cli.batch import paint_shots, read, write_missing_review
from vidstyle.cli.dry_run import DryRun, show_dry_run, state_of
from vidstyle.cli.engines import Cluster, Jobs, choose_engine, refuse_jobs
from vidstyle.cli.events import emit, print_targets, print_warnings, say
from vidstyle.cli.parse import names_several
from vidstyle.cli.request import Request, with_request
from vidstyle.core.errors import OutputError, UsageError

if TYPE_CHECKING:
    from vidstyle.batch.shot import Shot
    from vidstyle.core.progress import Listener
    from vidstyle.run.plan import Plan
    from vidstyle.run.result import Result


@partial(with_request, without={"vary"})
def run(
    clip: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="CLIP",
            help="Video or image sequence ('shot.####.exr') to paint; also several, a folder, or a pattern ('shots/*.mp4').",
        ),
    ] = None,
    *,
    request: Request,
    jobs: Jobs = None,
    cluster: Cluster = None,
    dry_run: DryRun = False,
) -> None:
    """Paint CLIP in the style of an image; of several clips, finished ones are skipped, and one that fails stops no other."""
    assert clip, "with_request gives the clip of --from where none is named"
    if lists := [path for path in clip if path.suffix.lower() in (".csv", ".toml") and not os.path.isdir(path)]:
        raise UsageError(f"{lists[0]}: is a shot list; paint it with: vidstyle batch {lists[0]}.")
    refuse_jobs(jobs, cluster, dry_run=dry_run)
    if names_several(clip):
        paint_shots(read(clip, request), request, dry_run=dry_run, jobs=jobs, cluster=cluster)
    else:
        _paint_one(clip[0], request, jobs, cluster, dry_run=dry_run)


def _paint_one(clip: Path, request: Request, jobs: int | None, cluster: str | None, *, dry_run: bool) -> None:
    from vidstyle.batch.finished import changes_since
    from vidstyle.cli.progress import listening
    from vidstyle.run.compare import lacks_comparison

    shot = request.shot(clip)
    if dry_run:
        plan = _noted(replace(shot, overwrite=True).plan(), request)  # an output that exists is stated, and no error
        show_dry_run([(plan, state_of(plan, overwrite=shot.overwrite))], json=request.json)
        return
    try:
        plan = _noted(shot.plan(), request)
    except OutputError:
        plan = replace(shot, overwrite=True).plan()
        if changes_since(plan) != [] or not lacks_comparison(plan):
            raise
        write_missing_review(plan, json=request.json)  # of a painting that is finished, only the review movie is made
        if request.json:
            emit("result", exit_code=0, finished=True, **plan.as_dict())
        else:
            print_targets(plan)
        return
    with listening(plan, json=request.json) as listen:
        result = _painted(shot, plan, jobs, cluster, listen)
    print_warnings(result)
    compared = _compared(result, request)
    if request.json:
        emit("result", exit_code=0, **result.as_dict(), **compared)
    else:
        print_targets(plan)


def _noted(plan: Plan, request: Request) -> Plan:
    """The plan of a repetition with what has changed since the job among its warnings; others stay as they are."""
    from vidstyle.run.repeat_check import noting_changes

    return plan if request.repeats is None else noting_changes(plan, request.repeats, request.named)


def _compared(result: Result, request: Request) -> dict[str, Any]:
    """Say whether the frames of a repetition are those of the job, and return the same for JSON; nothing for another clip."""
    from vidstyle.run.repeat_check import compare

    if request.repeats is None or "clip" in request.named:
        return {}
    comparison = compare(request.repeats, result)
    if not request.json:
        say(f"{result.plan.clip.path.name}: {comparison.sentence(request.repeats)}")
    return {"repeats": {"manifest": str(request.repeats.manifest), **comparison.as_dict()}}


def _painted(shot: Shot, plan: Plan, jobs: int | None, cluster: str | None, listen: Listener) -> Result:
    from vidstyle.batch.conduct import BEGIN, Planned
    from vidstyle.run import pipeline

    if cluster is None and jobs in (None, 1):
        return pipeline.run(plan, restart=shot.restart, listen=listen)
    engine = choose_engine(jobs, cluster, lambda _, step: None if step == BEGIN else listen(step))
    [outcome] = engine([Planned(shot, plan)])
    if outcome.error is not None:
        raise outcome.error
    assert outcome.result is not None, "an outcome has a result or an error"
    return outcome.result
