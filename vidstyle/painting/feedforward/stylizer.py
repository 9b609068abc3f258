"""Paint a frame with one pass of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vidstyle.core.devices import precision
from vidstyle.core.frame import Prior
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.tiles import tiled_proposal


@dataclass(frozen=True)
class FeedForwardStylizer:
    """One pass of a network per image."""

    network: PaintNetwork
    keep: float | None = None
    """Share of a visible pixel of the last painting that stays; None: the network's own."""

    @torch.no_grad()
    def __call__(self, image: Tensor, priors: Sequence[Prior] = ()) -> Tensor:
        """(3, H, W) frame -> (3, H, W) painting, both in [0, 1]; only the nearest of the priors is used."""
        prior = priors[0] if priors else Prior(torch.zeros_like(image), torch.zeros_like(image[:1]))
        with precision(image.device):
            proposal = tiled_proposal(self.network, image[None])
        return self.network.blend(prior.image, prior.visibility, proposal[0], self.keep).clamp(0, 1)
