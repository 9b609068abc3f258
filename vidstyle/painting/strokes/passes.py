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
    searched: int
    """Style patches that each patch of the painting is compared with, at most: so the cost is linear in the pixels. Twice as
    many everywhere took 1.6 times as long and looked the same; fine levels mostly continue what coarse ones found."""


PASSES = (
    Pass(8, 8, 2, 4, 3.5, 10_000),
    Pass(4, 8, 2, 3, 3.5, 10_000),
    Pass(2, 8, 2, 1, 3.5, 5_000),
    Pass(1, 12, 4, 1, 3.5, 2_500),
    Pass(1, 8, 4, 1, 8.0, 2_500),
)
"""Without the first, which copies pieces of a tenth of the height, strokes lie like grain in plain places."""
