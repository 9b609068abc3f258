"""A batch: what is painted, what is skipped, what is painted again, and what it says and reports."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import av
import numpy as np
import pytest
import stopped_runs
from batch_runs import command, make_shots
from fake_pipeline import events
from negative_method import Negative
from video_clips import make_clip

from vidstyle.cli import execute
from vidstyle.core.progress import Progress
from vidstyle.painting.methods import METHODS
from vidstyle.run import pipeline
from vidstyle.run.manifest_file import manifest_path

SHOTS = 7


class Painted(list[str]):
    """The names of the outputs that were painted, in order; stops the run after so many frames of one, where asked."""

    stop: tuple[str, int] = ("", 0)


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> Painted:
    """The negative as a method, runs that save after every frame, and a record of what is painted."""
    monkeypatch.setitem(METHODS, "negative", Negative())
    stopped_runs.save_often(monkeypatch)
    record, paint = Painted(), pipeline.run

    def run(plan, *, listen, **how):
        record.append(plan.target.name)

        def step(progress: Progress) -> None:
            listen(progress)
            if (plan.target.name, progress.done) == record.stop:
                raise KeyboardInterrupt

        return paint(plan, listen=step, **how)

    monkeypatch.setattr(pipeline, "run", run)
    return record


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a list of seven shots that are painted, and their report."""
    folder = tmp_path_factory.mktemp("batch")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(METHODS, "negative", Negative())
        assert execute(command(make_shots(folder, SHOTS))) == 0
    return folder


@pytest.fixture
def shots(finished: Path, tmp_path: Path, painted: Painted) -> Path:
    """A copy of the finished list, with all that lies around it."""
    folder = Path(shutil.copytree(finished, tmp_path / "batch"))
    return folder / "shots.csv"


def entries(shots: Path) -> list[dict]:
    return json.loads((shots.parent / "shots_report/report.json").read_text())["shots"]


def edit(shots: Path, old: str, new: str) -> None:
    text = shots.read_text()
    assert old in text
    shots.write_text(text.replace(old, new))


def test_every_shot_has_the_frames_that_its_row_asks_for(finished: Path):
    """Decoded by PyAV itself: the negative of the source, whole in a lossless codec."""
    def frames(name: str) -> list[np.ndarray]:
        with av.open(str(finished / name)) as file:
            return [frame.to_ndarray(format="rgb24").astype(int) for frame in file.decode(video=0)]

    source, whole = frames("shot6.mp4"), frames("whole.mkv")
    assert len(whole) == len(source) == 9
    assert max(np.abs(255 - one - other).mean() for one, other in zip(source, whole, strict=True)) < 4  # 4:2:0, in 8 bits
    part = frames("painted/shot1_a_2-6.mp4")
    assert len(part) == 5
    assert np.abs(255 - part[0] - frames("shot1.mp4")[2]).mean() < 6  # frames 2-6, in a lossy codec
    assert [entry["frames"] for entry in entries(finished / "shots.csv")] == [8, 5, 10, 11, 12, 8, 9]


def test_a_finished_list_is_not_painted_again(shots: Path, painted: Painted, capsys: pytest.CaptureFixture[str]):
    before = entries(shots)  # which state where they are listed, of the original
    assert execute(command(shots)) == 0
    out, err = capsys.readouterr()
    assert painted == []
    assert out.splitlines() == [str(shots.parent / name) for name in (
        *(f"painted/shot{number}_{tag}.mp4" for number, tag in enumerate(["a", "a_2-6", "a", "a", "b", "a_b"])), "whole.mkv")]
    assert err.count(": is finished") == SHOTS
    assert [entry | {"origin": ""} for entry in entries(shots)] == [entry | {"origin": ""} for entry in before]


def test_only_changed_shots_are_painted_again_and_it_is_said_why(shots: Path, painted: Painted, capsys):
    edit(shots, "shot2.mp4,a.png,,,,,0.5", "shot2.mp4,a.png,,,,,0.7")
    (shots.parent / "b.png").write_bytes((shots.parent / "a.png").read_bytes())
    assert execute(command(shots)) == 0
    assert painted == ["shot2_a.mp4", "shot4_b.mp4", "shot5_a_b.mp4"]
    err = capsys.readouterr().err
    assert "3. shot2.mp4: is painted again, because strength was 0.5 and is 0.7" in err
    assert "5. shot4.mp4: is painted again, because styles was b.png (" in err
    assert entries(shots)[2]["changes"] == ["strength was 0.5 and is 0.7"]
    painted.clear()
    assert execute(command(shots)) == 0
    assert painted == []


