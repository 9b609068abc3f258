"""The painting path on a pretended GPU: nothing lies on the wrong device, and nothing is read back but by `ops.read_back`.

Left out are what runs on the processor by design: optical flow and cut detection (OpenCV), reading of files, and the index of
strokes, which is built once for a run and is moved to the pretended device here. Gradients are left out because autograd asks
the driver for the device; a descent takes its steps without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from fractions import Fraction
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from tests.style_images import noise
from vidstyle.core.frame import FlowPair, Frame, Prior
from vidstyle.encoders.builtin import BuiltinEncoder
from vidstyle.ops import read_back
from vidstyle.painting.feedforward import canvas
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.stylizer import FeedForwardStylizer
from vidstyle.painting.key_frames import KeyFrameStylizer
from vidstyle.painting.optimize import descent
from vidstyle.painting.optimize.stylizer import OptimizingStylizer
from vidstyle.painting.palette import Palette
from vidstyle.painting.strokes import StrokeIndex, choose, describe, detail, lay, search
from vidstyle.painting.style import StyleTarget
from vidstyle.temporal import intervals
from vidstyle.temporal.key_frames import paint_by_key_frames

HEIGHT, WIDTH = 48, 64


class NoCopyBack(TorchDispatchMode):
    """Copies from the device to the processor are errors; `FakeTensorMode` itself lets `.cpu()` pass."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        source = args[0] if args else None
        if func is torch.ops.aten._to_copy.default and isinstance(source, Tensor) and source.device.type == "cuda":
            assert out.device.type == "cuda", "a tensor is copied back from the device"
        return out


@contextmanager
def pretended_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], Any]]:
    """A pretended `cuda` device; gives what moves tensors, and records and modules of tensors, to it.

    `read_back` answers with small numbers that every caller can use.
    """
    for module in modules_that_read_back():
        monkeypatch.setattr(module, "read_back", pretended_reading)
    monkeypatch.setattr(intervals, "ahead", lambda items, most: items)  # modes belong to one thread
    monkeypatch.setattr(Tensor, "backward", lambda self: None)
    with FakeTensorMode() as mode:
        def move(value: Any) -> Any:
            if isinstance(value, Tensor):
                return mode.from_tensor(value).to("cuda")
            if isinstance(value, torch.nn.Module):
                return value.requires_grad_(False)._apply(move)
            if is_dataclass(value) and not isinstance(value, type):
                found = {field.name: move(getattr(value, field.name)) for field in fields(value) if field.init}
                return replace(value, **found)
            if isinstance(value, tuple):
                return tuple(map(move, value))
            return value

        with NoCopyBack():
            yield move


@contextmanager
def no_cached_canvas() -> Iterator[None]:
    """A cached canvas of another test is no pretended one, and no pretended one may stay."""
    cached = [value for value in vars(canvas).values() if hasattr(value, "cache_clear")]
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()


def modules_that_read_back() -> list[Any]:
    return [read_back, descent, choose, lay, intervals]


def pretended_reading(values: Tensor) -> list[float]:
    """As if every fourth element of a mask were true, in nine groups; boxes and losses are plausible too."""
    assert values.device.type == "cuda"
    if len(values) in (4, 16):  # sizes of groups: all in the first, as many as `count` said
        return [float(COUNT)] + [0.0] * 15
    if len(values) == 5:  # a box
        return [1.0, 8.0, 40.0, 8.0, 40.0]
    return [float(COUNT)] * len(values)


COUNT = 24


def still(move: Callable[[Any], Any], count: int) -> list[Frame]:
    return [Frame(move(noise(index, 64)[:, :HEIGHT]), index, Fraction(1, 24), index) for index in range(count)]


def motion(last: Tensor, this: Tensor) -> FlowPair:
    flow = torch.zeros(2, HEIGHT, WIDTH, device=this.device)
    return FlowPair(flow, flow)


def optimizer_of(move: Callable[[Any], Any], encoder: BuiltinEncoder, style: Tensor) -> OptimizingStylizer:
    palette = Palette(torch.eye(3), torch.zeros(3), torch.zeros(3), torch.ones(3))  # on the processor, as in a run
    target = StyleTarget([move(style)], [1.0], move(encoder))
    return OptimizingStylizer(target.encoder, target, palette, 0.04, 1.0, 1.0, 50.0, 6, 3)


