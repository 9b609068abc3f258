"""Fit a painting network to one clip and one style: minutes on a laptop, seeded, from frames of the whole clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vidstyle.losses import Encoder
from vidstyle.stylizers.muon import optimizers
from vidstyle.stylizers.network import PaintNetwork
from vidstyle.stylizers.objective import pair_losses
from vidstyle.stylizers.target import StyleTarget

CROP = 256  # pixels; the fit looks at crops of this side, at the size that will be painted
TONE = 0.5  # weight of `tone_loss`
ALONE = 0.3  # share of the steps that paint each frame on its own: a network that learns to copy first learns no strokes


@dataclass(frozen=True)
class Pair:
    """Two neighbouring frames of the clip and the motion between them, at the painted size."""

    last: Tensor
    """(3, H, W) uint8."""
    this: Tensor
    """(3, H, W) uint8."""
    to_last: Tensor
    """(2, H, W) pixels, on the grid of `this`."""
    visibility: Tensor
    """(1, H, W), on the grid of `this`."""


@dataclass(frozen=True)
class FitSettings:
    """Weights of the losses, and how long and from which seed to fit."""

    content_weight: float
    style_weight: float
    tv_weight: float
    temporal_weight: float
    steps: int
    seed: int
    rate: float = 1.5e-3

    def weighed(self, losses: dict[str, Tensor]) -> Tensor:
        """The sum of the losses, each by its weight."""
        weights = {"style": self.style_weight, "content": self.content_weight, "tv": self.tv_weight, "tone": TONE,
                   "temporal": self.temporal_weight}
        return torch.stack([weights[name] * value for name, value in losses.items()]).sum()

    def follows(self, step: int) -> bool:
        """Whether, at this step, the second frame of a pair sees the first one's painting."""
        return self.temporal_weight > 0 and step >= ALONE * self.steps


def fit(network: PaintNetwork, pairs: Sequence[Pair], encoder: Encoder, style: StyleTarget, settings: FitSettings,
        report: Callable[[int, dict[str, float]], None] = lambda step, losses: None) -> None:
    """Train `network` (see `start.begin`) on `pairs`, at least one: a crop of one pair a step, in an order given by the seed.

    Each step paints both frames of a pair and adds style at several scales, content and total variation (Johnson et al.
    2016). After the first third the second frame follows the first one's painting, pulled along the motion,
    and the temporal loss joins (Ruder et al. 2018). `report(step, losses)` is called after every step.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    network.train().requires_grad_(True)
    steppers = optimizers(network.parameters(), settings.rate)
    device = style.pictures[0].device
    for step in range(settings.steps):
        pair = pairs[int(torch.randint(len(pairs), (), generator=generator))]
        height = pair.this.shape[-2]
        rows, columns = _random_window(pair.this.shape[-2:], generator)
        last, this = (picture[None, :, rows, columns].to(device).float() / 255 for picture in (pair.last, pair.this))
        to_last, visible = (field[None, :, rows, columns].to(device).float() for field in (pair.to_last, pair.visibility))
        losses = pair_losses(network, last, this, to_last, visible, encoder, [style], height, generator,
                             follows=settings.follows(step))
        network.zero_grad(set_to_none=True)
        settings.weighed(losses).backward()  # type: ignore[no-untyped-call]
        for optimizer in steppers:
            optimizer.param_groups[0]["lr"] = settings.rate * ramp(step / settings.steps)
            optimizer.step()
        report(step + 1, {name: float(value.detach()) for name, value in losses.items()})
    network.eval().requires_grad_(False)


def ramp(share: float) -> float:
    """Learning rate over the fit, as a share of the highest: up in the first tenth, down to a hundredth at the end."""
    return max(0.01, min(1.0, 10 * share + 0.1, 1.5 * (1 - share)))


def _random_window(size: torch.Size | tuple[int, ...], generator: torch.Generator) -> tuple[slice, slice]:
    """A random place for a crop of at most CROP pixels a side."""
    spans = []
    for side in size:
        start = int(torch.randint(max(0, side - CROP) + 1, (), generator=generator))
        spans.append(slice(start, start + min(CROP, side)))
    return spans[0], spans[1]
