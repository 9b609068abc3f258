"""The work folder of a run, beside its output: what is done is kept there, so that a stopped or killed run can go on."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from vidstyle.core.atomic import fsync, write_atomically
from vidstyle.core.errors import OutputError, UsageError
from vidstyle.core.files import sha256
from vidstyle.core.frame import Memory
from vidstyle.run.resume.frame_log import Tail, pack_memories, unpack_memories
from vidstyle.run.resume.journal import Journal, Record, locked
from vidstyle.video import Sink, Written

LEAST_SECONDS = 10.0  # between two savings: what a kill may cost
MOST_SHARE = 0.01  # of the time may be spent on saving; on a slow disk, savings come less often
NETWORK = "network.safetensors"
# Names in a job that do not change the network that is fitted: a run that begins anew with others keeps it.
AFTER_FIT = ("frames", "preroll", "output_size", "strength", "color", "codec", "crf", "container", "sound", "audio", "strict",
             "optimize_steps", "follow_steps", "references")
FitState = Callable[[], dict[str, Tensor]]


def work_folder(target: Path) -> Path:
    """Where what is done of an output is kept until it is whole."""
    return target.with_name(f"{target.name}.vidstyle-work")


def is_unfinished(target: Path, frames: tuple[int, int]) -> bool:
    """Whether a run of these frames, first and last, has been stopped before this output was whole."""
    records = Journal(work_folder(target) / "journal").read()
    return bool(records) and records[0]["job"]["frames"] == str(list(frames))


class Work:
    """Keeps what a run has done in `folder`, and finds again what an earlier one has kept there; a context manager.

    The folder holds the fitted network, or the state of a fit that is under way; the coded segments of the output (of
    pictures only the names: each is whole in its place); the samples of the frames since the last whole segment; and the
    memories that the next frame is painted with. A line of the journal says which files count, with their hashes. Files
    that it does not name, or that differ, are not used.

    job: what the painting depends on, by name; an earlier run is continued only where all of it is the same.
    total: frames of the output. restart: forget the earlier run, but for a network that would be fitted the same again.
    frames: False keeps the fit alone.

    On leaving by an exception everything is saved once more and the exception gets a note that says where it goes on; on
    leaving without one the output is whole, and the folder is removed. Raises UsageError for another job, OutputError for
    the disk and for a folder in use.
    """

    def __init__(self, folder: Path, job: dict[str, str], total: int, *, restart: bool = False, frames: bool = True) -> None:
        self.folder, self.job, self.total = folder, job, total
        self.facts: list[Record] = []
        """What is known of each written frame, in order: its hash, and whatever else `keep` was told."""
        self.seconds = 0.0
        """Spent on saving so far."""
        self._restart, self._frames = restart, frames
        self._journal = Journal(folder / "journal")
        self._records: list[Record] = []
        self._segments: list[list[str]] = []  # name and hash of each
        self._new = 0  # how many of the segments no line names yet
        self._tail: Tail | None = None
        self._memories: Sequence[Memory] = ()
        self._saved = 0  # frames that a line names
        self._last = time.monotonic()
        self._cost = 0.0
        self._busy = False
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with self._told():
            self.folder.mkdir(exist_ok=True)
            self._open.enter_context(locked(self.folder / "lock", str(self.folder)))
            try:
                self._recover()
            except BaseException:
                if not self._journal.path.exists():
                    self._remove()
                self._open.close()
                raise
        return self

    def _recover(self) -> None:
        records = self._journal.read()
        if records and self._restart:
            records = self._only_fit(records)
        elif records:
            self._compare(records[0]["job"], records)
        self._records = [{"job": self.job}]
        for record in records[1:]:
            files = [*record.get("files", {}).items(), *record.get("segments", ())]
            if "step" in record and not self._intact(files):
                continue  # an older state of the fit, removed since
            if not self._intact(files):
                break
            if self._frames or "facts" not in record:
                self._records.append(record)
        while "facts" in self._records[-1] and not self._resumable(self._records[-1]):
            self._records.pop()
        for record in self._records[1:]:
            self.facts += record.get("facts", [])
            self._segments += record.get("segments", [])
        self._saved = len(self.facts)
        if self._saved and (tail := self._records[-1]["tail"]) is not None:
            self._tail = Tail(self.folder / tail[0], tail[1])
        if self._records != records:
            self._journal.rewrite(self._records)
        self._tidy()

    def _only_fit(self, records: list[Record]) -> list[Record]:
        """Of another run's records those of its fitted network, where this job would fit the very same."""
        old = records[0]["job"]
        if any(old.get(name) != self.job.get(name) for name in {**old, **self.job} if name not in AFTER_FIT):
            return []
        return [records[0], *(record for record in records[1:] if NETWORK in record.get("files", ()))]

    def _compare(self, old: dict[str, str], records: list[Record]) -> None:
        """Refuse to go on with a job that is another one by now."""
        made = [record["files"][NETWORK] for record in records if NETWORK in record.get("files", ())]
        if made and made[0].startswith(self.job["network"]):
            self.job["network"] = old["network"]  # --network names the file that the run itself has written since
        changed = [f"{name} was {old.get(name, 'not set')} and is {self.job.get(name, 'not set')}"
                   for name in {**old, **self.job} if old.get(name) != self.job.get(name)]
        if changed:
            raise UsageError(f"{self.folder}: holds an unfinished run that differs ({'; '.join(changed)}); "
                             "go on with what it had, or give --restart to begin anew.")

    def _intact(self, files: Iterable[Sequence[str]]) -> bool:
        try:
            return all(sha256(self.folder / name) == found for name, found in files)
        except OSError:
            return False

    def _resumable(self, record: Record) -> bool:
        if not self._intact([record["state"]]):
            return False
        if record["tail"] is None:
            return True
        name, size, found = record["tail"]
        try:
            tail = Tail(self.folder / name, size)
        except OSError:
            return False
        tail.close()
        return bool(tail.sha256 == found)

    # The fit

    def fit_state(self) -> dict[str, Tensor] | None:
        """What `keep_fit` saved last, where the fit was not finished."""
        with self._told():
            names = [name for record in self._records for name in record.get("files", ()) if name.startswith("fit-")]
            return load_file(self.folder / names[-1]) if names else None

    def keep_fit(self, step: int, state: FitState, *, now: bool = False) -> None:
        """Save the fit after `step` steps, where it is time to, or `now`."""
        if now or self._due():
            with self._saving():
                name = f"fit-{step:06}.safetensors"
                self._append({"step": step, "files": {name: write_atomically(self.folder / name, save(state()))}})
                self._tidy()

    @property
    def network(self) -> Path | None:
        """The network that was fitted, or None where that has yet to be done."""
        found = any(NETWORK in record.get("files", ()) for record in self._records)
        return self.folder / NETWORK if found else None

    def keep_network(self, save_to: Callable[[Path], None]) -> None:
        """Have the fitted network saved, as a safetensors file."""
        with self._saving():
            save_to(self.folder / NETWORK)
            fsync(self.folder)
            self._append({"files": {NETWORK: sha256(self.folder / NETWORK)}})
            self._tidy()

    # The frames

    def restore(self, encoder: Sink, device: str) -> list[Memory]:
        """Bring `encoder` to where the earlier run was saved; the memories for the next frame, on `device`.

        Afterwards `facts` counts the frames that need not be painted again.
        """
        with self._told():
            encoder.restore([self.folder / name for name, _ in self._segments], () if self._tail is None else self._tail.read())
            self._last = time.monotonic()
            return unpack_memories(self.folder / self._records[-1]["state"][0], device) if self._saved else []

    def keep(self, written: Written, memories: Sequence[Memory], **facts: Any) -> None:
        """Note a frame that `Encoder.write` wrote, what it leaves for the next one, and what is to be known of it."""
        self._busy = True  # a signal in the middle must not save half of it
        self.facts.append(facts)
        with self._told():
            if written.file is not None:
                self._segments.append([os.path.relpath(written.file, self.folder), sha256(written.file)])
                self._new += 1
            elif not self._frames:
                pass
            elif written.segment is None:
                if self._tail is None:
                    self._tail = Tail(self.folder / f"tail-{len(self._segments):05}")
                self._tail.append(written.samples)
            else:
                name = f"segment-{len(self._segments):05}"
                (self.folder / name).write_bytes(written.segment)
                self._segments.append([name, hashlib.sha256(written.segment).hexdigest()])
                self._new += 1
                self._close_tail()
        self._memories, self._busy = memories, False
        if self._due():
            self.save()

    @property
    def pictures(self) -> list[tuple[Path, str]]:
        """The files that are written one for each frame, with their hashes."""
        return [(self.folder / name, found) for name, found in self._segments]

    def save(self) -> None:
        """Save all frames that were kept."""
        if len(self.facts) == self._saved or not self._frames:
            return
        with self._saving():
            segments = self._segments[len(self._segments) - self._new :]
            for name, _ in segments:
                fsync(self.folder / name)
            state = f"state-{len(self.facts):07}.safetensors"
            found = write_atomically(self.folder / state, pack_memories(self._memories))
            tail = None
            if self._tail is not None:
                self._tail.sync()
                tail = [self._tail.path.name, self._tail.size, self._tail.sha256]
            self._append({"facts": self.facts[self._saved :], "segments": segments, "tail": tail, "state": [state, found]})
            self._saved, self._new = len(self.facts), 0
            self._tidy()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if error is not None and not self._busy:
            with suppress(OutputError):  # the disk may be what went wrong
                self.save()
        with suppress(OSError):
            self._close_tail()
        if error is not None and (place := self._place()):
            error.add_note(f"give the same command again and it goes on {place}")
        else:
            with suppress(OSError):
                self._journal.path.unlink(missing_ok=True)  # first: without it, what else is left means nothing
                self._remove()
        self._open.close()

    def _place(self) -> str | None:
        """Where the next run goes on; None for the very beginning."""
        if self._saved:
            return f"after {self._saved} of {self.total} frames"
        if self.network is not None:
            return "after the fit"
        steps = [record["step"] for record in self._records if "step" in record]
        if not steps and any(Path(name).parent != Path() for name, _ in self._segments):
            return f"after 0 of {self.total} frames"  # pictures lie there; without the journal they would be somebody else's
        return f"after {steps[-1]} steps of the fit" if steps else None

    # The folder

    def _due(self) -> bool:
        return time.monotonic() - self._last >= max(LEAST_SECONDS, self._cost / MOST_SHARE)

    @contextmanager
    def _saving(self) -> Iterator[None]:
        began, self._busy = time.monotonic(), True
        with self._told():
            yield
        self._busy, self._last = False, time.monotonic()
        self._cost = self._last - began
        self.seconds += self._cost

    @contextmanager
    def _told(self) -> Iterator[None]:
        """The disk's errors as one sentence."""
        try:
            yield
        except (OSError, SafetensorError) as error:
            reason = (getattr(error, "strerror", None) or str(error)).lower()
            raise OutputError(f"{self.folder}: what is done cannot be kept there ({reason}); "
                              "free some space or check the disk.") from error

    def _append(self, record: Record) -> None:
        self._journal.append(record)
        self._records.append(record)

    def _tidy(self) -> None:
        """Remove what no line needs any more, or never named; the last state but one stays, lest the last be damaged."""
        saved = [record for record in self._records if "facts" in record][-2:]
        fits = [record for record in self._records if "step" in record][-2:] if self.network is None else []
        needed = {name for record in fits for name in record["files"]} | {name for name, _ in self._segments}
        needed |= {record["state"][0] for record in saved} | {record["tail"][0] for record in saved if record["tail"]}
        needed |= {NETWORK} if self.network is not None else set()
        needed |= {self._tail.path.name} if self._tail is not None else set()
        self._remove(needed)

    def _remove(self, needed: set[str] | None = None) -> None:
        """Delete our files, but those `needed`; with None all of them, and the folder. What is not ours stays."""
        for pattern in ("fit-*", "network.*", "segment-*", "tail-*", "state-*", "journal.part"):
            for path in self.folder.glob(pattern):
                if path.name not in (needed or ()):
                    path.unlink(missing_ok=True)
        if needed is None:
            (self.folder / "lock").unlink(missing_ok=True)
            with suppress(OSError):
                self.folder.rmdir()

    def _close_tail(self) -> None:
        if self._tail is not None:
            self._tail.close()
            self._tail = None
