"""Short scenes whose motion is known: a camera that pans over a picture, and a bar that passes in front of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.core.frame import FlowPair, Frame
from vidstyle.core.images import read_image, resize
from vidstyle.ops.warp import visibility
from vidstyle.video import open_source

SAMPLES = Path(__file__).parent.parent / "samples"
STEP = 8
"""Motion of the camera or of the bar in a frame, px."""
BAR = 24
"""Width of the bar, px: it hides a place for three frames."""


@dataclass(frozen=True)
class Scene:
    """Frames with the true motion between any two of them."""

    frames: Sequence[Frame]
    flow: Callable[[int, int], Tensor]
    """(i, j) -> (2, H, W) px on the grid of frame i: where each of its pixels is in frame j."""

    def estimate(self, last: Tensor, this: Tensor) -> FlowPair:
        """The motion between two frames, which are found by their images; a `FlowEstimator`."""
        one, other = (min(self.frames, key=lambda frame: float((frame.image - image).abs().sum())).index
                      for image in (last, this))
        return self.between(one, other)

    def between(self, last: int, this: int) -> FlowPair:
        return FlowPair(to_last=self.flow(this, last), to_this=self.flow(last, this))

    def visible(self, last: int, this: int) -> Tensor:
        """(1, H, W), on the grid of `this`: 1 where `last` shows it too."""
        flow = self.between(last, this)
        return visibility(flow.to_last, flow.to_this, edges=False)


def panning(count: int, height: int) -> Scene:
    """The camera pans to the right over the sample's first frame, which is 1.4 times as high as the view."""
    picture, width = _picture(round(1.4 * height)), round(height * 5 / 3)
    top = round(0.2 * height)
    images = [picture[:, top:top + height, STEP * k:STEP * k + width] for k in range(count)]

    def flow(i: int, j: int) -> Tensor:
        found = torch.zeros(2, height, width)
        found[0] = STEP * (i - j)
        return found

    return Scene(_frames(images), flow)


def passing(count: int, height: int) -> Scene:
    """A bar of another picture, two thirds as high, moves to the right in front of the sample's first frame."""
    picture, width, rows = _picture(height), round(height * 5 / 3), slice(height // 6, height - height // 6)
    bar = read_image(SAMPLES / "styles" / "garden.jpg")[:, 100:100 + rows.stop - rows.start, 100:100 + BAR]
    images = []
    for k in range(count):
        image = picture[..., :width].clone()
        image[:, rows, STEP * (k + 1):STEP * (k + 1) + BAR] = bar
        images.append(image)

    def flow(i: int, j: int) -> Tensor:
        found = torch.zeros(2, height, width)
        found[0, rows, STEP * (i + 1):STEP * (i + 1) + BAR] = STEP * (j - i)
        return found

    return Scene(_frames(images), flow)


def _picture(height: int) -> Tensor:
    """The sample's first frame."""
    [image, *_] = (frame.image for frame in open_source(SAMPLES / "harbour.mp4").decode(0, 0))
    return resize(image, (height, round(height * image.shape[2] / image.shape[1])))


def _frames(images: Sequence[Tensor]) -> list[Frame]:
    return [Frame(image.contiguous(), k, Fraction(1, 24), k) for k, image in enumerate(images)]
