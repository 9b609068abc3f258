"""Frames of three shots with known cuts."""

from __future__ import annotations

from typing import Any

import numpy as np

CUTS = (14, 31)


def shots(index: int, width: int, height: int) -> np.ndarray[Any, Any]:
    """Three shots of unlike things, each of which drifts."""
    number = sum(index >= cut for cut in CUTS)
    y, x = np.mgrid[0:height, 0:width] + index
    waves = [np.sin(x / 5) * np.sin(y / 9), np.sign(np.sin(x / 11 + y / 7)), np.sin((x - y) / 3) * np.cos(y / 4)][number]
    tint = [(220, 60, 40), (40, 200, 90), (60, 80, 230)][number]
    return np.clip(np.stack([c * (0.6 + 0.4 * waves) for c in tint], -1), 0, 255).astype(np.uint8)
