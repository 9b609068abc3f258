"""Ways to shrink features to half their size."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

LEAST = 1e-8
"""Under the square root of L2 pooling, whose gradient has no bound at 0."""


def average_pool(features: Tensor) -> Tensor:
    """The mean of 2x2 values of (N, C, H, W)."""
    return F.avg_pool2d(features, 2)


def l2_pool(features: Tensor) -> Tensor:
    """The root mean square of 2x2 values of (N, C, H, W)."""
    return (F.avg_pool2d(features.square(), 2) + LEAST).sqrt()


def max_pool(features: Tensor) -> Tensor:
    """The largest of 2x2 values of (N, C, H, W)."""
    return F.max_pool2d(features, 2)


POOLS = {"average": average_pool, "l2": l2_pool, "max": max_pool}
"""By the names of `Options.pooling`."""
