"""`--dry-run`: what would be painted, how long it takes, and how much memory and disk it needs."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vidstyle.cli.events import emit, plan_text
from vidstyle.cli.progress import clock, show_progress
from vidstyle.core.choices import REPORT

if TYPE_CHECKING:
    from vidstyle.batch.conduct import Planned
    from vidstyle.run.estimate import Estimate, Samples
    from vidstyle.run.plan import Plan

DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        rich_help_panel=REPORT,
        help="Print what would be done, with shots, time, memory and disk estimated by painting a few frames in a temporary "
        "folder; write nothing else.",
    ),
]
MOST_SHOTS = 12
"""Shots of a clip that are listed; `probe --cuts` lists them all."""


@dataclass(frozen=True)
class State:
    """What becomes of an output."""

    words: str
    finished: bool = False
    """Whether it is there, as the plan wants it."""
    skipped: bool = False
    changes: tuple[str, ...] = ()
    """How the painting that is there differs from the plan."""


def show_dry_run(planned: Sequence[tuple[Plan, State]], *, json: bool) -> None:
    """Print the plan and the estimate of every run; nothing is painted but a few frames."""
    from vidstyle.run import estimate

    start = time.process_time() / max(1, len(planned))  # importing takes about as long as the processor works
    samples: Samples = {}
    found = list[dict[str, Any]]()
    for plan, state in planned:
        expected, free = None, shutil.disk_usage(_existing(plan.target)).free
        if not state.skipped:
            with show_progress(plan.clip.path, json=json) as listen:
                expected = estimate.estimate(plan, start=start, samples=samples, listen=listen)
        found.append(plan.as_dict() | {"state": state.words, "finished": state.finished, "skipped": state.skipped,
                                       "changes": state.changes, "disk_free": free,
                                       "estimate": None if expected is None else expected.as_dict()})  # fmt: skip
        if not json:
            rows = [("output", state.words), *([] if expected is None else _rows(plan, expected, free))]
            print(plan_text(plan, rows), end="\n" if len(planned) == 1 else "\n\n", flush=True)
    total = _total(found)
    if json:
        emit("result", exit_code=0, dry_run=True, plans=found, total=total)
    elif len(planned) > 1:
        skipped = f", {total['skipped']} skipped" if total["skipped"] else ""
        print(f"{len(found)} shots{skipped}; {total['frames']} frames to paint: {_time(total['seconds'])}, "
              f"{_size(total['memory'])} of memory, {_size(total['disk_bytes'])} of disk")  # fmt: skip


def state_of(plan: Plan, *, overwrite: bool) -> State:
    """What becomes of the files of an output that are there already, in a run of one clip."""
    from vidstyle.batch.finished import changes_since
    from vidstyle.run.resume.folder import is_unfinished

    changes = changes_since(plan)
    fate = "is replaced" if overwrite else "give --overwrite to replace it"
    if changes == []:
        return State(f"is finished; {fate}", finished=True)
    if changes is not None:
        return State(f"is there with other settings ({'; '.join(changes)}); {fate}", changes=tuple(changes))
    if is_unfinished(plan.target, plan.frames):
        return State("begun, and goes on where it was stopped")
    return State(f"is another file; {fate}" if os.path.lexists(plan.target) else "new")


def state_in_batch(planned: Planned) -> State:
    """What becomes of the files of a shot's output that are there already, in a list or a folder of clips."""
    if planned.finished:
        return State("is finished, and is skipped", finished=True, skipped=True)
    if planned.changes:
        return State(f"is painted again, because {'; '.join(planned.changes)}", changes=planned.changes)
    return state_of(planned.plan, overwrite=True)


def _rows(plan: Plan, expected: Estimate, free: int) -> list[tuple[str, str]]:
    """The estimate as lines of a plan's text."""
    from vidstyle.run.moment import timecode

    clip, count = plan.clip, len(expected.shots)
    shown = [f"{clip.number(first)}-{clip.number(last)}" for first, last in expected.shots[:MOST_SHOTS]]
    more = f" and {count - MOST_SHOTS} more" if count > MOST_SHOTS else ""
    cuts = [f"{clip.number(first)}" + (f" ({code})" if (code := timecode(clip, first)) else "")
            for first, _ in expected.shots[1:MOST_SHOTS]]  # fmt: skip
    parts = ", ".join(f"{name} {clock(value)}" for name, value in expected.parts.items() if value >= 0.5)
    disk = f"{_size(expected.output_bytes)} written, {_size(expected.disk_bytes)} while it paints, {_size(free)} free"
    return [
        ("shots", f"{count}: {', '.join(shown)}{more}" if count > 1 else "1, no cuts"),
        *([("cuts", f"at {', '.join(cuts)}{more}")] if cuts else []),
        ("paintings", (f"every frame, {plan.count + expected.preroll}" if expected.key_frames is None
                       else f"about {expected.key_frames} key frames")
         + ("" if expected.drawings is None else f", and {expected.drawings} drawings of their strokes")),
        ("time", f"{_time(expected.seconds)} ({parts})"),
        ("memory", _size(expected.memory)),
        ("disk", disk + ("" if expected.disk_bytes < free else "; NOT ENOUGH, free some space or give -o on another disk")),
    ]  # fmt: skip


def _total(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All runs together, one after another: times and outputs add up, the largest memory counts."""
    painted = [each for each in found if not each["skipped"]]
    estimates = [each["estimate"] for each in painted]
    return {
        "skipped": len(found) - len(painted),
        "frames": sum(each["count"] for each in painted),
        "seconds": sum(each["seconds"] for each in estimates),
        "memory": max((each["memory"] for each in estimates if each["memory"] is not None), default=None),
        "disk_bytes": sum(each["output_bytes"] for each in estimates)
        + max((each["disk_bytes"] - each["output_bytes"] for each in estimates), default=0),
    }  # fmt: skip


def _existing(target: Path) -> Path:
    """The nearest folder above `target` that exists."""
    return next(folder for folder in target.absolute().parents if folder.is_dir())


def _time(seconds: float) -> str:
    return f"about {clock(seconds)}"


def _size(number: int | None) -> str:
    if number is None:
        return "not known on this system"
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{max(1, number / 1e6):.0f} MB"