def painter(move: Callable[[Any], Any], index: StrokeIndex | None, forms: float, encoder: BuiltinEncoder,
            style: Tensor) -> KeyFrameStylizer:
    optimizer = optimizer_of(move, encoder, style)
    paint_forms = optimizer.paint_key if index is None else optimizer.paint_half
    return KeyFrameStylizer(optimizer.palette, paint_forms if forms else None, None if index is None else move(index), forms,
                            1.0)


@pytest.mark.parametrize("forms", [0.0, 0.5])
@pytest.mark.parametrize("strokes", [True, False])
def test_key_frames_are_painted_carried_and_mended(monkeypatch: pytest.MonkeyPatch, forms: float, strokes: bool):
    style, encoder = noise(1, 96), BuiltinEncoder()
    index = StrokeIndex.build([style], [1.0], HEIGHT) if strokes else None
    with pretended_gpu(monkeypatch) as move:
        keys = painter(move, index, forms, encoder, style)
        painted = list(paint_by_key_frames(still(move, 7), keys.paint, keys.mend, motion, lambda last, this: False, every=None))
    assert len(painted) == 7
    assert {one.painting.device.type for one in painted} == {"cuda"}


def test_every_frame_is_painted_by_descent(monkeypatch: pytest.MonkeyPatch):
    style, encoder = noise(1, 96), BuiltinEncoder()
    with pretended_gpu(monkeypatch) as move:
        optimizer = optimizer_of(move, encoder, style)
        frames = still(move, 2)
        first = optimizer(frames[0].image)
        second = optimizer(frames[1].image, [Prior(first, torch.ones(1, HEIGHT, WIDTH, device="cuda"))])
    assert second.device.type == "cuda"


def test_the_network_paints(monkeypatch: pytest.MonkeyPatch):
    network = PaintNetwork().eval()
    with pretended_gpu(monkeypatch) as move, no_cached_canvas():
        stylize = FeedForwardStylizer(move(network))
        frames = still(move, 2)
        first = stylize(frames[0].image)
        second = stylize(frames[1].image, [Prior(first, torch.ones(1, HEIGHT, WIDTH, device="cuda"))])
    assert second.device.type == "cuda"


def planted_float(image: Tensor) -> Tensor:
    return image * float(image.mean())


def planted_cpu(image: Tensor) -> Tensor:
    return image + image.cpu().mean().to(image.device)


def planted_choice(image: Tensor) -> Tensor:
    return image[:, image[0, :, 0].argmax().item()]


def planted_mask(image: Tensor) -> Tensor:
    return image[image > 0.5]


def planted_device(image: Tensor) -> Tensor:
    return image * torch.rand(HEIGHT, WIDTH)


@pytest.mark.parametrize("planted", [planted_float, planted_cpu, planted_choice, planted_mask, planted_device])
def test_a_planted_reading_fails(monkeypatch: pytest.MonkeyPatch, planted: Callable[[Tensor], Tensor]):
    style, encoder = noise(1, 96), BuiltinEncoder()
    index = StrokeIndex.build([style], [1.0], HEIGHT)
    with pretended_gpu(monkeypatch) as move:
        keys = painter(move, index, 0.0, encoder, style)

        def paint(frame: Frame, prior: Prior | None) -> Tensor:
            painting = keys.paint(frame, prior)
            planted(painting)
            return painting

        with pytest.raises((RuntimeError, AssertionError)):
            list(paint_by_key_frames(still(move, 3), paint, keys.mend, motion, lambda last, this: False, every=2))


class NoFloat64(TorchDispatchMode):
    """Tensors of float64 are errors, as they are on MPS."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        assert not isinstance(out, Tensor) or out.dtype != torch.float64, f"{func} makes float64"
        return out


def test_strokes_need_no_float64_where_a_device_has_none(monkeypatch: pytest.MonkeyPatch):
    guide = noise(2, 64)[:, :HEIGHT, :WIDTH]
    for module in (describe, detail, lay, search):
        monkeypatch.setattr(module, "widest_float", lambda device: torch.float32)
    with NoFloat64():
        index = StrokeIndex.build([noise(1, 96)], [1.0], HEIGHT)
        painting = lay.lay_strokes(index, guide)
        known = torch.ones(1, HEIGHT, WIDTH)
        known[:, 10:20, 10:20] = 0
        lay.mend(index, guide, painting, known)
    monkeypatch.undo()
    with pytest.raises(AssertionError, match="makes float64"), NoFloat64():
        lay.lay_strokes(index, guide)
