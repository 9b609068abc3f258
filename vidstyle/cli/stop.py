"""Ctrl-C and SIGTERM while painting: the first ends the run after the frame it is at, the second at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from vidstyle.cli.failures import Terminated

if TYPE_CHECKING:
    from vidstyle.core.progress import Listener, Progress


class Stopper:
    """Remembers the first signal until work can be left, and raises KeyboardInterrupt then; at once for the second."""

    def __init__(self) -> None:
        self._asked: int | None = None

    def listening(self, listen: Listener) -> Listener:
        """`listen`, which raises once a signal has come; it is called between two frames or steps."""

        def step(progress: Progress) -> None:
            listen(progress)
            if self._asked is not None:
                self._raise()

        return step

    def _raise(self) -> None:
        raise Terminated if self._asked == signal.SIGTERM else KeyboardInterrupt

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        again, self._asked = self._asked is not None, number
        if again:
            self._raise()
        # Not print: the signal may have come in the middle of one.
        os.write(2, b"\nStopping after this frame or step; once more stops at once.\n")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Hear the signals for as long as this lasts."""
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread may listen for signals
            return
        before = {number: signal.signal(number, self._hear) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
