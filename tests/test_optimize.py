"""Painting by optimization: it reaches the style, keeps what was painted, and stops when there is nothing to gain."""

import torch
from torch import Tensor

from vidstyle.core.frame import Prior
from vidstyle.encoders import load_encoder
from vidstyle.ops.losses import STYLE_LAYERS, style_loss
from vidstyle.painting.optimize.optimizer import COARSEST, Falling, Optimizer, pyramid_sizes
from vidstyle.painting.style import StyleTarget


def noise(seed: int, size: int = 64) -> Tensor:
    """A picture with structure at several scales."""
    generator = torch.Generator().manual_seed(seed)
    layers = [torch.rand(1, 3, side, side, generator=generator) for side in (4, 16, 64)]
    grown = [torch.nn.functional.interpolate(layer, (size, size), mode="bilinear") for layer in layers]
    return torch.stack(grown).mean(0)[0]


def optimizer(temporal: float = 50.0, steps: int = 20) -> Optimizer:
    encoder = load_encoder("builtin")
    style = StyleTarget([noise(1)], [1.0], encoder)
    return Optimizer(encoder, style, style.palette([noise(2)]), content_weight=0.05, style_weight=1.0, tv_weight=1.0,
                     temporal_weight=temporal, first_steps=steps, follow_steps=steps)


def style_of(painter: Optimizer, painting: Tensor) -> float:
    found = painter.encoder(painting[None], STYLE_LAYERS)
    return float(style_loss(found, painter.style.at(painting.shape[-2])))


def test_a_painting_has_the_style_and_not_the_frame():
    painter, frame = optimizer(steps=60), noise(2).flip(0) ** 3
    painting = painter(frame)
    assert painting.shape == frame.shape
    assert float(painting.min()) >= 0
    assert float(painting.max()) <= 1
    assert style_of(painter, painting) < 0.3 * style_of(painter, frame)


def test_the_same_call_gives_the_same_picture():
    painter = optimizer(steps=4)
    assert torch.equal(painter(noise(2)), painter(noise(2)))


def test_visible_paint_stays_and_hidden_paint_is_made_anew():
    painter, frame = optimizer(temporal=1e4), noise(2)
    carried = noise(3)
    left = torch.zeros(1, 64, 64)
    left[..., :32] = 1
    painting = painter(frame, [Prior(carried, left)])
    moved = (painting - carried).abs().mean(0)
    assert float(moved[:, :30].mean()) < 0.02  # the temporal term outweighs all others there
    assert float(moved[:, 34:].mean()) > 0.05


def test_without_temporal_weight_a_prior_is_not_looked_at():
    painter, frame = optimizer(temporal=0, steps=4), noise(2)
    prior = Prior(noise(3), torch.ones(1, 64, 64))
    assert torch.equal(painter(frame, [prior]), painter(frame))


def test_the_pyramid_ends_at_the_full_size_and_starts_small():
    assert pyramid_sizes(384, 512)[-1] == (384, 512)
    assert max(pyramid_sizes(2160, 3840)[0]) <= COARSEST
    assert pyramid_sizes(16, 24) == [(16, 24)]
    for height, width in [(90, 1000), (17, 16), (1080, 1920)]:
        sizes = pyramid_sizes(height, width)
        assert sizes == sorted(sizes)
        assert min(min(size) for size in sizes) >= 16


def test_falling_stops_on_a_plateau_only():
    falling = Falling(window=5, least=0.01)
    assert all(falling(1 / (k + 1)) for k in range(20))
    flat = Falling(window=5, least=0.01)
    assert [flat(1.0) for _ in range(10)] == [True] * 9 + [False]


def test_the_smallest_picture_can_be_painted():
    """16 pixels is the least that is painted; the encoder pools by 16, and what it is shown may be no smaller."""
    painter = optimizer(steps=2)
    for size in ((16, 16), (16, 40), (33, 16)):
        frame = noise(2)[:, :size[0], :size[1]]
        painting = painter(frame, [Prior(frame, torch.ones(1, *size))])
        assert painting.shape == painter(frame).shape == frame.shape
        assert bool(torch.isfinite(painting).all())
