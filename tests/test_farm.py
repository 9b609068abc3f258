"""A shot list as an Open Job Description: valid by openjd-cli, and run by it to the end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from fake_pipeline import ROOT, events
from video_clips import make_clip

import vidstyle.batch.farm
from vidstyle.cli import execute
from vidstyle.core.images import write_png
from vidstyle.run.verify import verify

yaml = pytest.importorskip("yaml", reason="comes with openjd-cli, of the extra `test`")
OPENJD = Path(sys.executable).with_name("openjd")
needs_openjd = pytest.mark.skipif(not OPENJD.exists(), reason="needs openjd-cli, of the extra `test`")


@pytest.fixture
def shoot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with spaces and quotes in its name, with a clip, a style and a list of two shots, which is entered."""
    folder = tmp_path / "film 'no 1'"
    folder.mkdir()
    make_clip(folder / "a 1.mp4", frames=8, size=(48, 32))
    write_png(folder / "st yle.png", torch.rand(3, 48, 64, generator=torch.Generator().manual_seed(0)))
    (folder / "my shots.csv").write_text("clip,frames,seed,output\na 1.mp4,0-2,,out/one.mp4\n\"a 1.mp4\",5-6,3,out/two.mp4\n")
    monkeypatch.chdir(folder)
    return folder


def openjd(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([OPENJD, *arguments], capture_output=True, text=True, timeout=280, env=environment)


def template(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())


@needs_openjd
def test_a_job_is_run_to_the_end(shoot: Path):
    # A shot without its own frames, seeds and so on takes those of the command; files beside the job are parameters of it.
    assert execute(["farm", "my shots.csv", "--style", "st yle.png:0.5", "--size", "32", "--forms", "0", "--overwrite",
                    "-o", "job.yaml"]) == 0
    found = openjd("check", "job.yaml")
    assert found.returncode == 0, found.stdout + found.stderr
    command = shoot / "vidstyle"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m vidstyle "$@"\n')
    command.chmod(0o755)
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    ran = openjd("run", "job.yaml", "-p", f"Vidstyle={command}", environment=os.environ | {"PYTHONPATH": path})
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Chunks run: 2" in ran.stdout
    for name, frames in (("one", 3), ("two", 2)):
        checks = {check.what: check for check in verify(shoot / "out" / f"{name}.mp4")}
        assert all(check.good for check in checks.values())
        assert checks["frames"].found == str(frames)
    assert not list(shoot.glob("*report*"))


def test_what_a_job_states(shoot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_png(tmp_path / "far.png", torch.rand(3, 8, 8))
    assert execute(["farm", "my shots.csv", "--style", "st yle.png", "--style", f"{tmp_path / 'far.png'}:0.5", "--strict",
                    "--audio", "none", "--key-every", "auto", "-o", "job.yaml", "--json"]) == 0
    assert events(capsys)[-1] == {"v": 1, "event": "result", "exit_code": 0, "target": "job.yaml", "tasks": 2}
    job = template(shoot / "job.yaml")
    assert {one["name"]: one["default"] for one in job["parameterDefinitions"]} == {
        "ShotList": "my shots.csv", "Style1": "st yle.png", "Vidstyle": "vidstyle"}
    [step] = job["steps"]
    shot, clip = step["parameterSpace"]["taskParameterDefinitions"]
    assert (shot["range"], clip["range"]) == ("1-2", ["a 1.mp4 0-2", "a 1.mp4 5-6"])
    action = step["script"]["actions"]["onRun"]
    assert action["command"] == "{{Param.Vidstyle}}"
    # A file elsewhere is named by its path: the format allows no such default.
    assert action["args"] == ["batch", "{{Param.ShotList}}", "--only", "{{Task.Param.Shot}}", "--style", "{{Param.Style1}}",
                              "--style", f"{tmp_path / 'far.png'}:0.5", "--key-every", "auto", "--audio", "none", "--strict"]


@pytest.mark.parametrize(("arguments", "words"), [
    (["my shots.csv", "-o", "job.json"], "a job is written as YAML; name it job.yaml"),
    ([".", "-o", "job.yaml"], "is no shot list"),
    (["my shots.csv", "-o", "my shots.csv.yaml", "--style", "a{{b.png"], "has double braces"),
    (["long.csv", "-o", "job.yaml"], "has 4 shots, and a job has at most 3"),
    (["cut.edl", "-o", "job.yaml"], "is an edit"),
    (["my shots.csv", "-o", "there.yaml"], "there.yaml: exists already")])
def test_what_is_no_job_is_refused(shoot: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str,
                                      monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(vidstyle.batch.farm, "MOST_SHOTS", 3)
    (shoot / "long.csv").write_text("clip\n" + "a 1.mp4\n" * 4)
    (shoot / "there.yaml").touch()
    (shoot / "cut.edl").write_text("TITLE: cut\n")
    style = [] if "--style" in arguments else ["--style", "st yle.png"]
    assert execute(["farm", *arguments, *style]) in (2, 4)
    assert words in capsys.readouterr().err


def test_only_paints_one_shot_of_a_list(shoot: Path, capsys: pytest.CaptureFixture[str]):
    assert execute(["batch", "my shots.csv", "--only", "3", "--style", "st yle.png"]) == 2
    assert "the list has 2 shots; give 1 to 2" in capsys.readouterr().err
    assert execute(["batch", "my shots.csv", "--only", "1", "--same-look", "--style", "st yle.png"]) == 2
    assert "leave them out" in capsys.readouterr().err
