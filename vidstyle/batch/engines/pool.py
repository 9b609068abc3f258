"""Painting shots with a pool of workers: local processes, or the machines of a cluster."""

from __future__ import annotations

import pickle
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from vidstyle.batch.conduct import Outcome, Planned, ShotListener
from vidstyle.batch.engines.tasks import Painted, Schedule, Split, Task, perform
from vidstyle.core.errors import DeviceError, VidstyleError
from vidstyle.core.progress import Listener, Progress
from vidstyle.run.parts import PaintedPart
from vidstyle.run.resume.lock import BusyError

TRIES = 3
"""How often a task is started whose worker is lost."""
SECONDS_TO_LET_GO = 20.0
"""How long a task waits for the lock on its output: a process that was lost may not have ended yet."""


@dataclass(frozen=True)
class Done:
    """A task has ended; `value` is what `tasks.perform` returned."""

    value: Painted | Split | PaintedPart


@dataclass(frozen=True)
class Failed:
    """A task has raised an error, or a KeyboardInterrupt because it was asked to stop."""

    error: BaseException
    trace: str
    """Where it was raised, as Python prints it."""


@dataclass(frozen=True)
class Lost:
    """The worker of a task is no more; `how` continues `its process`."""

    how: str


Event = Progress | Done | Failed | Lost


class Pool(Protocol):
    """Workers that do tasks."""

    @property
    def size(self) -> int:
        """How many tasks it does at a time, now."""

    def start(self, task: Task, planned: Planned) -> None:
        """Start a task; there are never more than `size` unless the pool has become smaller."""

    def events(self) -> Iterator[tuple[Task, Event]]:
        """What has happened, after waiting up to a second for something. `Done`, `Failed` and `Lost` end a task."""

    def stop(self) -> None:
        """Ask the workers to stop after the frame they are at; their tasks end by `Failed`."""

    def close(self) -> None:
        """End the workers at once."""


def paint_with(pool: Pool, shots: Sequence[Planned], listen: ShotListener, tell: Callable[[str], None]) -> Iterator[Outcome]:
    """Paint shots with the workers of a pool, which is closed at the end; see `conduct.Engine`.

    A worker that is lost costs its task what it has not saved: the task is started again, up to `TRIES` times. When `listen`
    raises KeyboardInterrupt, the workers stop after the frame they are at, and a note says where the shots go on; a second
    KeyboardInterrupt ends them at once, and then they go on from their last save. tell: is passed sentences for people.
    """
    schedule, running, tries = Schedule(shots, pool.size, listen), set[Task](), Counter[Task]()
    try:
        while True:
            while len(running) < pool.size and (task := schedule.next()) is not None:
                tries[task] += 1
                try:
                    pool.start(task, schedule.planned(task))
                except VidstyleError as error:
                    if (outcome := schedule.failed(task, error)) is not None:
                        yield outcome
                else:
                    running.add(task)
            if not running:
                return
            for task, event in pool.events():
                outcome = None
                if isinstance(event, Progress):
                    schedule.step(task, event)
                    continue
                running.discard(task)
                if isinstance(event, Done):
                    outcome = schedule.done(task, event.value)
                elif isinstance(event, Lost):
                    outcome = _lost(task, event, schedule, tries[task], tell)
                else:
                    event.error.__cause__ = RuntimeError(event.trace)
                    if not isinstance(event.error, Exception):
                        raise event.error
                    outcome = schedule.failed(task, event.error)
                if outcome is not None:
                    yield outcome
    except KeyboardInterrupt as stop:
        pool.stop()
        notes = set[str](getattr(stop, "__notes__", ()))
        while running:
            for task, event in pool.events():
                if not isinstance(event, Progress):
                    running.discard(task)
                    notes.update(getattr(event.error, "__notes__", ()) if isinstance(event, Failed) else ())
        if notes:
            single = len(shots) == 1 and len(notes) == 1 and not schedule.in_parts
            stop.__notes__ = [*notes] if single else ["give the same command again and it goes on where it was"]
        raise
    finally:
        pool.close()


def _lost(task: Task, event: Lost, schedule: Schedule, tries: int, tell: Callable[[str], None]) -> Outcome | None:
    name = schedule.planned(task).plan.clip.path.name
    if tries < TRIES:
        tell(f"{name}: its process {event.how}; another one goes on from what it has saved.")
        schedule.again(task)
        return None
    return schedule.failed(task, DeviceError(
        f"{name}: its process {event.how}, {TRIES} times; if memory is short, use fewer --jobs or a smaller --size."))


def attempt(task: Task, planned: Planned, listen: Listener, check: Callable[[], None] = lambda: None) -> Done | Failed:
    """Do a task in this process; its value or its error, as another process can be sent it. check: called before."""
    began = time.monotonic()
    while True:
        try:
            check()
            return Done(perform(task, planned, listen))
        except BaseException as error:
            if isinstance(error, BusyError) and time.monotonic() - began < SECONDS_TO_LET_GO:
                time.sleep(0.5)
                continue
            found: BaseException = RuntimeError(f"{type(error).__name__}: {error}")
            with suppress(Exception):  # not every error of a library can be sent
                found = pickle.loads(pickle.dumps(error))
            return Failed(found, traceback.format_exc())
