"""The log of frames: the frames that a run has written, and the state it needs to paint the next one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from vidstyle.core.atomic import fsync, write_atomically
from vidstyle.core.errors import OutputError
from vidstyle.core.files import sha256
from vidstyle.core.frame import Memory
from vidstyle.run.resume.folder import RunFolder
from vidstyle.run.resume.journal import Record
from vidstyle.run.resume.memories import pack_memories, unpack_memories
from vidstyle.run.resume.records import FRAMES, of_kind
from vidstyle.run.resume.sample_file import SampleFile, Stored, read_samples
from vidstyle.video import Written

SAMPLES = "samples-"
"""How the names of files with samples begin."""


class Restorable(Protocol):
    """A sink of frames that can continue where an earlier one stopped."""

    def restore(self, segments: Sequence[Path], samples: Iterable[bytes] = ()) -> None:
        """Write the coded segments of the earlier sink, then the samples of each frame after them."""


@dataclass(frozen=True)
class _End:
    """The log after its last whole frame. A signal in the middle of `append` leaves this as it was."""

    frames: int
    files: int
    """How many segments, or images, belong to the frames."""
    samples: Stored | None
    """The samples of the frames since the last segment."""
    memories: Sequence[Memory] = ()


class FrameLog:
    """Saves the written frames and the memories in `folder`, and reads those of an earlier run; a context manager.

    total: frames of the output. On leaving by an exception, all whole frames are saved once more. Raises OutputError for
    the disk.
    """

    def __init__(self, folder: RunFolder, total: int) -> None:
        self.folder, self.total = folder, total
        records = of_kind(folder.records, FRAMES)
        self.facts: list[Record] = [facts for record in records for facts in record["facts"]]
        """The `facts` given to `append` for each frame written so far, in order, those of an earlier run included."""
        self._files: list[tuple[str, str]] = [(name, digest) for record in records for name, digest in record["files"]]
        stored = records[-1]["samples"] if records else None
        self._end = _End(len(self.facts), len(self._files), None if stored is None else Stored(*stored))
        self._sample_file: SampleFile | None = None

    def __enter__(self) -> Self:
        return self

    def restore(self, sink: Restorable, device: str) -> list[Memory]:
        """Restore `sink` to the earlier run's last save; returns the memories for the next frame on `device`, nearest last."""
        with self.folder.disk_errors():
            for name, _ in self._files:
                path = self.folder.path / name
                if name.startswith(SAMPLES):
                    sink.restore((), read_samples(path, path.stat().st_size))
                else:
                    sink.restore([path])
            if self._end.samples is not None:
                sink.restore((), read_samples(self.folder.path / self._end.samples.name, self._end.samples.size))
            records = of_kind(self.folder.records, FRAMES)
            return unpack_memories(self.folder.path / records[-1]["memories"][0], device) if records else []

    def append(self, written: Written, memories: Sequence[Memory], **facts: Any) -> None:
        """Add a frame, and save if a save is due.

        written: what the sink's `write` returned for it. memories: those for the next frame. facts: what the manifest and the
        result state about this frame, in types that JSON has.
        """
        samples = None
        with self.folder.disk_errors():
            if written.file is not None:
                self._append_image(written.file)
            elif not self.folder.keep_frames:
                pass
            elif written.segment is not None:
                self._append_segment(written.segment)
            else:
                samples = self._append_samples(written.samples)
                if written.samples_only:
                    self._files.append((samples.name, samples.sha256))
                    samples = None
        self.facts.append(facts)
        self._end = _End(len(self.facts), len(self._files), samples, memories)
        if samples is None:
            self._close_sample_file()
        if self.folder.schedule.is_due():
            self.save()

    def _append_image(self, file: Path) -> None:
        self._files.append((os.path.relpath(file, self.folder.path), sha256(file)))
        # Without the folder, the next run would take the image for another's and refuse to replace it.
        self.folder.first_resume_point = f"after 0 of {self.total} frames"

    def _append_segment(self, segment: bytes) -> None:
        name = f"segment-{len(self._files):05}"
        (self.folder.path / name).write_bytes(segment)
        self._files.append((name, hashlib.sha256(segment).hexdigest()))

    def _append_samples(self, samples: bytes) -> Stored:
        if self._sample_file is None:
            before = self._end.samples or Stored(f"{SAMPLES}{len(self._files):05}", 0, "")
            self._sample_file = SampleFile(self.folder.path / before.name, before.size)
        return self._sample_file.append(samples)

    def adopt(self, part: FrameLog) -> None:
        """Add the frames of another log, whose files stay where they are; they are not saved here."""
        self.facts += part.facts
        at = os.path.relpath(part.folder.path, self.folder.path)
        self._files += [(os.path.normpath(os.path.join(at, name)), digest) for name, digest in part._files]

    def save(self) -> None:
        """Save all whole frames that no record names yet."""
        end, records = self._end, of_kind(self.folder.records, FRAMES)
        frames = sum(len(record["facts"]) for record in records)
        if end.frames == frames or not self.folder.keep_frames:
            return
        with self.folder.saving():
            files = self._files[sum(len(record["files"]) for record in records) : end.files]
            for name, _ in files:
                fsync(self.folder.path / name)
            memories = f"memories-{end.frames:07}.safetensors"
            digest = write_atomically(self.folder.path / memories, pack_memories(end.memories))
            if self._sample_file is not None:
                self._sample_file.sync()
            self.folder.append({"kind": FRAMES, "facts": self.facts[frames : end.frames], "files": files,
                                "samples": end.samples, "memories": [memories, digest],
                                "resume": f"after {end.frames} of {self.total} frames"})

    @property
    def images(self) -> list[tuple[Path, str]]:
        """Of an output that is a sequence, the file of each frame written so far, with its SHA-256 in hex."""
        return [(self.folder.path / name, digest) for name, digest in self._files]

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if error is not None:
            with suppress(OutputError):  # the disk may be what failed
                self.save()
        with suppress(OSError):
            self._close_sample_file()

    def _close_sample_file(self) -> None:
        file, self._sample_file = self._sample_file, None  # a signal in between must not leave a closed file here
        if file is not None:
            file.close()
