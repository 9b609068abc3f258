"""Names of outputs, of previews and of manifests; what a preview replaces, and what it leaves for the run."""

import json
import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from negative_method import Negative
from sequence_files import make_sequence
from stopped_runs import QUICK as THREE_STEPS
from video_clips import make_clip

from vidstyle.core.errors import OutputError, UsageError
from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.core.progress import Progress
from vidstyle.painting.methods import METHODS
from vidstyle.painting.style_picture import Style
from vidstyle.run.manifest_file import manifest_path
from vidstyle.run.pipeline import preview_video, stylize_video
from vidstyle.run.plan import Selection, plan_video
from vidstyle.run.verify import verify
from vidstyle.video import probe

QUICK = Options(size=32, device="cpu", temporal=0.0)
FITTED = replace(THREE_STEPS, fit_steps=1)


@pytest.fixture
def styles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Style]:
    """A style; the method `optimize` gives the negative of a frame."""
    monkeypatch.setitem(METHODS, Options().method, Negative())
    write_png(tmp_path / "night.png", torch.rand(3, 40, 40, generator=torch.Generator().manual_seed(0)))
    return [Style(tmp_path / "night.png")]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mp4", frames=30)


@pytest.mark.parametrize(
    ("selection", "preview", "name"),
    [
        (Selection(), False, "clip_night.mp4"),
        (Selection(frames=(0, 29)), False, "clip_night.mp4"),
        (Selection(frames=(3, 5)), False, "clip_night_3-5.mp4"),
        (Selection(start=0.2, end=0.4), False, "clip_night_5-9.mp4"),  # 25 frames a second
        (Selection(), True, "clip_night_preview.mp4"),
        (Selection(frames=(3, 5)), True, "clip_night_3-5_preview.mp4"),
    ],
)
def test_a_range_gets_its_frames_in_the_name(clip: Path, styles: list[Style], selection: Selection, preview: bool, name: str):
    plan = plan_video(clip, styles, None, QUICK, selection, preview=preview)
    assert plan.target == clip.with_name(name)
    assert plan.sheet == (clip.with_name(name).with_suffix(".png") if preview else None)


def test_ranges_of_one_clip_are_painted_beside_each_other(clip: Path, styles: list[Style], tmp_path: Path):
    for frames in ((0, 3), (4, 9)):
        stylize_video(clip, styles, options=QUICK, selection=Selection(frames=frames))
    counts = [probe(tmp_path / f"clip_night_{name}.mp4").frames for name in ("0-3", "4-9")]
    assert counts == [4, 6]
    with pytest.raises(OutputError, match=r"clip_night_0-3\.mp4: exists already"):
        plan_video(clip, styles, None, QUICK, Selection(frames=(0, 3)))


def test_images_have_their_numbers_and_a_movie_of_them_has_the_range(tmp_path: Path, styles: list[Style]):
    path = make_sequence(tmp_path, range(1001, 1009))
    some = Selection(frames=(1003, 1006))
    assert plan_video(path, styles, None, QUICK, some).target.name == "shot_night.####.png"
    movie = plan_video(path, styles, None, replace(QUICK, codec="h264", fps=Fraction(24)), some)
    assert movie.target.name == "shot_night_1003-1006.mp4"
    assert plan_video(path, styles, None, replace(QUICK, fps=Fraction(24)), some, preview=True).target.name == (
        "shot_night_1003-1006_preview.mp4")


def test_a_preview_replaces_an_earlier_one_and_nothing_else(clip: Path, styles: list[Style], tmp_path: Path):
    for strength in (1.0, 0.5):
        result = preview_video(clip, styles, options=replace(QUICK, strength=strength), count=2)
    assert json.loads(manifest_path(result.plan.target).read_text())["options"]["strength"] == 0.5
    with pytest.raises(OutputError, match="exists already"):  # a run replaces no preview
        plan_video(clip, styles, result.plan.target, QUICK)
    (tmp_path / "clip_night_preview.mp4").write_bytes(clip.read_bytes())  # no longer what preview has written
    with pytest.raises(OutputError, match="exists already"):
        plan_video(clip, styles, None, QUICK, preview=True)


def test_a_preview_does_not_replace_what_a_run_has_written(clip: Path, styles: list[Style], tmp_path: Path):
    stylize_video(clip, styles, tmp_path / "clip_night_preview.mp4", QUICK)
    with pytest.raises(OutputError, match="exists already"):
        plan_video(clip, styles, None, QUICK, preview=True)


