"""The metrics of `evaluate` against known flicker, exact motion, blur and an independent implementation."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from judged_clips import HEIGHT, WIDTH, Array, texture, uniform_truth, write, write_truth
from scipy.ndimage import gaussian_filter, map_coordinates

from vidstyle.cli import execute
from vidstyle.evaluate import evaluate_video


@pytest.mark.parametrize("speed", [0, 2])
def test_a_known_flicker_is_recovered(tmp_path: Path, speed: int) -> None:
    """Every frame is lighter or darker as a whole by a known amount, on a scene that stands still or moves."""
    steps = np.array([0, 9, -4, 6, 0, -11, 3, 3, -7, 12, 5, -2, 8, -5])
    count = len(steps)
    scene = texture(HEIGHT, WIDTH + 2 * count)
    moving = [scene[:, speed * i:speed * i + WIDTH] for i in range(count)]
    source = write(tmp_path / "source.mkv", moving)
    styled = write(tmp_path / "styled.mkv", [(255 - image.astype(int) + k).astype(np.uint8)
                                             for image, k in zip(moving, steps, strict=True)])
    truth = uniform_truth(tmp_path / "truth", count - 1, -speed)
    result = evaluate_video(styled, source, truth=truth)
    # What leaves the frame counts as steady, for e_stab divides by all pixels; 10 steps lose 10 columns each.
    for name, gap in (("e_stab", 1), ("e_stab_10", 10)):
        shown = 1 - speed * gap / WIDTH
        known = math.sqrt(float(np.mean(((steps[gap:] - steps[:-gap]) / 255) ** 2)) * shown)
        assert result.visible[name] == pytest.approx(shown)
        assert result.values["painting"][name] == pytest.approx(known, rel=0.02)
        # Whole-pixel motion copies values; what is left is rounding in float32.
        assert result.values["source"][name] < 1e-6
    if not speed:  # in a moving scene the mean itself moves by a little
        jumps = math.sqrt(float(np.mean((np.diff(steps, 2) / 255) ** 2)) / 6)
        assert result.values["painting"]["flicker"] == pytest.approx(jumps, rel=0.02)


def test_a_known_flicker_is_recovered_by_the_default_judge(tmp_path: Path) -> None:
    """No true motion is given: the flow finds the motion of the source by itself, and the flicker must not disturb it."""
    steps = [0, 10, 0, 10]
    scene = texture(96, 136)
    moving = [scene[:, 2 * i:2 * i + 128] for i in range(4)]
    source = write(tmp_path / "source.mkv", moving)
    styled = write(tmp_path / "styled.mkv", [image + np.uint8(k) for image, k in zip(moving, steps, strict=True)])
    result = evaluate_video(styled, source)
    known = 10 / 255 * math.sqrt(result.visible["e_stab"])
    assert result.visible["e_stab"] > 0.9
    assert result.values["painting"]["e_stab"] == pytest.approx(known, rel=0.02)


def test_a_perfectly_warped_painting_scores_at_interpolation_error(tmp_path: Path) -> None:
    x = np.arange(WIDTH)

    def waves(index: int) -> Array:
        row = 0.5 + 0.5 * np.sin((x - 0.5 * index) * math.pi / 4)
        return np.broadcast_to(np.round(255 * row)[None, :, None], (HEIGHT, WIDTH, 3)).astype(np.uint8)

    frames = [waves(index) for index in range(12)]
    clip = write(tmp_path / "waves.mkv", frames)
    result = evaluate_video(clip, clip, truth=uniform_truth(tmp_path / "truth", 11, 0.5))
    # Half-way between pixels, linear interpolation leaves cos(π/8) of a sine with a period of 8 px. Ten half steps are
    # five whole ones, which cost nothing but 8-bit rounding: two images of 1/255/√12 each.
    lost = 0.5 * (1 - math.cos(math.pi / 8)) / math.sqrt(2)
    assert result.values["painting"]["e_stab"] == pytest.approx(lost, rel=0.03)
    assert result.values["painting"]["e_stab_10"] < 2 / 255 / math.sqrt(12)


def test_a_blurred_painting_has_a_lower_sharpness(tmp_path: Path) -> None:
    """Blur lowers e_stab; its sharpness, and the blurred control, show that this is no gain."""
    generator = np.random.default_rng(1)
    source = write(tmp_path / "source.mkv", [texture(HEIGHT, WIDTH)] * 4)
    strokes = [generator.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8) for _ in range(4)]
    sharp = write(tmp_path / "sharp.mkv", strokes)
    soft = write(tmp_path / "soft.mkv", [cv2.GaussianBlur(image, (0, 0), 2) for image in strokes])
    values = evaluate_video(soft, source, baseline=sharp).values
    assert values["painting"]["e_stab_ratio"] < 0.3
    assert values["painting"]["sharpness_ratio"] < 0.3
    assert values["baseline"]["sharpness_ratio"] == 1
    control = evaluate_video(sharp, source).values
    assert control["blurred"]["e_stab"] < control["painting"]["e_stab"]
    assert control["blurred"]["sharpness"] < 0.7 * control["painting"]["sharpness"]
    gate = ["evaluate", str(soft), "--source", str(source), "--baseline", str(sharp), "--fail-if"]
    assert execute([*gate, "sharpness_ratio<0.8"]) == 5
    assert execute([*gate, "e_stab_ratio>0.8"]) == 0


def test_the_numbers_agree_with_an_independent_implementation(tmp_path: Path) -> None:
    """numpy and scipy alone, from the formulas, on random images, motions and masks."""
    generator = np.random.default_rng(3)
    count = 13
    pictures = generator.integers(0, 256, (count, HEIGHT, WIDTH, 3), np.uint8)
    # one shot: noise on a scene that stays, for pure noise is a cut at every frame
    sources = texture(HEIGHT, WIDTH) + generator.integers(0, 40, (count, HEIGHT, WIDTH, 3), np.uint8)
    flows = gaussian_filter(generator.standard_normal((count - 1, 2, HEIGHT, WIDTH)), (0, 0, 6, 6)) * 40
    flows = flows.astype(np.float32)
    hidden = gaussian_filter(generator.standard_normal((count - 1, HEIGHT, WIDTH)), (0, 6, 6)) > 0.08
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(float)

    def warped(field: Array, flow: Array) -> Array:
        return map_coordinates(field, [y + flow[1], x + flow[0]], order=1, mode="nearest")

    def inside(flow: Array) -> Array:
        return (x + flow[0] >= 0) & (x + flow[0] <= WIDTH - 1) & (y + flow[1] >= 0) & (y + flow[1] <= HEIGHT - 1)

    def along(first: int, gap: int) -> tuple[Array, Array]:
        """The motion from frame `first` to `first` + gap, composed step by step, and where it is visible in every step."""
        motion, visible = np.zeros((2, HEIGHT, WIDTH)), np.ones((HEIGHT, WIDTH))
        for step in range(first, first + gap):
            in_step = (~hidden[step] & inside(flows[step])).astype(float)
            visible = visible * (warped(in_step, motion) > 0.999)
            motion = motion + np.stack([warped(component, motion) for component in flows[step].astype(float)])
        return motion, visible

    def errors(images: Array, gap: int) -> tuple[float, float]:
        images = images / 255.0
        squares, ratios = [], []
        for first in range(count - gap):
            motion, visible = along(first, gap)
            carried = np.stack([warped(images[first + gap, ..., c], motion) for c in range(3)], -1)
            distance = ((images[first] - carried) ** 2).sum(-1) * visible
            squares.append(distance.sum() / (3 * HEIGHT * WIDTH))
            ratios.append(distance.sum() / visible.sum())
        return math.sqrt(np.mean(squares)), float(np.mean(ratios))

    result = evaluate_video(write(tmp_path / "styled.mkv", list(pictures)), write(tmp_path / "source.mkv", list(sources)),
                            truth=write_truth(tmp_path / "truth", list(flows), list(hidden)))
    assert not result.cuts
    for row, images in (("painting", pictures), ("source", sources)):
        e_stab, e_warp = errors(images, 1)
        # float32 flows and images here, float64 there
        assert result.values[row]["e_stab"] == pytest.approx(e_stab, rel=1e-4)
        assert result.values[row]["e_warp"] == pytest.approx(e_warp, rel=1e-4)
    # Over ten steps rounding can put a pixel on the other side of a mask's edge: one of 3072 is 3e-4.
    assert result.values["painting"]["e_stab_10"] == pytest.approx(errors(pictures, 10)[0], rel=1e-3)
