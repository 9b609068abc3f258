"""`vidstyle batch`: paint the shots of a list, a folder or a glob, and go on where it was stopped."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidstyle.cli.dry_run import DryRun, show_dry_run, state_in_batch
from vidstyle.cli.edits import is_edit, lost_clips, read_edits, write_edits
from vidstyle.cli.engines import Cluster, Jobs, choose_engine, refuse_jobs
from vidstyle.cli.events import emit, print_targets, print_warnings, say
from vidstyle.cli.failures import explain
from vidstyle.cli.request import Request, with_request
from vidstyle.cli.stop import Stopper
from vidstyle.core.choices import LOOK, OUTPUT, WHAT
from vidstyle.core.errors import UsageError

if TYPE_CHECKING:
    from vidstyle.batch.conduct import Outcome, Planned
    from vidstyle.batch.edits.edit import Edit
    from vidstyle.batch.report import Report
    from vidstyle.batch.shot import Shot
    from vidstyle.cli.batch_progress import BatchProgress
    from vidstyle.run.plan import Plan


@partial(with_request, for_lists=True, without={"repeats", "vary"})
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
    only: Annotated[
        int | None,
        typer.Option(
            "--only",
            rich_help_panel=WHAT,
            metavar="N",
            min=1,
            show_default=False,
            help="Paint only shot N of the list, counted from 1, and write no report; for the tasks of a farm.",
        ),
    ] = None,
    jobs: Jobs = None,
    cluster: Cluster = None,
    retry_failed: Annotated[
        bool,
        typer.Option("--retry-failed", rich_help_panel=WHAT, help="Paint only the shots that failed, as the report states."),
    ] = False,
    same_look: Annotated[
        bool,
        typer.Option(
            "--same-look",
            rich_help_panel=LOOK,
            help="All shots of one style share a palette, and with --method feedforward a network, saved beside the report.",
        ),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            rich_help_panel=OUTPUT,
            metavar="FOLDER",
            show_default=False,
            help="Folder of the report (default: NAME_report beside the list NAME.csv).",
        ),
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Paint the shots of SHOTLIST, each with its own options; those given here hold for every shot that states no other.

    Finished shots are skipped and changed ones are painted again. A report states what became of each: a page with contact
    sheets, a table, and JSON. Of an edit, the frames that it shows are painted, and it is written again with the painted files.
    """
    from vidstyle.batch.report import Report

    refuse_jobs(jobs, cluster, dry_run=dry_run)
    edits = read_edits(clip, request, media, handles)
    shots = read(clip, request, edits)
    if only is not None:
        if retry_failed or same_look or report is not None:
            raise UsageError("--only is given, and --retry-failed, --same-look and --report are for all shots; leave them out.")
        paint_shots(_only(shots, only), request, dry_run=dry_run, jobs=jobs, cluster=cluster)
        return
    lost = lost_clips(edits, len(shots))
    folder = report or default_report(clip[0])
    written = Report(folder, [*shots, *(outcome.shot for outcome in lost)], explain)
    if retry_failed:
        shots = written.failed(shots)
        if not shots:
            say(f"No shot has failed, as {folder / 'report.json'} states.")
    paint_shots(shots, request, dry_run=dry_run, report=written, look=folder if same_look else None,
                jobs=jobs, cluster=cluster, edits=edits, lost=lost)


def read(where: Sequence[Path], request: Request, edits: Sequence[Edit] = ()) -> list[Shot]:
    """The shots that the arguments of a command name; first those of the `edits` among them."""
    from vidstyle.batch.shot_list import read_shots

    shots = [shot for edit in edits for shot in edit.shots]
    shots += read_shots([path for path in where if not is_edit(path)], request.shot())
    return [replace(shot, number=number) for number, shot in enumerate(shots, 1)]


def _only(shots: Sequence[Shot], number: int) -> list[Shot]:
    """The shot of --only. Raises UsageError."""
    if number > len(shots):
        raise UsageError(f"--only {number} is given and the list has {len(shots)} shots; give 1 to {len(shots)}.")
    return [shots[number - 1]]


def default_report(where: Path) -> Path:
    """The folder of the report on a list, a folder, or a glob: beside it, with its name."""
    while glob.has_magic(str(where)) and where != where.parent:
        where = where.parent
    where = where if where.name not in ("", "..") else where.resolve()
    return where.with_name(f"{where.stem}_report")


