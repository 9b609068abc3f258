"""Encoders: networks whose features say what a picture shows and how it is painted."""

from __future__ import annotations

from torch import nn

from vidstyle.core.errors import UsageError
from vidstyle.core.interfaces import Encoder
from vidstyle.encoders.builtin import BuiltinEncoder
from vidstyle.encoders.vgg import BUILDERS, pretrained_vgg
from vidstyle.models.registry import fetch, load_state_dict

ENCODERS = ("builtin", *BUILDERS)


def load_encoder(name: str, device: str = "cpu") -> Encoder:
    """The encoder of that name, frozen, on `device`.

    Raises UsageError for an unknown name and InputError when pretrained weights cannot be had.
    """
    network: nn.Module
    if name == "builtin":
        network = BuiltinEncoder()
        network.load_state_dict(load_state_dict(fetch("builtin-encoder")))
    elif name in BUILDERS:
        network = pretrained_vgg(name)
    else:
        raise UsageError(f"There is no encoder {name!r}; choose one of {', '.join(ENCODERS)}.")
    return network.eval().requires_grad_(False).to(device)
