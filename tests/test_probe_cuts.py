"""`probe --cuts`: the shots of a clip, and the files that other programs read them from."""

from __future__ import annotations

import csv
import json
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from sequence_files import make_sequence
from style_images import bricks
from three_shots import CUTS, shots
from video_clips import make_clip

from vidstyle.batch.shot import Shot
from vidstyle.batch.shot_list import read_shots
from vidstyle.cli import execute
from vidstyle.core.images import write_png
from vidstyle.painting.style_picture import Style

RANGES = [(0, CUTS[0] - 1), (CUTS[0], CUTS[1] - 1), (CUTS[1], 44)]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """45 frames of three shots, 25 a second."""
    return make_clip(tmp_path_factory.mktemp("cuts") / "three, shots.mp4", frames=45, picture=shots)


def test_the_shots_are_listed(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["probe", str(clip), "--cuts"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows == [["SHOT", "frames", "count", "timecode", "seconds"], ["1", "0-13", "14", "00:00:00:00", "0.000"],
                    ["2", "14-30", "17", "00:00:00:14", "0.560"], ["3", "31-44", "14", "00:00:01:06", "1.240"]]
    assert execute(["probe", str(clip), "--cuts", "--json"]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [tuple(shot["frames"]) for shot in last["shots"]] == RANGES
    assert last["shots"][1]["seconds"] == 0.56


def test_a_clips_own_timecode_is_counted_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = make_clip(tmp_path / "clip.mov", frames=20, picture=shots, metadata={"timecode": "10:59:59:20"})
    assert execute(["probe", str(clip), "--cuts", "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])["shots"]
    assert [shot["timecode"] for shot in found] == ["10:59:59:20", "11:00:00:09"]


def test_the_csv_is_a_shot_list(clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The list names the clip from its own folder, wherever that is, and `batch` reads it."""
    file = tmp_path / "lists" / "shots.csv"
    file.parent.mkdir()
    assert execute(["probe", str(clip), "--cuts", "-o", str(file)]) == 0
    with file.open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert [row["frames"] for row in rows] == ["0-13", "14-30", "31-44"]
    assert {(file.parent / row["clip"]).resolve() for row in rows} == {clip.resolve()}
    write_png(tmp_path / "style.png", bricks())
    found = read_shots([file], Shot(Path(), (Style(tmp_path / "style.png"),)))
    assert [shot.selection.frames for shot in found] == RANGES
    assert all(shot.clip.resolve() == clip.resolve() for shot in found)
    capsys.readouterr()
    assert execute(["probe", str(clip), "--cuts", "-o", str(file)]) == 4
    assert "exists already" in capsys.readouterr().err


def test_the_numbers_of_images_are_their_files(tmp_path: Path) -> None:
    pattern = make_sequence(tmp_path, range(1001, 1006))
    assert execute(["probe", str(pattern), "--cuts", "-o", str(tmp_path / "shots.csv"), "--json"]) == 0
    rows = list(csv.reader((tmp_path / "shots.csv").open()))
    assert rows[0] == ["clip", "frames"]
    assert (rows[1][1].partition("-")[0], rows[-1][1].rpartition("-")[2]) == ("1001", "1005")


def test_the_timeline_opens_in_otio(clip: Path, tmp_path: Path) -> None:
    otio = pytest.importorskip("opentimelineio", reason="OpenTimelineIO is not installed")
    assert execute(["probe", str(clip), "--cuts", "-o", str(tmp_path / "cuts.otio")]) == 0
    timeline = otio.adapters.read_from_file(str(tmp_path / "cuts.otio"))
    [track] = timeline.tracks
    starts = []
    for part, (first, last) in zip(track, RANGES, strict=True):
        whole, used = part.media_reference.available_range, part.source_range
        assert (tmp_path / part.media_reference.target_url).resolve() == clip.resolve()
        assert (whole.duration.value, used.duration.value) == (45, last - first + 1)
        assert used.start_time - whole.start_time == otio.opentime.RationalTime(first, 25)
        starts.append(otio.opentime.to_timecode(used.start_time))
    assert starts == ["00:00:00:00", "00:00:00:14", "00:00:01:06"]


def test_a_timeline_keeps_a_rate_that_timecode_does_not_know(tmp_path: Path) -> None:
    otio = pytest.importorskip("opentimelineio", reason="OpenTimelineIO is not installed")
    clip = make_clip(tmp_path / "slow.mp4", frames=20, picture=shots, time_base=Fraction(1, 15), step=1)
    assert execute(["probe", str(clip), "--cuts", "-o", str(tmp_path / "cuts.otio")]) == 0
    [track] = otio.adapters.read_from_file(str(tmp_path / "cuts.otio")).tracks
    assert [part.source_range.start_time for part in track] == [otio.opentime.RationalTime(first, 15) for first in (0, 14)]
    assert {part.source_range.start_time.rate for part in track} == {15}


def test_a_timeline_needs_a_constant_rate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("opentimelineio", reason="OpenTimelineIO is not installed")
    uneven = make_clip(tmp_path / "uneven.mp4", pts=[0, 500, 1700, 2000], time_base=Fraction(1, 12800))
    assert execute(["probe", str(uneven), "--cuts", "-o", str(tmp_path / "cuts.otio")]) == 2
    assert "write the shots as .csv" in capsys.readouterr().err
    assert not (tmp_path / "cuts.otio").exists()


def test_without_otio_the_extra_is_named(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                         capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "opentimelineio", None)
    assert execute(["probe", str(clip), "--cuts", "-o", str(tmp_path / "cuts.otio")]) == 2
    assert "-m pip install opentimelineio." in capsys.readouterr().err


@pytest.mark.parametrize(("words", "sentence"), [
    (["-o", "shots.csv"], "give --cuts too"), (["--cuts", "--overwrite"], "give -o FILE too"),
    (["--cuts", "-o", "shots.txt"], r"name the file .csv or .otio")])
def test_options_that_need_others(words: list[str], sentence: str, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["probe", str(clip), *words]) == 2
    assert sentence in capsys.readouterr().err
