"""Painting shots side by side in processes of this machine (`--jobs`)."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

import cv2
import torch

from vidstyle.batch.conduct import Engine, Outcome, Planned, ShotListener
from vidstyle.batch.engines.pool import Event, Lost, attempt, paint_with
from vidstyle.batch.engines.tasks import Task
from vidstyle.core.progress import Progress

_STOP = "stop"


def processes(jobs: int, listen: ShotListener, tell: Callable[[str], None]) -> Engine:
    """The engine that paints up to `jobs` shots, or parts of long shots, at a time; see `pool.paint_with`.

    The processes share the processor's cores. Where there are several GPUs and the shots leave the choice open, each process
    gets one, in turn.
    """

    def engine(shots: Sequence[Planned]) -> Iterator[Outcome]:
        named = any(":" in each.plan.device for each in shots)
        gpus = [] if named or not any(each.plan.device == "cuda" for each in shots) else _gpus()
        return paint_with(Processes(jobs, max(1, torch.get_num_threads() // jobs), gpus), shots, listen, tell)

    return engine


def _gpus() -> list[str]:
    """The names of the GPUs that this process may use, as CUDA_VISIBLE_DEVICES takes them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return [str(index) for index in range(torch.cuda.device_count())] if visible is None else visible.split(",")


@dataclass
class _Worker:
    """A process that does one task after another, and this end of its connection."""

    process: SpawnProcess
    connection: Connection
    task: Task | None = None


class Processes:
    """A pool of processes of this machine, started as they are needed; see `pool.Pool`.

    threads: of each. gpus: for CUDA_VISIBLE_DEVICES, shared out in turn; empty leaves it as it is.
    """

    def __init__(self, size: int, threads: int, gpus: Sequence[str]) -> None:
        self.size, self._threads, self._gpus = size, threads, gpus
        self._workers = dict[int, _Worker]()
        self._folder = tempfile.TemporaryDirectory(prefix="vidstyle-")

    def start(self, task: Task, planned: Planned) -> None:
        # By a file: it has many megabytes, for which a pipe would wait until the process has loaded its libraries.
        path = Path(self._folder.name) / f"{task.shot}.planned"
        if not path.exists():
            path.write_bytes(pickle.dumps(planned))
        worker = next((one for one in self._workers.values() if one.task is None), None) or self._begin()
        worker.task = task
        with suppress(OSError):  # the process was killed, which `events` finds
            worker.connection.send((task, path))

    def _begin(self) -> _Worker:
        place = next(place for place in range(self.size) if place not in self._workers)
        context = multiprocessing.get_context("spawn")  # forking a process that has threads and a CUDA context is not safe
        here, there = context.Pipe()
        gpu = self._gpus[place % len(self._gpus)] if self._gpus else None
        process = context.Process(target=_serve, args=(there, self._threads, gpu), daemon=True)
        with _no_interrupt():
            process.start()
        there.close()
        self._workers[place] = _Worker(process, here)
        return self._workers[place]

    def events(self) -> Iterator[tuple[Task, Event]]:
        ready = wait([one.connection for one in self._workers.values()], timeout=1.0)
        for place, worker in list(self._workers.items()):
            if worker.connection not in ready:
                continue
            try:
                event = worker.connection.recv()
            except (EOFError, OSError, pickle.UnpicklingError):
                del self._workers[place]
                worker.process.join()
                event = Lost(_how(worker.process.exitcode or 0))
            task = worker.task
            if not isinstance(event, Progress):
                worker.task = None
            if task is not None:
                yield task, event

    def stop(self) -> None:
        for worker in self._workers.values():
            if worker.task is not None:
                with suppress(OSError):
                    worker.connection.send(_STOP)

    def close(self) -> None:
        for worker in self._workers.values():
            worker.process.kill()
        for worker in self._workers.values():
            worker.process.join()
            worker.connection.close()
        self._folder.cleanup()


def _how(code: int) -> str:
    return f"was killed ({signal.Signals(-code).name})" if code < 0 else f"ended with code {code}"


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach: the terminal sends it to all, and this process tells the others to stop."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection, threads: int, gpu: str | None) -> None:
    """Do the tasks that come over the connection until it ends; the main function of a process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where there are no masks
    os.dup2(2, 1)  # what libraries print is no data
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    with suppress(EOFError, BrokenPipeError):  # the parent is gone
        while True:
            message = connection.recv()
            if message != _STOP:  # else it came when the task had ended
                task, path = message
                connection.send(attempt(task, pickle.loads(path.read_bytes()), partial(_report, connection)))


def _report(connection: Connection, step: Progress) -> None:
    """Send a step to the parent; raises KeyboardInterrupt where the parent says to stop, or is gone."""
    try:
        connection.send(step)
        if connection.poll():
            connection.recv()
            raise KeyboardInterrupt
    except (EOFError, BrokenPipeError):
        raise KeyboardInterrupt from None
