"""Descriptions of patches: few whole numbers whose distances are exact, for any number of threads.

Sums of floats depend on their order, and so on the number of threads; a nearest neighbour chosen among near ties would too.
Here pixels are whole numbers 0 to 255, and all factors are whole numbers so small that every partial sum stays below 2^24,
where float32 is exact. So every order of additions gives the same bits. Descriptions are int16: copies of a style picture have
millions of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.core.devices import widest_float
from vidstyle.painting.strokes.patches import take

GUIDE_DIMENSIONS, PAINT_DIMENSIONS = 12, 20
"""Of a description: first those of the guide, then those of the painting. Blurred patches need fewer."""
OWN_DIMENSIONS = GUIDE_DIMENSIONS + PAINT_DIMENSIONS
PAINT_WEIGHT, MOST_GUIDE_WEIGHT = 3, 9
"""Weights of squared distances: the painting's, and the guide's where a frame has most detail; where it has none, that is 1.
With 2.25 times the painting's everywhere, forms are kept and strokes are small and all alike; with half of it, whole stars
and swirls of the style picture are copied, right over the forms."""
STYLE_BLUR = 2.4
"""σ in pixels of each level: the style picture blurred is its own guide."""
GUIDE_BLUR = 1.6
"""σ in pixels of each level: strokes follow forms, not the guide's own texture."""
MOST_GUIDE_CHANNELS = 6
"""A patch of 12 pixels on a side then has the 864 numbers that `_AXIS` allows."""
_AXIS = 2047.0  # length of a principal axis: a patch of 864 numbers up to 255 is shorter than 7500, and 2047 * 7500 < 2^24
LENGTH = 680.0
"""Of a description, at most (a little less than 682, for rounding): then 9 (|a| + |b|)² < 2^24."""
LENGTH_BESIDE_WISHES = 600.0
"""The same where three more dimensions follow, for the size and the direction of strokes (`wishes`): the bound of the whole is
9 (2 · 603)² + 9 (2 · 191)² + 3 · 600² < 2^24."""
_SAMPLE = 6000  # patches from which the axes are learnt; enough for 864 dimensions


@dataclass(frozen=True)
class Describer:
    """The principal axes of a style's patches and of the patches of its guide."""

    side: int
    guide_axes: Tensor
    """(C * side², GUIDE_DIMENSIONS) whole numbers."""
    paint_axes: Tensor
    """(3 * side², PAINT_DIMENSIONS) whole numbers."""
    mean: Tensor
    """(D,) whole numbers, the projection of the style's mean."""
    factor: float
    """From projection to description: the style's longest description just fits."""
    length: float = LENGTH
    """Of a description, at most."""

    @classmethod
    def learn(cls, guide: Tensor, picture: Tensor, side: int, grid: int, places: Tensor, length: float) -> Describer:
        """The describer of the patches of `picture` (3, H, W) at `places` of the grid of `grid` pixels.

        guide: (C, H, W) of the picture, C at most `MOST_GUIDE_CHANNELS`; both uint8.
        """
        guides, paints = (take(image, side, grid, places[:_SAMPLE]).to(widest_float(image.device))
                          for image in (guide, picture))
        guide_axes, paint_axes = _axes(guides, GUIDE_DIMENSIONS), _axes(paints, PAINT_DIMENSIONS)
        projected = torch.cat([guides @ guide_axes, paints @ paint_axes], 1)
        mean = projected.mean(0).round()
        longest = (projected - mean).norm(dim=1).max()
        return cls(side, guide_axes.float(), paint_axes.float(), mean.float(), length / max(1.0, float(longest)), length)

    def describe(self, guide: Tensor, painting: Tensor, stride: int, places: Tensor) -> Tensor:
        """Descriptions (n, D) int16 of the patches of `guide` (C, H, W) and `painting` (3, H, W), both uint8."""
        halves = [take(image, self.side, stride, places).float() @ axes
                  for image, axes in ((guide, self.guide_axes), (painting, self.paint_axes))]
        projected = torch.cat(halves, 1) - self.mean
        length = projected.to(widest_float(projected.device)).norm(dim=1, keepdim=True).float() * self.factor
        described: Tensor = (projected * (self.factor / (length / self.length).clamp_min(1))).round()
        return described.to(torch.int16)


def _axes(patches: Tensor, count: int) -> Tensor:
    """The `count` principal axes of `patches` (n, d) as whole numbers (d, count)."""
    centred = patches - patches.mean(0)
    variances, axes = (found[..., -count:].to(patches.device) for found in torch.linalg.eigh((centred.T @ centred).cpu()))
    axes = axes * axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign()  # an axis has two directions: choose one
    axes = axes * (variances > 1e-9 * variances[-1])  # few patches have fewer axes; the rest would be chance
    scaled: Tensor = (axes * (_AXIS / axes.norm(dim=0).clamp_min(1e-9))).round()
    return scaled


def whole(image: Tensor) -> Tensor:
    """`image` in [0, 1] as uint8."""
    return image.clamp(0, 1).mul_(255).round_().to(torch.uint8)


def blur(image: Tensor, sigma: float) -> Tensor:
    """`image` (C, H, W) blurred by a Gaussian of σ `sigma` pixels, its borders reflected.

    A sum of shifted images: three times as fast as a convolution, and the same for any number of threads.
    """
    height, width = image.shape[-2:]
    reach = min(round(3 * sigma), height - 1, width - 1)
    taps = [math.exp(-(step**2) / (2 * sigma**2)) for step in range(reach + 1)]
    side = [tap / (2 * sum(taps) - 1) for tap in taps]
    blurred = torch.empty_like(image)
    for channel, to in zip(image, blurred, strict=True):  # one at a time takes a third of the memory
        padded = F.pad(channel[None], (reach, reach, reach, reach), mode="reflect")[0]
        across = padded[:, reach:reach + width] * side[0]
        for step, tap in enumerate(side[1:], 1):
            across.add_(padded[:, reach - step:reach - step + width] + padded[:, reach + step:reach + step + width], alpha=tap)
        torch.mul(across[reach:reach + height], side[0], out=to)
        for step, tap in enumerate(side[1:], 1):
            to.add_(across[reach - step:reach - step + height] + across[reach + step:reach + step + height], alpha=tap)
    return blurred
