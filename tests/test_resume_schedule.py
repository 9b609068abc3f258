"""When a run saves."""

import pytest

from vidstyle.run.resume import schedule
from vidstyle.run.resume.schedule import SaveSchedule


def test_saves_are_rare_enough_to_cost_little(monkeypatch: pytest.MonkeyPatch):
    now = [0.0]
    monkeypatch.setattr(schedule, "LEAST_SECONDS", 10.0)
    monkeypatch.setattr(schedule, "MOST_SHARE", 0.01)
    monkeypatch.setattr(schedule.time, "monotonic", lambda: now[0])
    saves, ends = SaveSchedule(), list[float]()
    for _ in range(2000):
        now[0] += 0.1
        if saves.is_due():
            with saves.saving():
                now[0] += 0.5  # a slow disk
            ends.append(now[0])
    assert ends[0] == pytest.approx(10.5, abs=0.2)  # LEAST_SECONDS after the start, and the disk's half second
    assert ends[1] - ends[0] == pytest.approx(50.5, abs=0.2)  # half a second is MOST_SHARE of fifty
    assert len(ends) == 4
    assert saves.seconds == pytest.approx(2.0)
