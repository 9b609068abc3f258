"""Tone: strokes take on the colours of the forms that they paint, and keep their own texture.

Laid strokes have the colours of the style patches that were found. Where none has those of the guide, a small thing would
dissolve in its ground, and chips of other colours would lie in plain places.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.painting.strokes.describe import blur

SIGMA = 1 / 90
"""σ of the window over the height of the painting: what is larger has the guide's colours, what is smaller is stroke."""
WINDOW = 2.0
"""The same in pixels of the size at which the filter is computed."""
EDGE = 6e-3
"""Variance of the guide in a window, of sRGB in [0, 1], from which on it is an edge that the tone keeps sharp.
At a sixth of it, leaves and knitting looked photographed."""
PLAIN, DETAILED = 0.2, 0.75
"""Share of the guide's tone where there is nothing to be recognised, and where there is most."""


def take_tone(strokes: Tensor, guide: Tensor, detail: Tensor, height: int) -> Tensor:
    """`strokes` (3, H, W) in [0, 1] with the tone of `guide` (3, H, W) in [0, 1].

    detail: (1, H, W) in [0, 1], see `find_detail`. height: of the whole painting in pixels, of which these may be a part.
    """
    share = PLAIN + (DETAILED - PLAIN) * detail
    return (strokes + share * guided_filter(guide, guide - strokes, SIGMA * height)).clamp_(0, 1)


def guided_filter(guide: Tensor, image: Tensor, sigma: float) -> Tensor:
    """`image` (C, H, W), smooth but for the edges of `guide` (C, H, W), each channel by its own.

    The fast guided filter (He & Sun 2015) with a Gaussian window of σ `sigma` pixels: in each window `image` is fitted by
    a · guide + b, at a smaller size, and the means of a and b over the windows are applied to the guide at full size.
    """
    height, width = guide.shape[-2:]
    shrink = max(1.0, sigma / WINDOW)
    size = (max(1, round(height / shrink)), max(1, round(width / shrink)))
    small, wanted = (F.interpolate(each[None], size, mode="area")[0] for each in (guide, image))
    mean, mean_wanted, products, squares = blur(torch.cat([small, wanted, small * wanted, small * small]),
                                                sigma / shrink).chunk(4)
    a = (products - mean * mean_wanted) / (squares - mean * mean + EDGE)
    means = blur(torch.cat([a, mean_wanted - a * mean]), sigma / shrink)
    slope, offset = F.interpolate(means[None], (height, width), mode="bilinear")[0].chunk(2)
    return slope * guide + offset
