"""Shots side by side in processes: the same files, whatever happens to a process."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from pathlib import Path

import pytest
from engine_shots import CLIPS, FRAMES, Steps, make_media, paint, painter_of, planned

from vidstyle.batch.engines import tasks
from vidstyle.batch.engines.processes import processes
from vidstyle.core.errors import InputError
from vidstyle.run.resume.folder import work_folder


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    make_media(folder)
    return folder


@pytest.fixture(autouse=True)
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "SHORTEST", 6)


def check(media: Path, folder: Path) -> None:
    for name in CLIPS:
        assert (folder / name).read_bytes() == (media / "whole" / name).read_bytes()
        assert not work_folder(folder / name).exists()


def test_a_killed_process_costs_its_task_only(media: Path, tmp_path: Path):
    told = list[str]()
    steps = Steps("long.mp4", 2, lambda: os.kill(painter_of(tmp_path / "long.mp4"), signal.SIGKILL))
    outcomes = paint(processes(2, steps, told.append), planned(media, CLIPS, tmp_path))
    assert all(outcome.error is None for outcome in outcomes.values())
    check(media, tmp_path)
    assert len(told) == 1
    assert "was killed (SIGKILL); another one goes on" in told[0]
    assert {step.stage for _, step in steps.found} >= {"begin", "cuts", "paint", "join"}
    assert multiprocessing.active_children() == []
    manifest = json.loads((media / "whole" / "long.mp4.vidstyle.json").read_text())
    assert list(outcomes["long.mp4"].result.frame_hashes) == manifest["frame_sha256"]


def test_a_stopped_batch_goes_on(media: Path, tmp_path: Path):
    def stop() -> None:
        raise KeyboardInterrupt

    first = Steps("long.mp4", 20, stop)
    with pytest.raises(KeyboardInterrupt) as caught:
        paint(processes(2, first, lambda text: None), planned(media, CLIPS, tmp_path))
    assert caught.value.__notes__ == ["give the same command again and it goes on where it was"]
    second = Steps()
    left = [name for name in CLIPS if not (tmp_path / name).exists()]
    outcomes = paint(processes(2, second, lambda text: None), planned(media, left, tmp_path))
    assert all(outcome.error is None for outcome in outcomes.values())
    check(media, tmp_path)
    assert len(second.painted("long.mp4")) <= FRAMES - 20 + 4  # each of two processes may have two unsaved
    assert max(second.painted("long.mp4")) == FRAMES


def test_a_failure_is_that_of_its_shot(media: Path, tmp_path: Path):
    (tmp_path / "out").mkdir()
    for name in ("b.mp4", "c.mp4", "style.png"):
        (tmp_path / name).write_bytes((media / name).read_bytes())
    todo = planned(tmp_path, ["b.mp4", "c.mp4"], tmp_path / "out")
    (tmp_path / "b.mp4").unlink()
    outcomes = paint(processes(2, Steps(), lambda text: None), todo)
    assert isinstance(outcomes["b.mp4"].error, InputError)
    assert "Traceback" in str(outcomes["b.mp4"].error.__cause__)
    assert (tmp_path / "out" / "c.mp4").read_bytes() == (media / "whole" / "c.mp4").read_bytes()
