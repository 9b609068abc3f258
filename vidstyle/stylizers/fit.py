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
from vidstyle.stylizers.network import PaintNetwork
from vidstyle.stylizers.target import StyleTarget, precision, resized
from vidstyle.warp import warp

CROP = 256  # pixels; the fit looks at crops of this side, at the size that will be painted
ALONE = 0.5  # share of the steps that paint each frame on its own: a network that learns to copy first learns no strokes
SCALES = (1.0, 0.5, 0.25)  # the style must be met at each: at one scale a network only learns fine texture
FEATURE_LAYERS = ("relu2_1", "relu3_1", "relu4_1")  # where a key frame's painting is compared


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
class KeyFrame:
    """A frame and how the optimizer painted it: the look to learn."""

    image: Tensor
    """(3, H, W) float32 in [0, 1]."""
    painting: Tensor
    """(3, H, W) float32 in [0, 1]."""


@dataclass(frozen=True)
class FitSettings:
    """Weights of the losses and length of the fit; see `Options` for the first four."""

    content_weight: float
    style_weight: float
    tv_weight: float
    temporal_weight: float
    steps: int
    seed: int
    rate: float = 4e-3
    key_weight: float = 1.0


def fit(pairs: Sequence[Pair], keys: Sequence[KeyFrame], encoder: Encoder, style: StyleTarget, settings: FitSettings,
        report: Callable[[int, dict[str, float]], None] = lambda step, losses: None) -> PaintNetwork:
    """Train a fresh network on `pairs` (at least one), one pair a step, in an order given by the seed.

    Each step paints both frames of a pair, the second with the first one's painting pulled along the motion, and adds
    style at several scales, content, total variation and the temporal loss (Ruder et al. 2018; Huang et al. 2017).
    `report(step, losses)` is called after every step.
    """
    device = style.pictures[0].device
    generator = torch.Generator().manual_seed(settings.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = PaintNetwork()
    network = network.to(device).to(memory_format=torch.channels_last)
    optimizers = [
        Muon([p for p in network.parameters() if p.ndim == 4], settings.rate),
        torch.optim.Adam([p for p in network.parameters() if p.ndim == 1], settings.rate),
    ]
    gallery: dict[int, Hung] = {}
    for step in range(settings.steps):
        which = int(torch.randint(len(pairs), (), generator=generator))
        window = _window(pairs[which].this.shape[-2:], generator)
        if which not in gallery:
            gallery[which] = Hung(pairs[which].last, generator)
        holding = settings.temporal_weight > 0 and step >= ALONE * settings.steps
        losses = _pair_losses(network, pairs[which], window, gallery[which] if holding else None, encoder, style)
        if keys:
            losses["key"] = _key_loss(network, keys[step % len(keys)], encoder, generator)
        weights = {"style": settings.style_weight, "content": settings.content_weight, "tv": settings.tv_weight,
                   "temporal": settings.temporal_weight, "key": settings.key_weight}
        loss = torch.stack([weights[name] * value for name, value in losses.items()]).sum()
        network.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = settings.rate * _ramp(step / settings.steps)
            optimizer.step()
        report(step + 1, {name: float(value.detach()) for name, value in losses.items()})
    network.eval().requires_grad_(False)
    return network


def _ramp(share: float) -> float:
    """Learning rate over the fit, as a share of the highest: up in the first tenth, down to a hundredth at the end."""
    return max(0.01, min(1.0, 10 * share + 0.1, 1.5 * (1 - share)))


def _pair_losses(network: PaintNetwork, pair: Pair, window: tuple[slice, slice], hung: Hung | None, encoder: Encoder,
                 style: StyleTarget) -> dict[str, Tensor]:
    """The losses of one pair; with `hung`, the second frame follows the first one's painting."""
    device = style.pictures[0].device
    rows, columns = window
    last, this = (picture[None, :, rows, columns].to(device).float() / 255 for picture in (pair.last, pair.this))
    empty = torch.zeros_like(last)
    with precision(last.device):
        if hung is None:
            first, second = network(last, empty, empty[:, :1]), network(this, empty, empty[:, :1])
        else:
            first = network(last, *hung.prior(rows, columns))
            hung.keep(rows, columns, first.detach())
            to_last = pair.to_last[:, rows, columns].to(device).float()
            visible = pair.visibility[:, rows, columns].to(device).float()[None]
            carried = warp(first.float(), to_last, mode="bicubic").clamp(0, 1)
            visible = visible * inside(to_last)
            # Some of what can be seen is kept from the network: it learns to paint hidden places as they were.
            second = network(this, carried.detach(), visible * patches(visible.shape[-2:], hung.generator, visible.device))
    losses = look_losses(torch.cat([first, second]), torch.cat([last, this]), encoder, style, pair.this.shape[-2])
    if hung is not None:
        losses["temporal"] = temporal_loss(second, carried.detach(), visible)
    return losses


class Hung:
    """How the first frame of a pair was painted before, step upon step: a memory many frames deep, without the frames.

    Without it a network knows only its own first paintings as priors, and drifts or goes soft once it runs over a clip.
    """

    def __init__(self, like: Tensor, generator: torch.Generator) -> None:
        self.painting = torch.zeros(like.shape, dtype=torch.float16, device=like.device)
        self.painted = torch.zeros(like[:1].shape, dtype=torch.float16, device=like.device)
        self.generator = generator

    def prior(self, rows: slice, columns: slice) -> tuple[Tensor, Tensor]:
        """(1, 3, h, w) and its visibility (1, 1, h, w); half of the time nothing, as at the start of a shot."""
        fresh, dy, dx = torch.rand(3, generator=self.generator).tolist()
        painting, painted = self.painting[:, rows, columns].float(), self.painted[:, rows, columns].float()
        if fresh < 0.5:
            return torch.zeros_like(painting)[None], torch.zeros_like(painted)[None]
        # Pulled half a pixel there and back, the painting softens as it does when it follows motion.
        there = torch.tensor([dx - 0.5, dy - 0.5], device=painting.device).view(2, 1, 1).expand(2, *painting.shape[1:])
        carried = warp(warp(painting, there, mode="bicubic"), -there, mode="bicubic").clamp(0, 1)
        return carried[None], painted[None]

    def keep(self, rows: slice, columns: slice, painting: Tensor) -> None:
        self.painting[:, rows, columns] = painting[0].half()
        self.painted[:, rows, columns] = 1


def look_losses(paintings: Tensor, frames: Tensor, encoder: Encoder, style: StyleTarget, height: int) -> dict[str, Tensor]:
    styles, content = [], torch.zeros((), device=frames.device)
    for scale in SCALES:
        size = (max(32, round(paintings.shape[-2] * scale)), max(32, round(paintings.shape[-1] * scale)))
        shown = resized(paintings, size).contiguous(memory_format=torch.channels_last)
        layers = [*STYLE_LAYERS, CONTENT_LAYER] if scale == 1 else list(STYLE_LAYERS)
        with precision(frames.device):
            found = encoder(shown, layers)
        styles.append(style_loss({layer: found[layer] for layer in STYLE_LAYERS}, style.at(round(height * scale))))
        if scale == 1:
            with torch.no_grad(), precision(frames.device):
                target = encoder(frames.contiguous(memory_format=torch.channels_last), [CONTENT_LAYER])[CONTENT_LAYER]
            content = content_loss(found[CONTENT_LAYER], target)
    return {"style": torch.stack(styles).mean(), "content": content, "tv": total_variation(paintings)}


def _key_loss(network: PaintNetwork, key: KeyFrame, encoder: Encoder, generator: torch.Generator) -> Tensor:
    """Look like the optimizer's painting of this frame: L1 of the pixels and relative error of the features."""
    rows, columns = _window(key.image.shape[-2:], generator)
    image, wanted = key.image[None, :, rows, columns], key.painting[None, :, rows, columns]
    empty = torch.zeros_like(image)
    with precision(image.device):
        painting = network(image, empty, empty[:, :1])
        found = encoder(painting.contiguous(memory_format=torch.channels_last), FEATURE_LAYERS)
        with torch.no_grad():
            target = encoder(wanted.contiguous(memory_format=torch.channels_last), FEATURE_LAYERS)
    features = torch.stack([content_loss(found[layer], target[layer]) for layer in FEATURE_LAYERS]).mean()
    return 2 * F.l1_loss(painting, wanted) + features


def patches(size: torch.Size | tuple[int, ...], generator: torch.Generator,
            device: torch.device | str = "cpu") -> Tensor:
    """(1, 1, h, w) of 0 and 1: a random share of the picture, in blots of about an eighth of its size, is 0."""
    share = float(torch.rand((), generator=generator)) - 0.3
    blots = F.interpolate(torch.rand(1, 1, 8, 8, generator=generator), tuple(size), mode="bicubic")
    return (blots > share).float().to(device)


def _window(size: torch.Size | tuple[int, ...], generator: torch.Generator) -> tuple[slice, slice]:
    """A random place for a crop of at most CROP pixels a side."""
    spans = []
    for side in size:
        start = int(torch.randint(max(0, side - CROP) + 1, (), generator=generator))
        spans.append(slice(start, start + min(CROP, side)))
    return spans[0], spans[1]


def inside(to_last: Tensor) -> Tensor:
    """(1, 1, h, w): 1 where the motion leads to a place inside the crop."""
    height, width = to_last.shape[-2:]
    x = torch.arange(width, device=to_last.device) + to_last[0]
    y = torch.arange(height, device=to_last.device)[:, None] + to_last[1]
    return ((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)).float()[None, None]
