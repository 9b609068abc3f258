"""How steady, how sharp, how true to its source and to its style a painted clip is: each number an equation.

Read `stability_error` only beside that of the source (light and grain: the floor), of the clip painted frame by frame
(the ceiling) and `gradient_energy`: blur wins the first and loses the second. The motion and the visibility handed in
should be true ones, or from another flow than the one that steadied the paint.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from vidstyle.ops.warp import warp


def stability_error(paintings: Iterable[Tensor], motions: Iterable[tuple[Tensor, Tensor]]) -> float:
    """e_stab = sqrt( 1/T Σ_t 1/D Σ_x M_t (O_t − W_t(O_{t−1}))² ), D = W·H·C (Chen et al. 2017, ReCoNet).

    A root mean square in [0, 1]; D counts all pixels, hidden ones too, and T the pairs (the numbers of Ruder 2016 are
    its square). paintings: O, (3, H, W) in [0, 1], in order; at most two are held. motions: for every painting after
    the first, (to_last, visibility) on its own grid; chain `to_last` with `warp.compose` and hand in every tenth
    painting for the long-term error. W is bilinear, pixel-centre correct. Raises ValueError for fewer than two
    paintings.
    """
    squares = [float(squared_error(now, warp(last, to_last), visible))
               for last, now, to_last, visible in _pairs(paintings, motions)]
    return math.sqrt(_mean(squares))


def squared_error(picture: Tensor, carried: Tensor, visible: Tensor) -> Tensor:
    """1/D Σ_x M (O − W)², one pair's part in e_stab²; shaped as the leading dimensions of its arguments.

    picture O, carried W (the other picture pulled onto its grid): (..., 3, H, W) in [0, 1]; visible M: (1, H, W).
    """
    return (visible * (picture - carried).square()).mean((-3, -2, -1))


def warp_error(paintings: Iterable[Tensor], motions: Iterable[tuple[Tensor, Tensor]]) -> float:
    """E_warp of Lai et al. 2018: mean over pairs of Σ M ‖O_t − W(O_{t−1})‖² / Σ M, the norm over the three channels.

    A mean square; only visible pixels count, so it is larger than `stability_error` squared. Lai pulls the later frame
    back onto the earlier one, as `vidstyle evaluate` does; this function pulls the earlier one forward. A pair that shows
    nothing in common counts as 0. Arguments and errors as in `stability_error`.
    """
    squares = [float(squared_warp_error(now, warp(last, to_last), visible))
               for last, now, to_last, visible in _pairs(paintings, motions)]
    return _mean(squares)


def squared_warp_error(picture: Tensor, carried: Tensor, visible: Tensor) -> Tensor:
    """Σ M ‖O − W‖² / Σ M, one pair's part in E_warp; arguments and shape as in `squared_error`."""
    distance = (picture - carried).square().sum(-3, keepdim=True)
    return (visible * distance).sum((-3, -2, -1)) / visible.sum().clamp(min=1)


def gradient_energy(image: Tensor) -> float:
    """Sharpness: the mean absolute difference between neighbouring pixels, over both directions and all channels.

    image: (..., H, W) in [0, 1], at least two pixels on one side. 0 is flat; it falls with any blur.
    """
    across, down = image.diff(dim=-1).abs(), image.diff(dim=-2).abs()
    return float((across.sum() + down.sum()) / (across.numel() + down.numel()))


def ssim(image: Tensor, other: Tensor) -> float:
    """How much of the drawing is kept: the mean structural similarity of Wang et al. (2004), eq. 13, of the two lumas.

    (2 μx μy + C1)(2 σxy + C2) / ((μx² + μy² + C1)(σx² + σy² + C2)), C1 = 0.01², C2 = 0.03², moments under a Gaussian of
    σ = 1.5 px cut to 11x11, over the places where that window lies inside the picture. image, other: (3, H, W) in
    [0, 1], 11 pixels or more on each side. 1 is the same picture; Gatys-type paintings lie at 0.55 to 0.70. It falls
    with every change of the drawing, a good one as well, and depends on the size at which the two are compared.
    """
    x, y = (luma(picture)[None] for picture in (image, other))
    window = _gaussian(1.5, 5)
    mean_x, mean_y, xx, yy, xy = (_smooth(field, window) for field in (x, y, x * x, y * y, x * y))
    var_x, var_y, covariance = xx - mean_x.square(), yy - mean_y.square(), xy - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    top = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return float((top / ((mean_x.square() + mean_y.square() + c1) * (var_x + var_y + c2))).mean())


