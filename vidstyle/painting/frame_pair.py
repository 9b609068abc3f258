"""Two neighbouring frames of a clip and the motion between them: what a network learns from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vidstyle.core.frame import Frame
from vidstyle.core.interfaces import CutDetector, FlowEstimator
from vidstyle.ops.warp import trust


@dataclass(frozen=True)
class FramePair:
    """Two neighbouring frames and the motion between them, at the painted size; small enough to hold many."""

    last: Tensor
    """(3, H, W) uint8."""
    this: Tensor
    """(3, H, W) uint8."""
    to_last: Tensor
    """(2, H, W) float16 pixels, on the grid of `this`."""
    visibility: Tensor
    """(1, H, W) float16 in [0, 1], on the grid of `this`."""


def frame_pair(last: Frame, this: Frame, estimate_flow: FlowEstimator, is_cut: CutDetector) -> FramePair:
    """The pair of two neighbouring frames at the painted size. Across a cut, both frames of the pair are the second one."""
    before, now = this.image if is_cut(last, this) else last.image, this.image
    flow = estimate_flow(before, now)
    before_bytes, now_bytes = ((image * 255).round().to(torch.uint8) for image in (before, now))
    return FramePair(before_bytes, now_bytes, flow.to_last.half(), trust(before, now, flow).half())
