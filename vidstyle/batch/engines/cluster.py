"""Painting shots on the machines of a Ray cluster (`--cluster`), which see the same files under the same paths."""

from __future__ import annotations

import logging
import math
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from vidstyle import __version__
from vidstyle.batch.conduct import Engine, Outcome, Planned, ShotListener
from vidstyle.batch.engines.machine import SECONDS_BETWEEN_STEPS, Inputs, work
from vidstyle.batch.engines.pool import Event, Failed, Lost, paint_with
from vidstyle.batch.engines.tasks import Task
from vidstyle.core.errors import DeviceError, UsageError
from vidstyle.core.extras import pip_install
from vidstyle.core.progress import Progress

SECONDS_TO_CONNECT = 5.0


def cluster(address: str, jobs: int | None, listen: ShotListener, tell: Callable[[str], None]) -> Engine:
    """The engine that paints on the Ray cluster at `address`; `auto` is the one that this machine belongs to.

    jobs: tasks at a time, over all machines; None is one for each GPU, or for each machine if there are none or the shots
    ask for the CPU. Raises UsageError without Ray or the cluster.
    """

    def engine(shots: Sequence[Planned]) -> Iterator[Outcome]:
        wants = {each.plan.options.device for each in shots}
        if named := sorted(want for want in wants if ":" in want):
            raise UsageError(f"--device {named[0]} is given, and a cluster chooses the GPU; give --device cuda.")
        return paint_with(Cluster(connect(address), jobs, wants), shots, listen, tell)

    return engine


def connect(address: str) -> ModuleType:
    """Ray, connected to the cluster at `address`. Raises UsageError."""
    try:
        import ray
    except ImportError as error:
        raise UsageError(f"--cluster needs Ray, which is not installed; {pip_install('ray')}.") from error
    try:
        if address != "auto":  # Ray itself tries for two minutes
            place = urlsplit(address if "://" in address else f"//{address}")
            socket.create_connection((place.hostname or "", place.port or 0), SECONDS_TO_CONNECT).close()
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, ignore_reinit_error=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(f"--cluster {address}: no Ray cluster answers there; start one with `ray start --head`, and "
                         "`ray start --address=HOST:6379` on each other machine.") from error
    # What the machines report would be printed on stdout, and Ray has no public switch for that.
    ray._private.worker._worker_logs_enabled = False
    return ray


@dataclass(frozen=True)
class Share:
    """What each task gets of a cluster."""

    cpus: int
    gpus: float
    tasks: int
    """How many such tasks the cluster does at a time."""

    def among(self, machines: Sequence[tuple[float, float]]) -> Share:
        """The same for these machines, some of which came or went. Raises DeviceError where none is left."""
        tasks = sum(int(min(cpus / self.cpus, gpus / self.gpus if self.gpus else math.inf)) for cpus, gpus in machines)
        if not tasks:
            raise DeviceError("The cluster has no machine left that is large enough; look at `ray status`, and give the same "
                              "command again.")
        return replace(self, tasks=tasks)


def share_out(machines: Sequence[tuple[float, float]], jobs: int | None, on_gpus: bool) -> Share:
    """Shares of the same size for `jobs` tasks. machines: the CPUs and GPUs of each. Raises DeviceError where there are none.

    A GPU is shared by whole numbers of tasks. All tasks get the same number of CPUs, because a painting depends on it.
    """
    places = [(cpus, gpus) for cpus, gpus in machines if cpus >= 1 and (gpus >= 1 or not on_gpus)]
    count = int(sum(gpus for _, gpus in places)) if on_gpus else len(places)
    if not count:
        raise DeviceError(f"The cluster has no {'GPU' if on_gpus else 'CPU'} for vidstyle; "
                          "look at `ray status`, and add machines.")
    each = max(1, math.ceil((jobs or count) / count))
    rooms = [int(gpus) * each if on_gpus else each for _, gpus in places]
    cpus = max(1, min(int(cpus / room) for (cpus, _), room in zip(places, rooms, strict=True)))
    return Share(cpus, 1 / each if on_gpus else 0, 0).among(machines)


class Cluster:
    """The machines of a Ray cluster as a pool; see `pool.Pool`.

    jobs: see `cluster`. wants: values of `--device` of the shots.
    """

    def __init__(self, ray: ModuleType, jobs: int | None, wants: set[str]) -> None:
        self._ray = ray
        self._on_gpus = "cuda" in wants or ("auto" in wants and any(gpus for _, gpus in self._machines()))
        self._share = share_out(self._machines(), jobs, self._on_gpus)
        # On this machine, so that it lives as long as the command.
        here = ray.get_runtime_context().get_node_id()
        fixed = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(here, soft=False)
        self._board = ray.remote(num_cpus=0)(Board).options(scheduling_strategy=fixed).remote()
        # Not by Ray's own retries: those say nothing to the user. See `pool.TRIES`.
        self._work = ray.remote(work).options(num_cpus=self._share.cpus, num_gpus=self._share.gpus, max_retries=0)
        self._running = dict[Any, tuple[int, Task]]()
        self._plans = dict[int, tuple[Any, Inputs]]()
        self._started = 0

    @property
    def size(self) -> int:
        return self._share.tasks

    def _machines(self) -> list[tuple[float, float]]:
        found = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        return [(resources.get("CPU", 0.0), resources.get("GPU", 0.0)) for resources in found]

    def start(self, task: Task, planned: Planned) -> None:
        if task.shot not in self._plans:
            self._plans[task.shot] = self._ray.put(planned), Inputs.of(planned.plan)
        self._started += 1
        reference = self._work.remote(self._started, self._board, task, *self._plans[task.shot], self._share.cpus)
        self._running[reference] = self._started, task

    def events(self) -> Iterator[tuple[Task, Event]]:
        self._share = self._share.among(self._machines())
        ended, _ = self._ray.wait(list(self._running), timeout=SECONDS_BETWEEN_STEPS)
        tasks = dict(self._running.values())
        for number, step in self._ray.get(self._board.take.remote()):
            if number in tasks:
                yield tasks[number], step
        for reference in ended:
            _, task = self._running.pop(reference)
            yield task, self._ending(reference)

    def _ending(self, reference: Any) -> Event:
        errors = self._ray.exceptions
        try:
            ended: Event = self._ray.get(reference)
        except errors.RayTaskError as error:  # `work` itself raises nothing
            reason = str(error.cause).strip().splitlines()[-1]
            return Failed(UsageError(f"A machine of the cluster cannot load vidstyle ({reason}); install vidstyle "
                                     f"{__version__} and what it needs on every machine."), str(error))
        except errors.RayError as error:
            return Lost(f"was lost ({type(error).__name__})")
        return ended

    def stop(self) -> None:
        self._board.stop.remote()

    def close(self) -> None:
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        for _, inputs in self._plans.values():
            inputs.marker.unlink(missing_ok=True)
        self._ray.shutdown()


class Board:
    """Where the tasks report their steps, and learn that they should stop; an actor on the machine of the command."""

    def __init__(self) -> None:
        self._steps, self._stopped = list[tuple[int, Progress]](), False

    def report(self, number: int, step: Progress) -> bool:
        """Add a step of a task; returns whether the task should stop."""
        self._steps.append((number, step))
        return self._stopped

    def take(self) -> list[tuple[int, Progress]]:
        """The steps since the last call."""
        steps, self._steps = self._steps, []
        return steps

    def stop(self) -> None:
        """Let the tasks stop."""
        self._stopped = True
