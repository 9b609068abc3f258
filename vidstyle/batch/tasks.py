"""Shots as tasks for several processes or machines: which can be started now, and what their ends mean for the shots."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from vidstyle.batch.conduct import BEGIN, Outcome, Planned, ShotListener
from vidstyle.core.devices import find_device
from vidstyle.core.progress import Listener, Progress
from vidstyle.run import parts, pipeline
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
    restart: bool = False
    shortest: int = 0
    """Frames of a part at least, to split."""
    part: Part | None = None
    painted: tuple[PaintedPart, ...] = ()
    """What painting the parts took, to join them."""


def perform(task: Task, plan: Plan, listen: Listener) -> Any:
    """Do a task in this process; its plan may have been made on another machine. Returns what `Schedule.done` takes."""
    plan = replace(plan, device=find_device(plan.options.device))
    if task.what == "split":
        return parts.split(plan, task.shortest, restart=task.restart, listen=listen)
    if task.what == "paint_part":
        assert task.part is not None, "the part is named"
        return parts.paint_part(plan, task.part, listen=listen)
    if task.what == "join":
        result = parts.join(plan, task.painted, listen=listen)
    else:
        result = pipeline.run(plan, restart=task.restart, listen=listen)
    # Without the plan, which the caller has, and which holds the style pictures.
    return {each.name: getattr(result, each.name) for each in fields(Result) if each.name != "plan"}


@dataclass
class _Parts:
    """A shot that is painted in parts."""

    painted: dict[Part, PaintedPart | None]
    """None for a part that is not painted yet."""
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
            Task(index, "split" if _is_split(each, share, shortest) else "paint", each.shot.restart, shortest)
            for index, each in enumerate(shots))

    @property
    def in_parts(self) -> bool:
        """Whether a shot is painted in parts."""
        return bool(self._split)

    def plan(self, task: Task) -> Plan:
        """The plan of the task's shot."""
        return self._shots[task.shot].plan

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
            step = replace(step, done=sum(state.frames.values()), total=self.plan(task).count)
        self._listen(self._shots[task.shot], step)

    def done(self, task: Task, value: Any) -> Outcome | None:
        """Take what `perform` has returned; the outcome of the shot if it is finished."""
        each = self._shots[task.shot]
        if task.shot in self._failed:
            return None
        if task.what == "split":
            if len(value) == 1:
                self._waiting.appendleft(Task(task.shot, "paint"))
            else:
                self._split[task.shot] = _Parts(dict.fromkeys(value))
                self._waiting.extendleft(Task(task.shot, "paint_part", part=part) for part in reversed(value))
            return None
        if task.part is None:
            return Outcome(each.shot, Result(each.plan, **value))
        state = self._split[task.shot]
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
