"""Whole runs on sequences, with the method that paints the negative of each image."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sequence_files as files
import torch
from negative_method import Negative
from sequence_files import frames_of, make_sequence

from vidstyle.batch.conduct import Outcome, in_turn, paint_shots, plan_shots
from vidstyle.batch.shot import Shot
from vidstyle.core.errors import OutputError, UsageError
from vidstyle.core.images import read_image, write_png
from vidstyle.core.options import Options
from vidstyle.painting.methods import METHODS
from vidstyle.painting.style_picture import Style
from vidstyle.run.naming import sheet_target
from vidstyle.run.pipeline import preview_video, stylize_video
from vidstyle.run.plan import Selection, plan_video
from vidstyle.video import ReadSettings, open_source


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[list[Style], Options]:
    monkeypatch.setitem(METHODS, Options().method, Negative())
    write_png(tmp_path / "night.png", torch.rand(3, 40, 40, generator=torch.Generator().manual_seed(0)))
    return [Style(tmp_path / "night.png")], Options(device="cpu", temporal=0.0, size=32)


def test_an_exr_sequence_is_painted_beside_itself(tmp_path: Path, quick: tuple[list[Style], Options]):
    path = make_sequence(tmp_path, range(1001, 1005), ".exr")
    result = stylize_video(path, quick[0], options=quick[1], selection=Selection(frames=(1002, 1003)))
    assert result.plan.target == tmp_path / "shot_night.####.exr"
    assert sorted(file.name for file in tmp_path.glob("shot_night*.exr")) == ["shot_night.1002.exr", "shot_night.1003.exr"]
    source = files.read_exr_by_ffmpeg(tmp_path / "shot.1002.exr").astype(np.float64)
    bright = int((source > 1).any(-1).sum())
    assert result.warnings == (f"{2 * bright} pixels in 2 of 2 frames are brighter than white and are written as white.",)
    code = np.where(source <= 0.0031308, 12.92 * source, 1.055 * np.maximum(source, 1e-9) ** (1 / 2.4) - 0.055)
    negative = 1 - code.clip(0, 1)
    truth = np.where(negative <= 0.04045, negative / 12.92, ((negative + 0.055) / 1.055) ** 2.4)
    painted = files.read_exr_by_ffmpeg(tmp_path / "shot_night.1002.exr")
    np.testing.assert_allclose(painted, truth, rtol=2**-10, atol=2e-6)  # half a step of a half, and float32 in between


def test_strength_zero_is_the_source_s_own_file_values(tmp_path: Path, quick: tuple[list[Style], Options]):
    path = make_sequence(tmp_path, range(1, 4), ".exr")
    options = Options(device="cpu", temporal=0.0, strength=0.0)
    result = stylize_video(path, quick[0], tmp_path / "same.####.exr", options)
    assert result.warnings == ()
    for number in (1, 2, 3):
        np.testing.assert_array_equal(files.read_exr_by_ffmpeg(tmp_path / f"same.{number:04d}.exr"),
                                      files.read_exr_by_ffmpeg(tmp_path / f"shot.{number:04d}.exr"))


def test_a_preview_of_a_sequence_is_a_movie_and_a_sheet(tmp_path: Path, quick: tuple[list[Style], Options]):
    path = make_sequence(tmp_path, range(1001, 1009))
    styles, options = quick
    options = Options(device="cpu", temporal=0.0, size=32, fps=Fraction(24))
    movie = plan_video(path, styles, None, options, preview=True).target
    assert movie == tmp_path / "shot_night_preview.mp4"
    preview_video(path, styles, movie, options, Selection(frames=(1003, 1006)), count=2)
    assert len(frames_of(movie)) == 4
    assert read_image(tmp_path / "shot_night_preview.png").shape[0] == 3
    assert sheet_target(Path("a.####.png")) == Path("a_sheet.png")  # never a pattern's own name


def test_several_sequences_never_share_an_output(tmp_path: Path, quick: tuple[list[Style], Options]):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    sources = [make_sequence(tmp_path / "a", range(1, 3)), make_sequence(tmp_path / "b", range(1, 3))]
    styles, options = quick
    shots = [Shot(source, tuple(styles), options) for source in sources]
    done = list[Outcome]()
    paint_shots(plan_shots(shots, done.append), in_turn(lambda planned, step: None), done.append)
    assert [outcome.result and outcome.result.frames for outcome in done] == [2, 2]
    targets = ("out.####.png", "out.%04d.png")
    with pytest.raises(UsageError, match="would both be written to"):
        plan_shots([replace(shot, target=tmp_path / target) for shot, target in zip(shots, targets, strict=True)], done.append)


def test_a_plan_of_a_sequence_has_its_file_numbers(tmp_path: Path, quick: tuple[list[Style], Options]):
    from vidstyle.cli.events import plan_line, plan_text

    path = make_sequence(tmp_path, range(1001, 1009))
    plan = plan_video(path, quick[0], None, quick[1], Selection(frames=(1003, 1006)))
    assert (plan.frames, plan.as_dict()["frames"], plan.as_dict()["count"]) == ((2, 5), [1003, 1006], 4)
    assert "frames 1003-1006 (4)" in plan_line(plan)
    assert "32x24, PNG images, 16 bit" in plan_text(plan)


def test_a_style_picture_is_never_an_output(tmp_path: Path, quick: tuple[list[Style], Options]):
    path = make_sequence(tmp_path, range(1, 4))
    style = tmp_path / "style.0002.png"
    write_png(style, torch.rand(3, 40, 40))
    with pytest.raises(OutputError, match="is a style picture, and what is read is never written to"):
        plan_video(path, [Style(style)], tmp_path / "style.####.png", quick[1], overwrite=True)


def test_the_preroll_is_told_in_numbers_of_files(tmp_path: Path, quick: tuple[list[Style], Options]):
    path = make_sequence(tmp_path, range(1001, 1009))
    options = Options(method="feedforward", device="cpu", size=32)
    selection = Selection(frames=(1006, 1007))
    assert "from frame 1001, where the clip begins" in plan_video(path, quick[0], None, options, selection).start.reason
    short = replace(options, preroll=2)
    assert "from frame 1004: no shot begins there" in plan_video(path, quick[0], None, short, selection).start.reason


@pytest.mark.parametrize("name", ["out.mp4", "out.####.dpx", "out.mov", "out.####.png"])
def test_hidden_colours_do_not_come_to_light(tmp_path: Path, quick: tuple[list[Style], Options], name: str):
    pixels = np.zeros((48, 64, 4), np.uint8)
    pixels[..., 0], pixels[:, 32:, 3] = 255, 255  # red everywhere, hidden on the left
    for number in (1, 2):
        files.write_coded(tmp_path / f"shot.{number:04}.png", pixels)
    options = replace(quick[1], strength=0.0, fps=Fraction(24) if "#" not in name else None)
    stylize_video(tmp_path / "shot.####.png", quick[0], tmp_path / name, options)
    first = next(open_source(tmp_path / name, ReadSettings(fps=Fraction(24))).decode())
    left, right = first.image[:, 8:40, 8:24], first.image[:, 8:40, 40:56]
    assert (right - torch.tensor([1.0, 0, 0])[:, None, None]).abs().max() < 0.05  # the codec's error
    if first.alpha is not None:
        assert float(first.alpha[:, :, :30].max()) == 0  # still hidden
    else:
        assert float(left.max()) < 0.02
