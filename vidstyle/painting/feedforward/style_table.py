"""Several styles in one network: each owns a row of changes, and a blend mixes the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.core.errors import UsageError
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.start import wear
from vidstyle.painting.style import Palette
from vidstyle.painting.style_picture import StylePicture


@dataclass(frozen=True)
class StyleRows:
    """What each of S styles changes in a network that knows them all: conditional normalisation (Dumoulin et al. 2017)."""

    changes: Tensor
    """(S, 2, changeable): what `PaintNetwork.forward` takes."""
    palette: Palette
    """Stacked, S of them: for clips whose colours are those of the training's clips together."""

    def bake(self, network: PaintNetwork, weights: Tensor) -> None:
        """Make `network` paint the blend of the styles by `weights` (S,) of sum 1."""
        network.adopt(torch.tensordot(weights, self.changes, 1))
        wear(network, self.palette.mixed(weights))


def about_styles(shares: Sequence[StylePicture]) -> dict[str, str]:
    """What a network's file says about the styles it knows."""
    return {"styles": ",".join(share.sha256 for share in shares), "style_names": "\n".join(share.name for share in shares),
            "style_weights": ",".join(f"{share.weight:g}" for share in shares)}


def weights_for(shares: Sequence[StylePicture], about: Mapping[str, str], path: Path, *, mixable: bool) -> Tensor:
    """(S,) of sum 1: the weight of each style that the network file `path` says it knows.

    mixable: whether it can paint other blends than the one it was made for. Raises UsageError for styles it does not know.
    """
    known = about["styles"].split(",")
    names = dict(zip(known, about.get("style_names", "").split("\n"), strict=False))
    for share in shares:
        if share.sha256 not in known:
            of = f" ({', '.join(sorted(names.values()))})" if any(names.values()) else ""
            raise UsageError(f"{path}: does not know the style {share.name}; give the very picture it was made with{of}, "
                             "or another --network.")
    asked = torch.tensor([sum(share.weight for share in shares if share.sha256 == sha) for sha in known])
    asked = asked / asked.sum()
    made_for = torch.tensor([float(weight) for weight in about.get("style_weights", "1").split(",")])
    if not mixable and not torch.allclose(asked, made_for / made_for.sum(), atol=1e-3):
        raise UsageError(f"{path}: was made for one blend of styles, with the weights {about['style_weights']}; give the same "
                         "ones, or another --network.")
    return asked
