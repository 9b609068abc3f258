"""Painting key frames: what stays, what is laid anew, and the guide between the frame's forms and the optimizer's."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from style_images import bricks, noise
from torch import Tensor

from vidstyle.core.frame import Frame, Prior
from vidstyle.encoders import load_encoder
from vidstyle.painting.key_frames import KeyFrameStylizer, in_palette
from vidstyle.painting.optimize.stylizer import OptimizingStylizer
from vidstyle.painting.strokes import StrokeIndex
from vidstyle.painting.style import StyleTarget

HEIGHT, WIDTH = 64, 80


def stylizer(forms: float, strokes: float) -> KeyFrameStylizer:
    style = bricks(96)
    target = StyleTarget([style], [1.0], load_encoder("builtin"))
    optimizer = OptimizingStylizer(target.encoder, target, target.palette([frame().image]), 0.04, 1.0, 1.0, 50.0, 6, 3)
    index = StrokeIndex.build([style], [1.0], HEIGHT) if strokes else None
    return KeyFrameStylizer(optimizer.palette, optimizer.paint_key if forms else None, index, forms, strokes)


def frame(gain: float = 1.0) -> Frame:
    ramp = torch.linspace(0, 1, WIDTH).expand(HEIGHT, WIDTH)
    image = gain * (torch.stack([ramp, 1 - ramp, 0.5 + 0 * ramp]) - 0.5) + 0.5
    return Frame(image, pts=0, time_base=Fraction(1, 25), index=0)


def left_half() -> Tensor:
    return (torch.arange(WIDTH) < WIDTH // 2).float().expand(1, HEIGHT, WIDTH)


@pytest.mark.parametrize("strokes", [0.5, 1.0])
def test_paint_that_is_trusted_stays_bit_for_bit(strokes: float):
    keys, paint, trusted = stylizer(0.0, strokes), noise(3, WIDTH)[:, :HEIGHT], left_half()
    painting = keys.paint(frame(), Prior(paint, trusted))
    fixed = trusted.expand(3, -1, -1) > 0
    assert torch.equal(painting[fixed], paint[fixed])
    assert not torch.equal(painting[~fixed], paint[~fixed])
    mended = keys.mend(frame(), paint, trusted)
    assert torch.equal(mended[fixed], paint[fixed])
    assert not torch.equal(mended[~fixed], paint[~fixed])


def test_without_strokes_and_painted_forms_a_key_frame_is_the_frame_in_the_style_s_palette():
    keys = stylizer(0.0, 0.0)
    assert torch.equal(keys.paint(frame(), None), in_palette(keys.palette, frame().image))


def test_a_palette_keeps_to_the_style_s_range():
    keys = stylizer(0.0, 0.0)
    painted, palette = keys.paint(frame(gain=3), None), keys.palette
    assert (painted >= palette.darkest[:, None, None]).all()
    assert (painted <= palette.lightest[:, None, None]).all()


def test_forms_blend_the_frame_and_the_optimized_painting():
    frames_own, optimized, half = (stylizer(forms, 0.0).paint(frame(), None) for forms in (0.0, 1.0, 0.5))
    torch.testing.assert_close(half, (frames_own + optimized) / 2)  # the optimizer is the same each time


def test_half_of_the_strokes_lies_between_the_guide_and_all_of_them():
    guide, all_of_them, half = (stylizer(0.0, strokes).paint(frame(), None) for strokes in (0.0, 1.0, 0.5))
    torch.testing.assert_close(half, (guide + all_of_them) / 2)
