"""A RAFT (Teed & Deng 2020) that starts from the motion DIS has found, and decides where that motion is right."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, relu, unfold
from torchvision.models.optical_flow.raft import (
    BottleneckBlock,
    CorrBlock,
    FeatureEncoder,
    FlowHead,
    MotionEncoder,
    RecurrentBlock,
    UpdateBlock,
)

from vidstyle.ops.warp import warp

STEP = 8
"""Pixels from one point of the network's coarse grid to the next."""
UPDATES = 4
"""Refinements; from a start that is right in most places, few suffice."""
HIDDEN, CONTEXT = 96, 64
CANDIDATES = 10
"""Motions among which each pixel chooses: those of the nine nearest points of the coarse grid, and the start, shifted."""
PREFERENCE = 4.0
"""Of a fresh network for the last candidate, as a logit: it returns 86 % of the start."""


class PreciseCorrelation(CorrBlock):
    """RAFT's correlations in float32 under autocast too, because matches differ by little."""

    def build_pyramid(self, fmap1: Tensor, fmap2: Tensor) -> None:
        with torch.autocast(fmap1.device.type, enabled=False):
            super().build_pyramid(fmap1.float(), fmap2.float())  # type: ignore[no-untyped-call]


class GuidedRaft(nn.Module):
    """RAFT-small with three changes (1.18 million parameters).

    It starts from a given motion instead of zero. Its context is computed from the image and from two signs that the start is
    wrong: how far the two directions contradict each other, and how much the images differ along it. And its motion is not
    interpolated from an eighth of the size, but chosen for every pixel, by learned weights as in RAFT's convex upsampling,
    among the neighbours on the coarse grid and the start itself, whose edges are sharp.
    """

    smallest = 64
    """Least width and height in pixels, so that each level of the correlations has two points."""

    def __init__(self) -> None:
        super().__init__()
        self.feature_encoder = FeatureEncoder(block=BottleneckBlock, layers=(32, 32, 64, 96, 128), norm_layer=nn.InstanceNorm2d)
        self.context_encoder = FeatureEncoder(block=BottleneckBlock, layers=(32, 32, 64, 96, HIDDEN + CONTEXT), norm_layer=None)
        self.context_encoder.convnormrelu[0] = nn.Conv2d(5, 32, 7, stride=2, padding=3)
        self.correlation = PreciseCorrelation(num_levels=3, radius=3)
        motion = MotionEncoder(in_channels_corr=self.correlation.out_channels, corr_layers=(96,), flow_layers=(64, 32),
                               out_channels=82)
        memory = RecurrentBlock(input_size=motion.out_channels + CONTEXT, hidden_size=HIDDEN, kernel_size=(3,), padding=(1,))
        head = FlowHead(in_channels=HIDDEN, hidden_size=128)
        self.update = UpdateBlock(motion_encoder=motion, recurrent_block=memory, flow_head=head)
        logits = nn.Conv2d(128, CANDIDATES * STEP * STEP, 1)
        self.choice = nn.Sequential(nn.Conv2d(HIDDEN, 128, 3, padding=1), nn.ReLU(), logits)
        for parameter in (*head.conv2.parameters(), *logits.parameters()):  # a fresh network changes nearly nothing
            nn.init.zeros_(parameter)
        preference = torch.zeros(CANDIDATES, STEP * STEP)
        preference[-1] = PREFERENCE
        logits.bias = nn.Parameter(preference.flatten())

    def forward(self, first: Tensor, second: Tensor, forth: Tensor, back: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The motion from `first` to `second`, then back: (2 N, 2, H, W) pixels; and after each of the UPDATES on the coarse
        grid: (2 N, 2, H / STEP, W / STEP), in pixels too.

        first, second: (N, 3, H, W) in [-1, 1], H and W multiples of STEP from `smallest` on. forth, back: the start,
        (N, 2, H, W) pixels, first(x) = second(x + forth(x)).
        """
        features = self.feature_encoder(torch.cat([first, second]))
        self.correlation.build_pyramid(features, torch.cat(features.chunk(2)[::-1]))
        images, start = torch.cat([first, second]), torch.cat([forth, back])
        with torch.no_grad():
            contradiction = (start + warp(torch.cat([back, forth]), start, exact=False)).norm(dim=1, keepdim=True).log1p()
            difference = (images - warp(torch.cat([second, first]), start, exact=False)).abs().mean(1, keepdim=True)
        hidden, context = self.context_encoder(torch.cat([images, contradiction, difference], 1)).split([HIDDEN, CONTEXT], 1)
        hidden, context = hidden.tanh(), relu(context)

        points = _grid(hidden)
        begin = avg_pool2d(start, STEP) / STEP
        coarse, found = begin, []
        for _ in range(UPDATES):
            coarse = coarse.detach()  # as in RAFT: no gradient through the places that are looked up
            matches = self.correlation.index_pyramid(points + coarse)  # type: ignore[no-untyped-call]
            hidden, change = self.update(hidden, context, matches, coarse)
            coarse = coarse + change.float()
            found.append(STEP * coarse)
        return _chosen(self.choice(hidden).float(), coarse, coarse - begin, start), found


def _grid(like: Tensor) -> Tensor:
    """(1, 2, h, w): x and y of every point of the coarse grid."""
    y, x = (torch.arange(size, device=like.device, dtype=torch.float32) for size in like.shape[-2:])
    return torch.stack(torch.meshgrid(x, y, indexing="xy"))[None]


def _chosen(logits: Tensor, coarse: Tensor, change: Tensor, start: Tensor) -> Tensor:
    """For every pixel the mean of the ten candidates by the softmax of their logits (N, 640, h, w): (N, 2, H, W) pixels.

    coarse, change: (N, 2, h, w) in steps of the coarse grid. start: (N, 2, H, W) pixels; it is shifted by `change`.
    """
    count, _, height, width = coarse.shape
    weights = logits.view(count, 1, CANDIDATES, STEP, STEP, height, width).softmax(2)
    around = unfold(STEP * nn.functional.pad(coarse, (1, 1, 1, 1), mode="replicate"), 3)
    shifted = start + interpolate(STEP * change, scale_factor=STEP, mode="bilinear")
    own = shifted.view(count, 2, height, STEP, width, STEP).permute(0, 1, 3, 5, 2, 4)
    neighbours = around.view(count, 2, CANDIDATES - 1, 1, 1, height, width)
    mean = (weights[:, :, :-1] * neighbours).sum(2) + weights[:, :, -1] * own
    return mean.permute(0, 1, 4, 2, 5, 3).reshape(count, 2, STEP * height, STEP * width)
