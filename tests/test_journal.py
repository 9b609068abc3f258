"""The journal: a line that is torn or damaged does not count, nor does any after it."""

from pathlib import Path

import pytest

from vidstyle.run.resume.journal import Journal, Record


def written(path: Path, records: list[Record]) -> Journal:
    journal = Journal(path)
    journal.rewrite(records[:1])
    for record in records[1:]:
        journal.append(record)
    return journal


def test_a_journal_ends_where_it_is_damaged(tmp_path: Path):
    journal = Journal(tmp_path / "journal")
    assert journal.read() == ()
    records = [{"n": n, "text": "a\nb é"} for n in range(4)]
    assert written(journal.path, records).records == tuple(records) == journal.read()
    whole = journal.path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for length in range(len(whole)):
        journal.path.write_bytes(whole[:length])
        lines_left = sum(length >= len(b"".join(lines[: n + 1])) for n in range(4))
        assert journal.read() == tuple(records[:lines_left])
    for place in range(len(lines[0]), len(lines[0]) + len(lines[1])):
        harmed = bytearray(whole)
        harmed[place] ^= 4
        journal.path.write_bytes(harmed)
        assert journal.read() == (records[0],)


def test_a_line_whose_writing_was_interrupted_is_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    journal = written(tmp_path / "journal", [{"n": 0}])

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("vidstyle.run.resume.journal.fsync", stop)
        with pytest.raises(KeyboardInterrupt):
            journal.append({"n": 1, "text": "long" * 99})
    journal.append({"n": 1})
    assert Journal(journal.path).read() == journal.records == ({"n": 0}, {"n": 1})


def test_a_journal_that_is_gone_is_an_error(tmp_path: Path):
    journal = written(tmp_path / "journal", [{"n": 0}])
    journal.path.unlink()
    with pytest.raises(FileNotFoundError):
        journal.append({"n": 1})
