"""When a run saves: a save is due every ten seconds, or less often where saving is slow."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

LEAST_SECONDS = 10.0
"""Least time from one save to the next; a kill loses about as much work."""
MOST_SHARE = 0.01
"""Largest share of the time that may be spent on saving. On a slow disk, saves are further apart."""


class SaveSchedule:
    """Measures the saves and says when the next one is due."""

    def __init__(self) -> None:
        self.seconds = 0.0
        """Time spent on saving so far."""
        self._last_end = time.monotonic()
        self._last_cost = 0.0

    def is_due(self) -> bool:
        """Whether enough time has passed since the last save, or since the start."""
        return time.monotonic() - self._last_end >= max(LEAST_SECONDS, self._last_cost / MOST_SHARE)

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Measure the save that is made inside."""
        began = time.monotonic()
        yield
        self._last_end = time.monotonic()
        self._last_cost = self._last_end - began
        self.seconds += self._last_cost
