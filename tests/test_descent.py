"""What a descent begins with, how it descends, and what it compares: starts, optimizers, style losses, layers, pooling."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from style_images import noise
from torch import Tensor

from vidstyle.core.choices import layer_weights
from vidstyle.core.errors import UsageError
from vidstyle.core.frame import Prior
from vidstyle.core.images import resize
from vidstyle.core.options import Options
from vidstyle.encoders import load_encoder
from vidstyle.encoders.pooling import POOLS
from vidstyle.encoders.vgg import VGG
from vidstyle.ops import losses
from vidstyle.ops.losses import STATISTICS, covariance, gram, style_loss
from vidstyle.painting.optimize.descent import DESCENTS, SHARE
from vidstyle.painting.optimize.fourier import FourierImage
from vidstyle.painting.optimize.stylizer import OptimizingStylizer
from vidstyle.painting.style import StyleTarget


def stylizer(**changes: object) -> OptimizingStylizer:
    encoder = load_encoder("builtin")
    style = StyleTarget([noise(1)], [1.0], encoder)
    return replace(OptimizingStylizer(encoder, style, style.palette([noise(2)]), content_weight=0.05, style_weight=1.0,
                                      tv_weight=1.0, temporal_weight=50.0, first_steps=1, follow_steps=1), **changes)  # type: ignore[arg-type]


def features(seed: int, height: int = 9, width: int = 11) -> Tensor:
    return torch.rand(1, 5, height, width, generator=torch.Generator().manual_seed(seed)).square()


def test_lbfgs_solves_a_quadratic_that_gradient_descent_crawls_along():
    """The curvatures differ a thousandfold: L-BFGS needs as many steps as there are curvatures, about, and Adam far more."""
    curvature = torch.tensor([1.0, 30.0, 1000.0])
    views = []

    def loss_of(values: Tensor) -> float:
        return float((curvature * (values - 1).square()).sum())

    ends = {}
    for name in ("adam", "lbfgs"):
        values = torch.zeros(3, requires_grad=True)

        def loss(view: int, values: Tensor = values) -> Tensor:
            views.append(view)
            return (curvature * (values - 1).square()).sum()

        DESCENTS[name](values, loss, 2, 40, 0.05)
        ends[name] = loss_of(values.detach())
        assert len(views) <= 44, "steps are evaluations of the loss; a line search may end two later in each view"
        assert set(views) == ({0, 1} if name == "adam" else {0}), "L-BFGS begins anew in each view"
        views.clear()
    assert ends["lbfgs"] < 1e-6 < ends["adam"]


def test_lbfgs_uses_as_many_views_as_it_has_steps_for():
    def views_of(steps: int) -> set[int]:
        views, values = set(), torch.ones(3, requires_grad=True)

        def loss(view: int) -> Tensor:
            views.add(view)
            return values.square().sum()

        DESCENTS["lbfgs"](values, loss, 5, steps, 0.05)
        return views

    assert views_of(SHARE - 1) == {0}
    assert views_of(2 * SHARE) == {0, 1}
    assert views_of(7 * SHARE) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("clamped", [False, True])
def test_the_gradient_of_an_image_for_a_line_search_is_that_of_finite_differences(clamped: bool):
    """With Adam's, which ignores the clamp, a line search finds no step where many pixels are black or white."""
    start = (9 * noise(3)[:, :12, :16] - 4).clamp(0, 1)  # most pixels are black or white
    amplitudes = torch.randn(3, 12, 9, 2, generator=torch.Generator().manual_seed(4))
    image, target = FourierImage(start, clamped=clamped), noise(5)[:, :12, :16]

    def loss() -> Tensor:
        return (image() - target).double().square().sum()

    found = torch.autograd.grad(loss(), image.amplitudes)[0]
    with torch.no_grad():
        image.amplitudes.add_(amplitudes, alpha=1e-3)
        further = loss()
        image.amplitudes.add_(amplitudes, alpha=-2e-3)
        difference = float(further - loss()) / 2e-3
    slope = float((found * amplitudes).sum())
    # A parabola has no error of the third order; what remains is float32, 1e-7 of the loss over the step.
    assert (difference == pytest.approx(slope, rel=0.01)) is not clamped


def test_the_covariance_is_that_of_numpy():
    found, values = covariance(features(1))[0], features(1)[0].flatten(1).double().numpy()
    np.testing.assert_allclose(found[:, :5], np.cov(values, bias=True), atol=1e-6)  # float32 against float64
    np.testing.assert_allclose(found[:, 5], values.mean(1), atol=1e-6)
    # Moving all features alike changes a Gram matrix in every entry, and of the covariance the means alone.
    torch.testing.assert_close(covariance(features(1) + 3)[..., :5], covariance(features(1))[..., :5], atol=1e-5, rtol=0)


@pytest.mark.parametrize("statistic", STATISTICS.values(), ids=STATISTICS)
def test_a_style_loss_is_zero_for_the_style_at_any_place_and_one_for_nothing(statistic: losses.Statistic):
    target = {"relu1_1": statistic(features(1))}
    moved = features(1).flip(-1).roll(3, -2)
    assert float(style_loss({"relu1_1": moved}, target, statistic)) < 1e-6
    assert float(style_loss({"relu1_1": moved * 0}, target, statistic)) == pytest.approx(1, abs=1e-5)


