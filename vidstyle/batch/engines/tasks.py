"""Shots as tasks for several processes or machines: which can be started now, and what their ends mean for the shots."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from vidstyle.batch.conduct import BEGIN, Outcome, Planned, ShotListener, paint
from vidstyle.core.devices import find_device
from vidstyle.core.errors import ChangedError
from vidstyle.core.progress import Listener, Progress
from vidstyle.run import parts
from vidstyle.run.parts import PaintedPart, Part, parts_of
from vidstyle.run.plan import Plan
from vidstyle.run.result import Result

SHORTEST = 96
"""Fewest frames of a part: it takes some seconds to begin one, and these take minutes."""
PARTS_EACH = 4
"""Parts for each worker, about, so that all end at about the same time, and a lost one costs little."""


@dataclass(frozen=True, eq=False)
class Task:
    """What one process does at a time."""

    shot: int
    """Place of its shot among those of the engine."""
    what: Literal["paint", "split", "paint_part", "join"]
    shortest: int = 0
    """Frames of a part at least, to split."""
    part: Part | None = None
    painted: tuple[PaintedPart, ...] = ()
    """What painting the parts took, to join them."""


@dataclass(frozen=True)
class Painted:
    """A painted shot, without its plan, which the caller has, and which holds the style pictures."""

    facts: dict[str, Any]
    """The other fields of `Result`."""
    notes: tuple[str, ...] = ()
    """See `Outcome.notes`."""

    @classmethod
    def of(cls, result: Result, notes: tuple[str, ...] = ()) -> Painted:
        """Those of a result."""
        return cls({each.name: getattr(result, each.name) for each in fields(Result) if each.name != "plan"}, notes)


@dataclass(frozen=True)
class Split:
    """The parts of a shot."""

    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()


def perform(task: Task, planned: Planned, listen: Listener) -> Painted | Split | PaintedPart:
    """Do a task in this process; its plan may have been made on another machine. Raises what `pipeline.run` raises."""
    plan = replace(planned.plan, device=find_device(planned.plan.options.device))
    if task.what == "split":
        return _split(task, plan, planned.shot.restart, listen)
    if task.what == "paint_part":
        assert task.part is not None, "the part is named"
        return parts.paint_part(plan, task.part, listen=listen)
    if task.what == "join":
        return Painted.of(parts.join(plan, task.painted, listen=listen))
    outcome = paint(replace(planned, plan=plan), listen)
    assert outcome.result is not None, "what is painted has a result"
    return Painted.of(outcome.result, outcome.notes)


def _split(task: Task, plan: Plan, restart: bool, listen: Listener) -> Split:
    """As `conduct.paint`: unfinished work of other settings is dropped."""
    try:
        return Split(tuple(parts.split(plan, task.shortest, restart=restart, listen=listen)))
    except ChangedError as error:
        found = parts.split(plan, task.shortest, restart=True, listen=listen)
        return Split(tuple(found), (f"Painted from the beginning: {error.changes}.",))


@dataclass
class _Parts:
    """A shot that is painted in parts."""

    painted: dict[Part, PaintedPart | None]
    """None for a part that is not painted yet."""
    notes: tuple[str, ...]
    frames: dict[Part, int] = field(default_factory=dict)
    """Frames painted so far of each part that was begun."""


class Schedule:
    """The tasks of some shots, in order: a shot is one task, or is split, painted in parts, and joined.

    Split are the shots that would keep one worker busy while the others have nothing to do, and those of which an unfinished
    run was split. workers: how many tasks are done at a time. listen: is passed the steps of each shot.
    """

    def __init__(self, shots: Sequence[Planned], workers: int, listen: ShotListener) -> None:
        self._shots, self._listen = shots, listen
        self._split = dict[int, _Parts]()
        self._begun, self._failed = set[int](), set[int]()
        share = sum(each.plan.count for each in shots) / workers
        shortest = max(SHORTEST, math.ceil(share / PARTS_EACH))
        self._waiting = deque(
            Task(index, "split" if _is_split(each, share, shortest) else "paint", shortest)
            for index, each in enumerate(shots))

    @property
    def in_parts(self) -> bool:
        """Whether a shot is painted in parts."""
        return any(state.painted for state in self._split.values())

    def planned(self, task: Task) -> Planned:
        """The task's shot."""
        return self._shots[task.shot]

    def next(self) -> Task | None:
        """The next task; None where none can be started now."""
        if not self._waiting:
            return None
        task = self._waiting.popleft()
        if task.shot not in self._begun:
            self._begun.add(task.shot)
            self._listen(self._shots[task.shot], BEGIN)
        return task

    def again(self, task: Task) -> None:
        """Put a task that was lost back, as the next one."""
        self._waiting.appendleft(task)

    def step(self, task: Task, step: Progress) -> None:
        """Report a step of a task as one of its shot."""
        state = self._split.get(task.shot)
        if task.part is not None and state is not None:
            if step.stage != "paint":
                return  # the parts are not all at the same stage
            state.frames[task.part] = step.done
            step = replace(step, done=sum(state.frames.values()), total=self.planned(task).plan.count)
        self._listen(self._shots[task.shot], step)

    def done(self, task: Task, value: Painted | Split | PaintedPart) -> Outcome | None:
        """Take what `perform` has returned; the outcome of the shot if it is finished."""
        each, state = self._shots[task.shot], self._split.get(task.shot)
        if task.shot in self._failed:
            return None
        if isinstance(value, Painted):
            notes = (*value.notes, *(() if state is None else state.notes))
            return Outcome(each.shot, Result(each.plan, **value.facts), notes=notes)
        if isinstance(value, Split):
            if len(value.parts) == 1:
                # What was dropped is gone, so that this note would not come again.
                self._split[task.shot] = _Parts({}, value.notes)
                self._waiting.appendleft(Task(task.shot, "paint"))
            else:
                self._split[task.shot] = _Parts(dict.fromkeys(value.parts), value.notes)
                self._waiting.extendleft(Task(task.shot, "paint_part", part=part) for part in reversed(value.parts))
            return None
        assert state is not None, "a part is of a shot that was split"
        assert task.part is not None, "the part is named"
        state.painted[task.part] = value
        painted = tuple(one for one in state.painted.values() if one is not None)
        if len(painted) == len(state.painted):
            self._waiting.appendleft(Task(task.shot, "join", painted=painted))
        return None

    def failed(self, task: Task, error: Exception) -> Outcome | None:
        """Take the error of a task; the outcome of the shot if it had none yet."""
        if task.shot in self._failed:
            return None
        self._failed.add(task.shot)
        self._waiting = deque(other for other in self._waiting if other.shot != task.shot)
        return Outcome(self._shots[task.shot].shot, error=error)


def _is_split(shot: Planned, share: float, shortest: int) -> bool:
    """share: frames of all shots for each worker. shortest: frames of a part at least."""
    if not shot.shot.restart and parts_of(shot.plan.target):
        return True
    return shot.plan.count > share and shot.plan.count >= 2 * shortest
