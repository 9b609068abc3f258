"""Progress of a batch: frames of all shots, the time left for all, and the notice after Ctrl-C."""

from __future__ import annotations

import io
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from vidstyle.batch.conduct import BEGIN, Outcome
from vidstyle.cli import batch_progress
from vidstyle.cli.batch_progress import BatchPace, BatchProgress
from vidstyle.cli.progress import Bars
from vidstyle.cli.stop import NOTICE, Stopper
from vidstyle.core.progress import Progress


def planned(number: int, frames: int, size: tuple[int, int] = (100, 50), finished: bool = False) -> Any:
    """A shot as the display sees it."""
    clip = SimpleNamespace(path=Path(f"{number}.mp4"))
    plan = SimpleNamespace(target=Path(f"{number}_monet.mp4"), count=frames, paint_size=size, clip=clip)
    return SimpleNamespace(shot=SimpleNamespace(number=number, clip=clip.path), plan=plan, finished=finished)


@pytest.fixture
def tick(monkeypatch: pytest.MonkeyPatch):
    """A clock that moves only when the test moves it."""
    now = [0.0]
    monkeypatch.setattr(batch_progress.time, "monotonic", lambda: now[0])

    def move(seconds: float) -> None:
        now[0] += seconds

    return move


def test_the_time_left_is_that_of_all_shots_by_their_pixels(tick):
    first, second, third = planned(1, 10), planned(2, 10, (200, 100)), planned(3, 100, finished=True)
    pace = BatchPace([first, second, third])
    assert (pace.shots, pace.frames, pace.seconds_left) == ((1, 3), (0, 20), None)
    pace.update(first.plan.target, Progress("fit", 1, 5))
    tick(10)
    pace.update(first.plan.target, Progress("paint", 1, 10))
    tick(10)
    for done in range(2, 11):
        pace.update(first.plan.target, Progress("paint", done, 10))
    # 20 s for ten frames, the fit included; the frames of the second have four times as many pixels.
    assert pace.seconds_left == pytest.approx(80)
    pace.end(first.plan.target)
    assert str(pace) == "2/3 shots, frame 10/20, 1:20 left"


def test_frames_of_an_earlier_run_do_not_count_as_fast(tick):
    shot = planned(1, 100)
    pace = BatchPace([shot])
    pace.update(shot.plan.target, BEGIN)
    tick(4)
    for done in (51, 52):  # the earlier run has painted fifty
        pace.update(shot.plan.target, Progress("paint", done, 100))
    assert pace.seconds_left == pytest.approx(2 * 48)


def test_the_frames_of_a_failed_shot_are_not_waited_for(tick):
    failed, other = planned(1, 100), planned(2, 10)
    pace = BatchPace([failed, other])
    for done in range(1, 6):
        tick(1)
        pace.update(failed.plan.target, Progress("paint", done, 100))
    pace.end(failed.plan.target)
    assert pace.frames == (5, 15)
    assert pace.seconds_left == pytest.approx(4 / 5 * 10)


def test_each_shot_has_one_bar_while_it_is_painted_and_all_have_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batch_progress, "announce", lambda plan, **more: None)
    stopper, screen = Stopper(), io.StringIO()
    first, second = planned(1, 4), planned(2, 6)
    with Bars(lambda: stopper.notice) as bars:
        bars.console.file = screen
        progress = BatchProgress([first, second], json=False, bars=bars)

        def shown() -> list[str]:
            console = Console(file=io.StringIO(), width=100)
            console.print(*bars.get_renderables())
            return [" ".join(line.split()) for line in console.file.getvalue().splitlines() if line.strip()]

        progress.listen(first, BEGIN)
        progress.listen(first, Progress("fit", 1, 3, loss=0.5))
        progress.listen(second, Progress("paint", 1, 6))  # side by side, as engines of several processes paint
        progress.listen(first, Progress("paint", 2, 4))
        lines = shown()
        assert len(lines) == 3
        assert lines[0].startswith("1. 1.mp4 paint")
        assert lines[0].endswith("frame 2/4")
        assert lines[1].startswith("2. 2.mp4 paint")
        assert lines[2].startswith("all shots")
        assert "0/2 shots, frame 3/10" in lines[2]
        progress.end(Outcome(first.shot, error=ValueError()))
        assert len(shown()) == 2
        with stopper.shown():
            stopper._on_signal(signal.SIGINT, None)
        assert shown()[-1] == NOTICE
