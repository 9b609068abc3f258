"""`--dry-run`: what would be painted, how long it takes, and how much memory and disk it needs."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidstyle.cli.events import emit, plan_text
from vidstyle.cli.progress import clock, show_progress

if TYPE_CHECKING:
    from vidstyle.batch.conduct import Outcome
    from vidstyle.batch.shot import Shot
    from vidstyle.run.estimate import Estimate, Samples
    from vidstyle.run.plan import Plan

MOST_SHOTS = 12
"""Shots of a clip that are listed; `probe --cuts` lists them all."""


def show_dry_run(shots: Sequence[Shot], report: Callable[[Outcome], None], *, json: bool) -> None:
    """Print the plan and the estimate of every shot, and of all of them together; nothing is painted but a few frames.

    Raises as `plan_shots` does.
    """
    from vidstyle.batch.conduct import plan_shots
    from vidstyle.run import estimate

    # An output that exists is no error here: what would happen to it is stated.
    planned = plan_shots([replace(shot, overwrite=True) for shot in shots], report)
    start = time.process_time() / max(1, len(planned))  # importing takes about as long as the processor works
    samples: Samples = {}
    found = list[dict[str, Any]]()
    for each in planned:
        plan, state = each.plan, _state(each.plan, overwrite=any(shot == each.shot for shot in shots))
        with show_progress(plan.clip.path, json=json) as listen:
            expected = estimate.estimate(plan, start=start, samples=samples, listen=listen)
        free = shutil.disk_usage(_existing(plan.target)).free
        found.append(plan.as_dict() | {"state": state, "estimate": expected.as_dict(), "disk_free": free})
        if not json:
            print(plan_text(plan, _rows(plan, expected, state, free)), end="\n\n" if len(shots) > 1 else "\n", flush=True)
    if json:
        emit("result", exit_code=0, dry_run=True, plans=found, total=_total(found))
    elif len(shots) > 1:
        total = _total(found)
        print(f"{len(found)} clips, {total['frames']} frames: {_time(total['seconds'])}, "
              f"{_size(total['memory'])} of memory, {_size(total['disk_bytes'])} of disk")


def _state(plan: Plan, *, overwrite: bool) -> str:
    """What becomes of the files of the output that are there already."""
    from vidstyle.run.resume.folder import is_unfinished

    if is_unfinished(plan.target, plan.frames):
        return "a run that was stopped goes on"
    if os.path.lexists(plan.target):
        return "exists, and is replaced" if overwrite else "exists, and is not replaced without --overwrite"
    return "new"


def _rows(plan: Plan, expected: Estimate, state: str, free: int) -> list[tuple[str, str]]:
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
        ("output", state),
        ("shots", f"{count}: {', '.join(shown)}{more}" if count > 1 else "1, no cuts"),
        *([("cuts", f"at {', '.join(cuts)}{more}")] if cuts else []),
        ("paintings", f"every frame, {plan.count + expected.preroll}" if expected.key_frames is None
         else f"about {expected.key_frames} key frames"),
        ("time", f"{_time(expected.seconds)} ({parts})"),
        ("memory", _size(expected.memory)),
        ("disk", disk + ("" if expected.disk_bytes < free else "; NOT ENOUGH, free some space or give -o on another disk")),
    ]  # fmt: skip


def _total(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """All runs together, one after another: their times and outputs add up, the largest memory counts."""
    estimates = [each["estimate"] for each in found]
    memory = [each["memory"] for each in estimates if each["memory"] is not None]
    return {
        "frames": sum(each["count"] for each in found),
        "seconds": sum(each["seconds"] for each in estimates),
        "memory": max(memory, default=None),
        "disk_bytes": sum(each["output_bytes"] for each in estimates)
        + max((each["disk_bytes"] - each["output_bytes"] for each in estimates), default=0),
    }


def _existing(target: Path) -> Path:
    """The nearest folder above `target` that exists."""
    return next(folder for folder in target.absolute().parents if folder.is_dir())


def _time(seconds: float) -> str:
    return f"about {clock(seconds)}"


def _size(number: int | None) -> str:
    if number is None:
        return "not known on this system"
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{max(1, number / 1e6):.0f} MB"
