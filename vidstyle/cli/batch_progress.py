"""Progress of a batch: a line for each shot that is being painted, and one for all of them with the time left for all."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidstyle.cli.events import say
from vidstyle.cli.progress import Bars, JsonListener, LineListener, Pace, announce, clock, describe, has_live_display, tell
from vidstyle.cli.stop import Stopper

if TYPE_CHECKING:
    from rich.progress import TaskID

    from vidstyle.batch.conduct import Outcome, Planned
    from vidstyle.core.progress import Listener, Progress


@dataclass
class _Share:
    """What one shot is of all the work."""

    frames: int
    pixels: int
    """Painted in each frame."""
    done: int = 0
    resumed: int = 0
    """Frames that an earlier run has painted."""
    ended: bool = False


class BatchPace:
    """How much of a batch is done, in shots, in frames and in time."""

    def __init__(self, shots: Sequence[Planned]) -> None:
        self._began: float | None = None
        self._finished = sum(each.finished for each in shots)
        self._shares = {each.plan.target: _Share(each.plan.count, each.plan.paint_size[0] * each.plan.paint_size[1])
                        for each in shots if not each.finished}

    def update(self, target: Path, step: Progress) -> None:
        """Record one step of the shot that is written to `target`."""
        if self._began is None:
            self._began = time.monotonic()
        if step.stage == "paint":
            share = self._shares[target]
            if not share.done:
                share.resumed = step.done - 1
            share.done = step.done

    def end(self, target: Path) -> None:
        """Record that a shot has ended; the frames that a failed one leaves are not waited for."""
        share = self._shares[target]
        share.frames, share.ended = share.done or share.frames, True

    @property
    def shots(self) -> tuple[int, int]:
        """Shots that have ended, with those that were finished before, and all."""
        ended = sum(share.ended for share in self._shares.values())
        return self._finished + ended, self._finished + len(self._shares)

    @property
    def frames(self) -> tuple[int, int]:
        """Frames painted, and all."""
        return sum(share.done for share in self._shares.values()), sum(share.frames for share in self._shares.values())

    @property
    def seconds_left(self) -> float | None:
        """Seconds until all shots are painted, at the pace since the beginning, per pixel; None while nothing is painted.

        The time for fits and for what precedes painting is part of that pace.
        """
        shares = self._shares.values()
        painted = sum((share.done - share.resumed) * share.pixels for share in shares)
        left = sum((share.frames - share.done) * share.pixels for share in shares)
        return None if self._began is None or not painted else (time.monotonic() - self._began) * left / painted

    def __str__(self) -> str:
        """`3/20 shots, frame 512/4800, 1:02:03 left`."""
        left = self.seconds_left
        counts = f"{self.shots[0]}/{self.shots[1]} shots, frame {self.frames[0]}/{self.frames[1]}"
        return counts + (f", {clock(left)} left" if left is not None and self.shots[0] < self.shots[1] else "")

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return {"shots": self.shots[1], "shots_done": self.shots[0], "frames": self.frames[1],
                "frames_done": self.frames[0], "seconds_left": self.seconds_left}


def label_of(shot: Planned) -> str:
    """What a shot is called in a batch: its number in the list and its file, `4. A001.mp4`."""
    return f"{shot.shot.number}. {shot.plan.clip.path.name}"


class BatchProgress:
    """Shows the steps of all shots, of several at a time where the engine paints so."""

    def __init__(self, shots: Sequence[Planned], *, json: bool, bars: Bars | None) -> None:
        self._pace, self._json, self._bars = BatchPace(shots), json, bars
        self._targets = {each.shot.number: each.plan.target for each in shots}
        self._running = dict[Path, _Running]()
        self._all = None if bars is None else bars.add_task("all shots", total=self._pace.frames[1], status=str(self._pace),
                                                                last=True)

    def listen(self, shot: Planned, step: Progress) -> None:
        """Show one step of a shot; a `ShotListener`."""
        target = shot.plan.target
        if target not in self._running:
            label = label_of(shot)
            announce(shot.plan, json=self._json, label=label)
            self._running[target] = _Running(label, self._listener(shot, label))
        self._pace.update(target, step)
        if step.note:
            tell(shot.plan.clip.path, step.note, json=self._json, label=label_of(shot))
        elif step.total is not None:
            self._running[target].listen(step)
        self._update_all()

    def end(self, outcome: Outcome) -> None:
        """Show that a shot has ended."""
        target = self._targets[outcome.shot.number]
        self._pace.end(target)
        running = self._running.pop(target, None)
        if running is not None and isinstance(running.listen, _ShotBar):
            running.listen.remove()
        if running is not None and outcome.result is not None and not self._json:
            say(f"{running.label}: done in {clock(time.monotonic() - running.began)}")
        self._update_all()

    def _listener(self, shot: Planned, label: str) -> Listener:
        if self._json:
            return JsonListener(str(shot.plan.clip.path), lambda: {"all": self._pace.as_dict()})
        if self._bars is None:
            return LineListener(label, lambda: f"; all: {self._pace}")
        return _ShotBar(self._bars, label)

    def _update_all(self) -> None:
        if self._bars is not None and self._all is not None:
            done, total = self._pace.frames
            self._bars.update(self._all, completed=done, total=total, status=str(self._pace))


@dataclass(frozen=True)
class _Running:
    """A shot that is being painted."""

    label: str
    listen: Listener
    began: float = field(default_factory=time.monotonic)


class _ShotBar:
    """The live bar of one shot, which shows its stages one after another."""

    def __init__(self, bars: Bars, name: str) -> None:
        self._bars, self._name, self._pace = bars, name, Pace()
        self._task: TaskID = bars.add_task(name, total=None, status="")

    def __call__(self, step: Progress) -> None:
        """Show one step."""
        if self._pace.update(step):
            self._bars.reset(self._task, total=step.total, description=f"{self._name} {step.stage}", status="")
        self._bars.update(self._task, completed=step.done, total=step.total, status=describe(step, self._pace))

    def remove(self) -> None:
        """Remove the bar."""
        self._bars.remove_task(self._task)


@contextmanager
def showing(shots: Sequence[Planned], *, json: bool, stopper: Stopper) -> Iterator[BatchProgress]:
    """Show the progress of a batch for a terminal, a log or a program, and handle Ctrl-C."""
    with stopper.watching():
        if json or not has_live_display():
            yield BatchProgress(shots, json=json, bars=None)
            return
        with stopper.shown(), Bars(lambda: stopper.notice) as bars:
            yield BatchProgress(shots, json=json, bars=bars)
