"""Progress of a piece of work, reported step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """One step of work done, for a progress bar."""

    stage: str
    """`analyse`, `cuts`, `motion`, `measure`, `fit`, `paint`, `compare`, `train` or `judge`."""
    done: int
    total: int | None
    """None where it is not known."""
    loss: float | None = None


Listener = Callable[[Progress], None]
"""Called after each step; raising KeyboardInterrupt stops the work there."""
