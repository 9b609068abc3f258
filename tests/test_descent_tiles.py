"""Loss and gradient by tiles: those of the whole image; and a descent that runs out of memory goes on in smaller tiles."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from vidstyle.core.errors import out_of_memory
from vidstyle.core.frame import Prior
from vidstyle.core.interfaces import Encoder
from vidstyle.encoders import load_encoder
from vidstyle.encoders.vgg import VGG
from vidstyle.ops.losses import CONTENT_LAYER, STYLE_LAYERS, content_loss, covariance, gram, style_loss
from vidstyle.painting.optimize import tiles
from vidstyle.painting.optimize.stylizer import OptimizingStylizer
from vidstyle.painting.optimize.tiles import TiledLoss, content_features, free_what_failed, tiles_of
from vidstyle.painting.style import StyleTarget

WEIGHTS = {"relu1_1": 1.0, "relu2_1": 0.5, "relu4_1": 2.0, "relu5_1": 1.0}


def random_vgg() -> Encoder:
    """VGG-19 with random weights, and average pooling: under max pooling, rounding decides between values that are equal.

    Made without the layers that nobody needs, which take the most time to make.
    """
    with torch.device("meta"):
        network = VGG("vgg19").requires_grad_(False)
    network = network.to_empty(device="cpu")
    network.mean.fill_(0.5)
    network.std.fill_(0.25)
    for number, weights in enumerate(network.parameters()):
        deviation = (2 / weights[0].numel()) ** 0.5 if weights.ndim == 4 else 0.1
        weights.normal_(0, deviation, generator=torch.Generator().manual_seed(number))
    network.set_pooling("average")
    return network


def picture(seed: int, height: int, width: int) -> Tensor:
    """Blobs of several sizes, in [0, 1]."""
    drawn = torch.rand(1, 3, height // 8 + 1, width // 8 + 1, generator=torch.Generator().manual_seed(seed))
    fine = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed + 1))
    return 0.7 * torch.nn.functional.interpolate(drawn, (height, width), mode="bilinear") + 0.3 * fine


@pytest.mark.parametrize("encoder", [lambda: load_encoder("builtin"), random_vgg],
                         ids=["builtin", "vgg19"])
def test_loss_and_gradient_are_those_of_the_whole(encoder: Callable[[], Encoder], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tiles, "precision", lambda device: nullcontext())  # in bfloat16, all losses are off by a thousandth
    network = encoder()
    image, frame = picture(1, 150, 203), picture(3, 150, 203)  # sides that are no multiples of the pooling
    target = {layer: gram(value) for layer, value in network(picture(5, 96, 96), STYLE_LAYERS).items()}
    whole, tiled = image.clone().requires_grad_(), image.clone().requires_grad_()

    found = network(whole, [*WEIGHTS, CONTENT_LAYER])
    expected = 2 * style_loss(found, target, weights=WEIGHTS) + 3 * content_loss(
        found[CONTENT_LAYER], network(frame, [CONTENT_LAYER])[CONTENT_LAYER])
    expected.backward()

    loss = TiledLoss(network, target, WEIGHTS, content_features(network, frame, 64), 2, 3, 64)(tiled)
    loss.backward()
    assert whole.grad is not None
    assert tiled.grad is not None
    # Sums of float32 in another order: the largest differences are a few millionths.
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=2e-5)
    # The gradient of a ReLU whose input is 0 but for rounding may be 0 or 1.
    assert float((tiled.grad - whole.grad).norm() / whole.grad.norm()) < 1e-3


def test_tiles_cover_an_image_once_and_leave_no_narrow_rest():
    for height, width in ((64, 64), (65, 143), (16, 200), (144, 79)):
        covered = torch.zeros(height, width)
        for tile in tiles_of(height, width, 64):
            covered[tile.begin[0]:tile.end[0], tile.begin[1]:tile.end[1]] += 1
            assert all(end - begin >= min(16, side) for begin, end, side in
                       zip(tile.begin, tile.end, (height, width), strict=True))
            assert all(begin % 16 == 0 for begin in tile.begin)
        assert bool((covered == 1).all())


def test_a_descent_without_memory_for_the_whole_goes_on_in_tiles(monkeypatch: pytest.MonkeyPatch):
    """The encoder refuses what is larger than the largest tile with its surroundings. The painting is the same, nearly."""
    encoder, largest = load_encoder("builtin"), 64 + 2 * tiles.HALO
    target = StyleTarget([picture(7, 96, 96)[0]], [1.0], encoder)
    paint = OptimizingStylizer(encoder, target, target.palette([picture(9, 96, 96)[0]]), content_weight=0.05, style_weight=1.0,
                               tv_weight=1.0, temporal_weight=50.0, first_steps=2, follow_steps=2)
    frame = picture(9, 48, 320)[0]
    prior = [Prior(frame, torch.ones_like(frame[:1]))]
    whole, widths = paint(frame, prior), list[int]()

    def small(image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        widths.append(image.shape[-1])
        if image.shape[-1] > largest:
            raise torch.OutOfMemoryError
        return encoder(image, layers)

    monkeypatch.setattr("vidstyle.painting.optimize.stylizer.TILES", (128, 64))
    tiled = replace(paint, encoder=small)(frame, prior)
    assert max(width for width in widths if width <= largest) == largest
    assert float((tiled - whole).abs().max()) < 0.02  # two steps of Adam, which a rounded gradient near 0 may turn around
    with pytest.raises(torch.OutOfMemoryError):
        replace(paint, encoder=small, style=replace(target, statistic=covariance))(frame, prior)


def test_errors_of_the_allocators_are_known():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60)  # no machine has an exbibyte
    assert out_of_memory(caught.value)
    assert out_of_memory(torch.OutOfMemoryError())
    assert not out_of_memory(RuntimeError("sizes do not match"))
    # A machine says this with too little memory for a convolution; seen under a limit of the address space.
    assert out_of_memory(RuntimeError("could not create a primitive"))


class Large:
    """Stands for the features that a step of the backward pass needs."""


class Held(torch.autograd.Function):
    """The identity, which needs something large for its backward pass; that fails where nothing is given."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, values: Tensor, large: Large | None) -> Tensor:
        ctx.large = large
        return values.clone()

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *outputs: Tensor) -> tuple[Tensor, None]:
        if ctx.large is None:
            raise torch.OutOfMemoryError
        return outputs[0], None


def test_what_a_failed_backward_pass_holds_is_free_before_the_next_try():
    """Two branches: the backward pass of the later one fails, and that of the earlier one, with what it needs, is left over."""
    large = Large()
    left = weakref.ref(large)

    def fail(large: Large) -> None:
        values = torch.ones(3, requires_grad=True)
        earlier = Held.apply(values, large)
        (earlier.sum() + Held.apply(values, None).sum()).backward()

    with suppress(torch.OutOfMemoryError):
        fail(large)
    del large
    assert left() is not None, "PyTorch frees it now without help"
    free_what_failed()
    assert left() is None
