"""The passes of the synthesis, from coarse to fine, and the constants that the index and the search share."""

from __future__ import annotations

from dataclasses import dataclass

OVERSIZE = 1.5
"""Strokes are laid on a canvas this much larger than the painting and resized down: pixel-level crumbs average out."""
GRID = 2
"""Pixels between neighbouring patches of the style picture."""


@dataclass(frozen=True)
class Pass:
    """Patches of one size at one level of the pyramid."""

    shrink: int
    """Size of the canvas over this level's."""
    side: int
    """Side of a patch in pixels of the level; a multiple of `stride`."""
    stride: int
    """Pixels between neighbouring patches of the painting; a multiple of `GRID`."""
    rounds: int
    """How often patches are searched and voted."""
    sharpness: float
    """Side of a patch over the σ of its voting window. Wide windows (3.5) agree, narrow ones (8) keep the style's contrast."""


PASSES = (
    Pass(8, 8, 2, 4, 3.5),
    Pass(4, 8, 2, 3, 3.5),
    Pass(2, 8, 2, 2, 3.5),
    Pass(1, 12, 4, 1, 3.5),
    Pass(1, 8, 4, 1, 8.0),
)
