"""Descriptions of patches: few whole numbers whose distances are exact, for any number of threads.

Sums of floats depend on their order, and so on the number of threads; a nearest neighbour chosen among near ties would too.
Here pixels are whole numbers 0 to 255, and all factors are whole numbers so small that every partial sum stays below 2^24,
where float32 is exact. So every order of additions gives the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.painting.strokes.passes import GRID
from vidstyle.painting.strokes.patches import take

DIMENSIONS = 32
"""Of a description, as in the trials this follows; other numbers were not tried."""
GUIDE_WEIGHT = 1.5
"""Weight of the guide's pixels beside the painting's own: √(w_g / w_s) of the energy."""
STYLE_BLUR = 2.4
"""σ in pixels of each level: the style picture blurred is its own guide."""
_AXIS = 2047.0  # length of a principal axis: a patch of 864 numbers up to 255 is shorter than 7500, and 2047 * 7500 < 2^24
_LENGTH = 2040.0  # of a description, at most (a little less than 2048, for rounding): then |a|² + |b|² + 2 |a| |b| < 2^24
_BAND = 128  # rows blurred at once: the convolution needs ten times the memory of its image
_SAMPLE = 6000  # patches from which the axes are learnt; enough for 864 dimensions


@dataclass(frozen=True)
class Describer:
    """The principal axes of a style's patches, with their blurred guides beside them."""

    side: int
    axes: Tensor
    """(6 * side², D) whole numbers: guide above, painting below."""
    mean: Tensor
    """(D,) whole numbers, the projection of the style's mean."""
    factor: float
    """From projection to description: the style's longest description just fits."""
    guide: Tensor
    """(3, H, W) uint8, the style picture's own guide."""

    @classmethod
    def learn(cls, picture: Tensor, side: int, places: Tensor) -> Describer:
        """The describer of the patches of `picture` (3, H, W) in [0, 1] at `places` of the grid of `GRID` pixels."""
        guide = whole(blur(picture, STYLE_BLUR))
        both = torch.cat([take(image, side, GRID, places[:_SAMPLE]) for image in (guide, whole(picture))], 1).double()
        weight = torch.ones(both.shape[1], dtype=torch.float64, device=both.device)
        weight[: both.shape[1] // 2] = GUIDE_WEIGHT
        centred = (both - both.mean(0)) * weight
        axes = torch.linalg.eigh((centred.T @ centred).cpu())[1][:, -DIMENSIONS:].to(both.device)
        axes = axes * axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign()  # an axis has two directions: choose one
        axes = axes * weight[:, None]
        axes = (axes * (_AXIS / axes.norm(dim=0))).round()
        mean = (both.mean(0) @ axes).round()
        longest = (both @ axes - mean).norm(dim=1).max()
        return cls(side, axes.float(), mean.float(), _LENGTH / max(1.0, float(longest)), guide)

    def describe_style(self, picture: Tensor, places: Tensor) -> Tensor:
        """Descriptions (n, D) of the style's patches at `places` of the grid of `GRID` pixels."""
        return self.describe(self.guide, whole(picture), GRID, places)

    def describe(self, guide: Tensor, painting: Tensor, stride: int, places: Tensor) -> Tensor:
        """Descriptions (n, D) of the patches of `guide` and `painting`, each (3, H, W) uint8."""
        halves = self.axes.chunk(2)
        upper, lower = (take(image, self.side, stride, places).float() @ half
                        for image, half in zip((guide, painting), halves, strict=True))
        projected = upper + lower - self.mean
        length = projected.double().norm(dim=1, keepdim=True).float() * self.factor
        described: Tensor = (projected * (self.factor / (length / _LENGTH).clamp_min(1))).round()
        return described


def whole(image: Tensor) -> Tensor:
    """`image` in [0, 1] as uint8."""
    return image.clamp(0, 1).mul_(255).round_().to(torch.uint8)


def blur(image: Tensor, sigma: float) -> Tensor:
    """`image` (3, H, W) blurred by a Gaussian of σ `sigma` pixels."""
    reach = min(round(3 * sigma), min(image.shape[-2:]) - 1)
    falloff = torch.exp(-0.5 * (torch.linspace(-reach, reach, 2 * reach + 1, device=image.device) / sigma).square())
    falloff = falloff / falloff.sum()
    kernel = (falloff[:, None] * falloff).expand(3, 1, -1, -1)
    blurred = torch.empty_like(image)
    for top in range(0, image.shape[1], _BAND):
        above = min(reach, top)
        band = F.pad(image[None, :, top - above:top + _BAND + reach], (reach, reach, reach, reach), mode="reflect")[0]
        blurred[:, top:top + _BAND] = F.conv2d(band, kernel, groups=3)[:, above:above + _BAND]
    return blurred
