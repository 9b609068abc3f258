"""The losses against numpy and against what each must be zero for."""

import numpy as np
import torch

from vidstyle.ops.losses import blend_grams, content_loss, gram, style_loss, total_variation


def features(seed: int, channels: int = 5, height: int = 7, width: int = 9) -> torch.Tensor:
    return torch.rand(2, channels, height, width, generator=torch.Generator().manual_seed(seed))


def test_gram_is_the_mean_product_of_channels():
    f = features(0)
    expected = np.einsum("nchw,ndhw->ncd", f.double().numpy(), f.double().numpy()) / (7 * 9)
    np.testing.assert_allclose(gram(f).numpy(), expected, rtol=1e-5)  # float32 sums of 63 products


def test_gram_does_not_depend_on_positions():
    f = features(0)
    shuffled = f.flatten(2)[..., torch.randperm(63, generator=torch.Generator().manual_seed(1))].view_as(f)
    torch.testing.assert_close(gram(shuffled), gram(f))


def test_style_loss_is_zero_for_the_style_itself_and_one_for_black():
    f = {"relu1_1": features(0)[:1], "relu2_1": features(1)[:1]}
    style = {layer: gram(value) for layer, value in f.items()}
    assert float(style_loss(f, style)) == 0
    black = {layer: torch.zeros_like(value) for layer, value in f.items()}
    assert abs(float(style_loss(black, style)) - 1) < 1e-6


def test_style_loss_does_not_depend_on_the_size_of_features():
    f, style = {"relu1_1": features(0)}, {"relu1_1": gram(features(1))}
    larger = {"relu1_1": 10 * f["relu1_1"]}, {"relu1_1": 100 * style["relu1_1"]}
    torch.testing.assert_close(style_loss(*larger), style_loss(f, style))


def test_blended_styles_are_their_weighted_mean():
    one, other = {"relu1_1": gram(features(0))}, {"relu1_1": gram(features(1))}
    blended = blend_grams([one, other], [3, 1])
    torch.testing.assert_close(blended["relu1_1"], 0.75 * one["relu1_1"] + 0.25 * other["relu1_1"])


def test_content_loss_is_relative():
    f = features(0)
    assert float(content_loss(f, f)) == 0
    torch.testing.assert_close(content_loss(torch.zeros_like(f), f), torch.ones(()))
    torch.testing.assert_close(content_loss(1.5 * f, f), torch.tensor(0.25))


def test_total_variation_of_a_ramp():
    ramp = torch.arange(8.0).view(1, 1, 1, 8).expand(1, 3, 8, 8) / 10
    torch.testing.assert_close(total_variation(ramp), torch.tensor(0.01))  # steps of 0.1 across, none down
