"""Progress: the pace, the time left, and the live bar."""

import io

import pytest
from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import TextColumn

from vidstyle.cli import progress
from vidstyle.cli.progress import BarListener, LineListener, Pace, clock, describe
from vidstyle.core.progress import Progress


@pytest.fixture
def tick(monkeypatch: pytest.MonkeyPatch):
    """A clock that moves only when the test moves it."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])

    def move(seconds: float) -> None:
        now[0] += seconds

    return move


def test_the_pace_forgets_a_slow_start(tick):
    pace = Pace()
    pace.update(Progress("paint", 1, 1000))
    assert pace.rate is None
    tick(100)  # the first frame warms everything up
    for done in range(2, 102):
        tick(0.5)
        pace.update(Progress("paint", done, 1000))
    assert pace.rate == pytest.approx(2)
    assert pace.seconds_left(Progress("paint", 101, 1000)) == pytest.approx(899 / 2)


def test_a_new_stage_starts_a_new_pace(tick):
    pace = Pace()
    assert pace.update(Progress("fit", 1, 9))
    tick(1)
    assert not pace.update(Progress("fit", 5, 9))
    assert pace.update(Progress("paint", 1, 9))
    assert pace.rate is None


def test_an_unknown_total_shows_no_end(tick):
    pace, step = Pace(), Progress("paint", 3, None)
    pace.update(Progress("paint", 1, None))
    tick(1)
    pace.update(step)
    assert describe(step, pace) == "frame 3, 2 fps"


def test_progress_prints_few_lines(tick, capsys: pytest.CaptureFixture[str]):
    listen = LineListener("a.mp4")
    for done in range(1, 101):
        tick(0.25)
        listen(Progress("fit", done, 100, loss=1 / done))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "a.mp4: fit step 1/100, loss 1"
    assert lines[1] == "a.mp4: fit step 21/100, 4 steps/s, loss 0.04762, 0:20 left"
    assert lines[-1] == "a.mp4: fit step 100/100, 4 steps/s, loss 0.01"
    assert len(lines) == 6


def test_the_bar_has_one_line_for_each_stage(tick):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    with Bars(TextColumn("{task.description}"), TextColumn("{task.fields[status]}"), console=console) as bars:
        listen = BarListener(bars)
        listen(Progress("fit", 1, 2, loss=0.5))
        tick(1)
        listen(Progress("fit", 2, 2, loss=0.4))
        listen(Progress("paint", 1, None))
    drawn = screen.getvalue()
    assert "step 2/2, 1 steps/s, loss 0.4" in drawn
    assert "frame 1" in drawn
    assert [task.description for task in bars.tasks] == ["fit", "paint"]


def test_clock():
    assert [clock(seconds) for seconds in (0, 59.6, 754, 3723)] == ["0:00", "1:00", "12:34", "1:02:03"]
