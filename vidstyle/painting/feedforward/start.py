"""The start network: it paints any style at once, and every fit begins with it."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from vidstyle.models.registry import fetch, load_state_dict
from vidstyle.ops.losses import STYLE_LAYERS, Grams
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.style import Palette, StyleTarget

CHANNELS = {"relu1_1": 16, "relu2_1": 32, "relu3_1": 64, "relu4_1": 128, "relu5_1": 128}  # of the builtin encoder
READ_SCALES = (1.0, 0.25)  # the style is read at these shares of the painted height: fine strokes, and large forms
DIRECTIONS = 48  # per layer and scale
HIDDEN = 128
SOFT = 120  # what is finer than the picture's height divided by this is left out of the underpainting


class StyleReader(nn.Module):
    """Gram matrices of a style -> what it adds to the gains and shifts of a `PaintNetwork`'s residual blocks.

    It reads the energy vᵀ G v = mean_x (v · F(x))² of the style's features along learned directions v, so a style is a
    texture to it and nothing more, and a blend of Gram matrices is a style like any other. Conditional normalisation
    after Dumoulin et al. (2017), predicted for pictures never seen as by Ghiasi et al. (2017).
    """

    usual: Tensor
    deviation: Tensor

    def __init__(self, changeable: int) -> None:
        """changeable: gains of all residual blocks together."""
        super().__init__()
        self.directions = nn.ParameterDict({f"{layer}_{place}": torch.randn(channels, DIRECTIONS) / channels**0.5
                                            for place in range(len(READ_SCALES)) for layer, channels in CHANNELS.items()})
        energies = len(self.directions) * DIRECTIONS
        self.register_buffer("usual", torch.zeros(energies))
        self.register_buffer("deviation", torch.ones(energies))
        self.read = nn.Sequential(nn.Linear(energies, HIDDEN), nn.LeakyReLU(0.1))
        self.say = nn.Linear(HIDDEN, 2 * changeable)
        nn.init.normal_(self.say.weight, std=0.3 / HIDDEN**0.5)
        nn.init.zeros_(self.say.bias)

    def energies(self, grams: Mapping[float, Grams]) -> Tensor:
        """Gram matrices (N, C, C) by scale and layer -> logarithms of the energies (N, directions)."""
        found = []
        for place, scale in enumerate(READ_SCALES):
            for layer in STYLE_LAYERS:
                v = self.directions[f"{layer}_{place}"]
                found.append(((grams[scale][layer] @ v) * v).sum(1).clamp_min(1e-6).log())
        return torch.cat(found, 1)

    @torch.no_grad()
    def calibrate(self, grams: Mapping[float, Grams]) -> None:
        """Take these styles, (N, C, C) by scale and layer, as the usual ones: what is read is how a style differs from them."""
        found = self.energies(grams)
        self.usual[:], self.deviation[:] = found.mean(0), found.std(0).clamp_min(0.1)

    def forward(self, grams: Mapping[float, Grams]) -> Tensor:
        """Gram matrices (N, C, C) by scale and layer -> (N, 2, changeable)."""
        read = self.read((self.energies(grams) - self.usual) / self.deviation)
        out: Tensor = self.say(read).unflatten(1, (2, -1))
        return out


def read_scales(style: StyleTarget, height: int) -> dict[float, Grams]:
    """What a `StyleReader` is told of a style that is to be painted `height` pixels high."""
    return {scale: style.at(round(height * scale)) for scale in READ_SCALES}


def load_start(device: str = "cpu") -> tuple[PaintNetwork, StyleReader]:
    """The start network that ships, and its reader (made by `training/train_start.py`). Raises InputError if it is damaged."""
    state = {name: value.float() for name, value in load_state_dict(fetch("builtin-start")).items()}
    network = PaintNetwork()
    reader = StyleReader(sum(network.changeable))
    for part, module in (("network.", network), ("reader.", reader)):
        module.load_state_dict({k.removeprefix(part): v for k, v in state.items() if k.startswith(part)})
    return network.to(device).to(memory_format=torch.channels_last), reader.to(device)


@torch.no_grad()
def begin(frames: Sequence[Tensor], style: StyleTarget, keep: float,
          start: tuple[PaintNetwork, StyleReader] | None = None, seed: int = 0) -> PaintNetwork:
    """A network for one clip and style, before any fit.

    frames: some of the clip, (3, H, W) in [0, 1] or uint8 at the painted size; their colours make the palette. style: as the
    builtin encoder sees it. keep: share of a visible place that stays as it was painted. With `start` it paints the style at
    once; else it is fresh, from `seed`.
    """
    height = frames[0].shape[-2]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = copy.deepcopy(start[0]) if start else PaintNetwork().to(memory_format=torch.channels_last)
    if start:
        network.adopt(start[1](read_scales(style, height))[0])
    dress(network, frames, style, keep)
    return network.eval().requires_grad_(False).to(style.pictures[0].device)


def dress(network: PaintNetwork, frames: Sequence[Tensor], style: StyleTarget, keep: float) -> None:
    """Give a network what depends on the clip: its palette, its height, how much stays; arguments as for `begin`."""
    network.keep, network.soft = keep, softness(frames[0].shape[-2])
    wear(network, style.palette(frames))


def softness(height: int) -> int:
    """`PaintNetwork.soft` for a picture of this height, in pixels."""
    return max(1, round(height / SOFT))


def wear(network: PaintNetwork, palette: Palette) -> None:
    """Paint in this palette; stacked ones for as many pictures."""
    device = network.palette.device
    network.palette, network.light = palette.matrix.to(device), palette.light.to(device)
    network.darkest, network.lightest = palette.darkest.to(device), palette.lightest.to(device)
