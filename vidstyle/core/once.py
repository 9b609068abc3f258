"""Compute a value of an image once, however many callers ask for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

Value = TypeVar("Value")


def once_per_image(compute: Callable[[Tensor], Value]) -> Callable[[Tensor], Value]:
    """`compute`, which returns the same object again when it is called with the same unchanged tensor.

    In a loop over pairs of frames every image is used twice: as this frame, and then as the last one. The result is
    held as long as the tensor lives. A tensor that was written to in place is computed anew (torch counts the writes,
    except of inference tensors, whose results are not held). Callers must not write to the result.
    """
    results: Any = WeakTensorKeyDictionary()

    @wraps(compute)
    def computed(image: Tensor) -> Value:
        if image.is_inference():
            return compute(image)
        writes, value = results.get(image, (-1, None))
        if writes != image._version:
            value = compute(image)
            results[image] = image._version, value
        found: Value = value
        return found

    return computed
