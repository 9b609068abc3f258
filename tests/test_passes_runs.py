"""Whole runs in several passes: a stopped run, a range, the parts of a clip and a preview are as of any other run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from stopped_runs import save_often, until
from three_shots import CUTS, shots
from torch import Tensor
from video_clips import make_clip

from vidstyle.core.errors import UsageError
from vidstyle.core.frame import Prior
from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.core.progress import Progress
from vidstyle.painting.optimize.stylizer import OptimizingStylizer
from vidstyle.painting.style_picture import Style
from vidstyle.run.parts import join, paint_part, split
from vidstyle.run.pipeline import preview_video, stylize_video
from vidstyle.run.plan import Selection, plan_video
from vidstyle.temporal import multipass

PASSES = Options(key_every=1, strokes=0.0, passes=3, size=48, device="cpu", crf=0)
FRAMES = 36


def stylize(paint: OptimizingStylizer, image: Tensor, priors: Sequence[Prior] = ()) -> Tensor:
    return repaint(paint, image, 1 - image, priors)


def repaint(paint: OptimizingStylizer, image: Tensor, start: Tensor, priors: Sequence[Prior]) -> Tensor:
    """A painting that depends on all it is given, for the optimizer has tests of its own and takes long."""
    for prior in priors:
        start = torch.lerp(start, prior.image, 0.7 * prior.visibility)
    return (0.9 * start + 0.1 * (1 - image).square()).clamp(0, 1)


@pytest.fixture(scope="module", autouse=True)
def short_windows():
    """Windows of four frames and two more, of which a short clip has many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OptimizingStylizer, "__call__", stylize)
        patch.setattr(OptimizingStylizer, "repaint", repaint)
        patch.setattr(multipass, "BLOCK", 4)
        patch.setattr(multipass, "OVERLAP", 2)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, short_windows: None) -> Path:
    """A clip of three shots, a style, and `whole.mp4`, painted without a stop."""
    folder = tmp_path_factory.mktemp("passes")
    make_clip(folder / "clip.mp4", frames=FRAMES, size=(48, 32), picture=shots)
    write_png(folder / "style.png", torch.rand(3, 24, 32, generator=torch.Generator().manual_seed(0)).repeat_interleave(6, 1)
              .repeat_interleave(6, 2))
    paint(folder, "whole.mp4")
    return folder


def paint(folder: Path, name: str, options: Options = PASSES, **more: object) -> list[str]:
    """Hashes of the painted frames."""
    return list(stylize_video(folder / "clip.mp4", [Style(folder / "style.png")], folder / name, options, **more).frame_hashes)


def whole(folder: Path) -> list[str]:
    return json.loads((folder / "whole.mp4.vidstyle.json").read_text())["frame_sha256"]


@pytest.mark.parametrize("stop", [2, CUTS[0] + 3, 30])
def test_a_stopped_run_goes_on_to_the_same_file(folder: Path, monkeypatch: pytest.MonkeyPatch, stop: int):
    save_often(monkeypatch)
    name, painted = f"stopped{stop}.mp4", list[int]()
    with pytest.raises(KeyboardInterrupt):
        paint(folder, name, listen=until(stop))

    def listen(step: Progress) -> None:
        if step.stage == "paint":
            painted.append(step.done)

    assert paint(folder, name, listen=listen) == whole(folder)
    assert painted == list(range(stop + 1, FRAMES + 1))


def test_a_range_is_a_slice_of_the_full_run(folder: Path):
    first, last = CUTS[0] + 2, CUTS[0] + 7  # within one shot, and its last window reaches beyond the range
    chosen = Selection((first, last))
    plan = plan_video(folder / "clip.mp4", [Style(folder / "style.png")], folder / "part.mp4", PASSES, chosen)
    assert "exactly" in plan.start.reason
    assert paint(folder, "part.mp4", selection=chosen) == whole(folder)[first:last + 1]


def test_parts_and_a_preview_are_painted_alike(folder: Path):
    plan = plan_video(folder / "clip.mp4", [Style(folder / "style.png")], folder / "joined.mp4", PASSES)
    parts = split(plan, 4)
    assert len(parts) > 1
    assert list(join(plan, [paint_part(plan, part) for part in parts]).frame_hashes) == whole(folder)
    result = preview_video(folder / "clip.mp4", [Style(folder / "style.png")], folder / "look.mp4", PASSES, Selection((0, 5)),
                           count=2)
    assert list(result.frame_hashes) == whole(folder)[:6]


def test_an_even_number_is_refused_before_any_painting(folder: Path):
    with pytest.raises(UsageError, match="passes is 2; give an odd number"):
        plan_video(folder / "clip.mp4", [Style(folder / "style.png")], folder / "even.mp4",
                   Options(key_every=1, strokes=0.0, passes=2))
