"""The start network: a trained network that paints any style without a fit, and from which every fit starts."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from vidstyle.models.registry import fetch, load_state_dict
from vidstyle.ops.losses import STYLE_LAYERS, Grams
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.style import StyleTarget

CHANNELS = {"relu1_1": 16, "relu2_1": 32, "relu3_1": 64, "relu4_1": 128, "relu5_1": 128}  # of the builtin encoder
INPUT_SCALES = (1.0, 0.25)  # the style is measured at these shares of the painted height: fine strokes and large forms
DIRECTIONS = 48  # per layer and scale
HIDDEN = 128
DETAIL = 120  # the underpainting leaves out detail finer than the frame's height divided by this


class StylePredictor(nn.Module):
    """Gram matrices of a style -> changes of the gains and shifts of a `PaintNetwork`.

    The inputs are the energies vᵀ G v = mean_x (v · F(x))² of the style's features along learned directions v. They depend on
    Gram matrices alone, so a blend of styles is a style like any other. Conditional normalisation after Dumoulin et al. (2017),
    predicted for unseen style images as by Ghiasi et al. (2017).

    The names of modules and buffers are those of the tensors in the shipped file.
    """

    usual: Tensor
    """Mean of the log energies over the styles of the training."""
    deviation: Tensor
    """Their standard deviation, at least 0.1."""

    def __init__(self, channels: int) -> None:
        """channels: the sum of `PaintNetwork.modulated_channels`."""
        super().__init__()
        self.directions = nn.ParameterDict({f"{layer}_{place}": torch.randn(width, DIRECTIONS) / width**0.5
                                            for place in range(len(INPUT_SCALES)) for layer, width in CHANNELS.items()})
        energies = len(self.directions) * DIRECTIONS
        self.register_buffer("usual", torch.zeros(energies))
        self.register_buffer("deviation", torch.ones(energies))
        self.read = nn.Sequential(nn.Linear(energies, HIDDEN), nn.LeakyReLU(0.1))
        self.say = nn.Linear(HIDDEN, 2 * channels)
        nn.init.normal_(self.say.weight, std=0.3 / HIDDEN**0.5)
        nn.init.zeros_(self.say.bias)

    def energies(self, grams: Mapping[float, Grams]) -> Tensor:
        """Gram matrices (N, C, C) by scale and layer -> logarithms of the energies (N, E)."""
        found = []
        for place, scale in enumerate(INPUT_SCALES):
            for layer in STYLE_LAYERS:
                v = self.directions[f"{layer}_{place}"]
                found.append(((grams[scale][layer] @ v) * v).sum(1).clamp_min(1e-6).log())
        return torch.cat(found, 1)

    @torch.no_grad()
    def calibrate(self, grams: Mapping[float, Grams]) -> None:
        """Set the normalisation of the inputs to the mean and deviation of these styles, (N, C, C) by scale and layer."""
        found = self.energies(grams)
        self.usual[:], self.deviation[:] = found.mean(0), found.std(0).clamp_min(0.1)

    def forward(self, grams: Mapping[float, Grams]) -> Tensor:
        """Gram matrices (N, C, C) by scale and layer, from `predictor_grams` -> changes (N, 2, channels)."""
        hidden = self.read((self.energies(grams) - self.usual) / self.deviation)
        out: Tensor = self.say(hidden).unflatten(1, (2, -1))
        return out


def predictor_grams(style: StyleTarget, height: int) -> dict[float, Grams]:
    """The inputs of a `StylePredictor` for a style, measured by the builtin encoder, that is painted `height` pixels high."""
    return {scale: style.grams(round(height * scale)) for scale in INPUT_SCALES}


def load_start(device: str = "cpu") -> tuple[PaintNetwork, StylePredictor]:
    """The start network that ships and its style predictor, made by `training/train_start.py`.

    Raises InputError where the file is damaged or missing.
    """
    state = {name: value.float() for name, value in load_state_dict(fetch("builtin-start")).items()}
    network = PaintNetwork()
    predictor = StylePredictor(sum(network.modulated_channels))
    for part, module in (("network.", network), ("reader.", predictor)):
        module.load_state_dict({k.removeprefix(part): v for k, v in state.items() if k.startswith(part)})
    return network.to(device).to(memory_format=torch.channels_last), predictor.to(device)


@torch.no_grad()
def initial_network(frames: Sequence[Tensor], style: StyleTarget, keep: float,
                    start: tuple[PaintNetwork, StylePredictor] | None = None, seed: int = 0) -> PaintNetwork:
    """A network for one clip and one style before any fit.

    frames: some frames of the clip, (3, H, W) in [0, 1] or uint8 at the painted size; their colours determine the palette.
    style: measured by the builtin encoder. keep: the share of a visible pixel of the last painting that stays. With `start`
    (see `load_start`) the network paints the style already; without it the network is random, from `seed`.
    """
    height = frames[0].shape[-2]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = copy.deepcopy(start[0]) if start else PaintNetwork().to(memory_format=torch.channels_last)
    if start:
        network.add_changes(start[1](predictor_grams(style, height))[0])
    adapt_to_clip(network, frames, style, keep)
    return network.eval().requires_grad_(False).to(style.images[0].device)


def adapt_to_clip(network: PaintNetwork, frames: Sequence[Tensor], style: StyleTarget, keep: float) -> None:
    """Set the network's palette, softness and `keep` for a clip; arguments as for `initial_network`."""
    network.keep, network.soft = keep, softness(frames[0].shape[-2])
    network.set_palette(style.palette(frames))


def softness(height: int) -> int:
    """`PaintNetwork.soft`, in pixels, for a frame of this height in pixels."""
    return max(1, round(height / DETAIL))
