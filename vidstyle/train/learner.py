"""The trainable parameters: a painting network and, for several styles, a style table."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vidstyle.core.train_options import TrainOptions
from vidstyle.painting.feedforward.network import PaintNetwork, kept_share
from vidstyle.painting.feedforward.start import StylePredictor, predictor_grams, softness
from vidstyle.painting.feedforward.style_table import StyleTable
from vidstyle.painting.palette import Palette
from vidstyle.painting.style import StyleTarget


class Learner(nn.Module):
    """A network with trainable filters, gains and shifts and, for several styles, each style's changes of gains and shifts."""

    def __init__(self, network: PaintNetwork, style_changes: Tensor | None) -> None:
        """style_changes: (S, 2, sum of `modulated_channels`), or None for one style, which the network itself holds."""
        super().__init__()
        self.network = network
        self.style_changes = None if style_changes is None else nn.Parameter(style_changes.clone())

    @classmethod
    def initial(cls, styles: Sequence[StyleTarget], options: TrainOptions, start: tuple[PaintNetwork, StylePredictor] | None,
                device: str) -> Learner:
        """The start network with its predicted changes for each style; without `start` random values from the options' seed.

        styles: measured by the builtin encoder.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(options.seed)
            network = copy.deepcopy(start[0]) if start else PaintNetwork().to(memory_format=torch.channels_last).to(device)
        network.requires_grad_(True)
        network.keep = kept_share(options.temporal)
        if start is None:
            changes = torch.zeros(len(styles), 2, sum(network.modulated_channels), device=device)
        else:
            height = options.size[len(options.size) // 2]
            with torch.no_grad():
                changes = torch.cat([start[1](predictor_grams(style, height)) for style in styles])
        if len(styles) > 1:
            return cls(network, changes)
        network.add_changes(changes[0])
        return cls(network, None)

    def changes(self, styles: Tensor) -> Tensor | None:
        """`changes` of `PaintNetwork.forward` for N images in the styles of these numbers (N,); None for one style."""
        return None if self.style_changes is None else self.style_changes[styles]

    def network_for(self, style: int, palette: Palette, height: int) -> PaintNetwork:
        """A copy of the network as it is now that paints one style in one palette, frames `height` pixels high."""
        network = copy.deepcopy(self.network).eval().requires_grad_(False)
        if (changes := self.changes(torch.tensor([style]))) is not None:
            network.add_changes(changes[0].detach())
        network.soft = softness(height)
        network.set_palette(palette)
        return network

    def result(self, palette: Palette, height: int) -> tuple[PaintNetwork, StyleTable | None]:
        """The network and the style table to save. palette: stacked, one for each style; height: painted, in pixels."""
        table = None
        if (changes := self.changes(torch.arange(len(palette.light)))) is not None:
            table = StyleTable(changes.detach(), palette)
        network = copy.deepcopy(self.network).eval().requires_grad_(False)
        network.soft = softness(height)
        network.set_palette(palette.mixed(torch.full((len(palette.light),), 1 / len(palette.light))))
        return network, table
