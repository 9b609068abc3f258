"""A fit of a few steps on two pairs of 64x64 frames."""

import torch
from style_images import noise

from vidstyle.painting.feedforward.fit import FitSettings
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.start import initial_network
from vidstyle.painting.frame_pair import FramePair
from vidstyle.painting.style import StyleTarget


def settings(steps: int, temporal: float = 50.0) -> FitSettings:
    return FitSettings(content_weight=0.05, style_weight=1.0, tv_weight=1.0, temporal_weight=temporal, steps=steps, seed=7,
                       rate=1.5e-3)


def pairs() -> list[FramePair]:
    """Two pairs that move by one pixel to the right: exact flow, the column that comes in is hidden."""
    visible, to_last = torch.ones(1, 64, 64), torch.zeros(2, 64, 64)
    visible[..., 0], to_last[0] = 0, -1
    images = [(noise(seed) * 255).byte() for seed in (2, 3)]
    return [FramePair(image, image.roll(1, -1), to_last, visible) for image in images]


def random_network(pairs: list[FramePair], target: StyleTarget) -> PaintNetwork:
    """A network of random weights for the frames of these pairs."""
    return initial_network([pair.this.float() / 255 for pair in pairs], target, keep=0.9, seed=7)
