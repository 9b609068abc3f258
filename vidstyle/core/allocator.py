"""Memory that goes back to the system when it is freed."""

from __future__ import annotations

import ctypes
import mmap
from contextlib import suppress
from pathlib import Path

SLACK = 128 * 2**20
"""Bytes by which the process may grow before freed memory is given back. Pages that are given back each time must be mapped
again each time, which took a tenth of the processor time of a run at 640x360."""
RESIDENT = Path("/proc/self/statm")

_least = 0
"""Resident bytes after memory was last given back, or fewer if there have been fewer since."""


def trim(slack: int = SLACK) -> None:
    """Give freed memory back to the system if the process has grown by `slack` bytes, for a loop over frames.

    glibc keeps freed blocks of up to 32 MB in holes, which it seldom finds large enough for the next tensor, so that a loop
    takes more and more: 2 GB at 1080p. Where the C library is another, this changes nothing.
    """
    global _least
    with suppress(OSError, AttributeError):
        if _resident() >= _least + slack:
            ctypes.CDLL(None).malloc_trim(0)
            _least = _resident()
        _least = min(_least, _resident())


def _resident() -> int:
    """Bytes of memory that the process holds. Raises OSError where the system does not say."""
    return int(RESIDENT.read_text().split()[1]) * mmap.PAGESIZE
