"""Several shots in one command: all are planned first, then painted, and one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vidstyle.batch.shot import Shot
from vidstyle.core.errors import BatchError, UsageError
from vidstyle.core.files import file_id
from vidstyle.core.progress import Progress
from vidstyle.run import pipeline
from vidstyle.run.plan import Plan
from vidstyle.run.result import Result
from vidstyle.video import canonical_path


@dataclass(frozen=True)
class Planned:
    """A shot and its plan."""

    shot: Shot
    plan: Plan


@dataclass(frozen=True)
class Outcome:
    """How one shot ended: with a result or with an error."""

    shot: Shot
    result: Result | None = None
    error: Exception | None = None


Engine = Callable[[Sequence[Planned]], Iterator[Outcome]]
"""Paints planned shots, in any order and on any machine; yields one outcome for each as it ends, and raises no shot's error."""
Reporter = Callable[[Outcome], None]


ShotListener = Callable[[Planned, Progress], None]
"""Called after each step of a shot, which an engine passes it with the shot; raising KeyboardInterrupt stops the batch there.

The first step of a shot is `BEGIN`, before any work on it.
"""
BEGIN = Progress("begin", 0, None)


def in_turn(listen: ShotListener) -> Engine:
    """The engine that paints one shot after another in this process."""

    def engine(shots: Sequence[Planned]) -> Iterator[Outcome]:
        for each in shots:
            try:
                listen(each, BEGIN)
                result = pipeline.run(each.plan, restart=each.shot.restart, listen=partial(listen, each))
            except Exception as error:  # also a bug of ours, which must not stop the shots that follow
                yield Outcome(each.shot, error=error)
            else:
                yield Outcome(each.shot, result)

    return engine


def plan_shots(shots: Sequence[Shot], report: Reporter) -> list[Planned]:
    """Plan every shot and paint none. Failures are passed to `report`; at the end a BatchError states their number.

    A single shot is no batch: its own error is raised as it is.
    """
    planned = _plan_all(shots, report)
    _raise_if_some_failed(len(shots), len(planned), "planned")
    return planned


def run_shots(shots: Sequence[Shot], engine: Engine, report: Reporter) -> list[Result]:
    """Plan every shot, then paint those that can be painted; each outcome is passed to `report` as it happens.

    All shots are planned first, so that a wrong path is reported in the first seconds and not after hours of painting.
    Raises BatchError at the end if some failed, and UsageError before any painting if two shots would be written
    to one file. A single shot is no batch: its own error is raised as it is.
    """
    results = []
    for outcome in engine(_plan_all(shots, report)):
        if outcome.error is not None and len(shots) == 1:
            raise outcome.error
        report(outcome)
        if outcome.result is not None:
            results.append(outcome.result)
    _raise_if_some_failed(len(shots), len(results), "painted")
    return results


def _plan_all(shots: Sequence[Shot], report: Reporter) -> list[Planned]:
    planned = []
    for shot in shots:
        try:
            planned.append(Planned(shot, shot.plan()))
        except Exception as error:
            if len(shots) == 1:
                raise
            report(Outcome(shot, error=error))
    _check_targets(shots, [each.plan for each in planned])
    return planned


def _check_targets(shots: Sequence[Shot], plans: Sequence[Plan]) -> None:
    """Refuse a batch that would write one file twice, or write over a clip that it has to read."""
    inputs = {file_id(shot.clip) for shot in shots}
    taken: dict[Path, Path] = {}
    for plan in plans:
        target = canonical_path(plan.target).resolve()
        if target in taken:
            raise UsageError(
                f"{taken[target]} and {plan.clip.path} would both be written to {plan.target}; "
                "rename one of them, or run them one at a time with different outputs."
            )
        if file_id(plan.target) in inputs:
            raise UsageError(f"{plan.clip.path} would be written over the clip {plan.target}; leave that clip out.")
        taken[target] = plan.clip.path


def _raise_if_some_failed(asked: int, done: int, what: str) -> None:
    if done < asked:
        rest = f"the other {done} are {what}" if done > 1 else f"the other one is {what}" if done else "none is left"
        raise BatchError(f"{asked - done} of {asked} clips failed; {rest}.")
