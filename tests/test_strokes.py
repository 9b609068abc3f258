"""Strokes: they are the style's own patches, follow the guide, leave trusted paint alone and do not repeat."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.style_images import bricks, noise
from vidstyle.core.frame import Prior
from vidstyle.core.images import resize
from vidstyle.painting.strokes import StrokeIndex, index, lay, lay_strokes, mend, search
from vidstyle.painting.strokes.choose import choose
from vidstyle.painting.strokes.describe import MOST_GUIDE_WEIGHT, whole
from vidstyle.painting.strokes.detail import find_detail, guide_weights
from vidstyle.painting.strokes.passes import GRID, PASSES
from vidstyle.painting.strokes.patches import grid_size, vote, window
from vidstyle.painting.strokes.search import Sources, Targets, distances, even_spread, nearest


def texture(seed: int, size: int = 144) -> Tensor:
    """(3, size, size) in [0, 1], a style picture: no two places look alike."""
    return resize(noise(seed, 96), (size, size))


@pytest.fixture(scope="module")
def style() -> Tensor:
    return texture(1)


@pytest.fixture(scope="module")
def built(style: Tensor) -> StrokeIndex:
    return StrokeIndex.build([style], [1.0], 96)


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of distances that are computed, call by call."""
    counts: list[int] = []

    def counted(targets: Targets, sources: Sources) -> Tensor:
        counts.append(len(targets.descriptions) * len(sources.lengths))
        return distances(targets, sources)

    monkeypatch.setattr(search, "distances", counted)
    return counts


def test_a_guide_that_is_the_style_comes_back(style: Tensor, built: StrokeIndex):
    guide = resize(style, (96, 96))
    inner = (slice(None), slice(8, 84), slice(8, 88))  # borders and corners are not laid
    error = (lay_strokes(built, guide) - guide)[inner].abs().mean()
    # Another order of the same pixels is 0.11 away. Noise has no place that stands out, so the guide has half its weight.
    assert error < 0.35 * (guide.flip(1) - guide)[inner].abs().mean()


def test_many_places_lie_further_apart_and_are_found(style: Tensor, built: StrokeIndex, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(index, "MOST_PLACES", 0)
    wide = StrokeIndex.build([style], [1.0], 96)
    assert [patches.grid for patches in wide.passes] == [one.stride for one in PASSES]
    assert int(wide.passes[-1].allowed.sum()) < 0.3 * int(built.passes[-1].allowed.sum())
    guide = resize(style, (96, 96))
    inner = (slice(None), slice(8, 84), slice(8, 88))  # borders and corners are not laid
    error = (lay_strokes(wide, guide) - guide)[inner].abs().mean()
    assert error < 0.4 * (guide.flip(1) - guide)[inner].abs().mean()  # half the patches lie two pixels off, of 144


def test_strokes_follow_detail_and_are_free_elsewhere():
    guide = torch.full((3, 96, 96), 0.5)
    guide[:, 40:56, 40:56] = noise(8, 16)
    detail = find_detail(guide)[0]
    assert detail[40:56, 40:56].min() > 0.5
    assert detail[:, :12].max() < 0.05
    weights = guide_weights(find_detail(resize(guide, (144, 144))), PASSES[-1]).view(grid_size((144, 144), 8, 4))
    assert weights.max() >= 6
    assert (weights[0] == 1).all()


def test_a_busy_frame_has_no_more_detail_than_a_plain_one():
    busy, plain = noise(3, 96), torch.full((3, 96, 96), 0.5)
    plain[:, 40:56, 40:56] = noise(8, 16)
    assert find_detail(busy).mean() < 0.7
    assert find_detail(plain).mean() < 0.4


def test_every_patch_lies_near_a_patch_of_the_style(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lay, "take_tone", lambda strokes, *rest: strokes)
    guide, style = noise(7, 96), bricks(144)
    shown = F.unfold(resize(style, (96, 96))[None], 5)[0].T  # every patch, by brute force

    def away(image: Tensor) -> Tensor:
        return torch.cdist(F.unfold(image[None], 5, stride=3)[0].T, shown).amin(1)

    # The style is resized once more on its way through the strokes, and seams are votes: half is a safe margin.
    assert away(lay_strokes(StrokeIndex.build([style], [1.0], 96), guide)).mean() < 0.5 * away(guide).mean()


def test_trusted_paint_stays_bit_for_bit(built: StrokeIndex):
    paint, guide = noise(3, 96), noise(4, 96)
    trust = torch.zeros(1, 96, 96)
    trust[:, :, :60] = 0.9
    painted = lay_strokes(built, guide, Prior(paint, trust))
    assert torch.equal(painted[:, :, :60], paint[:, :, :60])
    assert not torch.equal(painted[:, :, 60:], paint[:, :, 60:])
    assert torch.equal(lay_strokes(built, guide, Prior(paint, torch.ones(1, 96, 96))), paint)


def test_mending_fills_the_holes_only(built: StrokeIndex, products: list[int]):
    guide = noise(4, 96)
    painting = lay_strokes(built, guide)
    whole_cost = sum(products)
    products.clear()
    known = torch.ones(1, 96, 96)
    known[:, 40:52, 30:42] = 0
    holed = painting * known
    mended = mend(built, guide, holed, known)
    assert torch.equal(mended * known, holed)
    hole = (mended - painting)[:, 40:52, 30:42].abs().mean()
    assert hole < 0.5 * (holed - painting)[:, 40:52, 30:42].abs().mean()  # painted like its surroundings, not black
    # The hole and the patches that reach it cover (12 + 2 * 11)² of 96² pixels, 0.13; coarse levels reach further.
    assert sum(products) < 0.2 * whole_cost
    assert torch.equal(mend(built, guide, painting, torch.ones(1, 96, 96)), painting)


def test_a_plain_guide_is_not_laid_with_the_same_patch(built: StrokeIndex):
    one, patches = PASSES[-1], built.passes[-1]
    grid = grid_size((144, 144), one.side, one.stride)
    plain = whole(torch.full((3, 148, 148), 0.5))
    places = torch.arange(grid[0] * grid[1])
    described = patches.describer.describe(plain, plain, one.stride, places)
    assert len(described.unique(dim=0)) == 1  # every patch asks for the same
    targets = Targets(described, torch.ones(len(places)), torch.zeros(len(places)))
    spread = even_spread(patches)
    laid, _ = choose(patches, targets, places, nearest(patches, targets, spread), spread, torch.full(grid, -1), 2)
    eighth = 144 // 8 // one.stride
    around = laid.unfold(0, eighth, 1).unfold(1, eighth, 1).flatten(0, 1).flatten(1)
    most = max(int(some.unique(return_counts=True)[1].max()) for some in around)
    assert most <= 4  # the project's bound on repetition


def test_the_number_of_threads_changes_nothing(style: Tensor):
    guide, before = noise(5, 96), torch.get_num_threads()
    paintings = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            paintings.append(lay_strokes(StrokeIndex.build([style], [1.0], 96), guide))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*paintings)


