"""Stylizers: what paints one frame, given what earlier paintings say about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from vidstyle.core.frame import Prior

Stylizer = Callable[[Tensor, Sequence[Prior]], Tensor]
"""(image, priors) -> painting, each (3, H, W) float32 sRGB in [0, 1]; priors nearest first, none at the start of a shot."""
