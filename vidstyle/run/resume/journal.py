"""A journal on disk: lines that count once they are safely written, and files that are trusted only by their hash."""

from __future__ import annotations

import json
import os
import socket
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from vidstyle.core.atomic import write_atomically
from vidstyle.core.errors import OutputError

Record = dict[str, Any]


class Journal:
    """One line for each record, `CRC32 JSON`; a record counts from the moment that its line is whole on the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[Record]:
        """The records up to the first line that is torn or damaged; what follows it is not trusted."""
        records = []
        with suppress(FileNotFoundError):
            for line in self.path.read_bytes().splitlines(keepends=True):
                crc, _, text = line.partition(b" ")
                if not line.endswith(b"\n") or crc != _crc(text):
                    break
                records.append(json.loads(text))
        return records

    def rewrite(self, records: list[Record]) -> None:
        """Leave these records and no others."""
        write_atomically(self.path, b"".join(map(_line, records)))

    def append(self, record: Record) -> None:
        """Add a record; it is on the disk when this returns."""
        with self.path.open("ab") as file:
            file.write(_line(record))
            file.flush()
            os.fsync(file.fileno())


def _line(record: Record) -> bytes:
    text = json.dumps(record).encode() + b"\n"
    return _crc(text) + b" " + text


def _crc(text: bytes) -> bytes:
    return f"{zlib.crc32(text):08x}".encode()


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold the file `path` for this process alone; raises OutputError, about `what`, while another run holds it.

    The system lets go of it when a process ends, however it ends, so that a killed run bars nobody.
    """
    file = path.open("a+")
    try:
        if not _lock(file):
            file.seek(0)
            raise OutputError(f"{what}: is being painted by another run ({file.read().strip() or 'unknown process'}); "
                              "wait until it is done, or stop it first.")
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield
    finally:
        file.close()


def _lock(file: IO[str]) -> bool:
    if sys.platform == "win32":
        return True  # it has locks of another kind, which nobody has tried here
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    # The run that held it may have removed it as it finished, in the moment between opening and locking.
    with suppress(FileNotFoundError):
        return os.fstat(file.fileno()).st_ino == os.stat(file.name).st_ino
    return False