def paint_shots(shots: Sequence[Shot], request: Request, *, dry_run: bool, report: Report | None = None,
                look: Path | None = None, jobs: int | None = None, cluster: str | None = None,
                edits: Sequence[Edit] = (), lost: Sequence[Outcome] = ()) -> None:
    """Paint these shots and print where each went; or only what would be done.

    look: the folder of what shots of one style share; None where they share nothing. edits: those that the shots are of, which
    are written at the end. lost: their clips that cannot be painted. Raises BatchError at the end if some shots have failed.
    """
    from vidstyle.batch.conduct import check_failures, plan_shots
    from vidstyle.batch.conduct import paint_shots as paint
    from vidstyle.batch.look import share_look
    from vidstyle.cli.batch_progress import showing
    from vidstyle.cli.progress import show_progress

    failed: list[Outcome] = []

    def end(outcome: Outcome, progress: BatchProgress | None = None) -> None:
        if outcome.error is not None:
            failed.append(outcome)
        if progress is not None:
            progress.end(outcome)
        _print(outcome, request)
        if report is not None and not dry_run:
            report.add(outcome)
            report.write()

    def share(planned: list[Planned]) -> list[Planned]:
        if look is None:
            return planned
        with show_progress(Path("same look"), json=request.json) as listen:
            return share_look(planned, look, listen, make=not dry_run)

    for outcome in lost:
        end(outcome)
    planned = plan_shots(shots, end, share)
    if dry_run:
        show_dry_run([(each.plan, state_in_batch(each)) for each in planned], json=request.json)
        check_failures(len(shots) + len(lost), len(failed), "planned")
        return
    for each in planned:
        _print_state(each, request)
        if each.finished:
            write_missing_review(each.plan, json=request.json)
        if report is not None:
            report.plan(each)
    if report is not None:
        report.write()
    stopper = Stopper()
    with showing(planned, json=request.json, stopper=stopper) as progress:
        engine = choose_engine(jobs, cluster, stopper.listening(progress.listen))
        paint(planned, engine, partial(end, progress=progress))
    for outcome in failed:
        say(f"failed: {_sentence(outcome)}")
    if report is not None:
        say(f"report: {report.folder / 'report.html'}")
    write_edits(edits, request)
    check_failures(len(shots) + len(lost), len(failed))
    if request.json:
        emit("result", exit_code=0, targets=[each.plan.target for each in planned],
             **({} if report is None else {"report": report.folder}))


def write_missing_review(plan: Plan, *, json: bool) -> None:
    """Write the review movie of a finished output if one is asked for and is not there; the output is not painted again."""
    from vidstyle.cli.progress import show_progress
    from vidstyle.run.compare import lacks_comparison, write_comparison

    if lacks_comparison(plan):
        with show_progress(plan.clip.path, json=json) as listen:
            write_comparison(plan, plan.target, listen)


def _print(outcome: Outcome, request: Request) -> None:
    """Print how a shot ended."""
    if outcome.result is not None:
        print_warnings(outcome.result)
        for note in outcome.notes:
            say(f"{outcome.shot.clip.name}: {note}")
        if request.json:
            emit("clip", exit_code=0, finished=False, **outcome.result.as_dict())
        else:
            print_targets(outcome.result.plan)
    elif outcome.error is not None:
        code, sentence = explain(outcome.error)
        say(f"vidstyle: {_sentence(outcome)}")
        if request.json:
            emit("clip", source=outcome.shot.clip, exit_code=code, message=sentence)


def _sentence(outcome: Outcome) -> str:
    """A failed shot's place in its list, and what went wrong."""
    assert outcome.error is not None
    sentence = explain(outcome.error)[1]
    return f"{outcome.shot.origin}: {sentence}" if outcome.shot.origin else sentence


def _print_state(planned: Planned, request: Request) -> None:
    """Print that a shot is finished, or why it is painted again."""
    from vidstyle.cli.batch_progress import label_of

    plan, label = planned.plan, label_of(planned)
    if request.json and planned.finished:
        emit("clip", exit_code=0, finished=True, source=plan.clip.path, target=plan.target)
    elif planned.finished:
        say(f"{label}: is finished")
        print(plan.target, flush=True)
    elif planned.changes:
        say(f"{label}: is painted again, because {'; '.join(planned.changes)}")
