"""What a painting network is taught, whichever way it is trained: the look at several scales, and where the light falls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from vidstyle.core.interfaces import Encoder
from vidstyle.ops.losses import CONTENT_LAYER, STYLE_LAYERS, Grams, content_loss, style_losses, temporal_loss, total_variation
from vidstyle.ops.warp import warp
from vidstyle.painting.feedforward.canvas import canvas_grain
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.style import POSES, StyleTarget, precision, resized

SCALES = (1.0, 0.5, 0.25)  # the style must be met at each: at one scale a network only learns fine texture
CONTENT_SCALE = 0.5  # forms; at full size it asks for fine detail as well, which painters leave out, and the style is met less
GRID = 16  # pixels by which the encoder's pooling and the network repeat themselves
TONES = 4  # tones as wide as the height divided by this are those of the frame: at 8 no patch of paint had room inside
SMALLEST = 32  # pixels on a side that the encoder is shown at least


@dataclass(frozen=True)
class GridCrop:
    """Cuts up to 15 pixels off each edge, and flips what is left.

    The network and the encoder's pooling both work on a grid that starts at the corner. Were the two always in step, the
    network would learn a woven grain that the pooling does not see. And what the encoder sees last before its own padding
    suits it best as a line: were that always the same edge, the network would frame its paintings.
    """

    rows: slice
    columns: slice
    pose: tuple[int, ...]
    """Axes to flip."""

    @classmethod
    def random(cls, size: torch.Size, generator: torch.Generator) -> GridCrop:
        """One for pictures of this (height, width)."""
        spans = []
        for side in size:
            before, after = torch.randint(max(1, min(GRID, (side - SMALLEST) // 2)), (2,), generator=generator).tolist()
            spans.append(slice(before, side - after))
        return cls(spans[0], spans[1], POSES[int(torch.randint(len(POSES), (), generator=generator))])

    def __call__(self, pictures: Tensor) -> Tensor:
        return pictures[..., self.rows, self.columns].flip(self.pose)


def pair_losses(network: PaintNetwork, last: Tensor, this: Tensor, to_last: Tensor, visibility: Tensor, encoder: Encoder,
                styles: Sequence[StyleTarget], height: int, generator: torch.Generator, *,
                changes: Tensor | None = None) -> dict[str, Tensor]:
    """The losses of what `network` proposes for crops of N pairs of neighbouring frames.

    last, this: (N, 3, h, w) in [0, 1]; to_last (N, 2, h, w), visibility (N, 1, h, w): see `FlowPair`. styles: the look of
    each pair, painted `height` pixels high; only the second frame's painting is looked at. changes: see
    `PaintNetwork.forward`. The canvas grain differs from call to call and is the same for both frames, as it is in a shot.
    """
    grain = canvas_grain(last.shape[-2:], generator).to(last.device)
    with precision(last.device):
        with torch.no_grad():  # it looks nearly as the second does, and teaches nothing more for its time
            first = network.proposal(last, grain, changes)
        second = network.proposal(this, grain, changes)
    carried = warp(first.float(), to_last, mode="bicubic", exact=False).clamp(0, 1)
    # Of the proposals, not of what is shown: most of that is the last painting itself, and teaches nothing.
    steadiness = temporal_loss(second, carried, visibility * torch.cat([inside(one) for one in to_last]))
    losses = painted_losses(second, this, network.underpainting(this), encoder, styles, height, generator)
    return losses | {"style": losses["style"].mean(), "temporal": steadiness}


def painted_losses(paintings: Tensor, frames: Tensor, underpaintings: Tensor, encoder: Encoder, styles: Sequence[StyleTarget],
                   height: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Look and tone of N paintings, each in its own of N `styles`, of crops of frames painted `height` pixels high.

    As from `look_losses`: the style's is of each painting, (N,).
    """
    crop = GridCrop.random(frames.shape[-2:], generator)
    wanted = [stacked([style.at(round(height * scale), crop.pose) for style in styles]) for scale in SCALES]
    losses = look_losses(crop(paintings), crop(frames), encoder, wanted)
    return losses | {"tone": tone_loss(paintings, underpaintings, round(height / TONES))}


def stacked(grams: Sequence[Grams]) -> dict[str, Tensor]:
    """Gram matrices (N, C, C) of N styles."""
    return {layer: torch.cat([one[layer] for one in grams]) for layer in STYLE_LAYERS}


def look_losses(paintings: Tensor, frames: Tensor, encoder: Encoder, styles: Sequence[Grams]) -> dict[str, Tensor]:
    """Style (N,), content and smoothness of paintings (N, 3, h, w) of frames (N, 3, h, w).

    styles: the Gram matrices (1 or N, C, C) to reach at each of SCALES.
    """
    found_styles, content = [], torch.zeros((), device=frames.device)
    for scale, wanted in zip(SCALES, styles, strict=True):
        size = (max(SMALLEST, round(paintings.shape[-2] * scale)), max(SMALLEST, round(paintings.shape[-1] * scale)))
        shown = resized(paintings, size).contiguous(memory_format=torch.channels_last)
        layers = [*STYLE_LAYERS, CONTENT_LAYER] if scale == CONTENT_SCALE else list(STYLE_LAYERS)
        with precision(frames.device):
            found = encoder(shown, layers)
        found_styles.append(style_losses({layer: found[layer] for layer in STYLE_LAYERS}, wanted))
        if scale == CONTENT_SCALE:
            with torch.no_grad(), precision(frames.device):
                whole = resized(frames, size).contiguous(memory_format=torch.channels_last)
                target = encoder(whole, [CONTENT_LAYER])[CONTENT_LAYER]
            content = content_loss(found[CONTENT_LAYER], target)
    return {"style": torch.stack(found_styles).mean(0), "content": content, "tv": total_variation(paintings)}


def tone_loss(paintings: Tensor, underpaintings: Tensor, size: int) -> Tensor:
    """Mean squared difference of the large tones, of what is finer than `size` pixels nothing.

    The style loss does not care which thing gets which colour. But a dark line is to make its surroundings darker: were the
    tones held closer than strokes are wide, each would get a bright twin beside it, and the paint look embossed.
    """
    side = min(size, *paintings.shape[-2:])
    found, wanted = (F.avg_pool2d(images, side, max(1, side // 3)) for images in (paintings, underpaintings))
    return F.mse_loss(found, wanted)


def inside(to_last: Tensor) -> Tensor:
    """(1, 1, h, w): 1 where the motion (2, h, w) leads to a place inside the crop."""
    height, width = to_last.shape[-2:]
    x = torch.arange(width, device=to_last.device) + to_last[0]
    y = torch.arange(height, device=to_last.device)[:, None] + to_last[1]
    return ((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)).float()[None, None]
