"""The builtin encoder: a small VGG-like network that ships in the package, distilled from a compressed VGG-19."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from vidstyle.encoders.pooling import POOLS

Chain = tuple[tuple[str, int, bool], ...]
"""(name, output channels, pooling before it) of every convolution."""

# The layers that the losses use are as wide as the teacher's, a compressed VGG-19; the widths of the others were chosen freely.
CHAIN: Chain = (
    ("1_1", 16, False),
    ("1_2", 16, False),
    ("2_1", 32, True),
    ("2_2", 32, False),
    ("3_1", 64, True),
    ("3_2", 80, False),
    ("3_3", 80, False),
    ("4_1", 128, True),
    ("4_2", 128, False),
    ("4_3", 160, False),
    ("5_1", 128, True),
)
# 1_1 and 4_1 to 5_1 are as in CHAIN, the others wider: 2_1, 3_1 and 3_3 stand for 128, 256 and 256 channels of VGG-19 itself.
WIDE: Chain = (
    ("1_1", 16, False),
    ("1_2", 24, False),
    ("2_1", 48, True),
    ("2_2", 48, False),
    ("3_1", 112, True),
    ("3_2", 112, False),
    ("3_3", 112, False),
    ("4_1", 128, True),
    ("4_2", 128, False),
    ("4_3", 160, False),
    ("5_1", 128, True),
)
GAINS = {"average": 1.2, "l2": 1.1, "max": 1.0}
"""Factor after pooling. The mean of four values is smaller than their maximum, which the network was trained with; the factor
brings the features back to the size they had in training. Their root mean square is a tenth larger than their mean."""


class BuiltinEncoder(nn.Module):
    """Images (N, 3, H, W), sRGB in [0, 1] -> features {"relu1_1": (N, 16, H, W), ..., "relu5_1": (N, 128, H/16, W/16)}.

    `chain` gives the layers and their widths; the weights that ship are for CHAIN.

    3x3 convolutions with repeated borders and 2x2 pooling, as in VGG (Simonyan & Zisserman 2014), but narrower. It was
    trained with max pooling; painting uses average pooling, which gives longer strokes and cleaner flat areas (as in
    Gatys et al. 2016) and a lower style loss by the teacher's features.
    """

    def __init__(self, pooling: Literal["average", "l2", "max"] = "average", chain: Chain = CHAIN) -> None:
        super().__init__()
        self.pooling, self.chain = pooling, chain
        channels = 3
        for name, width, _ in chain:
            self.add_module(f"conv{name}", nn.Conv2d(channels, width, 3))
            channels = width

    def pre_activations(self, image: Tensor, deepest: str = "5_1") -> dict[str, Tensor]:
        """The output of each convolution before its ReLU, by name ("1_1", ...), down to `deepest`; used by the distillation."""
        x, found = 2 * image - 1, {}
        for name, _, pool in self.chain:
            x = self._pool(x) if pool else x
            found[name] = self.get_submodule(f"conv{name}")(F.pad(x, (1, 1, 1, 1), mode="replicate"))
            if name == deepest:
                break
            x = F.relu(found[name])
        return found

    def _pool(self, x: Tensor) -> Tensor:
        return GAINS[self.pooling] * POOLS[self.pooling](x)

    def forward(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Features (N, C, h, w) after the ReLU of each of `layers`, such as "relu3_1", by layer."""
        found = self.pre_activations(image, max(layers).removeprefix("relu"))
        return {layer: F.relu(found[layer.removeprefix("relu")]) for layer in layers}
