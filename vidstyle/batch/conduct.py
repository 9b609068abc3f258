"""Many shots in one command: all are planned first, then painted, and one that fails does not stop the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from vidstyle.batch.finished import changes_since
from vidstyle.batch.outputs import check_targets, separate
from vidstyle.batch.shot import Shot
from vidstyle.core.errors import BatchError, ChangedError
from vidstyle.core.progress import Progress
from vidstyle.run import pipeline
from vidstyle.run.plan import Plan
from vidstyle.run.result import Result
from vidstyle.run.resume.folder import discard_work, is_unfinished
from vidstyle.video import check_output


@dataclass(frozen=True)
class Planned:
    """A shot and its plan."""

    shot: Shot
    """With all that was found out, so that another process plans the same."""
    plan: Plan
    finished: bool = False
    """Whether its output is there, as the plan wants it."""
    changes: tuple[str, ...] = ()
    """How the painting that is there, and will be replaced, differs from the plan."""


@dataclass(frozen=True)
class Outcome:
    """How one shot ended: with a result or with an error."""

    shot: Shot
    result: Result | None = None
    error: Exception | None = None
    notes: tuple[str, ...] = ()
    """What a user should know about how it was painted, in sentences."""


Engine = Callable[[Sequence[Planned]], Iterator[Outcome]]
"""Paints planned shots, in any order and on any machine; yields one outcome for each as it ends, and raises no shot's error."""
Reporter = Callable[[Outcome], None]
ShotListener = Callable[[Planned, Progress], None]
"""Called after each step of a shot, with the shot that the engine was given; raising KeyboardInterrupt stops the batch there.

The first step of a shot is `BEGIN`, before any work on it.
"""
BEGIN = Progress("begin", 0, None)


def in_turn(listen: ShotListener) -> Engine:
    """The engine that paints one shot after another in this process."""

    def engine(shots: Sequence[Planned]) -> Iterator[Outcome]:
        for each in shots:
            listen(each, BEGIN)
            try:
                outcome = paint(each, partial(listen, each))
            except Exception as error:  # also a bug of ours, which must not stop the shots that follow
                outcome = Outcome(each.shot, error=error)
            yield outcome

    return engine


def paint(planned: Planned, listen: Callable[[Progress], None]) -> Outcome:
    """Paint one shot in this process; every engine does so, here or elsewhere. Raises what `pipeline.run` raises.

    Unfinished work of other settings, as of a list that was changed after a stop, is dropped.
    """
    try:
        return Outcome(planned.shot, pipeline.run(planned.plan, restart=planned.shot.restart, listen=listen))
    except ChangedError as error:
        result = pipeline.run(planned.plan, restart=True, listen=listen)
        return Outcome(planned.shot, result, notes=(f"Painted from the beginning: {error.changes}.",))


def plan_shots(shots: Sequence[Shot], report: Reporter,
               share: Callable[[list[Planned]], list[Planned]] = list) -> list[Planned]:
    """Plan every shot and paint none; failures are passed to `report`.

    All shots are planned before one is painted, so that a wrong path is reported in the first seconds and not after hours of
    painting. share: gives shots what they have in common. Raises UsageError if two shots would be written to one file, or one
    over a clip that is read.
    """
    planned = list[Planned]()
    for shot in shots:
        with _reported(shot, report):
            planned.append(Planned(shot, replace(shot, overwrite=True).plan()))
    for at, folder in separate([(each.shot, each.plan) for each in planned]).items():
        moved = replace(planned[at].shot, folder=folder)
        planned[at] = Planned(moved, replace(moved, overwrite=True).plan())
    check_targets(shots, [(each.shot, each.plan) for each in planned])
    settled = list[Planned]()
    for each in share(planned):
        with _reported(each.shot, report):
            settled.append(_settled(each))
    return settled


def paint_shots(planned: Sequence[Planned], engine: Engine, report: Reporter) -> None:
    """Paint the shots that are not finished; each outcome is passed to `report` as it happens.

    Of shots that would each fit the same network, because its file is missing, the first is painted before the others.
    """
    waiting = [each for each in planned if not each.finished]
    while waiting:
        now, later, fitted = list[Planned](), list[Planned](), set[Path]()
        for each in waiting:
            network = each.plan.options.network
            missing = network is not None and not os.path.exists(network)
            (later if missing and network in fitted else now).append(each)
            if network is not None and missing:
                fitted.add(network)
        for outcome in engine(now):
            report(outcome)
        waiting = later


def _settled(planned: Planned) -> Planned:
    """The shot with what is known of the output that is there. Raises OutputError where that is no painting of ours."""
    shot, plan = planned.shot, planned.plan
    changes = changes_since(plan)
    if changes == [] and not shot.restart:
        discard_work(plan.target)  # of a run that was killed at its very end
        return replace(planned, finished=True)
    if changes is None and not is_unfinished(plan.target, plan.frames):
        if os.path.exists(plan.target.absolute().parent):
            check_output(plan.target, plan.source, plan.frames, overwrite=shot.overwrite)
        return replace(planned, plan=replace(plan, overwrite=shot.overwrite))
    return replace(planned, shot=replace(shot, overwrite=True), changes=tuple(changes or ()))


@contextmanager
def _reported(shot: Shot, report: Reporter) -> Iterator[None]:
    """Report an error instead of raising it."""
    try:
        yield
    except Exception as error:
        report(Outcome(shot, error=error))


def check_failures(asked: int, failed: int, done: str = "painted") -> None:
    """Raise BatchError if some of the shots that were asked for failed."""
    if failed:
        rest = asked - failed
        fate = f"the other {rest} are {done}" if rest > 1 else f"the other one is {done}" if rest else "none is left"
        raise BatchError(f"{failed} of {asked} shots failed; {fate}.")
