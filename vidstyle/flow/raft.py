"""Optical flow by RAFT (Teed & Deng 2020): ours, which starts from DIS, and torchvision's, with its weights or Princeton's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from vidstyle.core.errors import InputError
from vidstyle.core.frame import FlowPair
from vidstyle.flow.dis import Dis
from vidstyle.models.registry import fetch, load_state_dict

if TYPE_CHECKING:  # torchvision takes a second and 130 MB to load
    from torchvision.models.optical_flow import RAFT

    from vidstyle.flow.guided_raft import GuidedRaft

OURS = "raft"
NAMES = ("raft-small", "raft-large")
"""Torchvision's."""


class Raft:
    """RAFT between two frames, both directions in one batch, in float32.

    The correlation volume takes 2 · 4/3 · 4 bytes · (W·H/64)²: 0.7 GB at 960x540, 11 GB at 1920x1080.
    """

    updates = 12
    """Refinement steps; the networks were trained with 12. End-point errors of RAFT-small on two Sintel pairs at 1024x436:
    0.304 and 1.210 px after 6 steps, 0.271 and 1.170 px after 12, 0.269 and 1.175 px after 20."""

    def __init__(self, network: RAFT, device: torch.device | str = "cpu") -> None:
        self._network = network.eval().requires_grad_(False).to(device)
        self._device = torch.device(device)

    @torch.no_grad()
    def __call__(self, last: Tensor, this: Tensor) -> FlowPair:
        """Motion between two images (3, H, W) float32 in [0, 1]; see `FlowPair`. On the device of the images."""
        height, width = this.shape[-2:]
        pair = torch.stack([this, last]).to(self._device) * 2 - 1
        left, right = _margins(width, 128)
        top, bottom = _margins(height, 128)
        pair = pad(pair, (left, right, top, bottom), mode="replicate")
        motion = self._network(pair, pair.flip(0), num_flow_updates=self.updates)[-1]
        to_last, to_this = motion[..., top:top + height, left:left + width].to(this.device).unbind(0)
        return FlowPair(to_last=to_last.contiguous(), to_this=to_this.contiguous())


class Guided:
    """Our RAFT between two frames, which starts from the motion that DIS finds; both directions in one batch, in float32."""

    def __init__(self, network: GuidedRaft, device: torch.device | str = "cpu") -> None:
        self._network = network.eval().requires_grad_(False).to(device)
        self._device = torch.device(device)
        self._dis = Dis()

    @torch.no_grad()
    def __call__(self, last: Tensor, this: Tensor) -> FlowPair:
        """Motion between two images (3, H, W) float32 in [0, 1]; see `FlowPair`. On the device of the images."""
        height, width = this.shape[-2:]
        start = self._dis(last, this)
        (left, right), (top, bottom) = (_margins(size, self._network.smallest) for size in (width, height))
        padded = [pad(each[None].to(self._device), (left, right, top, bottom), mode="replicate")
                  for each in (this * 2 - 1, last * 2 - 1, start.to_last, start.to_this)]
        motion, _ = self._network(*padded)
        to_last, to_this = motion[..., top:top + height, left:left + width].to(this.device).unbind(0)
        return FlowPair(to_last=to_last.contiguous(), to_this=to_this.contiguous())


def _margins(size: int, least: int) -> tuple[int, int]:
    """Pixels to add before and after `size` to reach a multiple of 8 that is at least `least`."""
    missing = max(least, -(-size // 8) * 8) - size
    return missing // 2, missing - missing // 2


# Patterns of Princeton's names and their replacements in torchvision's, applied in this order; None drops the tensor.
_PRINCETON = [
    (r"layer[23]\.0\.norm[34]\.", None),  # batch norm of the shortcut, a copy of downsample.1
    (r"^fnet\.", "feature_encoder."),
    (r"^cnet\.", "context_encoder."),
    (r"(layer\d\.\d)\.conv(\d)\.", r"\1.convnormrelu\2.0."),
    (r"(layer\d\.\d)\.norm(\d)\.", r"\1.convnormrelu\2.1."),
    (r"^(\w+_encoder)\.conv1\.", r"\1.convnormrelu.0."),
    (r"^(\w+_encoder)\.norm1\.", r"\1.convnormrelu.1."),
    (r"^(\w+_encoder)\.conv2\.", r"\1.conv."),
    (r"^update_block\.encoder\.convc(\d)\.", r"update_block.motion_encoder.convcorr\1.0."),
    (r"^update_block\.encoder\.convf(\d)\.", r"update_block.motion_encoder.convflow\1.0."),
    (r"^update_block\.encoder\.conv\.", "update_block.motion_encoder.conv.0."),
    (r"^update_block\.gru\.conv([zrq])\.", r"update_block.recurrent_block.convgru1.conv\1."),
    (r"^update_block\.gru\.conv([zrq])(\d)\.", r"update_block.recurrent_block.convgru\2.conv\1."),
    (r"^update_block\.mask\.0\.", "mask_predictor.convrelu.0."),
    (r"^update_block\.mask\.2\.", "mask_predictor.conv."),
]


def from_princeton(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a princeton-vl/RAFT checkpoint (`module.fnet.conv1.weight`, ...) under torchvision's names."""
    renamed = {}
    for name, tensor in tensors.items():
        key: str | None = name.removeprefix("module.")
        for pattern, replacement in _PRINCETON:
            if key is not None and re.search(pattern, key):
                key = None if replacement is None else re.sub(pattern, replacement, key)
        if key is not None:
            renamed[key] = tensor
    return renamed


def load_guided(file: Path | None = None, device: torch.device | str = "cpu") -> Guided:
    """Our RAFT with the weights that ship, or with those in `file`, which `training/train_flow.py` exports.

    Raises InputError if the weights cannot be read or belong to another network.
    """
    from vidstyle.flow.guided_raft import GuidedRaft

    path = file if file is not None else fetch("builtin-raft")
    network = GuidedRaft()
    _fill(network, load_state_dict(path), path, f"{OURS} (training/train_flow.py exports them)")
    return Guided(network, device)


def load_raft(name: str, file: Path | None = None, device: torch.device | str = "cpu") -> Raft:
    """The network `name` (`raft-small` or `raft-large`) with torchvision's weights, or with those in `file`.

    file: a state_dict of torchvision or a checkpoint of princeton-vl/RAFT. Raises InputError if the weights cannot be
    read or fetched, or belong to another network.
    """
    from torchvision.models import optical_flow

    network: RAFT = getattr(optical_flow, name.replace("-", "_"))(weights=None)
    path = file if file is not None else fetch(name)
    tensors = load_state_dict(path)
    if any("fnet." in key for key in tensors):
        tensors = from_princeton(tensors)
    _fill(network, tensors, path, f"{name}, as torchvision and Princeton have them")
    return Raft(network, device)


def _fill(network: nn.Module, tensors: dict[str, Tensor], path: Path, whose: str) -> None:
    """Load the `tensors` of the file `path`. Raises InputError if they are not the network's; whose: what to give instead."""
    expected = network.state_dict()
    wrong = sorted(key for key in expected.keys() | tensors.keys()
                   if key not in expected or key not in tensors or expected[key].shape != tensors[key].shape)
    if wrong:
        raise InputError(f"{path}: holds other weights ({len(wrong)} tensors differ, for example {wrong[0]}); "
                         f"give those of {whose}.")
    network.load_state_dict(tensors)
