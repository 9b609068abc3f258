"""Encoders by name: networks whose features measure content and style."""

from __future__ import annotations

from torch import nn

from vidstyle.core.choices import Pooling
from vidstyle.core.errors import UsageError
from vidstyle.core.interfaces import Encoder
from vidstyle.encoders.builtin import CHAIN, WIDE, BuiltinEncoder, Chain
from vidstyle.encoders.vgg import NAMES, pretrained_vgg
from vidstyle.models.registry import fetch, load_state_dict

BUILTIN: dict[str, tuple[Chain, str]] = {
    "builtin": (CHAIN, "builtin-encoder"),
    "builtin-wide": (WIDE, "builtin-wide-encoder"),
}
"""The encoders that ship: their layers, and the name of their weights."""
ENCODERS = (*BUILTIN, *NAMES)
"""Names that `load_encoder` takes."""


def load_encoder(name: str, device: str = "cpu", pooling: Pooling = "auto") -> Encoder:
    """The encoder `name` on `device`, its parameters frozen. pooling: auto is average for a builtin encoder, max for a VGG.

    Raises UsageError for an unknown name and InputError if weights cannot be fetched.
    """
    network: nn.Module
    if name in BUILTIN:
        chain, weights = BUILTIN[name]
        network = BuiltinEncoder("average" if pooling == "auto" else pooling, chain)
        network.load_state_dict(load_state_dict(fetch(weights)))
    elif name in NAMES:
        network = pretrained_vgg(name)
        if pooling != "auto":
            network.set_pooling(pooling)
    else:
        raise UsageError(f"There is no encoder {name!r}; choose one of {', '.join(ENCODERS)}.")
    return network.eval().requires_grad_(False).to(device)
