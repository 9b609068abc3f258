"""Progress: a live bar on a terminal, plain lines in a log, JSON lines for a program."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich.progress
from rich.console import Console, RenderableType
from rich.progress import BarColumn, TaskID, TextColumn
from rich.text import Text

from vidstyle.cli.events import emit, plan_line, say
from vidstyle.cli.stop import Stopper

if TYPE_CHECKING:
    from vidstyle.core.progress import Listener, Progress
    from vidstyle.run.plan import Plan

WINDOW = 30.0
"""Seconds over which the pace is measured: long enough to be stable, short enough to drop a slow start."""
SECONDS_BETWEEN_LINES = 5.0
SECONDS_BETWEEN_EVENTS = 0.5


class Pace:
    """Steps per second over the last `WINDOW` seconds of one stage, and the time left at that rate."""

    def __init__(self) -> None:
        self.stage = ""
        self._steps: deque[tuple[float, int]] = deque()

    def update(self, step: Progress) -> bool:
        """Record one step; returns whether it is the first of a stage."""
        opens = step.stage != self.stage
        if opens:
            self.stage = step.stage
            self._steps.clear()
        now = time.monotonic()
        self._steps.append((now, step.done))
        while len(self._steps) > 2 and self._steps[0][0] < now - WINDOW:
            self._steps.popleft()
        return opens

    @property
    def rate(self) -> float | None:
        """Steps per second; None before the second step of a stage."""
        (then, before), (now, done) = self._steps[0], self._steps[-1]
        return (done - before) / (now - then) if now > then and done > before else None

    def seconds_left(self, step: Progress) -> float | None:
        """Seconds to the end of the stage; None where the total or the rate is not known."""
        rate = self.rate
        return (step.total - step.done) / rate if rate and step.total is not None else None


class LineListener:
    """Prints a plain line on stderr when a stage starts or ends, and every few seconds in between."""

    def __init__(self, name: str, more: Callable[[], str] = str) -> None:
        """more: what follows at the end of each line."""
        self._name, self._more = name, more
        self._pace = Pace()
        self._last = -SECONDS_BETWEEN_LINES

    def __call__(self, step: Progress) -> None:
        """Report one step."""
        now, opens = time.monotonic(), self._pace.update(step)
        if opens or step.done == step.total or now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            say(f"{self._name}: {step.stage} {describe(step, self._pace)}{self._more()}")


class JsonListener:
    """Prints `progress` events on stdout: the first and the last of each stage, and two per second in between."""

    def __init__(self, source: str, more: Callable[[], dict[str, Any]] = dict) -> None:
        """more: further keys of each event."""
        self._source, self._more = source, more
        self._pace = Pace()
        self._last = -SECONDS_BETWEEN_EVENTS

    def __call__(self, step: Progress) -> None:
        """Report one step."""
        now, opens = time.monotonic(), self._pace.update(step)
        if opens or step.done == step.total or now - self._last >= SECONDS_BETWEEN_EVENTS:
            self._last = now
            rate, left = self._pace.rate, self._pace.seconds_left(step)
            emit(
                "progress", source=self._source, stage=step.stage, done=step.done, total=step.total,
                per_second=rate, seconds_left=left, loss=step.loss, **self._more(),
            )  # fmt: skip


class BarListener:
    """Shows one live bar for each stage."""

    def __init__(self, bars: rich.progress.Progress) -> None:
        self._bars = bars
        self._pace = Pace()
        self._task: TaskID | None = None

    def __call__(self, step: Progress) -> None:
        """Report one step."""
        if self._pace.update(step) or self._task is None:
            self._task = self._bars.add_task(step.stage, total=step.total, status="")
        status = describe(step, self._pace)
        self._bars.update(self._task, completed=step.done, total=step.total, status=status)


class Bars(rich.progress.Progress):
    """Live bars on stderr, with what `notice` says below them."""

    def __init__(self, notice: Callable[[], str] = str) -> None:
        self._notice = notice  # first: it is drawn at once
        super().__init__(TextColumn("{task.description:>8}"), BarColumn(), TextColumn("{task.fields[status]}"),
                         console=Console(stderr=True), redirect_stdout=sys.stdout.isatty())

    def get_renderables(self) -> Iterator[RenderableType]:
        """The bars, those with the field `last` at the end, and the notice; drawn anew ten times a second."""
        yield self.make_tasks_table(sorted(self.tasks, key=lambda task: "last" in task.fields))
        if notice := self._notice():
            yield Text(notice, "bold")


@contextmanager
def listening(plan: Plan, *, json: bool) -> Iterator[Listener]:
    """Print the plan and its warnings, then yield a listener that shows the progress of the run, and stops it on Ctrl-C."""
    announce(plan, json=json)
    stopper = Stopper()
    with stopper.watching(), show_progress(plan.clip.path, json=json, stopper=stopper) as listen:
        yield stopper.listening(lambda step: tell(plan.clip.path, step.note, json=json) if step.note else listen(step))


def announce(plan: Plan, *, json: bool, label: str = "") -> None:
    """Print a plan and its warnings, before the work on it starts. label: what to call the clip in place of its file name."""
    name = label or plan.clip.path.name
    if json:
        emit("start", **plan.as_dict())
        for warning in plan.warnings:
            emit("warning", source=plan.clip.path, message=warning)
    else:
        say(f"{name}: {plan_line(plan)}")
        if plan.start.reason:
            say(f"{name}: {plan.start.reason}")
        for warning in plan.warnings:
            say(f"{name}: warning: {warning}")


def tell(clip: Path, note: str, *, json: bool, label: str = "") -> None:
    """Print the note of a step. label: what to call the clip in place of its file name."""
    if json:
        emit("note", source=clip, message=note)
    else:
        say(f"{label or clip.name}: {note}")


@contextmanager
def show_progress(clip: Path, *, json: bool, stopper: Stopper | None = None) -> Iterator[Listener]:
    """Yield a listener that shows progress on `clip` for a terminal, a log or a program; at the end, print the time taken."""
    if json:
        yield JsonListener(str(clip))
        return
    started, stopper = time.monotonic(), stopper or Stopper()
    if has_live_display():
        with stopper.shown(), Bars(lambda: stopper.notice) as bars:
            yield BarListener(bars)
    else:
        yield LineListener(clip.name)
    say(f"{clip.name}: done in {clock(time.monotonic() - started)}")


def has_live_display() -> bool:
    """Whether stderr is a terminal that can show bars."""
    # With FORCE_COLOR, rich takes a pipe for a terminal, and it draws on dumb terminals; it does honour NO_COLOR.
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def describe(step: Progress, pace: Pace) -> str:
    """`frame 12/100, 3.1 fps, loss 0.52, 0:28 left`, without the parts that are not known."""
    fits = step.stage in ("fit", "train")
    parts = [f"{'step' if fits else 'frame'} {step.done}" + (f"/{step.total}" if step.total is not None else "")]
    if rate := pace.rate:
        parts.append(f"{rate:.2g} steps/s" if fits else f"{rate:.2g} fps")
    if step.loss is not None:
        parts.append(f"loss {step.loss:.4g}")
    if (left := pace.seconds_left(step)) is not None and step.done != step.total:
        parts.append(f"{clock(left)} left")
    return ", ".join(parts)


def clock(seconds: float) -> str:
    """`0:28`, `12:05` or `1:02:03`."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
