"""Optical flow by OpenCV's DIS, on the CPU and without weights; deterministic."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.core.frame import FlowPair
from vidstyle.core.once import once_per_image
from vidstyle.flow.camera import with_camera

PRESETS = {"dis": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM, "dis-fast": cv2.DISOPTICAL_FLOW_PRESET_FAST}
# OpenCV's presets search down to half or a quarter of the size only; the paint then slides across fine branches. A search at
# full size follows film grain, unless the smoothness term (alpha) is six times as large. The wider stride saves the time.
SETTINGS = {"PatchStride": 4, "GradientDescentIterations": 8, "VariationalRefinementAlpha": 120.0}
# Above this many pixels the search stops at half the size, above four times as many at a quarter, and so on. On images of
# Sintel and Middlebury enlarged to 7 million pixels, the search at full size took four times the time and memory, and its
# error was a third larger.
LARGE = 2_100_000


class Dis:
    """Dense Inverse Search (Kroeger et al. 2016) between two frames, in both directions, on the CPU.

    The result does not depend on the number of threads.
    """

    def __init__(self, preset: str = "dis") -> None:
        self._preset = preset

    def __call__(self, last: Tensor, this: Tensor) -> FlowPair:
        """Motion between two images (3, H, W) float32 in [0, 1]; see `FlowPair`. On the device of the images."""
        before, now = gray(last), gray(this)
        finest = max(0, math.ceil(math.log(now.size / LARGE, 4)))
        search = self._search(finest)
        return FlowPair(to_last=_motion(search, now, before).to(this.device),
                        to_this=_motion(search, before, now).to(this.device))

    def _search(self, finest: int) -> cv2.DISOpticalFlow:
        """A search down to the scale `finest`, made anew each time: it holds 270 MB at 1080p for as long as it lives."""
        search = cv2.DISOpticalFlow.create(PRESETS[self._preset])
        if self._preset == "dis":
            search.setFinestScale(finest)
            for name, value in SETTINGS.items():
                getattr(search, f"set{name}")(value)
        return search


def _motion(search: cv2.DISOpticalFlow, source: NDArray[np.uint8], target: NDArray[np.uint8]) -> Tensor:
    """(2, H, W) pixels on the grid of `source`: source(x) = target(x + motion(x)). Both (H, W)."""
    height, width = source.shape
    # OpenCV picks its coarsest scale by the width alone: on an image wider than about 2.5 times its height, or smaller
    # than 12 px, it reads beyond its memory. Such images are padded with their border until the shape is safe.
    calc: Any = search.calc  # OpenCV's type stub requires an initial flow; None means zero
    flow = with_camera(source, target, calc(_padded(source), _padded(target), None)[:height, :width])
    return torch.from_numpy(np.ascontiguousarray(flow.transpose(2, 0, 1)))


def _padded(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape
    below, right = max(0, 12 - height, math.ceil(width / 2.5) - height), max(0, 12 - width)
    return np.pad(image, ((0, below), (0, right)), mode="edge")


@once_per_image
def gray(image: Tensor) -> NDArray[np.uint8]:
    """(H, W) luma of an image (3, H, W) in [0, 1], with the weights of BT.601 as in cv2.cvtColor."""
    weights = image.new_tensor([0.299, 0.587, 0.114])[:, None, None]
    luma = (image.detach().clamp(0, 1) * weights).sum(0)
    gray: NDArray[np.uint8] = (luma * 255).round().to(torch.uint8).cpu().numpy()
    return gray
