"""Give a picture the colours of a reference: by its mean and covariance, or by its histograms."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import torch
from torch import Tensor

from vidstyle.core.choices import ColorMap
from vidstyle.ops.metrics import BT709
from vidstyle.painting.palette import covariance, map_colours, palette_map, sample_colours

FLOOR = 1e-4
"""Variance that is added to both covariances, 0.01 under the deviations: what a picture holds less of is the noise of its file,
which must not be stretched to colours. A grey picture stays nearly grey."""
LEVELS = 1025
"""Quantiles of a histogram: four for each code of 8 bits."""


def match_colours(image: Tensor, reference: Tensor, how: ColorMap = "histogram") -> Tensor:
    """`image` (3, H, W) with the colours of `reference` (3, n), both in [0, 1].

    - symmetric: the mean and covariance of the reference, by the Monge-Kantorovitch map of Pitié & Kokaram (2007), which moves
      colours least. Gatys et al. (2016), Preserving Color, have it as the map of Image Analogies, and prefer it.
    - cholesky: the same mean and covariance, by L_r L_s⁻¹ of their Cholesky factors (Gatys et al. 2016, equation 3).
    - histogram: after the symmetric map, the histogram of the luma and of the two colour differences, see `match_histograms`.

    Colours that leave [0, 1] keep their luma and lose chroma, see `within_range`.
    """
    return _MAPS[how](image, sample_colours(image), reference)


def within_range(image: Tensor) -> Tensor:
    """`image` (3, H, W), of any values, in [0, 1]: luma is clamped, and chroma is scaled down where a channel would leave it.

    Clamping each channel would change luma and hue.
    """
    luma = _luma(image)
    light, chroma = luma.clamp(0, 1), image - luma
    room = torch.where(chroma > 0, 1 - light, light) / chroma.abs().clamp_min(1e-9)
    return (light + room.amin(0, keepdim=True).clamp_max(1) * chroma).clamp(0, 1)  # clamped for what rounding leaves


def cholesky_map(colours: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """The matrix (3, 3) and offset (3,) that give `colours` (3, n) the mean and covariance of `reference` (3, m), in [0, 1].

    Gatys et al. (2016), Preserving Color: A = L_r L_s⁻¹, where L Lᵀ is a covariance.
    """
    factors = [torch.linalg.cholesky(covariance(each) + FLOOR * torch.eye(3, dtype=torch.float64))
               for each in (colours, reference)]
    matrix = (factors[1] @ torch.linalg.inv(factors[0])).float()
    return matrix, reference.mean(1) - matrix @ colours.mean(1)


def match_histograms(image: Tensor, colours: Tensor, reference: Tensor) -> Tensor:
    """`image` (3, H, W), whose colours are `colours` (3, n), with the quantiles of `reference` (3, m) in luma, R - Y and B - Y.

    In this opponent space grey stays grey. Channel by channel in RGB, each curve bends another way, and greys get a tint.
    The result is not clamped.
    """
    levels = torch.linspace(0, 1, LEVELS)
    matched = []
    for plane, own, wanted in zip(*(_to_opponent(each) for each in (image, colours, reference)), strict=True):
        values, places = torch.unique(torch.quantile(own, levels), return_inverse=True)
        # A value that many pixels have gets the middle of its ranks.
        ranks = torch.zeros_like(values).scatter_reduce(0, places, levels, "mean", include_self=False)
        matched.append(_curve(_curve(plane, values, ranks), levels, torch.quantile(wanted, levels)))
    return _from_opponent(torch.stack(matched))


def _symmetric(image: Tensor, colours: Tensor, reference: Tensor) -> Tensor:
    return within_range(map_colours(image, *palette_map(colours, reference, FLOOR)))


def _cholesky(image: Tensor, colours: Tensor, reference: Tensor) -> Tensor:
    return within_range(map_colours(image, *cholesky_map(colours, reference)))


def _histogram(image: Tensor, colours: Tensor, reference: Tensor) -> Tensor:
    matrix, light = palette_map(colours, reference, FLOOR)
    return within_range(match_histograms(map_colours(image, matrix, light), matrix @ colours + light[:, None], reference))


_MAPS: dict[ColorMap, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "symmetric": _symmetric, "cholesky": _cholesky, "histogram": _histogram}
assert tuple(_MAPS) == get_args(ColorMap)


def _luma(image: Tensor) -> Tensor:
    """BT.709 luma (1, ...) of (3, ...)."""
    weights = torch.tensor(BT709).to(image).view(3, *(1,) * (image.ndim - 1))
    return (image * weights).sum(0, keepdim=True)


def _to_opponent(image: Tensor) -> Tensor:
    """Y, R - Y and B - Y (3, ...) of RGB (3, ...)."""
    luma = _luma(image)
    return torch.cat([luma, image[:1] - luma, image[2:] - luma])


def _from_opponent(planes: Tensor) -> Tensor:
    """RGB (3, ...) of Y, R - Y and B - Y (3, ...)."""
    luma, red, blue = planes.unbind()
    return torch.stack([luma + red, luma - (BT709[0] * red + BT709[2] * blue) / BT709[1], luma + blue])


def _curve(values: Tensor, at: Tensor, to: Tensor) -> Tensor:
    """The piecewise linear curve through the points (`at`, `to`), both (n,) and `at` rising, at `values`; flat beyond them."""
    if len(at) == 1:
        return to.expand_as(values)
    right = torch.searchsorted(at, values.contiguous()).clamp(1, len(at) - 1)
    share = ((values - at[right - 1]) / (at[right] - at[right - 1])).clamp(0, 1)
    return torch.lerp(to[right - 1], to[right], share)
