"""Optical flow by name: `load_flow("dis", device)` returns a function of two images that gives a `FlowPair`."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from vidstyle.errors import UsageError
from vidstyle.flow.dis import Dis
from vidstyle.frame import FlowPair

FlowEstimator = Callable[[Tensor, Tensor], FlowPair]
"""(last, this), each (3, H, W) float32 sRGB in [0, 1], to the motion between them in pixels, on the same device."""

KNOWN = ("dis", "dis-fast")


def load_flow(name: str, device: torch.device | str = "cpu") -> FlowEstimator:
    """The flow estimator called `name`. Raises UsageError for an unknown name."""
    if name in ("dis", "dis-fast"):
        return Dis(name)
    raise UsageError(f"There is no optical flow {name!r}; choose one of {', '.join(KNOWN)}.")
