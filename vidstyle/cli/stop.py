"""Ctrl-C and SIGTERM while painting: the first signal stops after the current frame, the second at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import ParamSpec

from vidstyle.cli.failures import Terminated

NOTICE = "Stopping after this frame or step; a second Ctrl-C stops at once."
Step = ParamSpec("Step")


class Stopper:
    """Turns the first signal into a KeyboardInterrupt after the current frame or step, and the second into one at once."""

    def __init__(self) -> None:
        self._signal: int | None = None
        self._shown = False

    @property
    def notice(self) -> str:
        """What to show once a signal has arrived; empty before."""
        return "" if self._signal is None else NOTICE

    def listening(self, listen: Callable[Step, None]) -> Callable[Step, None]:
        """A listener that calls `listen`, and raises KeyboardInterrupt if a signal has arrived."""

        def step(*args: Step.args, **kwargs: Step.kwargs) -> None:
            listen(*args, **kwargs)
            if self._signal is not None:
                self._raise()

        return step

    @contextmanager
    def shown(self) -> Iterator[None]:
        """A live display inside this context shows `notice`, so that nothing is written over it."""
        self._shown = True
        try:
            yield
        finally:
            self._shown = False

    def _raise(self) -> None:
        raise Terminated if self._signal == signal.SIGTERM else KeyboardInterrupt

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        again, self._signal = self._signal is not None, number
        if again:
            self._raise()
        if not self._shown:
            # Not `print`: the signal may have interrupted a `print`, which is not reentrant.
            os.write(2, ("\n" if sys.stderr.isatty() else "").encode() + NOTICE.encode() + b"\n")

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
