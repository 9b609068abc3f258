"""Metrics of painted clips, each an equation: stability, sharpness, structure, colour, flicker and drift.

The stability errors only mean something next to those of the source (its light and grain: the lowest value to expect) and
of the clip painted frame by frame (the highest), and next to `gradient_energy`: blur lowers both. The motion and visibility
they are given should be true ones, or come from another flow than the one that stabilised the painting.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

BT709 = (0.2126, 0.7152, 0.0722)
"""Weights of red, green and blue in luma (ITU-R BT.709)."""


def squared_error(painting: Tensor, warped: Tensor, visibility: Tensor) -> Tensor:
    """1/D Σ_x M (O − W)², D = W·H·C: the square of e_stab for one pair of paintings; shape: the leading dimensions.

    painting O and W, the other painting warped onto its grid: (..., 3, H, W) in [0, 1]. visibility M: (1, H, W). D counts
    all pixels, also the invisible ones. e_stab of a clip is the root of the mean over its T pairs (Chen et al. 2017;
    ReCoNet 2018); Ruder et al. (2016) give the mean without the root.
    """
    return (visibility * (painting - warped).square()).mean((-3, -2, -1))


def squared_warp_error(painting: Tensor, warped: Tensor, visibility: Tensor) -> Tensor:
    """Σ M ‖O − W‖² / Σ M, the norm over the three channels: E_warp of Lai et al. (2018) for one pair of paintings.

    Arguments and shape as in `squared_error`. Only visible pixels count; a pair without any gives 0.
    """
    distance = (painting - warped).square().sum(-3, keepdim=True)
    return (visibility * distance).sum((-3, -2, -1)) / visibility.sum().clamp(min=1)


def gradient_energy(image: Tensor) -> float:
    """Sharpness: the mean absolute difference of neighbouring pixels, over both directions and all channels.

    image: (..., H, W) in [0, 1], at least two pixels on one side. 0 for a uniform image; any blur lowers it.
    """
    across, down = image.diff(dim=-1).abs(), image.diff(dim=-2).abs()
    return float((across.sum() + down.sum()) / (across.numel() + down.numel()))


def ssim(image: Tensor, other: Tensor) -> float:
    """Mean structural similarity of the two lumas (Wang et al. 2004, eq. 13).

    (2 μx μy + C1)(2 σxy + C2) / ((μx² + μy² + C1)(σx² + σy² + C2)), C1 = 0.01², C2 = 0.03², moments under a Gaussian of
    σ = 1.5 px cut to 11x11, averaged over the positions where that window lies inside the image. image, other: (3, H, W)
    in [0, 1], 11 pixels or more on each side. 1 for equal images; paintings by the method of Gatys reach 0.55 to 0.70
    against their source. Every change of structure lowers it, and it depends on the size of the images.
    """
    x, y = (luma(each)[None] for each in (image, other))
    window = _gaussian(1.5, 5)
    mean_x, mean_y, xx, yy, xy = (_smooth(field, window) for field in (x, y, x * x, y * y, x * y))
    var_x, var_y, covariance = xx - mean_x.square(), yy - mean_y.square(), xy - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    top = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return float((top / ((mean_x.square() + mean_y.square() + c1) * (var_x + var_y + c2))).mean())


def blur(image: Tensor, sigma: float) -> Tensor:
    """`image` (C, H, W) convolved with a Gaussian of deviation `sigma` pixels, cut at 3 sigma; the border is repeated."""
    radius = max(1, math.ceil(3 * sigma))
    return _smooth(pad(image[None], (radius,) * 4, mode="replicate")[0], _gaussian(sigma, radius))


def luma(image: Tensor) -> Tensor:
    """(H, W) float64 luma of (3, H, W) sRGB in [0, 1], with the weights of BT.709 on the sRGB code values; on the CPU."""
    return (image.cpu().double() * torch.tensor(BT709, dtype=torch.float64)[:, None, None]).sum(0)


def colour_distance(image: Tensor, other: Tensor) -> float:
    """Wasserstein distance of order 2 between the Gaussians with the means and covariances of the two images' colours.

    √(|m − m'|² + tr(C + C' − 2 (C^½ C' C^½)^½)), m and C mean and covariance of the colours (Dowson & Landau 1982); the
    palette transfer of Pitié & Kokaram (2007) makes it 0. image, other: (3, H, W) in [0, 1], sizes may differ, two
    pixels or more. Range 0 to √3. It depends neither on where a colour is in the image nor on higher moments.
    """
    colours = [each.cpu().double().flatten(1) for each in (image, other)]
    means, (one, two) = [c.mean(1) for c in colours], [torch.cov(c) for c in colours]
    # The eigenvalues of C C' are those of C^½ C' C^½: real and not negative, up to rounding.
    mixed = torch.linalg.eigvals(one @ two).real.clamp(min=0).sqrt().sum()
    squared = (means[0] - means[1]).square().sum() + one.trace() + two.trace() - 2 * mixed
    return float(squared.clamp(min=0).sqrt())


def flicker(lightness: Iterable[Sequence[float]]) -> float:
    """Changes of the mean luma from frame to frame: √(mean_t (d_{t+1} − 2 d_t + d_{t−1})² / 6).

    lightness: for each shot, d_t = mean luma of the painting minus that of its source, in [−1, 1]; the difference removes
    changes of light in the source. Independent changes of standard deviation σ give σ, an alternation by ±a gives
    1.63 a, and a linear drift gives 0 (see `drift`). 0 if no shot has three frames. This metric is our own; flicker that
    is bright in one part of the image and dark in another does not change it, but changes e_stab.
    """
    squares = [(d[t + 1] - 2 * d[t] + d[t - 1]) ** 2 for d in lightness for t in range(1, len(d) - 1)]
    return math.sqrt(sum(squares) / len(squares) / 6) if squares else 0.0


def drift(colours: Iterable[Sequence[Sequence[float]]]) -> float:
    """Change of the mean colour within a shot: |mean d at its end − mean d at its start|, the maximum over all shots.

    colours: for each shot, d_t = mean (red, green, blue) of the painting minus that of its source, in [−1, 1]. Start and
    end are a quarter of the shot each, 12 frames at most. Range 0 to 2√3; 0 if no shot has two frames. This metric is
    our own.
    """
    largest = 0.0
    for shot in colours:
        count = max(1, min(12, len(shot) // 4))
        if len(shot) > 1:
            start, end = (torch.tensor(frames, dtype=torch.float64).mean(0) for frames in (shot[:count], shot[-count:]))
            largest = max(largest, float((end - start).norm()))
    return largest


def _gaussian(sigma: float, radius: int) -> Tensor:
    """(2 radius + 1,) float64 weights of sum 1."""
    steps = torch.arange(-radius, radius + 1, dtype=torch.float64)
    weights = torch.exp(-0.5 * (steps / sigma).square())
    return weights / weights.sum()


def _smooth(image: Tensor, window: Tensor) -> Tensor:
    """(C, H, W) convolved with a separable `window`, only where that lies inside the image."""
    kernel = window.to(image.dtype)
    return conv2d(conv2d(image[:, None], kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))[:, 0]
