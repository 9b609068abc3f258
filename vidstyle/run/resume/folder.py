"""The folder beside an output in which a run saves its work, so that it can continue after a stop or a kill."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from safetensors import SafetensorError

from vidstyle.core.errors import ChangedError, OutputError, reason
from vidstyle.run.resume.job import differences, same_fit
from vidstyle.run.resume.journal import Journal, Record
from vidstyle.run.resume.lock import HOLDER, LOCK, locked
from vidstyle.run.resume.records import FORMAT, FRAMES, NETWORK, needed_files, of_kind, trusted
from vidstyle.run.resume.schedule import SaveSchedule

JOURNAL = "journal"
_PARTS = "part-*"
_OWN_FILES = ("fit-*", "network.*", "segment-*", "samples-*", "memories-*", f"{JOURNAL}.part")


def work_folder(target: Path) -> Path:
    """The folder in which a run saves its work until `target` is complete."""
    return target.with_name(f"{target.name}.vidstyle-work")


def saved_records(target: Path) -> tuple[Record, ...]:
    """The job of an unfinished run of `target` and the records after it, as `records.py` describes them; () without one."""
    records = Journal(work_folder(target) / JOURNAL).read()
    return records if records and records[0].get("format") == FORMAT else ()


def is_unfinished(target: Path, frames: tuple[int, int]) -> bool:
    """Whether a run of these frames, first and last index, was stopped before `target` was complete."""
    records = Journal(work_folder(target) / JOURNAL).read()
    return bool(records) and records[0]["job"]["frames"] == str(list(frames))


def discard_work(target: Path) -> None:
    """Remove what a run has left that was killed after `target` was complete; nothing where another run is at it."""
    if work_folder(target).exists():
        with suppress(OutputError), RunFolder(target, {}, restart=True):
            pass


class RunFolder:
    """The folder of a run: its lock, its journal, and the files that the journal names; a context manager.

        with RunFolder(target, job) as folder, FrameLog(folder, total) as log:
            checkpoint = FitCheckpoint(folder)

    The journal lists the files of the run with their hashes. A file that it does not list, or that differs, is not used.

    job: all that the painted frames depend on, by name; an earlier run is continued only where all of it is the same.
    restart: start from the beginning, but keep a fitted network if the fit would give the same one.
    keep_frames: False, for a preview, saves the fit and no frames, and never refuses what an earlier preview has left.
    stays: what is saved stays also where the run ends without an exception, for another run that goes on with it.

    If the run ends with an exception, a note on it states where the next run will continue. If it ends without one, or before
    anything is saved, the folder is removed. Entering raises UsageError where the earlier run had another job, OutputError
    for the disk and while another run holds the lock.
    """

    def __init__(self, target: Path, job: dict[str, str], *, restart: bool = False, keep_frames: bool = True,
                 stays: bool = False) -> None:
        self.path, self.job, self.keep_frames, self.stays = work_folder(target), job, keep_frames, stays
        self.first_resume_point: str | None = None
        """Where the next run continues while there is no record; None where it would start from the beginning."""
        self.schedule = SaveSchedule()
        self._restart = restart
        self._journal = Journal(self.path / JOURNAL)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with self.disk_errors(), ExitStack() as stack:
            self.path.mkdir(exist_ok=True)
            stack.callback(self._remove_empty)  # called after the lock is released: Windows removes no open file
            stack.enter_context(locked(self.path))
            try:
                self._recover()
            except BaseException:
                if not self._journal.path.exists():
                    self._remove_files()
                raise
            self._open = stack.pop_all()
        return self

    def _recover(self) -> None:
        """Continue with the records of the earlier run whose files are intact, and remove all files that they do not need."""
        old = self._journal.read()
        if old and old[0].get("format") != FORMAT:
            if not self._restart:
                raise ChangedError(f"{self.path}: holds an unfinished run of another version of vidstyle; use that version, "
                                   "or give --restart to begin anew.", "what was unfinished is of another version of vidstyle")
            old = ()
        records = trusted(self._continued(old[0]["job"], old[1:]), self.path) if old else []
        if not self.keep_frames:
            records = [record for record in records if record["kind"] != FRAMES]
        records.insert(0, {"format": FORMAT, "job": self.job})
        if tuple(records) != old:
            self._journal.rewrite(records)
        self._remove_files(needed_files(self.records))

    def _continued(self, old: dict[str, str], records: Sequence[Record]) -> Sequence[Record]:
        """The records of the earlier run that are valid for this job too. Raises UsageError where the two jobs differ."""
        networks = of_kind(records, NETWORK)
        if not self.keep_frames and not self._restart:
            return records if same_fit(old, self.job) else []
        if self._restart:
            return networks if same_fit(old, self.job) else []
        if any(record["files"][0][1].startswith(self.job["network"]) for record in networks):
            self.job = self.job | {"network": old["network"]}  # --network names the file that the earlier run has written
        if changed := differences(old, self.job):
            raise ChangedError(f"{self.path}: holds an unfinished run that differs ({'; '.join(changed)}); "
                               "go on with what it had, or give --restart to begin anew.", "; ".join(changed))
        return records

    @property
    def records(self) -> tuple[Record, ...]:
        """What the run has saved so far; see `records.py`."""
        return self._journal.records[1:]

    @property
    def resume_point(self) -> str | None:
        """Where the next run continues, `after 21 of 29 frames`; None where it would start from the beginning."""
        return self.records[-1]["resume"] if self.records else self.first_resume_point

    @property
    def seconds(self) -> float:
        """Time spent on saving so far."""
        return self.schedule.seconds

    def append(self, record: Record) -> None:
        """Add a record, whose files are safe on the disk, and remove the files that are no longer needed. Raises OSError."""
        self._journal.append(record)
        self._remove_files(needed_files(self.records))

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Measure the save that is made inside, and raise OutputError where the disk fails."""
        with self.disk_errors(), self.schedule.saving():
            yield

    @contextmanager
    def disk_errors(self) -> Iterator[None]:
        """Raise the errors of the disk as OutputError, in one sentence."""
        try:
            yield
        except (OSError, SafetensorError) as error:
            raise OutputError(f"{self.path}: what is done cannot be saved there ({reason(error)}); "
                              "free some space or check the disk.") from error

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        with self._open:
            if error is not None and self.resume_point is not None:
                error.add_note(f"give the same command again and it goes on {self.resume_point}")
            if (error is not None or self.stays) and self.resume_point is not None:
                return
            with suppress(OSError):
                self._journal.path.unlink(missing_ok=True)  # first: without it, no other file counts
                self._remove_files()

    def _remove_files(self, needed: set[str] | None = None) -> None:
        """Remove our files and the folders of parts except those `needed`; with None the lock too. Files of others stay."""
        for pattern in _OWN_FILES:
            for path in self.path.glob(pattern):
                if path.name not in (needed or ()):
                    path.unlink(missing_ok=True)
        for path in self.path.glob(_PARTS):
            if path.name not in (needed or ()):
                shutil.rmtree(path)
        if needed is None:
            (self.path / HOLDER).unlink(missing_ok=True)
            (self.path / LOCK).unlink(missing_ok=True)

    def _remove_empty(self) -> None:
        with suppress(OSError):
            self.path.rmdir()
