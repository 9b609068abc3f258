"""Fit a painting network to one clip and one style: minutes on a laptop, seeded, from frames of the whole clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from vidstyle.losses import (
    CONTENT_LAYER,
    STYLE_LAYERS,
    Encoder,
    content_loss,
    style_loss,
    temporal_loss,
    total_variation,
)
from vidstyle.stylizers.muon import Muon
from vidstyle.stylizers.network import PaintNetwork, canvas_grain
from vidstyle.stylizers.target import POSES, StyleTarget, palette_map, precision, resized
from vidstyle.warp import warp

CROP = 256  # pixels; the fit looks at crops of this side, at the size that will be painted
SOFT = 120  # what is finer than the picture's height divided by this is left out of the underpainting
GRID = 16  # pixels by which the encoder's pooling and the network repeat themselves
SMALLEST = 32  # pixels on a side that the encoder is shown at least
ALONE = 0.3  # share of the steps that paint each frame on its own: a network that learns to copy first learns no strokes
TONE = 0.5  # weight of staying near the underpainting's large tones: the style loss does not care which thing gets which colour
SCALES = (1.0, 0.5, 0.25)  # the style must be met at each: at one scale a network only learns fine texture


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
    keep: float
    """Share of a visible place that stays as it was painted."""
    steps: int
    seed: int
    rate: float = 1.5e-3

    def weighed(self, losses: dict[str, Tensor]) -> Tensor:
        """The sum of the losses, each by its weight."""
        weights = {"style": self.style_weight, "content": self.content_weight, "tv": self.tv_weight, "tone": TONE,
                   "temporal": self.temporal_weight}
        return torch.stack([weights[name] * value for name, value in losses.items()]).sum()


def fit(pairs: Sequence[Pair], encoder: Encoder, style: StyleTarget, settings: FitSettings,
        report: Callable[[int, dict[str, float]], None] = lambda step, losses: None) -> PaintNetwork:
    """Train a fresh network on `pairs` (at least one), a crop of one pair a step, in an order given by the seed.

    Each step paints both frames of a pair and adds style at several scales, content and total variation (Johnson et al.
    2016). After the first third the second frame follows the first one's painting, pulled along the motion,
    and the temporal loss joins (Ruder et al. 2018). `report(step, losses)` is called after every step.
    """
    device = style.pictures[0].device
    generator = torch.Generator().manual_seed(settings.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = PaintNetwork(keep=settings.keep, soft=max(1, round(pairs[0].this.shape[-2] / SOFT)))
    network = network.to(device).to(memory_format=torch.channels_last)
    shown = torch.cat([pair.this[:, ::4, ::4].cpu().float().flatten(1) / 255 for pair in pairs], 1)
    painted = torch.cat([picture[:, ::4, ::4].cpu().flatten(1) for picture in style.pictures], 1)
    network.palette[:], network.light[:] = palette_map(shown, painted)
    network.darkest[:], network.lightest[:] = torch.quantile(painted, torch.tensor([0.02, 0.98]), dim=1).clamp(0.02, 0.98)
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
    return network


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
            visible = visible * _inside(to_last) * _patches(visible.shape[-2:], generator, device)
            second = network(this, carried, visible, grain)
    paintings, frames = torch.cat([first, second]), torch.cat([last, this])
    # The network and the encoder's pooling both work on a grid that starts at the corner. Were the two always in step, the
    # network would learn a woven grain that the pooling does not see.
    y, x = (int(torch.randint(max(1, min(GRID, side - SMALLEST)), (), generator=generator)) for side in frames.shape[-2:])
    pose = POSES[int(torch.randint(len(POSES), (), generator=generator))]
    shown = [pictures[..., y:, x:].flip(pose) for pictures in (paintings, frames)]
    losses = _look_losses(shown[0], shown[1], encoder, style, pair.this.shape[-2], pose)
    losses["tone"] = F.mse_loss(_tones(paintings), _tones(network.underpainting(frames)))
    if follows:
        losses["temporal"] = temporal_loss(second, carried, visible)
    return losses


def _look_losses(paintings: Tensor, frames: Tensor, encoder: Encoder, style: StyleTarget, height: int,
                 pose: tuple[int, ...]) -> dict[str, Tensor]:
    """Style, content and smoothness of crops (N, 3, h, w), flipped as `pose` says, of paintings `height` pixels high."""
    styles, content = [], torch.zeros((), device=frames.device)
    for scale in SCALES:
        size = (max(SMALLEST, round(paintings.shape[-2] * scale)), max(SMALLEST, round(paintings.shape[-1] * scale)))
        shown = resized(paintings, size).contiguous(memory_format=torch.channels_last)
        layers = [*STYLE_LAYERS, CONTENT_LAYER] if scale == 1 else list(STYLE_LAYERS)
        with precision(frames.device):
            found = encoder(shown, layers)
        styles.append(style_loss({layer: found[layer] for layer in STYLE_LAYERS}, style.at(round(height * scale), pose)))
        if scale == 1:
            with torch.no_grad(), precision(frames.device):
                whole = resized(frames, size).contiguous(memory_format=torch.channels_last)
                target = encoder(whole, [CONTENT_LAYER])[CONTENT_LAYER]
            content = content_loss(found[CONTENT_LAYER], target)
    return {"style": torch.stack(styles).mean(), "content": content, "tv": total_variation(paintings)}


def _tones(images: Tensor) -> Tensor:
    """Images without what is finer than sixteen pixels: where it is light and where dark, and in which colour."""
    return F.avg_pool2d(images, min(16, *images.shape[-2:]))


def _patches(size: torch.Size, generator: torch.Generator, device: torch.device) -> Tensor:
    """(1, 1, h, w) of 0 and 1: a random share of the picture, in blots of about an eighth of its size, is 0."""
    share = float(torch.rand((), generator=generator)) - 0.3
    blots = F.interpolate(torch.rand(1, 1, 8, 8, generator=generator), tuple(size), mode="bicubic")
    return (blots > share).float().to(device)


def _random_window(size: torch.Size | tuple[int, ...], generator: torch.Generator) -> tuple[slice, slice]:
    """A random place for a crop of at most CROP pixels a side."""
    spans = []
    for side in size:
        start = int(torch.randint(max(0, side - CROP) + 1, (), generator=generator))
        spans.append(slice(start, start + min(CROP, side)))
    return spans[0], spans[1]


def _inside(to_last: Tensor) -> Tensor:
    """(1, 1, h, w): 1 where the motion leads to a place inside the crop."""
    height, width = to_last.shape[-2:]
    x = torch.arange(width, device=to_last.device) + to_last[0]
    y = torch.arange(height, device=to_last.device)[:, None] + to_last[1]
    return ((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)).float()[None, None]
