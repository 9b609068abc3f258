"""Refresh: at each key frame some patches of the carried paint lose their trust, so that in time all paint is renewed."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import torch
from torch import Tensor

from vidstyle.core.frame import Prior
from vidstyle.temporal.carry import PATCH

SHARE = 0.5
"""Largest share of the places that one key frame may renew: paint is renewed patch by patch, never all at once."""


def lose_trust(prior: Prior, before: float, now: float, seconds: float) -> Prior:
    """`prior`, without trust in the patches whose time has come between two key frames.

    before, now: the times of the key frames, in seconds. seconds: after which each patch's time comes again. The share that is
    renewed is (now - before) / seconds, whatever came before: so a range is a slice of the clip.
    """
    phase = patch_phases(prior.visibility.shape[-2], prior.visibility.shape[-1]).to(prior.visibility.device)
    due = torch.floor(now / seconds - phase) > torch.floor(before / seconds - phase)
    return replace(prior, visibility=prior.visibility * ~due)


def patch_phases(height: int, width: int) -> Tensor:
    """(1, height, width) float64 in [0, 1): when in the course of `seconds` the time of each place comes.

    The same throughout each of the patches, which have about `PATCH` heights of the frame across, as the largest strokes have.
    Patches beside each other differ by chance, and all together are spread evenly.
    """
    generator = torch.Generator().manual_seed(0)
    rows, columns = max(2, round(1 / PATCH)), max(2, round(width / (height * PATCH)))
    chance = torch.rand(2, rows, columns, generator=generator)
    phases = torch.randperm(rows * columns, generator=generator).double() / (rows * columns)
    y = ((torch.arange(rows)[:, None] + chance[0]) / rows * height).long()
    x = ((torch.arange(columns) + chance[1]) / columns * width).long()
    centres = np.ones((height, width), np.uint8)
    centres[y, x] = 0
    _, owner = cv2.distanceTransformWithLabels(centres, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
    return phases[torch.from_numpy(owner).long() - 1][None]
