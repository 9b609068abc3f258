"""Runs whose strokes have directions and sizes: stopped ones and parts paint the frames of the whole run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from stopped_runs import save_often, until
from style_images import noise
from three_shots import CUTS, shots
from video_clips import make_clip

from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.painting.style_picture import Style
from vidstyle.run.parts import join, paint_part, split
from vidstyle.run.pipeline import stylize_video
from vidstyle.run.plan import plan_video

FRAMES = 18


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with a cut at 14, a style, and a movie of sizes that differ from frame to frame."""
    folder = tmp_path_factory.mktemp("strokes")
    make_clip(folder / "clip.mp4", frames=FRAMES, size=(48, 32), picture=shots)
    make_clip(folder / "sizes.mkv", frames=FRAMES, size=(48, 32), codec="ffv1", pix_fmt="gray",
              picture=lambda index, width, height: np.full((height, width, 3), 12 * index, np.uint8))
    write_png(folder / "style.png", noise(3, 64))
    return folder


def options(folder: Path) -> Options:
    return Options(method="palette", size=48, device="cpu", crf=0, stroke_direction="motion",
                   stroke_size=str(folder / "sizes.mkv"))


def paint(folder: Path, name: str, **more: object) -> list[str]:
    """Hashes of the painted frames."""
    return list(stylize_video(folder / "clip.mp4", [Style(folder / "style.png")], folder / name, options(folder),
                              **more).frame_hashes)


@pytest.fixture(scope="module")
def whole(folder: Path) -> list[str]:
    return paint(folder, "whole.mp4")


def test_a_stopped_run_goes_on_to_the_same_file(folder: Path, whole: list[str], monkeypatch: pytest.MonkeyPatch):
    save_often(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        paint(folder, "stopped.mp4", listen=until(16))
    assert paint(folder, "stopped.mp4") == whole


def test_parts_join_to_the_run(folder: Path, whole: list[str]):
    plan = plan_video(folder / "clip.mp4", [Style(folder / "style.png")], folder / "joined.mp4", options(folder))
    parts = split(plan, 4)
    assert parts == [(0, CUTS[0] - 1), (CUTS[0], FRAMES - 1)]
    assert list(join(plan, [paint_part(plan, part) for part in parts]).frame_hashes) == whole
