"""The tone of strokes: they take the guide's colours, keep their own texture, and do not bleed over the guide's edges."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from vidstyle.painting.strokes import find_detail
from vidstyle.painting.strokes.tone import DETAILED, EDGE, PLAIN, WINDOW, guided_filter, take_tone


def noise(seed: int, *shape: int) -> Tensor:
    return torch.rand(3, *shape, generator=torch.Generator().manual_seed(seed))


def halves() -> Tensor:
    """A guide (3, 90, 90), red on the left and blue on the right."""
    guide = torch.zeros(3, 90, 90)
    guide[0, :, :45], guide[2, :, 45:] = 0.7, 0.7
    return guide


def test_the_filter_is_that_of_the_paper():
    """He, Sun & Tang 2013, eq. 5, 6 and 8, with SciPy's Gaussian as the mean over a window; σ = WINDOW is not made smaller."""
    guide, image = noise(1, 40, 50), noise(2, 40, 50)

    def mean(field: np.ndarray) -> np.ndarray:
        return gaussian_filter(field, WINDOW, mode="mirror", radius=round(3 * WINDOW))

    found = guided_filter(guide, image, WINDOW).double().numpy()
    for channel, (one, other) in enumerate(zip(guide.double().numpy(), image.double().numpy(), strict=True)):
        a = (mean(one * other) - mean(one) * mean(other)) / (mean(one * one) - mean(one) ** 2 + EDGE)
        b = mean(other) - a * mean(one)
        # float32 against float64: the variances of up to 1/12 are differences of numbers near 1.
        assert np.abs(found[channel] - (mean(a) * one + mean(b))).max() < 1e-4


@pytest.mark.parametrize("sigma", [2.0, 5.0, 12.0])
def test_an_even_image_stays_as_it_is(sigma: float):
    even = torch.full((3, 33, 47), 0.25)
    assert (guided_filter(noise(3, 33, 47), even, sigma) - even).abs().max() < 1e-5  # float32, as above


def test_strokes_take_the_colours_of_the_guide_and_keep_their_texture():
    guide, texture = torch.full((3, 90, 90), 0.6), 0.2 * (noise(4, 90, 90) - 0.5)
    strokes = 0.3 + texture
    toned = take_tone(strokes, guide, torch.zeros(1, 90, 90), 90)
    assert (toned.mean() - (0.3 + PLAIN * 0.3)).abs() < 0.003  # the mean of the noise is 0 ± 0.0005
    # What is finer than the window, of 1 px here, stays; of white noise the window takes a part of the rest.
    assert torch.corrcoef(torch.stack([(toned - toned.mean()).flatten(), texture.flatten()]))[0, 1] > 0.95
    closer = take_tone(strokes, guide, torch.ones(1, 90, 90), 90)
    assert (closer.mean() - (0.3 + DETAILED * 0.3)).abs() < 0.003


def test_a_thing_that_its_strokes_have_lost_comes_back_with_sharp_edges():
    guide = halves()
    toned = take_tone(torch.full_like(guide, 0.35), guide, torch.ones(1, 90, 90), 180)
    assert toned[0, :, :45].mean() > 0.6
    assert toned[0, :, 45:].mean() < 0.1
    # From one pixel to the next most of the step of 0.7 · DETAILED, although the window is 4 px wide.
    assert (toned[0, :, 44] - toned[0, :, 45]).mean() > 0.9 * 0.7 * DETAILED


def test_the_tone_of_a_part_is_that_of_the_whole():
    guide, strokes = noise(5, 120, 120), noise(6, 120, 120)
    detail = find_detail(guide)
    whole = take_tone(strokes, guide, detail, 120)
    inner = (slice(None), slice(20, 100), slice(20, 100))
    part = take_tone(strokes[inner], guide[inner], detail[inner], 120)
    # Ten windows of 1.3 px from the border nothing of what was cut off counts.
    assert (part - whole[inner])[:, 14:-14, 14:-14].abs().max() < 1e-5
