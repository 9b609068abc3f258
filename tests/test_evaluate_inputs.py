"""`evaluate` without options: source, range, style and flow are read from the manifest beside the painting."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from negative_method import Negative
from sequence_files import make_sequence
from style_images import bricks
from video_clips import make_clip

from vidstyle.cli import execute
from vidstyle.core.errors import InputError
from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.core.parse import KeyPicture
from vidstyle.evaluate import find_inputs
from vidstyle.painting import methods
from vidstyle.painting.style_picture import Style
from vidstyle.run.pipeline import stylize_video
from vidstyle.run.plan import Selection

NEGATIVE = Options(method="negative", device="cpu")


@pytest.fixture
def painted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A painting of frames 2 to 6 of a clip, in another folder than the clip."""
    monkeypatch.setitem(methods.METHODS, "negative", Negative())
    (tmp_path / "out").mkdir()
    write_png(tmp_path / "style.png", bricks())
    clip = make_clip(tmp_path / "clip.mp4", frames=9)
    stylize_video(clip, [Style(tmp_path / "style.png")], tmp_path / "out" / "part.mp4", NEGATIVE, Selection(frames=(2, 6)))
    return tmp_path / "out" / "part.mp4"


def result(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    assert execute(["evaluate", *map(str, words), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def test_the_manifest_says_what_is_compared(painted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = painted.parent.parent
    found = result(capsys, painted)
    assert found["frames"] == [2, 6]
    assert (Path(found["source"]).resolve(), Path(found["style"]).resolve()) == (folder / "clip.mp4", folder / "style.png")
    assert any("part.mp4.vidstyle.json" in note for note in found["notes"])
    told = result(capsys, painted, "--source", folder / "clip.mp4", "--frames", "2-6", "--style", folder / "style.png")
    assert found["values"] == told["values"]
    painted.with_name("part.mp4.vidstyle.json").unlink()
    alone = result(capsys, painted, "--source", folder / "clip.mp4", "--frames", "2-6", "--style", folder / "style.png")
    assert alone["values"] == found["values"]


def test_what_is_given_comes_first(painted: Path, tmp_path: Path) -> None:
    other = write_other(tmp_path)
    found = find_inputs(painted, other, tmp_path / "other.png")
    assert (found.source, found.style, found.frames) == (other, tmp_path / "other.png", (2, 6))


def write_other(folder: Path) -> Path:
    write_png(folder / "other.png", bricks(64))
    return make_clip(folder / "other.mp4", frames=9, size=(64, 48))


def test_another_source_is_refused_in_a_sentence(painted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = painted.parent.parent / "clip.mp4"
    make_clip(source, frames=9, size=(80, 64))
    assert execute(["evaluate", str(painted)]) == 3
    assert "was painted from another" in (said := capsys.readouterr().err)
    assert said.rstrip().endswith("give the right one with --source.")
    source.unlink()
    with pytest.raises(InputError, match=r"which is not there any more; give --source\.$"):
        find_inputs(painted)


def test_a_painting_that_was_coded_again_is_not_the_manifests(painted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = painted.parent.parent / "clip.mp4"
    make_clip(painted, frames=5)
    with pytest.raises(InputError, match="is not the file that the manifest beside it describes; give --source"):
        find_inputs(painted)
    assert find_inputs(painted, clip).frames is None
    painted.with_name("part.mp4.vidstyle.json").write_text("{}")
    with pytest.raises(InputError, match="is not a manifest"):
        find_inputs(painted)
    painted.with_name("part.mp4.vidstyle.json").unlink()
    with pytest.raises(InputError, match="has no manifest beside it"):
        find_inputs(painted)


def test_a_style_that_cannot_be_read_leaves_only_the_style_out(painted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (painted.parent.parent / "style.png").unlink()
    found = result(capsys, painted)
    assert found["style"] is None
    assert "style_loss" not in found["values"]["painting"]
    assert any("name it with --style" in note for note in found["notes"])


def test_of_several_styles_none_is_chosen(painted: Path) -> None:
    folder = painted.parent.parent
    write_other(folder)
    both = [Style(folder / "style.png"), Style(folder / "other.png", 2.0)]
    stylize_video(folder / "clip.mp4", both, folder / "both.mp4", NEGATIVE)
    found = find_inputs(folder / "both.mp4")
    assert found.style is None
    assert any("several styles" in note for note in found.notes)


def test_what_is_not_in_the_style_is_named(painted: Path) -> None:
    folder = painted.parent.parent
    write_png(folder / "left.png", (torch.arange(96) < 48).expand(3, 64, 96).float())
    write_png(folder / "key.png", torch.rand(3, 64, 96))
    options = replace(NEGATIVE, color="source", matte=(str(folder / "left.png"),), key=(KeyPicture(2, folder / "key.png"),))
    stylize_video(folder / "clip.mp4", [Style(folder / "style.png")], folder / "out" / "more.mp4", options)
    notes = " ".join(find_inputs(folder / "out" / "more.mp4").notes)
    for named in ("--color source", "key frames are an artist's paintings", "Mattes show the source"):
        assert named in notes
        assert named not in " ".join(find_inputs(painted).notes)


def test_frames_of_a_sequence_are_found_by_their_files(painted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = painted.parent.parent
    source = make_sequence(folder, range(1001, 1007))
    target = folder / "out" / "painted.####.png"
    stylize_video(source, [Style(folder / "style.png")], target, NEGATIVE, Selection(frames=(1002, 1005)))
    assert result(capsys, target)["frames"] == [1, 4]


@pytest.mark.parametrize(("options", "judge"), [({"flow": "farneback"}, "dis"), ({"temporal": 0.0}, "farneback"),
                                                ({}, "farneback")])
def test_another_flow_judges_than_the_one_that_painted(options: dict[str, Any], judge: str, painted: Path,
                                                       capsys: pytest.CaptureFixture[str]) -> None:
    folder = painted.parent.parent
    stylize_video(folder / "clip.mp4", [Style(folder / "style.png")], folder / "again.mp4",
                  Options(method="negative", device="cpu", **options))
    assert result(capsys, folder / "again.mp4")["judge"] == judge


def test_seconds_are_those_of_the_users_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                              capsys: pytest.CaptureFixture[str]) -> None:
    """A transport stream's own clock reads 1.4 s at its first frame, and here two hours more."""
    monkeypatch.setitem(methods.METHODS, "negative", Negative())
    write_png(tmp_path / "style.png", bricks())
    clip = make_clip(tmp_path / "clip.ts", frames=6, time_base=Fraction(1, 90000), step=3600,
                     container_options={"output_ts_offset": "7200"})
    stylize_video(clip, [Style(tmp_path / "style.png")], tmp_path / "painted.mp4", NEGATIVE)
    worst = result(capsys, tmp_path / "painted.mp4")["worst"]
    assert [one["seconds"] for one in worst] == pytest.approx([one["frame"] / 25 for one in worst], abs=0.001)
