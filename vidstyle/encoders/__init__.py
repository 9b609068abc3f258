"""Encoders: networks whose features say what a picture shows and how it is painted."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file
from torch import nn

from vidstyle.encoders.builtin import BuiltinEncoder
from vidstyle.encoders.vgg import BUILDERS, pretrained_vgg
from vidstyle.errors import UsageError
from vidstyle.losses import Encoder

BUILTIN_FILE = Path(__file__).parent.parent / "models" / "encoder.safetensors"
ENCODERS = ("builtin", *BUILDERS)


def load_encoder(name: str, device: str = "cpu") -> Encoder:
    """The encoder of that name, frozen, on `device`.

    Raises UsageError for an unknown name and InputError when pretrained weights cannot be had.
    """
    network: nn.Module
    if name == "builtin":
        network = BuiltinEncoder()
        network.load_state_dict(load_file(BUILTIN_FILE))
    elif name in BUILDERS:
        network = pretrained_vgg(name)
    else:
        raise UsageError(f"There is no encoder {name!r}; choose one of {', '.join(ENCODERS)}.")
    return network.eval().requires_grad_(False).to(device)
