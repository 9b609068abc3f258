"""`vidstyle batch` with edits: what is painted, printed and written, in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from edit_clips import numbered_clip, picture, shown

from vidstyle.cli import main

UNPAINTED = ["--strength", "0", "--crf", "4", "--style", "monet.png"]
CUT = """TITLE: CUT
001  A        V     C        00:00:00:05 00:00:00:12 01:00:00:00 01:00:00:07
* FROM CLIP NAME: A.mp4
002  B        V     C        00:00:00:00 00:00:00:04 01:00:00:07 01:00:00:11
* FROM CLIP NAME: B.mp4
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import cv2

    numbered_clip(tmp_path / "footage" / "day 1" / "A.mp4", 30)
    numbered_clip(tmp_path / "footage" / "day 2" / "B.mp4", 30, start=100)
    cv2.imwrite(str(tmp_path / "monet.png"), picture(5))
    (tmp_path / "cut.edl").write_text(CUT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def vidstyle(*words: str) -> int:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as stop:
        main(list(words))
    return int(stop.value.code or 0)


def test_an_edit_is_painted_and_written_and_a_second_run_paints_nothing(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert vidstyle("batch", "cut.edl", "--media", "footage", "--handles", "2", *UNPAINTED) == 0
    targets = ["cut_monet/A_monet_3-13.mp4", "cut_monet/B_monet_0-5.mp4", "cut_monet.otio", "cut_monet.edl"]
    assert capsys.readouterr().out.split() == targets
    assert shown(folder / "cut_monet.otio") == [list(range(5, 12)), list(range(100, 104))]
    before = (folder / targets[0]).stat()
    assert vidstyle("batch", "cut.edl", "--media", "footage", "--handles", "2", *UNPAINTED) == 0
    assert capsys.readouterr().out.split() == targets
    after = (folder / targets[0]).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_clip_without_media_is_reported_and_the_others_are_painted(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "footage" / "day 2" / "B.mp4").unlink()
    assert vidstyle("batch", "cut.edl", "--media", "footage", "-o", "out/", "--json", *UNPAINTED) == 5
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    lost = next(event for event in events if event["event"] == "clip" and event["exit_code"])
    assert lost["message"] == "B.mp4 or B is neither beside the edit nor in footage; check --media."
    edit = next(event for event in events if event["event"] == "edit")
    assert edit["targets"] == ["out/cut_monet.otio", "out/cut_monet.edl"]
    assert events[-1]["event"] == "error"
    assert shown(folder / "out" / "cut_monet.otio") == [list(range(5, 12))]
    assert "clip 2 (B.mp4) at 01:00:00:07" in (folder / "cut_report" / "report.csv").read_text()


def test_an_edit_and_other_clips_may_be_given_together(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert vidstyle("batch", "cut.edl", "footage/day 2", "--media", "footage", *UNPAINTED) == 0
    assert capsys.readouterr().out.split("\n")[:-1] == [
        "cut_monet/A_monet_5-11.mp4", "cut_monet/B_monet_0-3.mp4", "footage/day 2/B_monet.mp4", "cut_monet.otio",
        "cut_monet.edl"]


def test_a_dry_run_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]):
    files = sorted(folder.rglob("*"))
    assert vidstyle("batch", "cut.edl", "--media", "footage", "--dry-run", *UNPAINTED) == 0
    assert "A_monet_5-11.mp4" in capsys.readouterr().out
    assert sorted(folder.rglob("*")) == files


@pytest.mark.parametrize(("words", "message"), [
    (["footage/day 1", "--handles", "3"], "--handles is for edits"),
    (["footage/day 1", "--media", "footage"], "--media is for edits"),
    (["cut.edl", "--media", "footage", "--frames", "0-3"], "leave --frames"),
    (["cut.edl", "--media", "nowhere"], "--media nowhere is no folder")])
def test_what_has_no_effect_or_no_sense_is_refused(folder: Path, capsys: pytest.CaptureFixture[str], words: list[str],
                                                   message: str):
    assert vidstyle("batch", *words, *UNPAINTED) == 2
    assert message in capsys.readouterr().err
