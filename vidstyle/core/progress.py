"""Progress of a piece of work, reported step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """One step of work done, for a progress bar."""

    stage: str
    """`resume`, `analyse`, `cuts`, `motion`, `measure`, `fit`, `paint`, `variants`, `join`, `compare`, `train` or
    `judge`."""
    done: int
    total: int | None
    """None where it is not known."""
    loss: float | None = None
    note: str = ""
    """Of the stage `resume`: what is used of an earlier run, and where it continues."""


Listener = Callable[[Progress], None]
"""Called after each step; raising KeyboardInterrupt stops the work there."""