def test_a_source_is_compared_by_its_content(shots: Path, painted: Painted):
    """A newer time alone changes nothing; another file of the same size and an old time does."""
    os.utime(shots.parent / "shot0.mp4")
    replaced = bytearray((shots.parent / "shot3.mp4").read_bytes())
    replaced[replaced.index(b"x264")] ^= 1  # in the text that the encoder leaves; the frames stay as they are
    (shots.parent / "new.mp4").write_bytes(replaced)
    os.utime(shots.parent / "new.mp4", (0, 0))
    os.replace(shots.parent / "new.mp4", shots.parent / "shot3.mp4")
    assert execute(command(shots)) == 0
    assert painted == ["shot3_a.mp4"]


def test_a_missing_output_is_painted_and_one_that_is_not_ours_stays(shots: Path, painted: Painted, capsys):
    folder = shots.parent / "painted"
    (folder / "shot0_a.mp4").unlink()
    manifest_path(folder / "shot1_a_2-6.mp4").unlink()
    edited = folder / "shot2_a.mp4"
    edited.write_bytes(edited.read_bytes() + b"graded")
    assert execute(command(shots)) == 5
    assert painted == ["shot0_a.mp4"]
    assert edited.read_bytes().endswith(b"graded")
    err = capsys.readouterr().err
    assert err.splitlines()[-1] == "vidstyle: 2 of 7 shots failed; the other 5 are painted."
    assert err.count(f"failed: {shots}, line 3: {folder / 'shot1_a_2-6.mp4'}: exists already") == 1
    assert [entry["status"] for entry in entries(shots)] == ["done", "failed", "failed", *["done"] * 4]
    assert execute(command(shots, "--overwrite")) == 0
    assert painted == ["shot0_a.mp4", "shot1_a_2-6.mp4", "shot2_a.mp4"]


def test_a_failure_stops_no_other_and_is_retried_alone(shots: Path, painted: Painted, capsys):
    edit(shots, "shot1.mp4,a.png", "shut1.mp4,a.png")
    edit(shots, "shot3.mp4,a.png", "shot3.mp4,none.png")
    assert execute(command(shots)) == 5
    assert [(entry["status"], entry.get("exit_code")) for entry in entries(shots)[:4]] == [
        ("done", None), ("failed", 3), ("done", None), ("failed", 3)]
    edit(shots, "shut1.mp4", "shot1.mp4")  # found again by its line
    edit(shots, "none.png", "b.png")
    edit(shots, "shot2.mp4,a.png,,,,,0.5", "shot2.mp4,a.png,,,,,0.7")
    painted.clear()
    assert execute(command(shots, "--retry-failed")) == 0
    assert painted == ["shot3_b.mp4"]  # and of the second the painting is there
    assert [entry["status"] for entry in entries(shots)] == ["done"] * SHOTS
    capsys.readouterr()
    assert execute(command(shots, "--retry-failed")) == 0
    assert "No shot has failed" in capsys.readouterr().err
    assert execute(command(shots, "--retry-failed", "--report", str(shots.parent / "other"))) == 2


def test_a_stop_ends_the_batch_and_the_same_command_goes_on(shots: Path, painted: Painted, capsys):
    shutil.rmtree(shots.parent / "painted")
    painted.stop = ("shot2_a.mp4", 4)
    assert execute(command(shots)) == 130
    assert painted == ["shot0_a.mp4", "shot1_a_2-6.mp4", "shot2_a.mp4"]
    assert "it goes on after 4 of 10 frames" in capsys.readouterr().err
    assert [entry["status"] for entry in entries(shots)][:4] == ["done", "done", "waiting", "waiting"]
    painted.stop = ("", 0)
    painted.clear()
    assert execute(command(shots)) == 0
    assert painted == [f"shot{number}_{style}.mp4" for number, style in [(2, "a"), (3, "a"), (4, "b"), (5, "a_b")]]
    err = capsys.readouterr().err
    assert "3. shot2.mp4: paint frame 5/10" in err  # the first that was painted now
    assert "3/7 shots" in err


def test_unfinished_work_of_a_changed_row_is_dropped(shots: Path, painted: Painted, capsys):
    (shots.parent / "painted/shot2_a.mp4").unlink()
    painted.stop = ("shot2_a.mp4", 4)
    assert execute(command(shots)) == 130
    painted.stop = ("", 0)
    edit(shots, "shot2.mp4,a.png,,,,,0.5", "shot2.mp4,a.png,,,,,0.7")
    assert execute(command(shots)) == 0
    said = "Painted from the beginning: strength was 0.5 and is 0.7."
    assert f"shot2.mp4: {said}" in capsys.readouterr().err
    assert said in entries(shots)[2]["warnings"]


def test_a_dry_run_states_what_would_be_done_and_writes_nothing(shots: Path, painted: Painted, capsys):
    edit(shots, "shot2.mp4,a.png,,,,,0.5", "shot2.mp4,a.png,,,,,0.7")
    before = {path: path.stat().st_mtime_ns for path in shots.parent.rglob("*")}
    assert execute([*command(shots), "--dry-run", "--json"]) == 0
    plans = events(capsys)[-1]["plans"]
    assert [plan["finished"] for plan in plans] == [True, True, False, *[True] * 4]
    assert plans[2]["changes"] == ["strength was 0.5 and is 0.7"]
    config = shots.parent / "negative.toml"
    assert {path: path.stat().st_mtime_ns for path in shots.parent.rglob("*") if path != config} == {
        path: time for path, time in before.items() if path != config}
    assert painted == []


