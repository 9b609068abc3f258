"""Whole runs by key frames: ranges, stops and previews are as of any other run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from stopped_runs import save_often, until
from three_shots import CUTS, shots
from video_clips import make_clip

from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.core.progress import Progress
from vidstyle.painting.key_frames import KeyFrameStylizer
from vidstyle.painting.style_picture import Style
from vidstyle.run.pipeline import preview_video, stylize_video
from vidstyle.run.plan import Selection, plan_video

# Forms of the frame itself: the optimizer has tests of its own, and its steps would take most of the time here.
BY_KEYS = Options(method="optimize", key_every=0, strokes=1.0, forms=0.0, size=64, device="cpu", crf=0)
FRAMES = 36


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of three shots, a style, and `whole.mp4`, painted without a stop."""
    folder = tmp_path_factory.mktemp("keys")
    make_clip(folder / "clip.mp4", frames=FRAMES, size=(64, 48), picture=shots, sound=[("aac", "eng")])
    write_png(folder / "style.png", torch.rand(3, 24, 32, generator=torch.Generator().manual_seed(0)).repeat_interleave(6, 1)
              .repeat_interleave(6, 2))
    paint(folder, "whole.mp4")
    return folder


def paint(folder: Path, name: str, options: Options = BY_KEYS, **more: object) -> list[str]:
    """Hashes of the painted frames."""
    return list(stylize_video(folder / "clip.mp4", [Style(folder / "style.png")], folder / name, options, **more).frame_hashes)


def whole(folder: Path) -> list[str]:
    return json.loads((folder / "whole.mp4.vidstyle.json").read_text())["frame_sha256"]


@pytest.mark.parametrize("stop", [17, 30])
def test_a_stopped_run_goes_on_to_the_same_file(folder: Path, monkeypatch: pytest.MonkeyPatch, stop: int):
    save_often(monkeypatch)
    name = f"stopped{stop}.mp4"
    with pytest.raises(KeyboardInterrupt) as caught:
        paint(folder, name, listen=until(stop))
    assert f"after {stop} of {FRAMES} frames" in caught.value.__notes__[0]
    painted: list[int] = []

    def listen(step: Progress) -> None:
        if step.stage == "paint":
            painted.append(step.done)

    assert paint(folder, name, listen=listen) == whole(folder)
    assert painted == list(range(stop + 1, FRAMES + 1))


@pytest.mark.parametrize(("first", "last"), [(20, 24), (33, 35)])
def test_a_range_is_a_slice_of_the_full_run(folder: Path, first: int, last: int):
    plan = plan_video(folder / "clip.mp4", [Style(folder / "style.png")], folder / "part.mp4", BY_KEYS,
                      Selection((first, last)), overwrite=True)
    assert first == 0 or "exactly" in plan.start.reason
    part = paint(folder, "part.mp4", selection=Selection((first, last)), overwrite=True)
    assert part == whole(folder)[first:last + 1]


def test_frames_that_move_are_not_painted_anew(folder: Path, monkeypatch: pytest.MonkeyPatch):
    painted: list[int] = []
    key = KeyFrameStylizer.paint
    monkeypatch.setattr(KeyFrameStylizer, "paint", lambda self, frame, prior: painted.append(1) or key(self, frame, prior))
    assert paint(folder, "every.mp4", replace(BY_KEYS, key_every=7)) != whole(folder)
    assert len(painted) == 3 + 4 + 2  # a shot's first frame, every seventh from it, and its last: 14, 17 and 5 frames
    painted.clear()
    paint(folder, "each.mp4", replace(BY_KEYS, key_every=1), selection=Selection((0, 3)))
    assert len(painted) == 4


def test_each_frame_on_its_own_is_painted_as_a_key_frame(folder: Path):
    cut = CUTS[0]
    alone = paint(folder, "alone.mp4", replace(BY_KEYS, temporal=0.0), selection=Selection((cut, cut + 2)))
    assert alone[0] == whole(folder)[cut]
    assert alone[2] != whole(folder)[cut + 2]


def test_forms_and_strokes_are_dials(folder: Path):
    optimized = replace(BY_KEYS, optimize_steps=4)
    hashes = {tuple(paint(folder, f"{forms}{strokes}.mp4", replace(optimized, forms=forms, strokes=strokes, preroll=0),
                          selection=Selection((0, 1))))
              for forms, strokes in ((0.0, 0.0), (0.0, 1.0), (0.5, 1.0), (1.0, 0.5), (1.0, 1.0))}
    assert len(hashes) == 5


def test_a_preview_is_painted_by_key_frames_too(folder: Path):
    result = preview_video(folder / "clip.mp4", [Style(folder / "style.png")], folder / "look.mp4", BY_KEYS,
                           Selection((0, 9)), count=2)
    assert list(result.frame_hashes) == whole(folder)[:10]
