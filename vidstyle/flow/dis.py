"""Optical flow by OpenCV's DIS: no weights, no GPU, the same numbers on every run."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidstyle.frame import FlowPair

_PRESETS = {"dis": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM, "dis-fast": cv2.DISOPTICAL_FLOW_PRESET_FAST}
_SMALLEST = 64
"""Pixels on the shorter side below which DIS has too few 8 px patches per pyramid level to find anything."""


class Dis:
    """Dense Inverse Search (Kroeger et al. 2016) between two frames, in both directions, on the CPU."""

    def __init__(self, name: str = "dis") -> None:
        self._search = cv2.DISOpticalFlow.create(_PRESETS[name])

    def __call__(self, last: Tensor, this: Tensor) -> FlowPair:
        """Motion between two images (3, H, W) float32 in [0, 1]; see `FlowPair`. On the device of the images."""
        before, now = _gray(last), _gray(this)
        return FlowPair(to_last=self._motion(now, before).to(this.device),
                        to_this=self._motion(before, now).to(this.device))

    def _motion(self, source: NDArray[np.uint8], target: NDArray[np.uint8]) -> Tensor:
        """(2, H, W): source(x) = target(x + motion(x)), on the grid of `source`."""
        # OpenCV's stub insists on an initial flow; without one the search starts from rest and keeps no state.
        calc: Any = self._search.calc
        height, width = source.shape
        extra_y, extra_x = max(0, _SMALLEST - height), max(0, _SMALLEST - width)
        if extra_y or extra_x:
            source, target = (cv2.copyMakeBorder(image, 0, extra_y, 0, extra_x, cv2.BORDER_REPLICATE)  # type: ignore[assignment]
                              for image in (source, target))
        flow = np.ascontiguousarray(calc(source, target, None)[:height, :width].transpose(2, 0, 1))
        return torch.from_numpy(flow)


def _gray(image: Tensor) -> NDArray[np.uint8]:
    """(H, W) luma of an image (3, H, W) in [0, 1], weights of BT.601 as in cv2.cvtColor."""
    weights = image.new_tensor([0.299, 0.587, 0.114])[:, None, None]
    luma = (image.detach().clamp(0, 1) * weights).sum(0)
    gray: NDArray[np.uint8] = (luma * 255).round().to(torch.uint8).cpu().numpy()
    return gray
