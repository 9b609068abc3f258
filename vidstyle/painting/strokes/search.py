"""Search: the nearest style patches of every patch, by matrix products over all that are drawn."""

from __future__ import annotations

import torch
from torch import Tensor

from vidstyle.painting.strokes.index import Patches

CANDIDATES = 8
"""Style patches found for each patch: the nearest of each of as many random parts of those drawn."""
_ROWS = 128  # patches compared at once: 10 MB of distances, measured fastest of 32, 64, 128 and 512
_SPREAD = 0.3  # floor of the spread over the mean squared description; at 0.03 rare specks were laid all over plain places
_SPREAD_SAMPLE = 8192  # patches of the painting that the spread is measured on


def distances(targets: Tensor, sources: Tensor, squared: Tensor) -> Tensor:
    """|t - s|² (n, m), exact, of descriptions `targets` (n, D) and `sources` (m, D) with `squared` lengths (m,)."""
    return torch.addmm(squared, targets, sources.T, alpha=-2).add_(targets.square().sum(1, keepdim=True))


def nearest(style: Patches, targets: Tensor, spread: Tensor) -> Tensor:
    """Places (n, CANDIDATES) of style patches near the descriptions `targets` (n, D).

    spread: (places,), the factor of each style patch's distances. Equal distances are resolved by the order of drawing.
    """
    drawn = style.drawn.repeat(-(-CANDIDATES // len(style.drawn)))  # a tiny style has fewer patches than candidates
    drawn = torch.cat([drawn, drawn[: -len(drawn) % CANDIDATES]])
    sources, factors = style.descriptions[drawn], spread[drawn]
    squared = sources.square().sum(1)
    found = [distances(some, sources, squared).mul_(factors).view(len(some), CANDIDATES, -1).min(2).indices
             for some in torch.split(targets, _ROWS)]
    return drawn.view(CANDIDATES, -1).gather(1, torch.cat(found).T).T


def even_spread(style: Patches) -> Tensor:
    """Factors (places,) of 1: no style patch is preferred."""
    return torch.ones(len(style.descriptions), device=style.picture.device)


def measure_spread(style: Patches, targets: Tensor) -> Tensor:
    """Factors (places,) of the distances: 1 / (the style patch's own nearest distance to any target + a floor).

    A style patch that no target resembles is preferred until it is used, so that the whole style picture is laid, not only
    its plainest places (bidirectional similarity; the normalization of NNF distances as in Elad & Milanfar 2017).
    """
    sources = style.descriptions[style.drawn]
    squared = sources.square().sum(1)
    own = torch.full_like(squared, torch.inf)
    for some in torch.split(targets[:: max(1, len(targets) // _SPREAD_SAMPLE)], _ROWS):
        own = torch.minimum(own, distances(some, sources, squared).amin(0))
    mean = squared.double().mean().float()  # exact: whole numbers
    factors = mean / (own + _SPREAD * mean + 1)
    spread = factors.double().mean().float().repeat(len(style.descriptions))
    spread[style.drawn] = factors
    return spread


def carry_spread(spread: Tensor, coarse: Patches, fine: Patches) -> Tensor:
    """The spread of a level's style patches on the next finer level, or on the same."""
    across, down = coarse.columns, len(coarse.descriptions) // coarse.columns
    columns, rows = fine.columns, len(fine.descriptions) // fine.columns
    factor = 2 if fine.picture.shape[1] > 1.5 * coarse.picture.shape[1] else 1
    y = (torch.arange(rows, device=spread.device) // factor).clamp_max(down - 1)
    x = (torch.arange(columns, device=spread.device) // factor).clamp_max(across - 1)
    return spread.view(down, across)[y[:, None], x].flatten()
