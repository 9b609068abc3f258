"""The style table of a network that knows several styles, and the weights of a blend of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.core.curve import constant
from vidstyle.core.errors import UsageError
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.palette import Palette
from vidstyle.painting.style_picture import StylePicture


@dataclass(frozen=True)
class StyleTable:
    """What each of S styles changes in one network: conditional normalisation (Dumoulin et al. 2017)."""

    changes: Tensor
    """(S, 2, sum of `PaintNetwork.modulated_channels`), as `PaintNetwork.forward` takes them."""
    palette: Palette
    """Stacked, one for each of S styles, for the colours of all clips of the training together."""

    def apply_blend(self, network: PaintNetwork, weights: Tensor) -> None:
        """Make `network` paint the blend of the styles by `weights` (S,) of sum 1."""
        network.add_changes(torch.tensordot(weights, self.changes, 1))
        network.set_palette(self.palette.mixed(weights))


def style_metadata(styles: Sequence[StylePicture]) -> dict[str, str]:
    """The metadata of a network file that name its styles and their weights."""
    return {"styles": ",".join(style.sha256 for style in styles), "style_names": "\n".join(style.name for style in styles),
            "style_weights": ",".join(f"{style.weight:g}" for style in styles)}


def blend_weights(styles: Sequence[StylePicture], metadata: Mapping[str, str], path: Path, *, mixable: bool) -> Tensor:
    """(S,) of sum 1: the weights of `styles`, in the order of the S styles that the network file `path` knows.

    metadata: the file's. mixable: whether the network can paint other blends than the one it was made for. Raises UsageError
    for a style that the network does not know, and for another blend where it is not mixable.
    """
    known = metadata["styles"].split(",")
    names = dict(zip(known, metadata.get("style_names", "").split("\n"), strict=False))
    for style in styles:
        if style.sha256 not in known:
            of = f" ({', '.join(sorted(names.values()))})" if any(names.values()) else ""
            raise UsageError(f"{path}: does not know the style {style.name}; give the style picture it was made with{of}, "
                             "or another --network.")
    asked = torch.tensor([sum(constant(style.weight) for style in styles if style.sha256 == sha) for sha in known])
    asked = asked / asked.sum()
    made_for = torch.tensor([float(weight) for weight in metadata.get("style_weights", "1").split(",")])
    if not mixable and not torch.allclose(asked, made_for / made_for.sum(), atol=1e-3):
        raise UsageError(f"{path}: was made for one blend of styles, with the weights {metadata['style_weights']}; "
                         "give the same ones, or another --network.")
    return asked
