"""Read values back from a tensor's device: on a GPU everything waits until they are there, so each reading has a name here."""

from __future__ import annotations

import torch
from torch import Tensor


def read_back(values: Tensor) -> list[float]:
    """The `values` (n,) as Python's numbers, in one reading.

    The painting of a frame reads nothing else: `tests/test_pretended_gpu.py` fails for any other way.
    """
    return [*map(float, values.tolist())]


def count(mask: Tensor) -> int:
    """How many elements of the bool tensor `mask` are true."""
    return int(read_back(mask.sum()[None])[0])


def places(mask: Tensor) -> Tensor:
    """The indices (n,) of the true elements of the bool tensor `mask` (m,), in order; reads back how many there are."""
    return torch.nonzero_static(mask, size=count(mask))[:, 0]
