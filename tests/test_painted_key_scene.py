"""Paintings of two frames of the sample, carried over the 24 frames between them along motion that is known."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn.functional import interpolate

from samples import scene
from vidstyle.core.frame import Frame
from vidstyle.core.images import read_image, resize, write_png
from vidstyle.core.options import Options
from vidstyle.core.parse import KeyPicture
from vidstyle.evaluate.judge import JudgeMotion
from vidstyle.evaluate.stability import StabilityMetrics
from vidstyle.run.pipeline import stylize_video
from vidstyle.run.plan import Selection
from vidstyle.video import open_source

CLIP, FIRST, LAST = Path(__file__).parent.parent / "samples" / "harbour.mp4", 12, 36
SIZE = 135, 240


def posterised_and_hatched(image: torch.Tensor) -> torch.Tensor:
    """(3, H, W) in [0, 1]: four tones, darker and of another colour, under lines a twentieth of the height apart."""
    tones = (cv2.bilateralFilter(image.permute(1, 2, 0).contiguous().numpy(), 9, 0.25, 7) * 3.99).astype(int)
    y, x = np.mgrid[:SIZE[0], :SIZE[1]]
    lines = 1 - 0.25 * (0.5 + 0.5 * np.sin((0.7 * x + 0.7 * y) * 2 * np.pi / 7))
    painting = (tones + 0.5) / 4 * np.array([1.1, 0.8, 0.55]) * lines[..., None]
    return torch.from_numpy(cv2.GaussianBlur(painting.astype(np.float32), (0, 0), 0.6)).permute(2, 0, 1).clamp(0, 1)


def true_motion(earlier: Frame, later: Frame) -> JudgeMotion:
    flow, visible = (torch.as_tensor(find(earlier.index, later.index)).float()
                     for find in (scene.true_flow, scene.true_visibility))
    share = interpolate(visible.view(1, 1, scene.HEIGHT, scene.WIDTH), SIZE, mode="area")[0]
    return JudgeMotion(interpolate(flow[None], SIZE, mode="area")[0] * SIZE[1] / scene.WIDTH, (share >= 1).float())


def test_a_painting_sticks_to_what_it_is_painted_on(tmp_path: Path):
    frames = {frame.index: resize(frame.image, SIZE) for frame in open_source(CLIP).decode(FIRST, LAST)}
    for number in (FIRST, LAST):
        write_png(tmp_path / f"k_{number}.png", posterised_and_hatched(frames[number]))
    keys = tuple(KeyPicture(number, tmp_path / f"k_{number}.png") for number in (FIRST, LAST))
    options = Options(key=keys, size=SIZE[1], output_size=SIZE[1], device="cpu")
    stylize_video(CLIP, [], tmp_path / "out.####.png", options, Selection((FIRST, LAST)))
    stability = StabilityMetrics(true_motion)
    for first in (FIRST + 3, (FIRST + LAST) // 2, LAST - 3):  # the true motion of all pairs would take a minute
        for index in (first, first + 1):
            painted = resize(read_image(tmp_path / f"out.{index:04}.png"), SIZE)
            images = torch.stack([frames[index], painted, posterised_and_hatched(frames[index])])
            stability.add(Frame(frames[index], index, Fraction(1, 24), index), images, cut=index == first)
    source, carried, each = (stability.values(clip)["e_stab"] for clip in range(3))
    assert carried <= 1.2 * source  # measured 0.82
    assert carried < 0.9 * each, "the same filter on every frame"
