"""The journal: what is torn or damaged does not count, and saving costs little."""

from pathlib import Path

import pytest

from vidstyle.run.resume import checkpoint as work_module
from vidstyle.run.resume.checkpoint import Work
from vidstyle.run.resume.journal import Journal


def test_savings_are_rare_enough_to_cost_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    now = [0.0]
    monkeypatch.setattr(work_module, "LEAST_SECONDS", 10.0)
    monkeypatch.setattr(work_module, "MOST_SHARE", 0.01)
    monkeypatch.setattr(work_module.time, "monotonic", lambda: now[0])
    saved: list[float] = []

    def slow_disk(*_: object) -> str:
        now[0] += 0.5
        saved.append(now[0])
        return "hash"

    monkeypatch.setattr(work_module, "write_atomically", slow_disk)
    monkeypatch.setattr(Journal, "append", lambda *_: None)
    with Work(tmp_path / "work", {}, 1) as work:
        for step in range(2000):
            now[0] += 0.1
            work.keep_fit(step, dict)
    assert saved[0] == pytest.approx(10.5, abs=0.2)  # LEAST_SECONDS after the start, and the disk's half
    assert saved[1] - saved[0] == pytest.approx(50.5, abs=0.2)  # half a second is MOST_SHARE of fifty
    assert len(saved) == 4


def test_a_journal_ends_where_it_is_damaged(tmp_path: Path):
    journal = Journal(tmp_path / "journal")
    assert journal.read() == []
    records = [{"n": n, "text": "a\nb é"} for n in range(4)]
    for record in records:
        journal.append(record)
    assert journal.read() == records
    whole = journal.path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for length in range(len(whole)):
        journal.path.write_bytes(whole[:length])
        lines_left = sum(length >= len(b"".join(lines[: n + 1])) for n in range(4))
        assert journal.read() == records[:lines_left]
    for place in range(len(lines[0]), len(lines[0]) + len(lines[1])):
        harmed = bytearray(whole)
        harmed[place] ^= 4
        journal.path.write_bytes(harmed)
        assert journal.read() == records[:1]
