"""The network in training and, where it learns several styles, a row of changes for each."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vidstyle.core.options import TrainOptions
from vidstyle.painting.feedforward.network import PaintNetwork, kept_share
from vidstyle.painting.feedforward.start import StyleReader, read_scales, softness, wear
from vidstyle.painting.feedforward.style_table import StyleRows
from vidstyle.painting.style import Palette, StyleTarget


class Learner(nn.Module):
    """What is trained: the network's filters, gains and shifts, and the rows of several styles."""

    def __init__(self, network: PaintNetwork, rows: Tensor | None) -> None:
        """rows: (S, 2, changeable), or None for one style, whose changes are the network's own."""
        super().__init__()
        self.network = network
        self.rows = None if rows is None else nn.Parameter(rows.clone())

    @classmethod
    def begin(cls, styles: Sequence[StyleTarget], options: TrainOptions, start: tuple[PaintNetwork, StyleReader] | None,
              device: str) -> Learner:
        """As the start network paints each style at once; without it, from random values of the seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(options.seed)
            network = copy.deepcopy(start[0]) if start else PaintNetwork().to(memory_format=torch.channels_last).to(device)
        network.requires_grad_(True)
        network.keep = kept_share(options.temporal)
        if start is None:
            rows = torch.zeros(len(styles), 2, sum(network.changeable), device=device)
        else:
            height = options.size[len(options.size) // 2]
            with torch.no_grad():
                rows = torch.cat([start[1](read_scales(style, height)) for style in styles])
        if len(styles) > 1:
            return cls(network, rows)
        network.adopt(rows[0])
        return cls(network, None)

    def changes(self, which: Tensor) -> Tensor | None:
        """What `PaintNetwork.forward` takes for pictures in the styles of these numbers (N,)."""
        return None if self.rows is None else self.rows[which]

    def painter(self, style: int, palette: Palette, height: int) -> PaintNetwork:
        """A network for one style and palette alone, as it paints at this moment."""
        network = copy.deepcopy(self.network).eval().requires_grad_(False)
        if (changes := self.changes(torch.tensor([style]))) is not None:
            network.adopt(changes[0].detach())
        network.soft = softness(height)
        wear(network, palette)
        return network

    def finished(self, palette: Palette, height: int) -> tuple[PaintNetwork, StyleRows | None]:
        """What is saved. palette: stacked, of each style, for clips whose colours are not known yet."""
        rows = None
        if (changes := self.changes(torch.arange(len(palette.light)))) is not None:
            rows = StyleRows(changes.detach(), palette)
        network = copy.deepcopy(self.network).eval().requires_grad_(False)
        network.soft = softness(height)
        wear(network, palette.mixed(torch.full((len(palette.light),), 1 / len(palette.light))))
        return network, rows
