"""One run at a time: the lock on a run's folder."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from vidstyle.core.errors import OutputError

LOCK = "lock"
HOLDER = "holder"
"""Names the process that holds the lock. It is a file of its own because Windows lets nobody read a locked file."""
_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}
"""What the system answers on a file system that has no locks."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process alone; on a file system without locks, go on without.

    The system releases the lock when the process ends, however it ends. Raises OutputError while another run holds it, and
    OSError where the lock file cannot be made.
    """
    # The fallback of filelock, a file that marks the lock, would outlive a run that is killed.
    lock = FileLock(folder / LOCK, timeout=0, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise OutputError(f"{folder}: is being painted by another run ({_holder(folder)}); "
                          "wait until it is done, or stop it first.") from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    try:
        (folder / HOLDER).write_text(f"process {os.getpid()} on {socket.gethostname()}\n", encoding="utf-8")
        yield
    finally:
        lock.release()


def _holder(folder: Path) -> str:
    try:
        return (folder / HOLDER).read_text(encoding="utf-8").strip() or "unknown process"
    except (OSError, ValueError):
        return "unknown process"
