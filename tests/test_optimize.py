"""Painting by optimization: it reaches the style, keeps visible paint, and stops when the loss no longer falls."""

import torch
from style_images import noise
from torch import Tensor

from vidstyle.core.frame import Prior
from vidstyle.encoders import load_encoder
from vidstyle.ops.losses import STYLE_LAYERS, style_loss
from vidstyle.painting.early_stopping import EarlyStopping
from vidstyle.painting.optimize.stylizer import COARSEST, OptimizingStylizer, pyramid_sizes
from vidstyle.painting.style import StyleTarget


def stylizer(temporal: float = 50.0, steps: int = 20) -> OptimizingStylizer:
    encoder = load_encoder("builtin")
    style = StyleTarget([noise(1)], [1.0], encoder)
    return OptimizingStylizer(encoder, style, style.palette([noise(2)]), content_weight=0.05, style_weight=1.0, tv_weight=1.0,
                              temporal_weight=temporal, first_steps=steps, follow_steps=steps)


def style_loss_of(paint: OptimizingStylizer, painting: Tensor) -> float:
    found = paint.encoder(painting[None], STYLE_LAYERS)
    return float(style_loss(found, paint.style.grams(painting.shape[-2])))


def test_a_painting_has_the_style_and_not_the_frame():
    paint, frame = stylizer(steps=60), noise(2).flip(0) ** 3
    painting = paint(frame)
    assert painting.shape == frame.shape
    assert float(painting.min()) >= 0
    assert float(painting.max()) <= 1
    assert style_loss_of(paint, painting) < 0.3 * style_loss_of(paint, frame)


def test_the_same_call_gives_the_same_painting():
    paint = stylizer(steps=4)
    assert torch.equal(paint(noise(2)), paint(noise(2)))


def test_visible_paint_stays_and_hidden_paint_is_painted_anew():
    paint, frame = stylizer(temporal=1e4), noise(2)
    warped = noise(3)
    left = torch.zeros(1, 64, 64)
    left[..., :32] = 1
    painting = paint(frame, [Prior(warped, left)])
    moved = (painting - warped).abs().mean(0)
    assert float(moved[:, :30].mean()) < 0.02  # the temporal loss outweighs all others there
    assert float(moved[:, 34:].mean()) > 0.05


def test_without_temporal_weight_a_prior_is_ignored():
    paint, frame = stylizer(temporal=0, steps=4), noise(2)
    prior = Prior(noise(3), torch.ones(1, 64, 64))
    assert torch.equal(paint(frame, [prior]), paint(frame))


def test_the_pyramid_ends_at_the_full_size_and_starts_small():
    assert pyramid_sizes(384, 512)[-1] == (384, 512)
    assert max(pyramid_sizes(2160, 3840)[0]) <= COARSEST
    assert pyramid_sizes(16, 24) == [(16, 24)]
    for height, width in [(90, 1000), (17, 16), (1080, 1920)]:
        sizes = pyramid_sizes(height, width)
        assert sizes == sorted(sizes)
        assert min(min(size) for size in sizes) >= 16


def test_early_stopping_stops_on_a_plateau_only():
    falling = EarlyStopping(window=5, least=0.01)
    assert all(falling.falls(1 / (k + 1)) for k in range(20))
    flat = EarlyStopping(window=5, least=0.01)
    assert [flat.falls(1.0) for _ in range(10)] == [True] * 9 + [False]


def test_the_smallest_frame_can_be_painted():
    """16 pixels is the least that is painted; the encoder pools by 16, and its input may be no smaller."""
    paint = stylizer(steps=2)
    for size in ((16, 16), (16, 40), (33, 16)):
        frame = noise(2)[:, :size[0], :size[1]]
        painting = paint(frame, [Prior(frame, torch.ones(1, *size))])
        assert painting.shape == paint(frame).shape == frame.shape
        assert bool(torch.isfinite(painting).all())
