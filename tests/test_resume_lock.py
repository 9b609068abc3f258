"""The lock on a run's folder: released by a killed process, refused in a sentence, not needed where there are no locks."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vidstyle.core.errors import OutputError
from vidstyle.run.resume.lock import HOLDER, LOCK, locked

HOLD = """
import sys, time
from pathlib import Path
from vidstyle.run.resume.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_killed_process_releases_the_lock(tmp_path: Path):
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(OutputError, match=rf"another run \(process {holder.pid} on .*\); wait"), locked(tmp_path):
                pass
        finally:
            holder.kill()
    with locked(tmp_path):
        assert (tmp_path / HOLDER).read_text().startswith(f"process {os.getpid()} on ")


def test_the_lock_can_be_acquired_again_also_after_its_file_was_removed(tmp_path: Path):
    for _ in range(2):
        with locked(tmp_path):
            (tmp_path / LOCK).unlink()  # as a run that is done removes it
    with locked(tmp_path), pytest.raises(OutputError, match="another run"), locked(tmp_path):
        pass


def test_a_lock_file_that_is_removed_before_it_is_locked_is_not_a_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fcntl = pytest.importorskip("fcntl")
    flock = fcntl.flock

    def flock_after_removal(file: int, operation: int) -> None:
        (tmp_path / LOCK).unlink(missing_ok=True)  # as the run does that held the lock and is done
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", flock_after_removal)
    with pytest.raises(OutputError, match="another run"), locked(tmp_path):
        pass


@pytest.mark.parametrize("reason", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_used_without_a_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: int):
    def no_locks(*_: object) -> None:
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(pytest.importorskip("fcntl"), "flock", no_locks)
    with locked(tmp_path):
        (tmp_path / "a file").touch()
    with locked(tmp_path):  # nothing that the first one left is in the way
        assert {path.name for path in tmp_path.iterdir()} == {"a file", LOCK, HOLDER}


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / LOCK).mkdir()
    with pytest.raises(OSError, match="directory"), locked(tmp_path):
        pass
