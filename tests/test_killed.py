"""Runs that are killed by kill -9 or stopped by a full disk end with the same file as a run without either."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def killed(method: str, kills: int, output: str = "out.mp4") -> dict[str, object]:
    script = Path(__file__).with_name("killed_runs.py")
    command = [sys.executable, str(script), "--method", method, "--kills", str(kills), "--output", output]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


METHODS = pytest.mark.parametrize("method", ["key-frames", "every-frame", "feedforward"])
FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and kill -9")


@FORKS
@METHODS
def test_a_run_that_is_killed_writes_the_same_file(method: str):
    report = killed(method, 3)
    assert (report["frames_differ"], report["same_bytes"]) == (0, True), report
    assert report["left_over"] == ["out.mp4.vidstyle.json"]


@FORKS
@pytest.mark.parametrize(("method", "output"), [("key-frames", "out.####.png"), ("every-frame", "out.####.exr")])
def test_a_run_that_is_killed_writes_the_same_images(method: str, output: str):
    if output.endswith(".exr"):
        pytest.importorskip("OpenEXR")
    report = killed(method, 2, output)
    assert (report["frames_differ"], report["same_bytes"]) == (0, True), report
    assert report["left_over"] == ["out.vidstyle.json"]


@FORKS
@METHODS
@pytest.mark.slow
def test_a_run_that_is_killed_fifty_times_writes_the_same_file(method: str):
    report = killed(method, 50)
    assert (report["frames_differ"], report["same_bytes"]) == (0, True), report
    assert sum(report["killed"].values()) == 50
    assert sum(report["full"].values()) > 0
    assert report["left_over"] == ["out.mp4.vidstyle.json"]