@pytest.mark.parametrize("name", ["x.png", "x.jpg"])
def test_a_preview_as_one_image_is_refused_with_what_to_give(clip: Path, styles: list[Style], tmp_path: Path, name: str):
    with pytest.raises(UsageError, match=rf"{name} is one image; .* give -o .*x\.mp4, and the sheet is .*x\.png\."):
        plan_video(clip, styles, tmp_path / name, QUICK, preview=True)


def test_folders_of_the_output_are_made(clip: Path, styles: list[Style], tmp_path: Path):
    target = tmp_path / "tonight" / "scene 1" / "out.mp4"
    plan_video(clip, styles, target, QUICK)
    assert not (tmp_path / "tonight").exists()  # a plan writes nothing
    stylize_video(clip, styles, target, QUICK, Selection(frames=(0, 1)))
    assert probe(target).frames == 2


def test_an_output_inside_a_file_is_refused(clip: Path, styles: list[Style]):
    with pytest.raises(OutputError, match=r"clip\.mp4 is no folder"):
        plan_video(clip, styles, clip / "new" / "out.mp4", QUICK)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the administrator may write everywhere")
def test_a_folder_that_cannot_be_made_is_refused(clip: Path, styles: list[Style], tmp_path: Path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="read-only"):
        plan_video(clip, styles, tmp_path / "locked" / "new" / "out.mp4", QUICK)


def test_the_manifest_of_images_has_a_short_name(tmp_path: Path, styles: list[Style]):
    path = make_sequence(tmp_path, range(1, 3))
    stylize_video(path, styles, options=QUICK)
    assert (tmp_path / "shot_night.vidstyle.json").is_file()
    assert all(check.good for check in verify(tmp_path / "shot_night.####.png"))
    assert all(check.good for check in verify(tmp_path / "shot_night.%04d.png"))
    # Another sequence of the same name does not take it over.
    stylize_video(path, styles, tmp_path / "shot_night.####.tif", QUICK)
    assert all(check.good for name in ("png", "tif") for check in verify(tmp_path / f"shot_night.####.{name}"))


def test_the_name_that_earlier_versions_gave_is_read_too(tmp_path: Path, styles: list[Style]):
    path = make_sequence(tmp_path, range(1, 3))
    stylize_video(path, styles, options=QUICK)
    (tmp_path / "shot_night.vidstyle.json").rename(tmp_path / "shot_night.####.png.vidstyle.json")
    assert all(check.good for check in verify(tmp_path / "shot_night.####.png"))


def test_a_run_uses_the_fit_of_a_preview(clip: Path, styles: list[Style], tmp_path: Path):
    stylize_video(clip, styles, tmp_path / "fresh.mp4", FITTED)
    preview_video(clip, styles, options=FITTED, selection=Selection(frames=(2, 3)), count=1)
    steps: list[Progress] = []
    stylize_video(clip, styles, options=FITTED, listen=steps.append)
    assert "fit" not in {step.stage for step in steps}
    assert [step.note for step in steps if step.note] == [
        f"uses the network of a preview, {tmp_path / 'clip_night_2-3_preview.mp4.vidstyle-fit'}"]
    assert (tmp_path / "clip_night.mp4").read_bytes() == (tmp_path / "fresh.mp4").read_bytes()
    stages: list[str] = []
    stylize_video(clip, styles, tmp_path / "other.mp4", replace(FITTED, seed=1), listen=lambda step: stages.append(step.stage))
    assert "fit" in stages  # another seed fits another network


def test_a_stopped_preview_does_not_stop_the_next(clip: Path, styles: list[Style]):
    def stop(progress: Progress) -> None:
        if progress.stage == "paint":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        preview_video(clip, styles, options=FITTED, listen=stop)
    result = preview_video(clip, styles, options=replace(FITTED, seed=1), count=1)
    assert result.frames == 24


def test_a_run_says_where_it_continues(clip: Path, styles: list[Style], tmp_path: Path):
    def stop(progress: Progress) -> None:
        if progress.stage == "paint" and progress.done == 21:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stylize_video(clip, styles, options=QUICK, listen=stop)
    steps: list[Progress] = []
    stylize_video(clip, styles, options=QUICK, listen=steps.append)
    assert (steps[0].stage, steps[0].note, steps[0].done) == ("resume", "continues after 21 of 30 frames", 21)
