"""Refinement of a motion over many frames: drift is taken out, and nothing depends on threads, size or device."""

from __future__ import annotations

import cv2
import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from vidstyle.core.frame import FlowPair, Frame
from vidstyle.flow.refine import LARGE, refine
from vidstyle.temporal.intervals import REFINED, find_intervals, walk_back

RIGHT = 5.0
"""How far the scene has moved from the key frame to the frame, in pixels."""


def moved(height: int, width: int) -> tuple[Tensor, Tensor]:
    """A key frame and a later frame that shows the same scene `RIGHT` pixels further right."""
    noise = torch.rand(1, 3, height // 4 + 6, width // 4 + 6, generator=torch.Generator().manual_seed(0))
    scene = interpolate(noise, scale_factor=4, mode="bicubic")[0].clamp(0, 1)
    return scene[:, :height, 8:8 + width], scene[:, :height, 8 - int(RIGHT):8 - int(RIGHT) + width]


def drifted(height: int, width: int, drift: float) -> FlowPair:
    right = torch.zeros(2, height, width)
    right[0] = RIGHT + drift
    return FlowPair(to_last=-right, to_this=right)


@pytest.mark.parametrize("size", [(90, 120), (280, 360)])
def test_drift_is_taken_out_in_both_directions(size: tuple[int, int]) -> None:
    """A call takes a part of the drift, as it comes at every second frame of an interval; twelve must take most of it."""
    assert (size[0] * size[1] > LARGE) == (size == (280, 360))  # the larger one is corrected at half its size
    images, path = moved(*size), drifted(*size, 0.8)
    for _ in range(12):
        path = refine(*images, path)
    for motion, expected in ((path.to_last, -RIGHT), (path.to_this, RIGHT)):
        inner = motion[:, 12:-12, 12:-12]
        assert float((inner[0] - expected).abs().mean()) < 0.2  # measured 0.005 and 0.09 px
        assert float(inner[1].abs().mean()) < 0.05


def test_refinement_does_not_depend_on_the_number_of_threads() -> None:
    images, path = moved(120, 200), drifted(120, 200, 0.5)
    threads = cv2.getNumThreads()
    found = [refine(*images, path)]
    try:
        for count in (1, 2, 5):
            cv2.setNumThreads(count)
            found.append(refine(*images, path))
    finally:
        cv2.setNumThreads(threads)
    assert all(torch.equal(each.to_last, found[0].to_last) for each in found)
    assert all(torch.equal(each.to_this, found[0].to_this) for each in found)


@pytest.mark.parametrize("size", [(1, 1), (2, 40), (16, 16), (16, 400), (400, 17)])
def test_any_shape_is_taken_and_a_still_image_stays(size: tuple[int, int]) -> None:
    image = torch.rand(3, *size, generator=torch.Generator().manual_seed(0))
    still = FlowPair(torch.zeros(2, *size), torch.zeros(2, *size))
    found = refine(image, image, still)
    assert found.to_last.shape == (2, *size)
    assert float(found.to_last.abs().max()) < 1e-3


def test_unknown_motion_stays_unknown_and_spoils_nothing() -> None:
    path = drifted(120, 160, 0.5)
    path.to_last[:, 5, 5] = torch.nan
    found = refine(*moved(120, 160), path).to_last
    assert int(found.isnan().any(0).sum()) == 1
    assert float((found[0, 2:9, 2:9].nan_to_num(-RIGHT) + RIGHT).abs().max()) < 0.6  # as wrong as before at most


def test_the_motion_to_both_key_frames_is_refined_at_every_second_frame() -> None:
    """A refiner that adds 1 px shows where it was called: what follows keeps the pixel, in both directions."""
    frames = [Frame(torch.rand(3, 24, 32, generator=torch.Generator().manual_seed(k)), k, 1, k) for k in range(7)]  # type: ignore[arg-type]
    zero = FlowPair(torch.zeros(2, 24, 32), torch.zeros(2, 24, 32))

    def one_more(key: Tensor, image: Tensor, path: FlowPair) -> FlowPair:
        return FlowPair(path.to_last + 1, path.to_this)

    _, interval = find_intervals(frames, lambda last, this: zero, lambda last, this: False, 6, lambda frame: frame,
                                 refine_flow=one_more)
    walked = list(walk_back(interval, one_more))
    ahead = [float(one.from_behind.to_last[0, 0, 0]) for one, _ in reversed(walked) if one.from_behind is not None]
    assert ahead == [distance // REFINED for distance in range(1, 6)]
    back = [(one.index, float(path.to_last[0, 0, 0])) for one, path in walked]
    assert back == [(6 - distance, distance // REFINED) for distance in range(1, 6)]
