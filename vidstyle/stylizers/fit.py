"""Fit a painting network to one clip and one style: minutes on a laptop, seeded, from frames of the whole clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vidstyle.losses import Encoder, temporal_loss
from vidstyle.stylizers.muon import Muon
from vidstyle.stylizers.network import PaintNetwork, canvas_grain
from vidstyle.stylizers.objective import SCALES, GridCrop, inside, look_losses, patches, tone_loss
from vidstyle.stylizers.target import StyleTarget, precision
from vidstyle.warp import warp

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


def fit(network: PaintNetwork, pairs: Sequence[Pair], encoder: Encoder, style: StyleTarget, settings: FitSettings,
        report: Callable[[int, dict[str, float]], None] = lambda step, losses: None) -> None:
    """Train `network` (see `start.begin`) on `pairs`, at least one: a crop of one pair a step, in an order given by the seed.

    Each step paints both frames of a pair and adds style at several scales, content and total variation (Johnson et al.
    2016). After the first third the second frame follows the first one's painting, pulled along the motion,
    and the temporal loss joins (Ruder et al. 2018). `report(step, losses)` is called after every step.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    network.train().requires_grad_(True)
    optimizers = [
        Muon([p for p in network.parameters() if p.ndim == 4], settings.rate),
        torch.optim.Adam([p for p in network.parameters() if p.ndim == 1], settings.rate),
    ]
    for step in range(settings.steps):
        which = int(torch.randint(len(pairs), (), generator=generator))
        window = _random_window(pairs[which].this.shape[-2:], generator)
        follows = settings.temporal_weight > 0 and step >= ALONE * settings.steps
        losses = _pair_losses(network, pairs[which], window, encoder, style, generator, follows=follows)
        network.zero_grad(set_to_none=True)
        settings.weighed(losses).backward()  # type: ignore[no-untyped-call]
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = settings.rate * _ramp(step / settings.steps)
            optimizer.step()
        report(step + 1, {name: float(value.detach()) for name, value in losses.items()})
    network.eval().requires_grad_(False)


def _ramp(share: float) -> float:
    """Learning rate over the fit, as a share of the highest: up in the first tenth, down to a hundredth at the end."""
    return max(0.01, min(1.0, 10 * share + 0.1, 1.5 * (1 - share)))


def _pair_losses(network: PaintNetwork, pair: Pair, window: tuple[slice, slice], encoder: Encoder, style: StyleTarget,
                generator: torch.Generator, *, follows: bool) -> dict[str, Tensor]:
    """The losses of one crop of a pair; where the second frame `follows`, it sees the first one's painting.

    The canvas grain differs from call to call and is the same for both frames, as it is in a shot.
    """
    device = style.pictures[0].device
    rows, columns = window
    last, this = (picture[None, :, rows, columns].to(device).float() / 255 for picture in (pair.last, pair.this))
    empty, grain = torch.zeros_like(last), canvas_grain(last.shape[-2:], generator).to(device)
    with precision(last.device):
        first = network(last, empty, empty[:, :1], grain)
        if not follows:
            second = network(this, empty, empty[:, :1], grain)
        else:
            to_last = pair.to_last[:, rows, columns].to(device).float()
            visible = pair.visibility[:, rows, columns].to(device).float()[None]
            carried = warp(first.float(), to_last, mode="bicubic").clamp(0, 1).detach()
            # Some of what can be seen is kept from the network, so that it learns to paint new places among old ones.
            visible = visible * inside(to_last) * patches(visible.shape[-2:], generator, device)
            proposal = network.proposal(this, carried, visible, grain)
            second = network.over(carried, visible, proposal)
    paintings, frames = torch.cat([first, second]), torch.cat([last, this])
    crop = GridCrop.random(frames.shape[-2:], generator)
    grams = [style.at(round(pair.this.shape[-2] * scale), crop.pose) for scale in SCALES]
    losses = look_losses(crop(paintings), crop(frames), encoder, grams)
    losses["style"] = losses["style"].mean()
    losses["tone"] = tone_loss(paintings, network.underpainting(frames))
    if follows:
        # Of the proposal, not of what is shown: most of that is the last painting itself, and teaches nothing.
        losses["temporal"] = temporal_loss(proposal, carried, visible)
    return losses


def _random_window(size: torch.Size | tuple[int, ...], generator: torch.Generator) -> tuple[slice, slice]:
    """A random place for a crop of at most CROP pixels a side."""
    spans = []
    for side in size:
        start = int(torch.randint(max(0, side - CROP) + 1, (), generator=generator))
        spans.append(slice(start, start + min(CROP, side)))
    return spans[0], spans[1]
