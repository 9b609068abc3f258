"""Refine a motion over many frames, composed from neighbour to neighbour, directly between the two frames at its ends."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.core.frame import FlowPair
from vidstyle.flow.dis import gray

LARGE = 100_000
"""Pixels above which the correction is computed at half the size: it is smooth, and costs a quarter."""
SMALLEST = 16
"""Pixels; a narrower image is left as it is."""


def refine(key: Tensor, image: Tensor, path: FlowPair) -> FlowPair:
    """`path`, a motion from `key` to `image` that is right up to a few pixels, with its drift corrected.

    key, image: (3, H, W) in [0, 1], in place of the last frame and this one, see `FlowPair`. Variational refinement after
    Brox et al. (2004) in OpenCV, on the CPU; the result is the same for any number of threads. Its few iterations take out a
    part of the drift each time, so the motion does not jump.
    """
    last, this = gray(key), gray(image)
    if min(last.shape) < SMALLEST:
        return path
    return FlowPair(to_last=_refined(this, last, path.to_last), to_this=_refined(last, this, path.to_this))


def _refined(source: NDArray[np.uint8], target: NDArray[np.uint8], motion: Tensor) -> Tensor:
    """`motion` (2, H, W) pixels, source(x) = target(x + motion(x)), refined; unknown motion (NaN) stays unknown."""
    height, width = source.shape
    size = (width, height) if source.size <= LARGE else (round(width / 2), round(height / 2))
    scale = np.array([size[0] / width, size[1] / height], np.float32)
    known = motion.nan_to_num().permute(1, 2, 0).contiguous().cpu().numpy()
    begin = cv2.resize(known, size, interpolation=cv2.INTER_AREA) * scale
    one, other = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (source, target))
    x, y = cv2.split(begin)
    found = cv2.merge(cv2.VariationalRefinement.create().calcUV(one, other, x, y))
    change = cv2.resize((found - begin) / scale, (width, height), interpolation=cv2.INTER_LINEAR)
    return motion + torch.from_numpy(change.transpose(2, 0, 1)).to(motion.device)