def test_two_styles_both_appear():
    tints = torch.tensor([[1, 0.2, 0.2], [0.2, 0.2, 1]])[:, :, None, None]
    red, blue = texture(1, 160) * tints[0], texture(2, 160) * tints[1]
    both = StrokeIndex.build([red, blue], [1.0, 1.0], 96)
    guide = torch.full((3, 64, 64), 0.1)
    guide[0, :, :32] = guide[2, :, 32:] = 0.5
    painted = lay_strokes(both, guide)
    left, right = painted[:, :, :28].mean((1, 2)), painted[:, :, 36:].mean((1, 2))
    assert left[0] > 2 * left[2]
    assert right[2] > 2 * right[0]


def test_weights_are_shares_of_the_patches(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(index, "PASSES", tuple(replace(one, searched=200) for one in PASSES))
    shares = StrokeIndex.build([texture(1), texture(2)], [1.0, 3.0], 96)
    for one, patches in zip(PASSES[1:], shares.passes[1:], strict=True):
        row = patches.drawn // patches.columns * patches.grid
        assert int((row < 144 // one.shrink).sum()) == 50
        assert len(patches.drawn) == 200


def test_cost_is_linear_in_the_pixels(monkeypatch: pytest.MonkeyPatch, products: list[int]):
    # Fewer than the smallest picture has at the coarsest level.
    monkeypatch.setattr(index, "PASSES", tuple(replace(one, searched=80) for one in PASSES))
    costs = []
    for size in (96, 192):
        products.clear()
        lay_strokes(StrokeIndex.build([texture(1, 200)], [1.0], size), noise(2, size))
        costs.append(sum(products))
    # Four times the pixels; the coarsest level has 15² and 33² patches, 4.8 times as many, for none stands over the edge.
    assert 3 < costs[1] / costs[0] < 5


def test_a_small_style_picture_is_not_blurred(style: Tensor, built: StrokeIndex):
    assert built.shown == (1.0,)
    # The canvas is resized down by OVERSIZE, so a picture may be enlarged by that much. Sides are multiples of 16.
    assert StrokeIndex.build([style], [1.0], 96, 3.0).shown == pytest.approx((0.5,), abs=0.02)
    painted = lay_strokes(StrokeIndex.build([style[:, :20, :24]], [1.0], 48), noise(2, 48))  # too small for its coarse levels
    assert painted.isfinite().all()


def test_descriptions_are_exact(style: Tensor, built: StrokeIndex):
    patches = built.passes[2]
    described = patches.descriptions
    assert described.dtype == torch.int16
    assert described[patches.drawn].double().norm(dim=1).max() < 682  # sums of products below 2^24: exact in float32
    some = described[patches.drawn][:50]
    targets = Targets(some, torch.arange(50.0) % MOST_GUIDE_WEIGHT + 1, torch.zeros(50))
    brute = ((some[:, None].double() - some[None].double()).square() * targets.weights()[:, None].double()).sum(2)
    assert torch.equal(distances(targets, Sources.of(some)).double(), brute)


def test_a_vote_is_the_weighted_mean():
    generator = torch.Generator().manual_seed(0)
    patches, weights = torch.randint(0, 256, (2, 3, 8, 8), generator=generator), torch.tensor([1.0, 3.0])
    picture = torch.cat([*patches], 2).byte()  # side by side
    sources = torch.tensor([0, 8 // GRID])
    onto = torch.full((3, 8, 16), 2.0)
    image = vote(onto, picture, sources, weights, torch.tensor([0, 1]), 4, window(8, 3.5), GRID)
    shape = window(8, 3.5)
    overlap = patches[0, :, :, 4:] * shape[:, 4:] + 3 * patches[1, :, :, :4] * shape[:, :4]
    torch.testing.assert_close(image[:, :, 4:8], overlap / 255 / (shape[:, 4:] + 3 * shape[:, :4]))
    assert torch.equal(image[:, :, 12:], onto[:, :, 12:])
    assert image[:, :, :12].max() <= 1


def test_each_style_needs_a_weight(style: Tensor):
    with pytest.raises(ValueError, match="1 style pictures, 2 weights"):
        StrokeIndex.build([style], [1.0, 2.0], 96)
