"""Keeping the priority of a process's threads while an encoder starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_THREADS = Path("/proc/self/task")


@contextmanager
def own_priority() -> Iterator[None]:
    """Leave all threads, old and new, scheduled as the calling one was.

    SVT-AV1 that is started by root, as in most containers, schedules the thread that opens it and its own threads in real
    time (SCHED_FIFO): they then stop every other program, and threads that wait for those wait for ever.
    """
    if not _THREADS.is_dir():  # Linux alone has both the threads' names and this harm
        yield
        return
    before = {int(thread.name): os.sched_getscheduler(int(thread.name)) for thread in _THREADS.iterdir()}
    usual = os.sched_getscheduler(0), os.sched_getparam(0)
    yield
    for thread in _THREADS.iterdir():
        with suppress(OSError):  # it may have ended
            if os.sched_getscheduler(number := int(thread.name)) != before.get(number, usual[0]):
                os.sched_setscheduler(number, *usual)
