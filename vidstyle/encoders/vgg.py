"""VGG-19 and VGG-16 (Simonyan & Zisserman 2014) with torchvision's weights; features of relu1_1 to relu5_1."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from vidstyle.encoders.pooling import POOLS
from vidstyle.models.registry import fetch, load_state_dict

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # per channel, of sRGB in [0, 1]; torchvision's weights expect it
NAMES = ("vgg19", "vgg16")


class VGG(nn.Module):
    """Images (N, 3, H, W), sRGB in [0, 1] -> {"relu1_1": (N, 64, H, W), ..., "relu5_1": (N, 512, H/16, W/16)}.

    The network ends at relu5_1, and a call runs it only down to the deepest of the asked layers.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str) -> None:
        from torchvision import models  # takes a second and 130 MB to load

        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))
        self.features = nn.Sequential()
        self.names: list[str] = []
        block, conv = 1, 0
        for module in getattr(models, name)().features:
            if isinstance(module, nn.MaxPool2d):
                block, conv = block + 1, 0
            conv += isinstance(module, nn.Conv2d)
            # ReLU is not in place, because the returned features must not change.
            self.features.append(nn.ReLU() if isinstance(module, nn.ReLU) else module)
            self.names.append(f"relu{block}_{conv}" if isinstance(module, nn.ReLU) else "")
            if self.names[-1] == "relu5_1":
                break

    def set_pooling(self, pooling: str) -> None:
        """Pool as one of POOLS says, in place of the maximum that the network was trained with."""
        for place, module in enumerate(self.features):
            if isinstance(module, nn.MaxPool2d):
                self.features[place] = _Pool(POOLS[pooling])

    def forward(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Features (N, C, h, w) after the ReLU of each of `layers`, such as "relu3_1", by layer."""
        x, found = (image - self.mean) / self.std, {}
        for name, module in zip(self.names, self.features, strict=True):
            x = module(x)
            if name in layers:
                found[name] = x
                if len(found) == len(set(layers)):
                    break
        return found


class _Pool(nn.Module):
    """A way to pool as a layer."""

    def __init__(self, pool: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, features: Tensor) -> Tensor:
        return self.pool(features)


def pretrained_vgg(name: str) -> VGG:
    """`vgg19` or `vgg16` with torchvision's ImageNet weights. Raises InputError if they cannot be fetched."""
    network = VGG(name)
    state = load_state_dict(fetch(name))
    network.features.load_state_dict(
        {key.removeprefix("features."): value for key, value in state.items() if key.startswith("features.")
         and int(key.split(".")[1]) < len(network.features)}
    )
    return network