def test_layers_count_as_their_weights_say():
    found = {"relu1_1": features(1), "relu2_1": features(2)}
    target = {"relu1_1": gram(features(3)), "relu2_1": gram(features(4))}
    one, other = (float(style_loss({name: found[name]}, {name: target[name]})) for name in found)
    assert float(style_loss(found, target, weights={"relu1_1": 3, "relu2_1": 1})) == pytest.approx(0.75 * one + 0.25 * other)
    assert float(style_loss(found, target, weights={"relu2_1": 5})) == pytest.approx(other)


def test_layers_are_named_with_or_without_a_weight():
    assert layer_weights(["relu1_1", "relu4_1=0.5"]) == {"relu1_1": 1, "relu4_1": 0.5}
    for wrong in (["relu9_1"], ["relu1_1=0"], ["relu1_1=-1"], ["relu1_1=x"], ["relu1_1=inf"], ["relu1_1", "relu1_1=2"]):
        with pytest.raises(UsageError, match=r"style_layers (has|names)"):
            Options(style_layers=tuple(wrong))


def test_pooling_is_the_mean_the_root_mean_square_and_the_maximum():
    image = torch.tensor([[0.0, 3.0], [4.0, 5.0]])[None, None]
    assert {name: round(float(pool(image)), 4) for name, pool in POOLS.items()} == {
        "average": 3, "l2": round((50 / 4) ** 0.5, 4), "max": 5}


def test_each_encoder_pools_as_it_is_told():
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    found = {pooling: float(load_encoder("builtin", pooling=pooling)(image, ["relu5_1"])["relu5_1"].sum())  # type: ignore[arg-type]
             for pooling in ("auto", "average", "l2", "max")}
    assert found["auto"] == found["average"]
    assert len(set(found.values())) == 3
    torch.manual_seed(0)
    plain = VGG("vgg16").eval().requires_grad_(False)
    for pooling in POOLS:
        vgg = deepcopy(plain)
        vgg.set_pooling(pooling)
        own, given = (float(network(image, ["relu2_1"])["relu2_1"].sum()) for network in (plain, vgg))
        assert (own == given) == (pooling == "max")


def test_noise_is_what_is_painted_from():
    """One step hardly moves a painting, so that it shows what it began with."""
    frame, warped = noise(2), Prior(noise(3), torch.ones(1, 64, 64))
    white = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(7))

    def distance(painting: Tensor, start: Tensor) -> float:
        return float((painting - start).abs().mean())

    assert distance(stylizer(init="noise", seed=7)(frame), white) < 0.05
    assert distance(stylizer()(frame), white) > 0.2
    paint = stylizer(follow_init="noise", seed=7)
    assert distance(paint(frame, [warped]), white) < 0.05
    assert distance(stylizer()(frame, [warped]), warped.image) < 0.05
    in_palette = paint.palette(frame).clamp(0, 1)
    assert distance(stylizer(follow_init="source")(frame, [warped]), in_palette) < 0.05
    assert distance(stylizer().repaint(frame, white, [warped]), white) < 0.05
    assert torch.equal(paint(frame, [warped]), paint(frame, [warped]))


def test_a_frame_begins_with_the_nearest_painting_that_shows_a_place():
    """Columns 0-20 are visible in the last frame, to 42 in an earlier one, and none of the rest: that is the frame's own."""
    frame, last, earlier = noise(2), noise(3), noise(4)
    visible = [(torch.arange(64) < end).float().expand(1, 64, 64) for end in (21, 43)]
    painted = stylizer()(frame, [Prior(last, visible[0]), Prior(earlier, visible[1])])
    parts = (last, slice(0, 21)), (earlier, slice(21, 43)), (stylizer().palette(frame).clamp(0, 1), slice(43, 64))
    for expected, columns in parts:  # one step hardly moves it, and two pictures of noise are 0.33 apart
        assert float((painted - expected)[..., columns].abs().mean()) < 0.05


def test_what_comes_into_view_is_painted_coarse_to_fine_with_follow_init_pyramid(monkeypatch: pytest.MonkeyPatch):
    """240 pixels wide: two levels. Both begin with the earlier painting on its left half, and share the steps of a frame."""
    frame, earlier = noise(2, 240)[:, :48], noise(3, 240)[:, :48]
    prior, begun = Prior(earlier, (torch.arange(240) < 120).float().expand(1, 48, 240)), list[tuple[int, int, float]]()

    def descend(self: OptimizingStylizer, start: Tensor, image: Tensor, priors: list[Prior], steps: int, rate: float) -> Tensor:
        width = start.shape[2]
        left = (start - resize(earlier, start.shape[1:]))[..., :width // 2 - 2].abs().mean()
        begun.append((width, steps, float(left)))
        return torch.full_like(start, 0.5)

    monkeypatch.setattr(OptimizingStylizer, "_descend", descend)
    stylizer(follow_init="pyramid", follow_steps=90, first_steps=9)(frame, [prior])
    assert [(width, steps) for width, steps, _ in begun] == [(133, 50), (240, 40)]  # as 1 to 0.8
    assert all(left < 0.01 for _, _, left in begun), "but for the resampling of the visibility beside its edge"
