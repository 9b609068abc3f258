"""Optical flow by Farnebäck (2003), through OpenCV, on the CPU, without weights; used to judge what DIS stabilised."""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.core.frame import FlowPair
from vidstyle.flow.dis import gray

NAME = "farneback"
SMALLEST = 16  # pixels on the short side of the smallest image of the pyramid
WINDOW, STEPS = 21, 5  # side of the averaging window, in pixels, and iterations at each size
NEIGHBOURS, SIGMA = 5, 1.1  # pixels: side of the square that a polynomial is fitted to, and its Gaussian weight


class Farneback:
    """Motion between the quadratic polynomials fitted to two frames around every pixel, in both directions, on the CPU.

    It serves to judge paintings that another flow stabilised. Mean end-point error over four pairs of Sintel and four of
    Middlebury (Dimetrodon, Grove2, RubberWhale, Venus): 1.86 px, against 0.54 px by `dis`; other windows and pyramids are
    no better. Its errors lie in other places than those of DIS. On the sample, stabilised by OpenCV's own preset of DIS
    (end-point error 0.65 px), the ratio of e_stab of the default painting to e_stab of frames painted one by one is 0.64
    along the true motion, 0.58 along RAFT's, 0.55 along this one, and 0.49 along DIS itself. A variational flow (Brox et
    al. 2004), more accurate than that DIS, gives 0.49 too, because the last step of DIS is of the same kind.
    """

    def __call__(self, last: Tensor, this: Tensor) -> FlowPair:
        """Motion between two images (3, H, W) float32 in [0, 1]; see `FlowPair`. On the device of the images."""
        before, now = gray(last), gray(this)
        return FlowPair(to_last=_motion(now, before).to(this.device), to_this=_motion(before, now).to(this.device))


def _motion(source: NDArray[np.uint8], target: NDArray[np.uint8]) -> Tensor:
    """(2, H, W) pixels on the grid of `source`: source(x) = target(x + motion(x)). Both (H, W)."""
    height, width = source.shape
    # Below about 10 px OpenCV finds motion between an image and itself; such images are padded with their border.
    around = ((0, max(0, SMALLEST - height)), (0, max(0, SMALLEST - width)))
    source, target = np.pad(source, around, mode="edge"), np.pad(target, around, mode="edge")
    halvings = math.floor(math.log2(min(source.shape) / SMALLEST))
    start = np.zeros((*source.shape, 2), np.float32)
    found = cv2.calcOpticalFlowFarneback(source, target, start, 0.5, halvings, WINDOW, STEPS, NEIGHBOURS, SIGMA, 0)
    flow = found[:height, :width]
    return torch.from_numpy(np.ascontiguousarray(flow.transpose(2, 0, 1)))
