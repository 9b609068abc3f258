"""The losses of a painting network, for the fit and for every training: style, content, tone, total variation and temporal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from vidstyle.core.devices import precision
from vidstyle.core.images import resize
from vidstyle.core.interfaces import SMALLEST_ENCODED, Encoder
from vidstyle.ops.losses import CONTENT_LAYER, STYLE_LAYERS, Grams, content_loss, style_losses, temporal_loss, total_variation
from vidstyle.ops.warp import warp
from vidstyle.painting.feedforward.canvas import random_canvas
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.style import FLIPS, StyleTarget

SCALES = (1.0, 0.5, 0.25)  # the style loss is taken at each; at one scale alone a network learns only fine texture
CONTENT_SCALE = 0.5  # of the content loss; at full size it holds fine detail too, and the style loss stays higher
GRID = 16  # pixels; the period of the encoder's pooling and of the network's strides
TONES = 4  # `tone_loss` compares means over squares of height / TONES; at 8 they are no larger than a patch of paint


@dataclass(frozen=True)
class RandomCropFlip:
    """Cuts up to GRID − 1 pixels off each edge of images, then flips them.

    The network and the encoder's pooling both work on a grid that starts at the corner. With the grids always aligned, the
    network learns a woven pattern that the pooling averages out; with the encoder's padding always at the same edge, the
    network learns to paint a line along that edge.
    """

    rows: slice
    columns: slice
    flip: tuple[int, ...]
    """Axes to flip."""

    @classmethod
    def random(cls, size: torch.Size, generator: torch.Generator) -> RandomCropFlip:
        """A random one for images of this (height, width); at least SMALLEST_ENCODED pixels remain."""
        spans = []
        for side in size:
            before, after = torch.randint(max(1, min(GRID, (side - SMALLEST_ENCODED) // 2)), (2,), generator=generator).tolist()
            spans.append(slice(before, side - after))
        return cls(spans[0], spans[1], FLIPS[int(torch.randint(len(FLIPS), (), generator=generator))])

    def __call__(self, images: Tensor) -> Tensor:
        """(..., H, W) -> (..., h, w)."""
        return images[..., self.rows, self.columns].flip(self.flip)


def pair_losses(network: PaintNetwork, last: Tensor, this: Tensor, to_last: Tensor, visibility: Tensor, encoder: Encoder,
                styles: Sequence[StyleTarget], height: int, generator: torch.Generator, *,
                changes: Tensor | None = None) -> dict[str, Tensor]:
    """The losses, by name, of the network's proposals for crops of N pairs of neighbouring frames.

    last, this: (N, 3, h, w) in [0, 1]. to_last: (N, 2, h, w) pixels on the grid of `this`; visibility: (N, 1, h, w). styles:
    one for each pair, painted `height` pixels high. changes: as for `PaintNetwork.forward`. The losses are those of the second
    frame's painting; the first one's only serves the temporal loss. Both frames get the same random canvas, as in a shot.
    """
    canvas = random_canvas(last.shape[-2:], generator).to(last.device)
    with precision(last.device):
        with torch.no_grad():  # its gradient would double the cost, and both paintings are nearly equal
            first = network.proposal(last, canvas, changes)
        second = network.proposal(this, canvas, changes)
    warped = warp(first.float(), to_last, mode="bicubic", exact=False).clamp(0, 1)
    # Of the proposals, because a blended painting is mostly the last painting itself, which has no gradient.
    temporal = temporal_loss(second, warped, visibility * torch.cat([inside_crop(one) for one in to_last]))
    losses = painting_losses(second, this, network.underpainting(this), encoder, styles, height, generator)
    return losses | {"style": losses["style"].mean(), "temporal": temporal}


def painting_losses(paintings: Tensor, frames: Tensor, underpaintings: Tensor, encoder: Encoder, styles: Sequence[StyleTarget],
                    height: int, generator: torch.Generator) -> dict[str, Tensor]:
    """"style" (N,), "content", "tv" and "tone" of N paintings of crops of frames that are painted `height` pixels high.

    paintings, frames, underpaintings: (N, 3, h, w) in [0, 1]. styles: one for each painting.
    """
    crop = RandomCropFlip.random(frames.shape[-2:], generator)
    targets = [stack_grams([style.grams(round(height * scale), crop.flip) for style in styles]) for scale in SCALES]
    losses = encoder_losses(crop(paintings), crop(frames), encoder, targets)
    return losses | {"tone": tone_loss(paintings, underpaintings, round(height / TONES))}


def stack_grams(grams: Sequence[Grams]) -> dict[str, Tensor]:
    """Gram matrices (1, C, C) of N styles as (N, C, C), by layer."""
    return {layer: torch.cat([one[layer] for one in grams]) for layer in STYLE_LAYERS}


def encoder_losses(paintings: Tensor, frames: Tensor, encoder: Encoder, styles: Sequence[Grams]) -> dict[str, Tensor]:
    """"style" (N,), "content" and "tv" of paintings (N, 3, h, w) of frames (N, 3, h, w).

    styles: the target Gram matrices (1 or N, C, C) for each of SCALES.
    """
    styles_found, content = [], torch.zeros((), device=frames.device)
    for scale, target in zip(SCALES, styles, strict=True):
        height, width = (max(SMALLEST_ENCODED, round(side * scale)) for side in paintings.shape[-2:])
        size = (height, width)
        scaled = resize(paintings, size).contiguous(memory_format=torch.channels_last)
        layers = [*STYLE_LAYERS, CONTENT_LAYER] if scale == CONTENT_SCALE else list(STYLE_LAYERS)
        with precision(frames.device):
            found = encoder(scaled, layers)
        styles_found.append(style_losses({layer: found[layer] for layer in STYLE_LAYERS}, target))
        if scale == CONTENT_SCALE:
            with torch.no_grad(), precision(frames.device):
                scaled = resize(frames, size).contiguous(memory_format=torch.channels_last)
                content_target = encoder(scaled, [CONTENT_LAYER])[CONTENT_LAYER]
            content = content_loss(found[CONTENT_LAYER], content_target)
    return {"style": torch.stack(styles_found).mean(0), "content": content, "tv": total_variation(paintings)}


def tone_loss(paintings: Tensor, underpaintings: Tensor, size: int) -> Tensor:
    """Mean squared difference between local means of the paintings and the underpaintings, over squares of `size` pixels.

    The style loss does not determine which object gets which colour; this does. The squares are wider than strokes, so that a
    dark stroke may darken its surroundings: with smaller squares each stroke got a bright one beside it and the paint looked
    embossed.
    """
    side = min(size, *paintings.shape[-2:])
    found, target = (F.avg_pool2d(images, side, max(1, side // 3)) for images in (paintings, underpaintings))
    return F.mse_loss(found, target)


def inside_crop(to_last: Tensor) -> Tensor:
    """(1, 1, h, w): 1 where the motion (2, h, w), in pixels, leads to a place inside the crop, else 0."""
    height, width = to_last.shape[-2:]
    x = torch.arange(width, device=to_last.device) + to_last[0]
    y = torch.arange(height, device=to_last.device)[:, None] + to_last[1]
    return ((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)).float()[None, None]