def blur(image: Tensor, sigma: float) -> Tensor:
    """`image` (C, H, W) under a Gaussian of standard deviation `sigma` pixels, cut at 3 sigma; the border is repeated."""
    radius = max(1, math.ceil(3 * sigma))
    return _smooth(pad(image[None], (radius,) * 4, mode="replicate")[0], _gaussian(sigma, radius))


def luma(image: Tensor) -> Tensor:
    """(H, W) luma of (3, H, W) sRGB in [0, 1] with the weights of BT.709, in float64, of the values as they are coded."""
    return (image.double() * torch.tensor([0.2126, 0.7152, 0.0722], dtype=torch.float64)[:, None, None]).sum(0)


def colour_distance(image: Tensor, other: Tensor) -> float:
    """How far the colours lie apart: the Wasserstein distance of order 2 between the Gaussians that fit them.

    √(|m − m'|² + tr(C + C' − 2 (C^½ C' C^½)^½)), m and C mean and covariance of the colours (Dowson & Landau 1982; the
    distance that palette transfer by Pitié & Kokaram 2007 makes zero). image, other: (3, H, W) in [0, 1], of any two
    sizes, two pixels or more. From 0 to √3; blind to where in the picture a colour is, and to more than two moments.
    """
    colours = [picture.double().flatten(1) for picture in (image, other)]
    means, (one, two) = [c.mean(1) for c in colours], [torch.cov(c) for c in colours]
    # The eigenvalues of C C' are those of C^½ C' C^½: real and not negative, up to rounding.
    mixed = torch.linalg.eigvals(one @ two).real.clamp(min=0).sqrt().sum()
    squared = (means[0] - means[1]).square().sum() + one.trace() + two.trace() - 2 * mixed
    return float(squared.clamp(min=0).sqrt())


def flicker(lightness: Iterable[Sequence[float]]) -> float:
    """How much the whole picture's light jumps from frame to frame: √(mean_t (d_{t+1} − 2 d_t + d_{t−1})² / 6).

    lightness: for each shot, d_t = mean luma of the painting less that of its source, in [−1, 1], so that the shot's own
    light does not count. Light that jumps independently in every frame with standard deviation σ gives σ, one that
    alternates by ±a gives 1.63 a; a steady drift gives nothing (see `drift`). 0 where no shot has three frames. The
    measure is ours; it does not see flicker that is bright here and dark there, which e_stab does.
    """
    squares = [(d[t + 1] - 2 * d[t] + d[t - 1]) ** 2 for d in lightness for t in range(1, len(d) - 1)]
    return math.sqrt(sum(squares) / len(squares) / 6) if squares else 0.0


def drift(colours: Iterable[Sequence[Sequence[float]]]) -> float:
    """How far the colours wander within a shot: |mean d at its end − mean d at its start|, the largest of all shots.

    colours: for each shot, d_t = mean (red, green, blue) of the painting less that of its source, in [−1, 1]. Start and
    end are a quarter of the shot each, 12 frames at most. From 0 to 2√3; 0 where no shot has two frames. The measure is
    ours.
    """
    largest = 0.0
    for shot in colours:
        count = max(1, min(12, len(shot) // 4))
        if len(shot) > 1:
            start, end = (torch.tensor(frames, dtype=torch.float64).mean(0) for frames in (shot[:count], shot[-count:]))
            largest = max(largest, float((end - start).norm()))
    return largest


def _gaussian(sigma: float, radius: int) -> Tensor:
    steps = torch.arange(-radius, radius + 1, dtype=torch.float64)
    weights = torch.exp(-0.5 * (steps / sigma).square())
    return weights / weights.sum()


def _smooth(image: Tensor, window: Tensor) -> Tensor:
    """(C, H, W) under a separable `window`, only where it lies inside the picture."""
    kernel = window.to(image.dtype)
    return conv2d(conv2d(image[:, None], kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))[:, 0]


def _pairs(paintings: Iterable[Tensor],
           motions: Iterable[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """(last, now, to_last, visibility) of every two neighbouring paintings."""
    frames = iter(paintings)
    last = next(frames, None)
    for now, (to_last, visible) in zip(frames, motions, strict=True):
        assert last is not None
        yield last, now, to_last, visible
        last = now


def _mean(numbers: list[float]) -> float:
    if not numbers:
        raise ValueError("two paintings or more are needed to tell how steady they are")
    return sum(numbers) / len(numbers)
