"""Memory that goes back to the system when it is freed."""

from __future__ import annotations

import ctypes
from contextlib import suppress


def trim() -> None:
    """Give freed memory back to the system, for a loop over frames; takes a few milliseconds.

    glibc keeps freed blocks of up to 32 MB in holes, which it seldom finds large enough for the next tensor, so that a loop
    takes more and more: 2 GB at 1080p. Where the C library is another, this changes nothing.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
