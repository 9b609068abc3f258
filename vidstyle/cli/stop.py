"""Ctrl-C and SIGTERM while painting: the first signal stops after the current frame, the second at once."""

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
    from vidstyle.batch.conduct import Planned, ShotListener
    from vidstyle.core.progress import Listener, Progress


class Stopper:
    """Turns the first signal into a KeyboardInterrupt after the current frame or step, and the second into one at once."""

    def __init__(self) -> None:
        self._signal: int | None = None

    def listening(self, listen: Listener) -> Listener:
        """A listener that calls `listen`, and raises KeyboardInterrupt if a signal has arrived."""

        def step(progress: Progress) -> None:
            listen(progress)
            if self._signal is not None:
                self._raise()

        return step

    def listening_to_shots(self, listen: ShotListener) -> ShotListener:
        """`listening` for the shots of a batch."""

        def step(shot: Planned, progress: Progress) -> None:
            listen(shot, progress)
            if self._signal is not None:
                self._raise()

        return step

    def _raise(self) -> None:
        raise Terminated if self._signal == signal.SIGTERM else KeyboardInterrupt

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        again, self._signal = self._signal is not None, number
        if again:
            self._raise()
        # Not `print`: the signal may have interrupted a `print`, which is not reentrant.
        os.write(2, b"\nStopping after this frame or step; a second signal stops at once.\n")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Handle the signals inside this context."""
        if threading.current_thread() is not threading.main_thread():
            yield  # Python lets only the main thread handle signals
            return
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
