"""The gamut of style pictures: the colours that they have, and for every other colour one near the nearest of them.

A linear map of colours (`palette`) gives a clip the mean and covariance of a style's colours, but its most saturated things
colours that the style has nowhere. They make good searches, for they ask for the style's own extremes, and a bad tone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.core.images import resize, size_at_height
from vidstyle.ops.metrics import BT709

HEIGHT = 180
"""Height in pixels at which the style pictures' colours are sampled: a colour counts where it covers a stroke, not a speck."""
MOST_COLOURS = 4000
"""Colours that are sampled from all pictures together."""
STEPS = 17
"""Entries of the table along each channel."""
LUMA, CHROMA = 0.7, 1.3
"""Weights of differences in luma and in R - Y and B - Y: a red thing becomes rather another red than a grey as light."""
NEAREST, SHARPNESS = 4, 8.0
"""A colour is replaced by a mean of about this many nearest colours; others count by exp(−SHARPNESS) of their squared distance
over that of the last of these, or less. In means of more of them, an orange bud became brown."""
CLOSE = 0.03
"""Distance, of weighted sRGB in [0, 1], within which all colours of the style count: what it has stays nearly as it is."""
_WHOLE = 1000  # weighted differences are whole multiples of 1 over this, so that sums of their squares are exact
_ROUNDED = 4096  # the table's values are whole multiples of 1 over this, whatever the order of the sums


@dataclass(frozen=True)
class Gamut:
    """The map of any colour to the style's."""

    change: Tensor
    """(1, 3, STEPS, STEPS, STEPS): what is added to the colours on an even grid from black to white, along R, G and B."""

    @classmethod
    def of(cls, styles: Sequence[Tensor]) -> Gamut:
        """The gamut of style pictures (3, H, W) in [0, 1]; a blend has the colours of all of them."""
        small = [resize(style, size_at_height(style.shape[-2:], min(HEIGHT, style.shape[-2]), 1)).flatten(1).T.cpu()
                 for style in styles]
        colours = torch.cat([some[::-(-len(some) * len(styles) // MOST_COLOURS)] for some in small])
        steps = torch.linspace(0, 1, STEPS)
        grid = torch.cartesian_prod(steps, steps, steps)
        sources = _opponent(colours)
        mapped = torch.cat([_near(_opponent(some), sources, colours) for some in torch.split(grid, STEPS**2)])
        change = ((mapped - grid) * _ROUNDED).round() / _ROUNDED
        return cls(change.T.view(1, 3, STEPS, STEPS, STEPS).to(styles[0]))

    def __call__(self, image: Tensor) -> Tensor:
        """`image` (3, H, W) in [0, 1] in colours of the style; linear between the entries of the table."""
        places = (2 * image - 1).permute(1, 2, 0).flip(-1)  # x, the last axis of the table, is blue
        change = F.grid_sample(self.change, places[None, None], mode="bilinear", padding_mode="border", align_corners=True)
        return (image + change[0, :, 0]).clamp(0, 1)


def _opponent(colours: Tensor) -> Tensor:
    """Weighted Y, R - Y and B - Y (n, 3) float64 of `colours` (n, 3) in [0, 1], in multiples of 1 over `_WHOLE`."""
    luma = colours.double() @ torch.tensor(BT709, dtype=torch.float64)
    planes = torch.stack([LUMA * luma, CHROMA * (colours[:, 0] - luma), CHROMA * (colours[:, 2] - luma)], 1)
    return (planes * _WHOLE).round()


def _near(wanted: Tensor, sources: Tensor, colours: Tensor) -> Tensor:
    """(n, 3): for each place `wanted` (n, 3) a mean of the `colours` (m, 3) whose places `sources` (m, 3) are nearest."""
    squared = wanted.square().sum(1)[:, None] + sources.square().sum(1) - 2 * wanted @ sources.T
    nearest = squared.kthvalue(min(NEAREST, len(sources)), dim=1, keepdim=True).values
    weights = torch.exp(-SHARPNESS * squared / nearest.clamp_min((CLOSE * _WHOLE) ** 2))
    return (weights @ colours.double() / weights.sum(1, keepdim=True)).float()
