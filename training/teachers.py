"""The networks that teach the builtin encoder: VGG-19, and VGG-19 compressed 16 times, as their authors trained them."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vidstyle.encoders.builtin import WIDE

FROM_VGG = ("2_1", "3_1", "3_3")
FROM_COMPRESSED = ("1_1", "4_1", "4_2", "5_1")
SUPERVISED = tuple(name for name, _, _ in WIDE if name in (*FROM_VGG, *FROM_COMPRESSED))
CAFFE_MEAN = (123.68, 116.779, 103.939)  # RGB in 0-255, of the ImageNet images VGG-19 was trained on


class Convolutions(nn.Module):
    """VGG-19's convolutions in the order of NAMES, reflected borders, max pooling; input RGB in [0, 1].

    scale: weight and bias of a 1x1 convolution that normalises the input. weights: weight and bias by layer.
    """

    NAMES = ("1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "3_4", "4_1", "4_2", "4_3", "4_4", "5_1")

    def __init__(self, scale: tuple[Tensor, Tensor], weights: dict[str, tuple[Tensor, Tensor]]) -> None:
        super().__init__()
        self.scale = scale
        self.weights = {
            name: (weight.contiguous(memory_format=torch.channels_last), bias) for name, (weight, bias) in weights.items()
        }

    def pre_activations(self, image: Tensor, deepest: str = "5_1") -> dict[str, Tensor]:
        """Every convolution's output before the ReLU, by name, down to `deepest`, of images (N, 3, H, W)."""
        x, found = F.conv2d(image, *self.scale), {}
        for name in self.NAMES:
            if name.endswith("_1") and name != "1_1":
                x = F.max_pool2d(x, 2)
            found[name] = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), *self.weights[name])
            if name == deepest:
                break
            x = F.relu(found[name])
        return found


class Teacher(Convolutions):
    """VGG-19 compressed 16x, to 5_1; its own `conv0` normalises the input."""

    def __init__(self, path: Path) -> None:
        found = torch.load(path, weights_only=True, map_location="cpu")["model"]
        names = {name: f"conv{name.replace('_', '')}" for name in self.NAMES}
        super().__init__((found["conv0.weight"], found["conv0.bias"]),
                         {name: (found[f"{key}.weight"], found[f"{key}.bias"]) for name, key in names.items()})


class VGGTeacher(Convolutions):
    """VGG-19 to 3_4 with its authors' weights, which expect BGR in 0-255 minus the mean; borders are reflected, not zero."""

    PLACES = (0, 2, 5, 7, 10, 12, 14, 16)  # of the convolutions, in torchvision's `features`

    def __init__(self, path: Path) -> None:
        found = torch.load(path, weights_only=True, map_location="cpu")
        reverse = 255 * torch.eye(3).flip(0)[:, :, None, None]
        super().__init__((reverse, -torch.tensor(CAFFE_MEAN).flip(0)),
                         {name: (found[f"features.{place}.weight"], found[f"features.{place}.bias"])
                          for name, place in zip(self.NAMES, self.PLACES, strict=False)})


def best_channels(features: Tensor, count: int) -> tuple[Tensor, float]:
    """`count` channels of (N, C, h, w), sorted, from which a linear map explains all channels best; and the explained share.

    Greedy: each time the channel that reduces the variance that is still unexplained most (column subset selection). The
    covariance of what is unexplained follows from the one before by elimination, as in a pivoted Cholesky decomposition.
    """
    covariance = torch.cov(features.transpose(0, 1).flatten(1)).double()
    total, chosen = covariance.trace(), []
    for _ in range(count):
        variance = covariance.diagonal()
        gain = covariance.square().sum(0) / variance.clamp_min(1e-9 * total)
        gain[chosen] = -1
        best = int(gain.argmax())
        chosen.append(best)
        column = covariance[:, best].clone()
        covariance = covariance - column[:, None] * column[None] / variance[best].clamp_min(1e-9 * total)
    return torch.tensor(sorted(chosen)), float(1 - covariance.trace() / total)


class Teachers:
    """Both teachers as one: the layers of SUPERVISED as wide as the student's.

    channels: by layer of FROM_VGG, which of VGG-19's channels the student's stand for.
    """

    def __init__(self, weights: Path) -> None:
        self.vgg = VGGTeacher(weights / "vgg19_oxford_bgr_conv1_1-conv3_4.pth")
        self.compressed = Teacher(weights / "collab_distill/encoder5.pth")
        self.channels: dict[str, Tensor] = {}

    def choose(self, images: Tensor) -> dict[str, float]:
        """Choose `channels` by the features of `images`; the share of the variance that they explain, by layer."""
        widths, explained = {name: width for name, width, _ in WIDE}, {}
        found = self.vgg.pre_activations(images, max(FROM_VGG))
        for name in FROM_VGG:
            self.channels[name], explained[name] = best_channels(F.relu(found[name]), widths[name])
        return explained

    def pre_activations(self, image: Tensor) -> dict[str, Tensor]:
        """The pre-activations that the student is to have, by layer, of images (N, 3, H, W)."""
        vgg, compressed = self.vgg.pre_activations(image, max(FROM_VGG)), self.compressed.pre_activations(image)
        return {name: vgg[name][:, self.channels[name]] if name in FROM_VGG else compressed[name] for name in SUPERVISED}
