"""How steady and how sharp a painted clip is, measured on tensors before any video encoder.

Read `stability_error` only beside that of the source (light and grain: the floor), of the clip painted frame by frame
(the ceiling) and `gradient_energy`: blur wins the first and loses the second. The motion and the visibility handed in
should be true ones, or from another flow than the one that steadied the paint.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from torch import Tensor

from vidstyle.warp import warp


def stability_error(paintings: Iterable[Tensor], motions: Iterable[tuple[Tensor, Tensor]]) -> float:
    """e_stab = sqrt( 1/T Σ_t 1/D Σ_x M_t (O_t − W_t(O_{t−1}))² ), D = W·H·C (Chen et al. 2017, ReCoNet).

    A root mean square in [0, 1]; D counts all pixels, hidden ones too, and T the pairs (the numbers of Ruder 2016 are
    its square). paintings: O, (3, H, W) in [0, 1], in order; at most two are held. motions: for every painting after
    the first, (to_last, visibility) on its own grid; chain `to_last` with `warp.compose` and hand in every tenth
    painting for the long-term error. W is bilinear, pixel-centre correct. Raises ValueError for fewer than two
    paintings.
    """
    squares = [float((visible * (now - warp(last, to_last)).square()).mean())
               for last, now, to_last, visible in _pairs(paintings, motions)]
    return math.sqrt(_mean(squares))


def warp_error(paintings: Iterable[Tensor], motions: Iterable[tuple[Tensor, Tensor]]) -> float:
    """E_warp of Lai et al. 2018: mean over pairs of Σ M ‖O_t − W(O_{t−1})‖² / Σ M, the norm over the three channels.

    A mean square; only visible pixels count, so it is larger than `stability_error` squared. Lai pulls the later frame
    back onto the earlier one; here the earlier is pulled forward, as everywhere in vidstyle. A pair that shows nothing
    in common counts as 0. Arguments and errors as in `stability_error`.
    """
    squares = []
    for last, now, to_last, visible in _pairs(paintings, motions):
        distance = (now - warp(last, to_last)).square().sum(-3, keepdim=True)
        squares.append(float((visible * distance).sum() / visible.sum().clamp(min=1)))
    return _mean(squares)


def gradient_energy(image: Tensor) -> float:
    """Sharpness: the mean absolute difference between neighbouring pixels, over both directions and all channels.

    image: (..., H, W) in [0, 1], at least two pixels on one side. 0 is flat; it falls with any blur.
    """
    across, down = image.diff(dim=-1).abs(), image.diff(dim=-2).abs()
    return float((across.sum() + down.sum()) / (across.numel() + down.numel()))


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
