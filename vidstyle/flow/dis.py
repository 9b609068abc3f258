"""Optical flow by OpenCV's DIS: no weights, no GPU, the same numbers on every run."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.core.frame import FlowPair
from vidstyle.flow.camera import with_camera

PRESETS = {"dis": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM, "dis-fast": cv2.DISOPTICAL_FLOW_PRESET_FAST}
# OpenCV's presets stop at half or a quarter of the size, and paint then floats across fine branches. Searching at full size
# alone lets film grain move the paint: six times the smoothing holds that down. A wider stride pays for it.
SETTINGS = {"PatchStride": 4, "GradientDescentIterations": 8, "VariationalRefinementAlpha": 120.0}
# The way back only tells which motion to trust, and half the size tells it as well, in a third of the time: of what is off by
# more than 2 px it leaves 22 % trusted instead of 31 %, of what is right 75 % instead of 76 % (Sintel and generated scenes).
# Unrefined it would save 9 of the 330 ms that a frame of 640x360 takes, and the paint would move by a twentieth more.
COARSER = 1
# Pixels beyond which the search stops at half the size, and so on: on Sintel's and Middlebury's pictures enlarged to 7 million
# full size took four times the time and memory, and was further from the true motion by a third.
LARGE = 2_100_000


class Dis:
    """Dense Inverse Search (Kroeger et al. 2016) between two frames, in both directions, on the CPU.

    The result does not depend on the number of threads.
    """

    def __init__(self, preset: str = "dis") -> None:
        self._adapts = preset == "dis"
        self._there, self._back = (cv2.DISOpticalFlow.create(PRESETS[preset]) for _ in range(2))
        if self._adapts:
            for search in (self._there, self._back):
                for name, value in SETTINGS.items():
                    getattr(search, f"set{name}")(value)

    def __call__(self, last: Tensor, this: Tensor) -> FlowPair:
        """Motion between two images (3, H, W) float32 in [0, 1]; see `FlowPair`. On the device of the images."""
        before, now = gray(last), gray(this)
        if self._adapts:
            finest = max(0, math.ceil(math.log(now.size / LARGE, 4)))
            self._there.setFinestScale(finest)
            self._back.setFinestScale(finest + COARSER)
        return FlowPair(to_last=_motion(self._there, now, before).to(this.device),
                        to_this=_motion(self._back, before, now).to(this.device))


def _motion(search: cv2.DISOpticalFlow, source: NDArray[np.uint8], target: NDArray[np.uint8]) -> Tensor:
    """(2, H, W): source(x) = target(x + motion(x)), on the grid of `source`."""
    height, width = source.shape
    # OpenCV picks its coarsest scale by the width alone: on a picture wider than about 2.5 times its height, or
    # below 12 px, it reads beyond its memory. There the border is repeated until the shape is safe.
    calc: Any = search.calc  # its stub insists on a first guess; without one it starts from rest
    flow = with_camera(source, target, calc(_padded(source), _padded(target), None)[:height, :width])
    return torch.from_numpy(np.ascontiguousarray(flow.transpose(2, 0, 1)))


def _padded(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape
    below, right = max(0, 12 - height, math.ceil(width / 2.5) - height), max(0, 12 - width)
    return np.pad(image, ((0, below), (0, right)), mode="edge")


def gray(image: Tensor) -> NDArray[np.uint8]:
    """(H, W) luma of an image (3, H, W) in [0, 1], weights of BT.601 as in cv2.cvtColor."""
    weights = image.new_tensor([0.299, 0.587, 0.114])[:, None, None]
    luma = (image.detach().clamp(0, 1) * weights).sum(0)
    gray: NDArray[np.uint8] = (luma * 255).round().to(torch.uint8).cpu().numpy()
    return gray