def test_a_folder_is_painted_once_and_its_paintings_are_no_clips(tmp_path: Path, painted: Painted, capsys):
    make_shots(tmp_path, 2)
    shutil.rmtree(tmp_path / "plates")
    words = ["run", str(tmp_path), "--style", str(tmp_path / "a.png"), "--method", "negative", "--device", "cpu"]
    assert execute(words) == 0
    assert painted == ["shot0_a.mp4", "shot1_a.mp4"]
    assert execute([*words[:1], str(tmp_path / "*.mp4"), *words[2:]]) == 0
    assert len(painted) == 2
    assert capsys.readouterr().out.splitlines() == 2 * [str(tmp_path / "shot0_a.mp4"), str(tmp_path / "shot1_a.mp4")]
    assert not list(tmp_path.glob("*_report"))
    assert execute([*words, "--restart"]) == 0
    assert len(painted) == 4


class Page(HTMLParser):
    """What a report page links to, loads and says."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links, self.images, self.sections, self.text = list[str](), list[str](), 0, ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.links += [str(values["href"])] if tag == "a" else []
        self.images += [str(values["src"])] if tag == "img" else []
        self.sections += tag == "section"
        assert tag not in ("script", "iframe", "object")

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_report_states_every_shot_and_its_links_lead_somewhere(shots: Path, painted: Painted):
    shutil.move(shots.parent / "shot4.mp4", shots.parent / "<b>&'4.mp4")
    edit(shots, "shot4.mp4", "<b>&'4.mp4")
    edit(shots, "shot5.mp4", "none<i>.mp4")
    assert execute(command(shots)) == 5
    report = shots.parent / "shots_report"
    page = Page((report / "report.html").read_text())
    assert page.sections == SHOTS
    assert len(page.images) == SHOTS - 1
    assert all(image.startswith("data:image/jpeg;base64,/9j/") for image in page.images)
    for link in page.links:
        assert link.startswith("#shot") or (report / unquote(link)).exists() or "none" in link, link
    assert "<b>&'4.mp4" in page.text
    assert "none<i>.mp4: cannot be read" in page.text
    with (report / "report.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == [*["done"] * 5, "failed", "done"]
    assert rows[5]["exit_code"] == "3"
    assert rows[6]["output"] == "../whole.mkv"
    assert all(float(row["seconds"]) > 0 for row in rows if row["status"] == "done")
    assert not list(report.rglob("*.part"))


def test_the_contact_sheet_shows_source_and_painting(finished: Path):
    sheet = finished / "shots_report" / entries(finished / "shots.csv")[6]["sheet"]
    with av.open(str(sheet)) as file:
        image = next(file.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    height, width, _ = image.shape
    above, below = image[60:height // 2 - 40], image[height // 2 + 60:height - 20]
    rows = min(len(above), len(below))
    middle = slice(40, width // 4 - 40)
    assert np.abs(255 - above[:rows, middle].mean((0, 1)) - below[:rows, middle].mean((0, 1))).max() < 25


def test_two_clips_of_one_name_in_one_list(tmp_path: Path, painted: Painted):
    make_shots(tmp_path, 1)
    for card in ("card1", "card2"):
        (tmp_path / card).mkdir()
        make_clip(tmp_path / card / "A001.mp4", frames=3, size=(64, 48))
    (tmp_path / "shots.csv").write_text("clip,style\ncard1/A001.mp4,a.png\ncard2/A001.mp4,a.png\nshot0.mp4,a.png\n")
    for _ in range(2):
        assert execute(command(tmp_path / "shots.csv")) == 0
    made = sorted(path.relative_to(tmp_path / "painted").as_posix() for path in (tmp_path / "painted").rglob("*.mp4"))
    assert made == ["card1/A001_a.mp4", "card2/A001_a.mp4", "shot0_a.mp4"]
    assert len(painted) == 3


def killed(shots: int, kills: int) -> dict[str, object]:
    script = Path(__file__).with_name("batch_runs.py")
    done = subprocess.run([sys.executable, str(script), "--shots", str(shots), "--kills", str(kills)],
                          capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and kill -9")
@pytest.mark.parametrize(("shots", "kills"), [(4, 1), pytest.param(20, 5, marks=pytest.mark.slow)])
def test_a_batch_that_is_killed_ends_as_if_it_was_not(shots: int, kills: int):
    found = killed(shots, kills)
    assert found["codes"] == [*[-9] * kills, 0], found["said"]
    assert (found["differ"], found["twice"], found["work_folders"]) == ([], [], [])
    assert found["begun"] <= shots + kills
    assert found["report"] == {"done": shots, "failed": 0, "waiting": 0}
