"""Repetition: how often a painting shows the same patch of the style picture again close by.

The painting is cut into patches side by side. Each is looked up in the style picture at every place, by the squared
difference of its colours. It is a copy of the nearest place if it is neither flat nor one straight line, looks like that
place (`FOUND`), and less like any other (`DISTINCT`): what the style picture itself repeats has no one place. A stroke
copied whole has each of its patches once. Two copies are of the same patch if their places are less than a patch apart,
both ways. Copies are counted, not their patches: see `recurrences`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import unfold

SIDE = 8
"""Pixels on the side of a patch: the strokes' own patches have 5 to 12."""
WITHIN = 1 / 8
"""Distance, as a share of the painting's height, up to which a copy counts as repeated."""
FLAT = 0.03
"""Deviation of the colours in a patch, of sRGB in [0, 1], below which it is flat paint: there no eye sees a repetition."""
FOUND = 0.7
"""Largest squared difference to the nearest place, over the patch's own variance. Overlapping patches are averaged when
strokes are laid: theirs differ from their nearest place by 0.6 to 0.85 in the median, so 0.5 finds a tenth of them only."""
STRAIGHT = 0.05
"""Smaller over larger eigenvalue of a patch's structure tensor below which it is one straight edge or line. It looks the same
all along, in a photograph too: the edge of a table gave 11 copies of one place."""
DISTINCT = 0.85
"""Largest squared difference to the nearest place, over that to the best one a patch or more away. Without this test the
straight lines of a trained network, which copies nothing, recurred 9 times; with it 4, and those of two others 4 and 6 times.
(Lowe 2004 asks for 0.64 of keypoints, which lie further apart.)"""
LEVELS = 200
"""Colours are rounded to 0, 1, ..., LEVELS. Sums of products over a patch stay below 2^24 / 2, where float32 is exact: every
order of summation, and so every number of threads, gives the same places."""
ONE_COPY = 2
"""Pixels by which patches of one copy may be moved differently: places are found to a pixel, and the painting is resized."""
CHUNK = 512
"""Patches compared at once: 0.3 GB for a style picture of 360x450 pixels."""


@dataclass(frozen=True)
class Repetition:
    """How often copied patches recur, each counted with itself: 1 is no repetition."""

    most: int
    mean: float
    """Over the copied patches; 1 if there is none."""
    share: float
    """Copied patches over all that are neither flat nor straight, 0 to 1; 0 if there are none."""


@torch.no_grad()
def repetition(painting: Tensor, style: Tensor) -> Repetition:
    """Of a painting (3, H, W) by a style picture (3, H', W') at the size in which it is shown, both in [0, 1].

    Raises ValueError if one of them is smaller than a patch.
    """
    if min(*painting.shape[1:], *style.shape[1:]) < SIDE:
        raise ValueError(f"painting and style picture need {SIDE} pixels or more on each side")
    patches = _patches(painting, SIDE)
    variance = (patches - _means(patches)).square().mean(1)
    bumpy = (variance > (FLAT * LEVELS) ** 2) & (_roundness(patches) > STRAIGHT)
    if not bumpy.any():
        return Repetition(1, 1.0, 0.0)
    across = style.shape[2] - SIDE + 1
    places, errors, others = best_places(patches[bumpy], _patches(style, 1), across)
    copied = (errors <= FOUND * variance[bumpy]) & (errors <= DISTINCT * others)
    if not copied.any():
        return Repetition(1, 1.0, 0.0)
    here = SIDE * _points(torch.arange(len(patches))[bumpy][copied], painting.shape[2] // SIDE)
    counts = recurrences(here, _points(places[copied], across), WITHIN * painting.shape[1])
    return Repetition(int(counts.max()), float(counts.double().mean()), float(copied.double().mean()))


def best_places(patches: Tensor, candidates: Tensor, across: int) -> tuple[Tensor, Tensor, Tensor]:
    """Nearest candidate, lowest number first, its mean squared difference, and that of the best one a patch or more away.

    patches: (n, D); candidates: (m, D), of every place of a picture, `across` in a row; all integers. Returns (n,) each.
    """
    half = candidates.square().sum(1) / 2
    rows = -(-len(candidates) // across)
    places, likest = list[Tensor](), list[Tensor]()
    for part in patches.split(CHUNK):
        likeness = (part @ candidates.T).sub_(half)  # |patch|² / 2 minus half the squared difference
        place = likeness.argmax(1)
        best = likeness.gather(1, place[:, None])[:, 0]
        for number, (row, column) in enumerate(_points(place, across).tolist()):
            around = likeness[number].view(rows, across)
            around[max(0, row - SIDE + 1):row + SIDE, max(0, column - SIDE + 1):column + SIDE] = -torch.inf
        places.append(place)
        likest.append(torch.stack([best, likeness.amax(1)], 1))
    differences = patches.square().sum(1, keepdim=True) - 2 * torch.cat(likest)
    errors, others = (differences / patches.shape[1]).unbind(1)
    return torch.cat(places), errors, others


def recurrences(here: Tensor, places: Tensor, distance: float) -> Tensor:
    """For each patch, how many copies of it lie within `distance` pixels, itself included; (n,).

    here: positions of the patches in the painting; places: in the style picture; both (n, 2) pixels. Patches that are moved
    from the style picture by the same way, but for `ONE_COPY`, are of one copy: a stroke that is copied a second time, between
    the pixels of the first, shows each of its patches in four that lie side by side, and is still one more copy.
    """
    moved, counts = places - here, list[Tensor]()
    for one, place in zip(here.split(CHUNK), places.split(CHUNK), strict=True):
        near = (one[:, None] - here).square().sum(2) <= distance ** 2
        same = (place[:, None] - places).abs().amax(2) < SIDE
        for number in range(len(one)):
            ways = moved[near[number] & same[number]]
            alike = (ways[:, None] - ways).abs().amax(2) <= ONE_COPY
            counts.append((~alike.tril(-1).any(1)).sum())  # the first of each copy
    return torch.stack(counts)


def _patches(image: Tensor, step: int) -> Tensor:
    """Patches (n, 3 SIDE²) of an image (3, H, W), `step` pixels apart, row by row, as integers from 0 to LEVELS in float32."""
    columns: Tensor = unfold((image * LEVELS).round()[None], SIDE, stride=step)[0]
    return columns.T.contiguous()


def _means(patches: Tensor) -> Tensor:
    """The mean of each channel of patches (n, 3 SIDE²), at the channel's values."""
    return patches.unflatten(1, (3, -1)).mean(2, keepdim=True).expand(-1, -1, SIDE * SIDE).flatten(1)


def _roundness(patches: Tensor) -> Tensor:
    """Smaller over larger eigenvalue of the sum of gradient products in patches (n, 3 SIDE²), 0 to 1; 0 if flat; (n,)."""
    pixels = patches.unflatten(1, (3, SIDE, SIDE))
    down, across = pixels.diff(dim=2)[..., :-1], pixels.diff(dim=3)[..., :-1, :]
    a, b, c = ((x * y).sum((1, 2, 3)) for x, y in ((down, down), (down, across), (across, across)))
    spread = ((a - c).square() + 4 * b.square()).sqrt()
    return (a + c - spread).clamp_min(0) / (a + c + spread).clamp_min(1)


def _points(numbers: Tensor, across: int) -> Tensor:
    """(row, column) of patches numbered row by row, (n, 2)."""
    return torch.stack([numbers // across, numbers % across], 1)
