"""Which engine the command line chooses, and when a shot is divided."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_pipeline import RUN, Asked

from vidstyle.batch.conduct import BEGIN, Planned
from vidstyle.batch.engines import pool
from vidstyle.batch.engines.tasks import Painted, Schedule, Split
from vidstyle.batch.shot import Shot
from vidstyle.cli import execute
from vidstyle.core.errors import InputError
from vidstyle.core.options import Options
from vidstyle.core.progress import Progress
from vidstyle.run.parts import PaintedPart
from vidstyle.run.resume.lock import BusyError

TWO = ["run", "a.mp4", "b.mp4", "--style", "monet.jpg"]


@pytest.mark.parametrize(("command", "engines"), [
    ([*RUN, "--jobs", "3"], [("processes", 3)]), ([*TWO, "--jobs", "2"], [("processes", 2)]), ([*TWO, "--jobs", "1"], []),
    ([*RUN, "--cluster", "auto"], [("cluster", "auto", None)]),
    ([*TWO, "--cluster", "10.0.0.1:6379", "--jobs", "8"], [("cluster", "10.0.0.1:6379", 8)])])
def test_the_options_choose_the_engine(asked: Asked, command: list[str], engines: list[object]):
    assert execute(command) == 0
    assert asked.engines == engines
    assert asked.painted == [Path(name) for name in command if name.endswith(".mp4")]


@pytest.mark.parametrize("command", [[*RUN, "--jobs", "0"], [*RUN, "--jobs", "2", "--dry-run"],
                                     [*TWO, "--cluster", "auto", "--dry-run"]])
def test_what_has_no_effect_is_refused(asked: Asked, command: list[str]):
    assert execute(command) == 2
    assert asked.painted == []


def shots(tmp_path: Path, *counts: int) -> list[Planned]:
    """Planned shots of so many frames."""
    plans = [SimpleNamespace(count=count, target=tmp_path / f"{place}_m.mp4") for place, count in enumerate(counts)]
    return [Planned(Shot(tmp_path / f"{place}.mp4", ()), plan) for place, plan in enumerate(plans)]


def tasks(schedule: Schedule) -> list[tuple[int, str, object]]:
    """The tasks that can be started."""
    found = []
    while (task := schedule.next()) is not None:
        found.append((task.shot, task.what, task.part))
    return found


@pytest.mark.parametrize(("counts", "workers", "expected"), [
    ((400,), 2, ["split"]), ((400,), 1, ["paint"]), ((150,), 2, ["paint"]), ((400, 400), 2, ["paint", "paint"]),
    ((1000, 100, 100), 2, ["split", "paint", "paint"]), ((500, 300, 300), 4, ["split", "split", "split"])])
def test_a_shot_is_divided_where_others_would_wait_for_it(tmp_path: Path, counts: tuple[int, ...], workers: int,
                                                          expected: list[str]):
    assert [what for _, what, _ in tasks(Schedule(shots(tmp_path, *counts), workers, lambda *step: None))] == expected


def test_parts_come_before_other_shots_and_are_joined(tmp_path: Path):
    steps = list[tuple[int, Progress]]()
    schedule = Schedule(shots(tmp_path, 400, 100, 100), 2, lambda shot, step: steps.append((int(shot.shot.clip.stem), step)))
    split = schedule.next()
    assert split is not None
    assert schedule.done(split, Split(((0, 199), (200, 399)), ("a note",))) is None
    first, second, other = (schedule.next() for _ in range(3))
    assert [(task.what, task.part) for task in (first, second, other)] == [
        ("paint_part", (0, 199)), ("paint_part", (200, 399)), ("paint", None)]
    schedule.step(second, Progress("analyse", 1, 16))
    schedule.step(first, Progress("paint", 20, 200))
    schedule.step(second, Progress("paint", 30, 200))
    assert steps[:2] == [(0, BEGIN), (1, BEGIN)]
    assert [(step.done, step.total) for _, step in steps[2:]] == [(20, 400), (50, 400)]
    assert schedule.done(second, PaintedPart({"paint": 2.0})) is None
    schedule.again(first)  # its process was lost
    assert schedule.next() is first
    assert schedule.done(first, PaintedPart({"paint": 1.0})) is None
    join = schedule.next()
    assert (join.what, [part.seconds for part in join.painted]) == ("join", [{"paint": 1.0}, {"paint": 2.0}])
    facts = {"frames": 400, "frame_hashes": (), "seconds": 3.0}
    outcome = schedule.done(join, Painted(facts))
    assert (outcome.result.frames, outcome.notes) == (400, ("a note",))


def test_a_shot_fails_once(tmp_path: Path):
    schedule = Schedule(shots(tmp_path, 400, 100), 2, lambda *step: None)
    schedule.done(schedule.next(), Split(((0, 199), (200, 299), (300, 399))))
    first, second = schedule.next(), schedule.next()
    error = InputError("the clip is gone.")
    assert schedule.failed(second, error).error is error
    assert schedule.done(first, PaintedPart()) is None
    assert schedule.failed(first, InputError("again.")) is None
    assert tasks(schedule) == [(1, "paint", None)]


def test_unfinished_parts_are_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("vidstyle.batch.engines.tasks.parts_of", lambda target: [(0, 9), (10, 19)])
    [shot] = shots(tmp_path, 20)
    assert tasks(Schedule([shot], 1, lambda *step: None)) == [(0, "split", None)]
    anew = replace(shot, shot=replace(shot.shot, restart=True, options=Options()))
    assert tasks(Schedule([anew], 1, lambda *step: None)) == [(0, "paint", None)]


def test_a_task_waits_for_a_lost_process_to_let_go(monkeypatch: pytest.MonkeyPatch):
    tries = [BusyError("is being painted by another run."), BusyError("again."), None]

    def perform(*task: object) -> str:
        if (error := tries.pop(0)) is not None:
            raise error
        return "painted"

    monkeypatch.setattr(pool, "perform", perform)
    monkeypatch.setattr(pool.time, "sleep", lambda seconds: None)
    assert pool.attempt(None, None, print) == pool.Done("painted")
    tries += [BusyError("is being painted by another run.")]
    monkeypatch.setattr(pool, "SECONDS_TO_LET_GO", 0.0)
    assert isinstance(pool.attempt(None, None, print).error, BusyError)
