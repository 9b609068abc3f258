"""Metrics against known flicker, known motion and independent implementations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.nn.functional import avg_pool2d

from vidstyle.core.frame import Frame
from vidstyle.evaluate.judge import JudgeMotion
from vidstyle.evaluate.stability import StabilityMetrics
from vidstyle.ops.metrics import blur, colour_distance, drift, flicker, gradient_energy, luma, ssim
from vidstyle.ops.warp import warp

STILL = torch.zeros(2, 16, 24)
ALL = torch.ones(1, 16, 24)


def stability(paintings: Sequence[Tensor], motions: Sequence[tuple[Tensor, Tensor]]) -> dict[str, float]:
    """The stability metrics of one clip; motions: (to_later, visibility) between each two neighbouring paintings."""
    remaining = iter(motions)
    metrics = StabilityMetrics(lambda last, this: JudgeMotion(*next(remaining)))
    for index, painting in enumerate(paintings):
        metrics.add(Frame(painting, index, Fraction(1, 25), index), painting[None], cut=False)
    return metrics.values(0)


def test_a_known_flicker_is_recovered() -> None:
    paintings = [torch.full((3, 16, 24), 0.4 + 0.1 * (index % 2)) for index in range(5)]
    found = stability(paintings, [(STILL, ALL)] * 4)
    assert found == pytest.approx({"e_stab": 0.1, "e_warp": 3 * 0.01}, rel=1e-5)


def test_e_stab_divides_by_all_pixels_and_e_warp_by_the_visible_ones() -> None:
    half = ALL.clone()
    half[:, :8] = 0
    paintings = [torch.zeros(3, 16, 24), torch.full((3, 16, 24), 0.2)]
    assert stability(paintings, [(STILL, half)]) == pytest.approx(
        {"e_stab": 0.2 * math.sqrt(0.5), "e_warp": 3 * 0.04}, rel=1e-5)
    assert stability(paintings, [(STILL, ALL * 0)]) == {"e_stab": 0, "e_warp": 0}


def test_whole_pixel_motion_gives_no_error_and_the_opposite_motion_does() -> None:
    earlier = torch.rand(3, 16, 24, generator=torch.Generator().manual_seed(0))
    to_later = STILL.clone()
    to_later[0] = 3
    inside = ALL.clone()
    inside[..., -3:] = 0
    assert stability([earlier, earlier.roll(3, -1)], [(to_later, inside)])["e_stab"] < 1e-6
    assert stability([earlier, earlier.roll(3, -1)], [(-to_later, inside)])["e_stab"] > 0.2


def test_e_stab_is_the_root_of_the_mean_over_pairs() -> None:
    generator = np.random.default_rng(1)
    paintings = generator.random((4, 3, 16, 24)).astype(np.float32)
    masks = generator.integers(0, 2, (3, 1, 16, 24)).astype(np.float32)
    squares = [(masks[t] * (paintings[t + 1] - paintings[t]) ** 2).sum() / (3 * 16 * 24) for t in range(3)]
    found = stability([torch.from_numpy(painting) for painting in paintings],
                      [(STILL, torch.from_numpy(mask)) for mask in masks])
    assert found["e_stab"] == pytest.approx(math.sqrt(sum(squares) / 3), rel=1e-5)


def test_half_pixel_motion_gives_the_interpolation_error_only() -> None:
    x = torch.arange(24.0)
    earlier, later = (torch.sin((x - shift) * math.pi / 4).expand(3, 16, 24) * 0.5 + 0.5 for shift in (0, 0.5))
    to_later = STILL.clone()
    to_later[0] = 0.5
    inside = ALL.clone()
    inside[..., -1:] = 0
    # Half-way between pixels, linear interpolation multiplies a sine with a period of 8 px by cos(π/8).
    lost = 0.5 * (1 - math.cos(math.pi / 8)) / math.sqrt(2)
    assert stability([earlier, later], [(to_later, inside)])["e_stab"] == pytest.approx(lost, rel=0.05)


def test_one_painting_has_no_stability_metrics() -> None:
    assert stability([ALL.expand(3, 16, 24)], []) == {}


def test_gradient_energy_falls_with_blur() -> None:
    image = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0))
    energies = [gradient_energy(image)] + [gradient_energy(avg_pool2d(image, size, 1)) for size in (3, 5, 9)]
    assert energies == sorted(energies, reverse=True)
    assert energies[0] == pytest.approx(1 / 3, rel=0.05)  # the mean distance of two uniform random numbers
    assert gradient_energy(torch.full((3, 8, 8), 0.5)) == 0
    stairs = (torch.arange(10.0) * 0.1).expand(1, 10, 10)
    assert gradient_energy(stairs) == pytest.approx(0.05, rel=1e-5)  # 0.1 across, 0 down
    assert gradient_energy(warp(image, torch.full((2, 32, 32), 0.5))) < energies[0]


def test_ssim_agrees_with_scipy() -> None:
    generator = np.random.default_rng(2)
    image = gaussian_filter(generator.random((3, 40, 50)), (0, 2, 2)).astype(np.float32)
    other = np.clip(image + 0.05 * generator.standard_normal(image.shape), 0, 1).astype(np.float32)
    x, y = (np.tensordot([0.2126, 0.7152, 0.0722], each.astype(float), 1) for each in (image, other))

    def mean(field):  # truncate=3.5 gives 11 taps for σ = 1.5
        return gaussian_filter(field, 1.5, truncate=3.5)

    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    score = (2 * mx * my + 1e-4) * (2 * cov + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))
    found = ssim(torch.from_numpy(image), torch.from_numpy(other))
    assert found == pytest.approx(score[5:-5, 5:-5].mean(), rel=1e-6)
    assert 0 < found < 0.9
    assert ssim(torch.from_numpy(image), torch.from_numpy(image)) == pytest.approx(1)


def test_blur_agrees_with_scipy() -> None:
    image = np.random.default_rng(0).random((3, 30, 40)).astype(np.float32)
    expected = gaussian_filter(image, (0, 2, 2), truncate=3, mode="nearest")
    assert np.abs(blur(torch.from_numpy(image), 2).numpy() - expected).max() < 1e-5


def test_colour_distance_agrees_with_scipy() -> None:
    generator = np.random.default_rng(4)
    one, other = (generator.random((3, 3)) @ generator.random((3, 500)) / 3 for _ in range(2))
    means, (c, d) = [colours.mean(1) for colours in (one, other)], [np.cov(colours) for colours in (one, other)]
    root = sqrtm(c)
    expected = np.sum((means[0] - means[1]) ** 2) + np.trace(c + d - 2 * sqrtm(root @ d @ root).real)
    images = [torch.from_numpy(one.reshape(3, 20, 25)), torch.from_numpy(other.reshape(3, 10, 50))]
    assert colour_distance(*images) == pytest.approx(math.sqrt(expected), rel=1e-6)
    shifted = images[0] + torch.tensor([0.1, 0.2, 0.2])[:, None, None]
    assert colour_distance(images[0], shifted) == pytest.approx(0.3)  # the same colours, moved by (0.1, 0.2, 0.2)
    black, white = torch.zeros(3, 4, 4), torch.ones(3, 4, 4)
    assert colour_distance(black, white) == pytest.approx(math.sqrt(3))  # one colour each: the covariances are 0


def test_luma_is_that_of_bt709() -> None:
    assert float(luma(torch.ones(3, 1, 1))) == pytest.approx(1)
    assert float(luma(torch.tensor([0.0, 1.0, 0.0])[:, None, None])) == pytest.approx(0.7152)


def test_flicker_is_the_deviation_of_independent_jumps() -> None:
    jumps = np.random.default_rng(5).standard_normal(20_000) * 0.02
    ramp = np.linspace(0, 0.5, 20_000)
    assert flicker([list(jumps + ramp)]) == pytest.approx(0.02, rel=0.02)  # the standard deviation of the estimate is 0.7 %
    assert flicker([list(ramp)]) < 1e-9
    assert flicker([[0.1, -0.1] * 10]) == pytest.approx(0.1 * 4 / math.sqrt(6))
    assert flicker([[0.0] * 5, [0.3] * 5]) == 0  # a step between two shots is no flicker
    assert flicker([[0.1, 0.5], []]) == 0


def test_drift_compares_the_ends_of_each_shot() -> None:
    path = [(0.01 * index, 0.02 * index, 0.02 * index) for index in range(9)]
    assert drift([path]) == pytest.approx(0.03 * 7)  # from the mean of the first two to the mean of the last two
    assert drift([path[:5], [path[8]] * 4]) == pytest.approx(0.03 * 4)
    assert drift([path[:1], []]) == 0
