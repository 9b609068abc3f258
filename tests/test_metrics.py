"""The yardsticks: a known flicker is recovered, perfect motion costs only interpolation, blur is seen."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d

from vidstyle.metrics import gradient_energy, stability_error, warp_error
from vidstyle.warp import warp

STILL = torch.zeros(2, 16, 24)
ALL = torch.ones(1, 16, 24)


def test_a_known_flicker_is_recovered() -> None:
    paintings = [torch.full((3, 16, 24), 0.4 + 0.1 * (index % 2)) for index in range(5)]
    assert stability_error(paintings, [(STILL, ALL)] * 4) == pytest.approx(0.1, rel=1e-5)
    assert warp_error(paintings, [(STILL, ALL)] * 4) == pytest.approx(3 * 0.01, rel=1e-5)


def test_normalisers() -> None:
    """Half the pixels visible: e_stab divides by all pixels, Lai's error by the visible ones."""
    half = ALL.clone()
    half[:, :8] = 0
    paintings = [torch.zeros(3, 16, 24), torch.full((3, 16, 24), 0.2)]
    assert stability_error(paintings, [(STILL, half)]) == pytest.approx(0.2 * math.sqrt(0.5), rel=1e-5)
    assert warp_error(paintings, [(STILL, half)]) == pytest.approx(3 * 0.04, rel=1e-5)
    assert warp_error(paintings, [(STILL, ALL * 0)]) == 0


def test_whole_pixel_motion_costs_nothing_and_the_wrong_way_does() -> None:
    last = torch.rand(3, 16, 24, generator=torch.Generator().manual_seed(0))
    to_last = STILL.clone()
    to_last[0] = -3
    inside = ALL.clone()
    inside[..., :3] = 0
    assert stability_error([last, last.roll(3, -1)], [(to_last, inside)]) < 1e-6
    assert stability_error([last, last.roll(3, -1)], [(-to_last, inside)]) > 0.2


def test_the_root_is_taken_after_the_mean_over_pairs() -> None:
    generator = np.random.default_rng(1)
    paintings = generator.random((4, 3, 16, 24)).astype(np.float32)
    masks = generator.integers(0, 2, (3, 1, 16, 24)).astype(np.float32)
    squares = [(masks[t] * (paintings[t + 1] - paintings[t]) ** 2).sum() / (3 * 16 * 24) for t in range(3)]
    found = stability_error(map(torch.from_numpy, paintings), [(STILL, torch.from_numpy(mask)) for mask in masks])
    assert found == pytest.approx(math.sqrt(sum(squares) / 3), rel=1e-5)


def test_half_pixel_motion_costs_the_interpolation_error_only() -> None:
    x = torch.arange(24.0)
    last, this = (torch.sin((x - shift) * math.pi / 4).expand(3, 16, 24) * 0.5 + 0.5 for shift in (0, 0.5))
    to_last = STILL.clone()
    to_last[0] = -0.5
    inside = ALL.clone()
    inside[..., :1] = 0
    # half-way between pixels, linear interpolation leaves cos(π/8) of a sine with a period of 8 px
    lost = 0.5 * (1 - math.cos(math.pi / 8)) / math.sqrt(2)
    assert stability_error([last, this], [(to_last, inside)]) == pytest.approx(lost, rel=0.05)


@pytest.mark.parametrize("count", [0, 1])
def test_one_painting_cannot_flicker(count: int) -> None:
    with pytest.raises(ValueError, match="two paintings"):
        stability_error([ALL.expand(3, 16, 24)] * count, [])


def test_motions_must_match_the_paintings() -> None:
    with pytest.raises(ValueError, match="zip"):
        stability_error([ALL.expand(3, 16, 24)] * 3, [(STILL, ALL)])


def test_gradient_energy_falls_with_blur() -> None:
    image = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
    energies = [gradient_energy(image)] + [gradient_energy(avg_pool2d(image, size, 1)) for size in (3, 5, 9)]
    assert energies == sorted(energies, reverse=True)
    assert energies[0] == pytest.approx(1 / 3, rel=0.05)  # the mean distance of two uniform random numbers
    assert gradient_energy(torch.full((3, 8, 8), 0.5)) == 0
    stairs = (torch.arange(10.0) * 0.1).expand(1, 10, 10)
    assert gradient_energy(stairs) == pytest.approx(0.05, rel=1e-5)  # 0.1 across, 0 down
    assert gradient_energy(warp(image, torch.full((2, 32, 32), 0.5))) < energies[0]
