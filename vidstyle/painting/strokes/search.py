"""Search: the nearest style patches of every patch, by matrix products over all that are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vidstyle.core.devices import widest_float
from vidstyle.painting.strokes.describe import GUIDE_DIMENSIONS, OWN_DIMENSIONS, PAINT_WEIGHT
from vidstyle.painting.strokes.index import Patches

CANDIDATES = 8
"""Style patches found for each patch: the nearest of each of as many random parts of those drawn."""
DIRECTION = OWN_DIMENSIONS + 1
"""The dimension with which the direction begins, if there is one; the one before it is the size, weighted as the painting."""
_ROWS = 128  # patches compared at once: 10 MB of distances, measured fastest of 32, 64, 128 and 512
_SPREAD = 0.8  # floor of the spread over the mean squared description; at 0.3 and below rare specks were laid in plain places
_SPREAD_SAMPLE = 8192  # patches of the painting that the spread is measured on


@dataclass(frozen=True)
class Targets:
    """Patches of the painting for which style patches are searched."""

    descriptions: Tensor
    """(n, D) int16, see `Describer`."""
    guide_weights: Tensor
    """(n,) whole numbers from 1 to `MOST_GUIDE_WEIGHT`: how closely each patch follows the guide."""
    direction_weights: Tensor
    """(n,) whole numbers from 0: how closely each patch follows the direction that is asked for."""

    def at(self, chosen: Tensor | slice) -> Targets:
        """Those at the indices `chosen`."""
        return Targets(self.descriptions[chosen], self.guide_weights[chosen], self.direction_weights[chosen])

    def weights(self) -> Tensor:
        """(n, D): the weight of each dimension's squared distance."""
        guide = self.guide_weights[:, None].expand(-1, GUIDE_DIMENSIONS)
        paint = guide.new_full((1, 1), PAINT_WEIGHT).expand_as(self.descriptions[:, GUIDE_DIMENSIONS:DIRECTION])
        direction = self.direction_weights[:, None].expand(-1, self.descriptions[:, DIRECTION:].shape[1])
        return torch.cat([guide, paint, direction], 1)

    def parts(self) -> Iterator[Targets]:
        """These in parts of at most `_ROWS`."""
        return map(Targets, *(torch.split(each, _ROWS)
                              for each in (self.descriptions, self.guide_weights, self.direction_weights)))


@dataclass(frozen=True)
class Sources:
    """Style patches among which is searched, prepared for products."""

    columns: Tensor
    """(D + 2, m): descriptions, and the squared lengths of the guide's part and of the direction."""
    lengths: Tensor
    """(m,): squared length of the rest, weighted."""

    @staticmethod
    def of(descriptions: Tensor) -> Sources:
        """Prepare `descriptions` (m, D) int16."""
        descriptions = descriptions.float()
        squared = descriptions.square()
        guide, direction = (part.sum(1, keepdim=True) for part in (squared[:, :GUIDE_DIMENSIONS], squared[:, DIRECTION:]))
        return Sources(torch.cat([descriptions, guide, direction], 1).T.contiguous(),
                       PAINT_WEIGHT * squared[:, GUIDE_DIMENSIONS:DIRECTION].sum(1))


def distances(targets: Targets, sources: Sources) -> Tensor:
    """Σ w (t - s)² (n, m), exact, of every target t and source s."""
    weighted = targets.descriptions * targets.weights()
    # A weight times its squared length is a product too. Halves of whole numbers below 2^23 are exact.
    rows = torch.cat([weighted, targets.guide_weights[:, None] / -2, targets.direction_weights[:, None] / -2], 1)
    own = (weighted * targets.descriptions).sum(1, keepdim=True)
    return torch.addmm(sources.lengths, rows, sources.columns, alpha=-2).add_(own)


def nearest(style: Patches, targets: Targets, spread: Tensor) -> Tensor:
    """Places (n, CANDIDATES) of style patches near each of `targets`.

    spread: (places,), the factor of each style patch's distances. Equal distances are resolved by the order of drawing.
    """
    drawn = style.drawn.repeat(-(-CANDIDATES // len(style.drawn)))  # a tiny style has fewer patches than candidates
    drawn = torch.cat([drawn, drawn[: -len(drawn) % CANDIDATES]])
    sources, factors = Sources.of(style.descriptions[drawn]), spread[drawn]
    found = [distances(some, sources).mul_(factors).view(-1, CANDIDATES, len(drawn) // CANDIDATES).min(2).indices
             for some in targets.parts()]
    return drawn.view(CANDIDATES, -1).gather(1, torch.cat(found).T).T


def even_spread(style: Patches) -> Tensor:
    """Factors (places,) of 1: no style patch is preferred."""
    return torch.ones(len(style.descriptions), device=style.picture.device)


def measure_spread(style: Patches, targets: Targets) -> Tensor:
    """Factors (places,) of the distances: 1 / (the style patch's own nearest distance to any target + a floor).

    A style patch that no target resembles is preferred until it is used, so that the whole style picture is laid, not only
    its plainest places (bidirectional similarity; the normalization of NNF distances as in Elad & Milanfar 2017). Size and
    direction do not count: copies in directions that nothing asks for are not to be preferred.
    """
    descriptions = style.descriptions[style.drawn, :OWN_DIMENSIONS]
    targets = Targets(targets.descriptions[:, :OWN_DIMENSIONS], targets.guide_weights, 0 * targets.guide_weights)
    sources, own = Sources.of(descriptions), targets.guide_weights.new_full((len(descriptions),), torch.inf)
    for some in targets.at(slice(None, None, max(1, len(targets.guide_weights) // _SPREAD_SAMPLE))).parts():
        own = torch.minimum(own, distances(some, sources).amin(0))
    wide = widest_float(descriptions.device)
    mean = PAINT_WEIGHT * descriptions.float().square().sum(1).to(wide).mean().float()  # exact: whole numbers
    factors = mean / (own + _SPREAD * mean + 1)
    spread = factors.to(wide).mean().float().repeat(len(style.descriptions))
    spread[style.drawn] = factors
    return spread


def carry_spread(spread: Tensor, coarse: Patches, fine: Patches) -> Tensor:
    """The spread of a level's style patches on the next finer level, or on the same."""
    across, down = coarse.columns, len(coarse.descriptions) // coarse.columns
    columns, rows = fine.columns, len(fine.descriptions) // fine.columns
    factor = coarse.grid * coarse.one.shrink // (fine.grid * fine.one.shrink)
    y = (torch.arange(rows, device=spread.device) // factor).clamp_max(down - 1)
    x = (torch.arange(columns, device=spread.device) // factor).clamp_max(across - 1)
    return spread.view(down, across)[y[:, None], x].flatten()
