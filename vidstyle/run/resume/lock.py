"""The lock on the folder of a run, which one process at a time holds."""

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
"""File that names the process with the lock. It is separate because on Windows a locked file cannot be read."""
_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}
"""Error numbers of the system on a file system without locks."""


class BusyError(OutputError):
    """Another run holds the lock."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock `folder` for this process; does nothing on a file system without locks.

    The system releases the lock when the process ends, however it ends. Raises BusyError while another run holds it, and
    OSError where the lock file cannot be made.
    """
    # The fallback of filelock, a file that marks the lock, would outlive a run that is killed.
    lock = FileLock(folder / LOCK, timeout=0, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise BusyError(f"{folder}: is being painted by another run ({_holder(folder)}); "
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
