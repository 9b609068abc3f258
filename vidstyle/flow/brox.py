"""Optical flow by the variational method of Brox et al. (2004), through OpenCV: the one that judges what DIS steadied."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.flow.dis import gray
from vidstyle.frame import FlowPair

NAME = "brox"
STEP = 0.8  # from one size of the pyramid to the next larger one
SMALLEST = 16  # pixels on the short side where the search starts, from rest
SMOOTH, GREY, GRADIENT = 10.0, 5.0, 10.0  # weights of the smoothness, of equal brightness and of equal gradients
LINEARISATIONS, SOLVER_STEPS = 10, 5  # at each size


class Brox:
    """Motion that keeps brightness and gradients, smooth but for edges: coarse to fine, both directions, on the CPU.

    It searches no patches, as DIS does, so the two err in different places; DIS ends on one pass of the same equations
    at full size. Mean distance from the true motion over four pairs of Sintel and four of Middlebury (Dimetrodon,
    Grove2, RubberWhale, Venus): 0.60 px, `dis` 0.65, OpenCV's Farneback 1.86 at its best. What moves far between two
    frames and is small is missed, as it is by every method that starts from a small picture.
    """

    def __init__(self) -> None:
        self._solver = cv2.VariationalRefinement.create()
        self._solver.setFixedPointIterations(LINEARISATIONS)
        self._solver.setSorIterations(SOLVER_STEPS)
        self._solver.setAlpha(SMOOTH)
        self._solver.setDelta(GREY)
        self._solver.setGamma(GRADIENT)

    def __call__(self, last: Tensor, this: Tensor) -> FlowPair:
        """Motion between two images (3, H, W) float32 in [0, 1]; see `FlowPair`. On the device of the images."""
        before, now = gray(last), gray(this)
        return FlowPair(to_last=self._motion(now, before).to(this.device),
                        to_this=self._motion(before, now).to(this.device))

    def _motion(self, source: NDArray[np.uint8], target: NDArray[np.uint8]) -> Tensor:
        """(2, H, W): source(x) = target(x + motion(x)), on the grid of `source`."""
        height, width = source.shape
        sizes = [(width, height)]
        while min(sizes[-1]) * STEP > SMALLEST:
            sizes.append((round(sizes[-1][0] * STEP), round(sizes[-1][1] * STEP)))
        flow = np.zeros((sizes[-1][1], sizes[-1][0], 2), np.float32)
        for size in reversed(sizes):
            stretch = np.array([size[0] / flow.shape[1], size[1] / flow.shape[0]], np.float32)
            flow = np.ascontiguousarray(cv2.resize(flow, size, interpolation=cv2.INTER_LINEAR) * stretch)
            views = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in (source, target)]
            self._solver.calc(views[0], views[1], flow)
        return torch.from_numpy(np.ascontiguousarray(flow.transpose(2, 0, 1)))
