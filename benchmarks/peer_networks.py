"""Published style transfer networks, written anew to be compared with ours; the weights are their authors'.

`fast_neural_style`: one network for each style image (Johnson et al. 2016), from pytorch/examples. `MicroAST`: one small
network for any style image (Wang et al. 2022). Both paint every frame on its own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vidstyle.models.registry import load_state_dict

FIXED = ("mosaic", "candy", "udnie")
"""Peers that are trained for one style image; their name is its name."""
PEERS = (*FIXED, "microast")
MULTIPLE = 4
"""Both networks halve the image twice, and return sides that are a multiple of this."""

Signals = list[tuple[Tensor, Tensor, Tensor]]
"""The style of MicroAST, for each of its two levels: features, and weight and bias that modulate its filters."""


def load_peer(name: str, weights: Path, style: Tensor) -> Callable[[Tensor], Tensor]:
    """A function that paints one frame (3, H, W) in [0, 1], in float32, with the weights in the folder `weights`.

    style: (3, H, W) in [0, 1], for a peer that takes any style image; it is encoded once. Raises InputError if weights are
    missing.
    """
    if name == "microast":
        network = MicroAST()
        for part in ("content_encoder", "style_encoder", "modulator", "decoder"):
            _load(network.get_submodule(part), weights / "microast" / f"{part}.pth")
        with torch.no_grad():
            signals = network.signals(style[None])
        return lambda image: _paint_any_size(image, lambda x: network(x, signals))
    painter = fast_neural_style()
    _load(painter, weights / "fast_neural_style" / f"{name}.pth")
    return lambda image: _paint_any_size(image, lambda x: painter(255 * x) / 255)


def fast_neural_style() -> nn.Sequential:
    """RGB in [0, 255], (N, 3, H, W) -> the same; 1.7 million parameters, instance norm, nearest-neighbour upsampling."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, (before, after, size, stride) in enumerate([(3, 32, 9, 1), (32, 64, 3, 2), (64, 128, 3, 2)], 1):
        layers |= {f"conv{number}": _conv(before, after, size, stride), f"in{number}": _norm(after), f"relu{number}": nn.ReLU()}
    layers |= {f"res{number}": NormedResidual(128) for number in range(1, 6)}
    for number, (before, after) in enumerate([(128, 64), (64, 32)], 1):
        layers |= {f"up{number}": nn.Upsample(scale_factor=2), f"deconv{number}": _conv(before, after, 3),
                   f"in{3 + number}": _norm(after), f"relu{3 + number}": nn.ReLU()}
    return nn.Sequential(layers | {"deconv3": _conv(32, 3, 9)})


class NormedResidual(nn.Module):
    """x + norm(conv(relu(norm(conv(x)))))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.in1 = _conv(width, width, 3), _norm(width)
        self.conv2, self.in2 = _conv(width, width, 3), _norm(width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.in2(self.conv2(F.relu(self.in1(self.conv1(x)))))
        return out


class MicroAST(nn.Module):
    """RGB in [0, 1], (N, 3, H, W) -> about the same; 0.47 million parameters, 0.31 million of them used for each frame."""

    def __init__(self) -> None:
        super().__init__()
        self.content_encoder, self.style_encoder = MicroEncoder(), MicroEncoder()
        self.modulator = nn.ModuleDict({name: nn.Sequential(_conv(64, 64, 3, groups=64), nn.AdaptiveAvgPool2d(1))
                                        for name in ("weight1", "bias1", "weight2", "bias2")})
        self.decoder = nn.ModuleDict({"dec1": ModulatedResidual(64), "dec2": ModulatedResidual(64), "dec3": nn.Sequential(
            _larger(), _conv(64, 32, 3, groups=32), nn.ReLU(), _conv(32, 32, 1), nn.ReLU(),
            _larger(), _conv(32, 16, 3, groups=16), nn.ReLU(), _conv(16, 16, 1), nn.ReLU(), _conv(16, 3, 9))})

    def signals(self, style: Tensor) -> Signals:
        """The signals of a style image (1, 3, H, W) in [0, 1]."""
        return [(found, self.modulator[f"weight{level}"](found), self.modulator[f"bias{level}"](found))
                for level, found in enumerate(self.style_encoder(style), 1)]

    def forward(self, image: Tensor, signals: Signals) -> Tensor:
        x: Tensor = self.content_encoder(image)[1]
        for block, (features, weight, bias) in zip(("dec1", "dec2"), reversed(signals), strict=True):
            x = self.decoder[block](adaptive_norm(x, features), weight, bias)
        out: Tensor = self.decoder["dec3"](x)
        return out


class MicroEncoder(nn.Module):
    """Two features of 64 channels at a quarter of the size: after one residual block, and after two."""

    def __init__(self) -> None:
        super().__init__()
        self.enc1 = nn.Sequential(
            _conv(3, 16, 9), nn.ReLU(), _conv(16, 32, 3, 2, groups=16), nn.ReLU(), _conv(32, 32, 1), nn.ReLU(),
            _conv(32, 64, 3, 2, groups=32), nn.ReLU(), _conv(64, 64, 1), nn.ReLU(), ModulatedResidual(64))
        self.enc2 = nn.Sequential(ModulatedResidual(64))

    def forward(self, image: Tensor) -> list[Tensor]:
        first = self.enc1(image)
        return [first, self.enc2(first)]


class ModulatedResidual(nn.Module):
    """x + conv(relu(conv(x))); with a style, each convolution f(x) becomes `weight` f(x) + `bias` x."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = _conv(width, width, 3), _conv(width, width, 3)

    def forward(self, x: Tensor, weight: Tensor | float = 1.0, bias: Tensor | float = 0.0) -> Tensor:
        middle = F.relu(weight * self.conv1(x) + bias * x)
        out: Tensor = x + weight * self.conv2(middle) + bias * middle
        return out


def adaptive_norm(x: Tensor, style: Tensor) -> Tensor:
    """x with the mean and deviation of `style`, channel by channel (AdaIN, Huang & Belongie 2017)."""
    (mean, deviation), (style_mean, style_deviation) = _moments(x), _moments(style)
    return (x - mean) / deviation * style_deviation + style_mean


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.mean((2, 3), keepdim=True), (x.var((2, 3), keepdim=True) + 1e-5).sqrt()


def _conv(before: int, after: int, size: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, size, stride, size // 2, groups=groups, padding_mode="reflect")


def _norm(width: int) -> nn.InstanceNorm2d:
    return nn.InstanceNorm2d(width, affine=True)


def _larger() -> nn.Upsample:
    return nn.Upsample(scale_factor=2, mode="bilinear")


def _load(network: nn.Module, path: Path) -> None:
    """Load every tensor of a file; its names have one more level for each convolution, and unused running means are dropped."""
    state = {key.replace(".conv2d.", ".").replace(".conv_layer.", "."): value.float()
             for key, value in load_state_dict(path).items() if not key.endswith((".running_mean", ".running_var"))}
    network.load_state_dict(state)
    network.eval().requires_grad_(False)


@torch.no_grad()
def _paint_any_size(image: Tensor, paint: Callable[[Tensor], Tensor]) -> Tensor:
    """`paint` on a frame of any size: padded to `MULTIPLE`, then cropped and clamped to [0, 1]."""
    height, width = image.shape[-2:]
    padded = F.pad(image[None], (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
    return paint(padded)[0, :, :height, :width].clamp(0, 1)
