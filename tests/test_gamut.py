"""The gamut: what a style has stays, everything else comes near to a colour of the style."""

from __future__ import annotations

import pytest
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from vidstyle.painting.strokes import StrokeIndex, lay_strokes
from vidstyle.painting.strokes.gamut import Gamut

COLOURS = torch.tensor([[0.9, 0.85, 0.2], [0.1, 0.2, 0.6], [0.8, 0.3, 0.1], [0.15, 0.12, 0.1], [0.7, 0.8, 0.85]])


def picture(colours: Tensor) -> Tensor:
    """(3, 40, 10 n): a stripe of each of the colours (n, 3)."""
    return colours.T[:, None, :, None].expand(3, 40, len(colours), 10).reshape(3, 40, -1)


def every_colour() -> Tensor:
    """(3, 80, 80) random colours."""
    return torch.rand(3, 80, 80, generator=torch.Generator().manual_seed(0))


def test_every_colour_comes_near_to_one_of_the_style():
    found = Gamut.of([picture(COLOURS)])(every_colour()).flatten(1).T
    away, _ = cKDTree(COLOURS.numpy()).query(found.numpy())
    before, _ = cKDTree(COLOURS.numpy()).query(every_colour().flatten(1).T.numpy())
    # Five colours far apart are the hardest case: between two that are about equally near comes a mixture of both.
    assert away.mean() < 0.5 * before.mean()
    assert (away < before).mean() > 0.9


def test_a_colour_of_the_style_stays():
    style = every_colour()  # has nearly all colours
    moved = (Gamut.of([style])(style) - style).abs()
    assert moved.mean() < 0.03  # the style is sampled: its colours lie about 0.05 apart
    few = picture(COLOURS)
    # The table is linear between entries 1/16 apart, and so is a mean with what lies 1/16 further.
    assert (Gamut.of([few])(few) - few).abs().max() < 0.05


def test_a_blend_has_the_colours_of_all_its_pictures():
    first, second = picture(COLOURS[:1]), picture(COLOURS[1:2])
    both = Gamut.of([first, second])
    for one in (first, second):
        assert (both(one) - one).abs().max() < 0.05
        assert (Gamut.of([first])(one) - first[:, :1, :1]).abs().max() < 0.01


def test_a_red_thing_becomes_rather_a_red_of_another_lightness_than_a_grey():
    style = picture(torch.tensor([[0.45, 0.1, 0.1], [0.45, 0.45, 0.45]]))
    found = Gamut.of([style])(torch.tensor([0.75, 0.35, 0.35])[:, None, None])[:, 0, 0]
    assert found[0] - found[1] > 0.25


def test_strokes_take_no_tone_that_the_style_does_not_have():
    style, guide = every_colour().clone(), every_colour().flip(1)
    style[0] *= 0.2  # hardly any red
    reds = [float(lay_strokes(StrokeIndex.build([style], [1.0], 80, gamut=gamut), guide)[0].mean())
            for gamut in (Gamut.of([style]), None)]
    assert reds[0] < 0.15 < reds[1]  # of the style's 0.1 and the guide's 0.5


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (700, 2)])
def test_pictures_of_any_size_give_a_gamut(size: tuple[int, int]):
    assert Gamut.of([torch.full((3, *size), 0.5)])(every_colour()).sub(0.5).abs().max() < 1e-3


def test_the_table_is_the_same_for_any_number_of_threads():
    threads, found = torch.get_num_threads(), []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            found.append(Gamut.of([every_colour(), picture(COLOURS)]).change)
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(one, found[0]) for one in found)
