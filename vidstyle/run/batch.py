"""Several clips one after another: all are planned first, and one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vidstyle.core.errors import BatchError, UsageError
from vidstyle.core.files import file_id
from vidstyle.run.plan import Plan
from vidstyle.run.result import Result
from vidstyle.video import canonical_path


@dataclass(frozen=True)
class Outcome:
    """How one clip ended: with a result or with an error."""

    source: Path
    result: Result | None = None
    error: Exception | None = None


Planner = Callable[[Path], Plan]
Runner = Callable[[Plan], Result]
Reporter = Callable[[Outcome], None]


def plan_clips(sources: Sequence[Path], plan: Planner, report: Reporter) -> list[Plan]:
    """Plan every clip and paint none. Failures are passed to `report`; at the end a BatchError states their number.

    A single clip is no batch: its own error is raised as it is.
    """
    plans = _plan_all(sources, plan, report)
    _raise_if_some_failed(len(sources), len(plans), "planned")
    return plans


def run_clips(sources: Sequence[Path], plan: Planner, run: Runner, report: Reporter) -> list[Result]:
    """Plan every clip, then paint those that can be painted; each outcome is passed to `report` as it happens.

    All clips are planned first, so that a wrong path is reported in the first seconds and not after hours of painting.
    Raises BatchError at the end if some failed, and UsageError before any painting if two clips would be written
    to one file. A single clip is no batch: its own error is raised as it is.
    """
    results = []
    for planned in _plan_all(sources, plan, report):
        try:
            result = run(planned)
        except Exception as error:  # also a bug of ours, which must not stop the clips that follow
            if len(sources) == 1:
                raise
            report(Outcome(planned.clip.path, error=error))
        else:
            report(Outcome(planned.clip.path, result=result))
            results.append(result)
    _raise_if_some_failed(len(sources), len(results), "painted")
    return results


def _plan_all(sources: Sequence[Path], plan: Planner, report: Reporter) -> list[Plan]:
    plans = []
    for source in sources:
        try:
            plans.append(plan(source))
        except Exception as error:
            if len(sources) == 1:
                raise
            report(Outcome(source, error=error))
    _check_targets(sources, plans)
    return plans


def _check_targets(sources: Sequence[Path], plans: Sequence[Plan]) -> None:
    """Refuse a batch that would write one file twice, or write over a clip that it has to read."""
    inputs = {file_id(source) for source in sources}
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
