"""A journal on disk: one line for each record; a record is valid once its line is complete."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from vidstyle.core.atomic import fsync, write_atomically

Record = dict[str, Any]


class Journal:
    """Records in a file, one line for each: `CRC32 JSON`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._content: tuple[tuple[Record, ...], int] = ((), 0)  # the records, and the bytes of their lines

    @property
    def records(self) -> tuple[Record, ...]:
        """The valid records, as read or written last."""
        return self._content[0]

    def read(self) -> tuple[Record, ...]:
        """Read the records up to the first line that is incomplete or damaged; later lines are ignored."""
        records, size = list[Record](), 0
        with suppress(FileNotFoundError):
            for line in self.path.read_bytes().splitlines(keepends=True):
                crc, _, text = line.partition(b" ")
                if not line.endswith(b"\n") or crc != _crc(text):
                    break
                records.append(json.loads(text))
                size += len(line)
        self._content = tuple(records), size
        return self.records

    def rewrite(self, records: Sequence[Record]) -> None:
        """Replace the file by one with these records. Raises OSError."""
        content = b"".join(map(_line, records))
        write_atomically(self.path, content)
        self._content = tuple(records), len(content)

    def append(self, record: Record) -> None:
        """Add a record; it is on the disk when this returns. Raises OSError, also if the file was removed."""
        records, size = self._content
        line = _line(record)
        with self.path.open("r+b") as file:
            file.truncate(size)  # removes a line whose writing was interrupted
            file.seek(size)
            file.write(line)
        fsync(self.path)
        # One assignment: a signal that comes before it leaves a line that the next `append` writes over.
        self._content = (*records, record), size + len(line)


def _line(record: Record) -> bytes:
    text = json.dumps(record).encode() + b"\n"
    return _crc(text) + b" " + text


def _crc(text: bytes) -> bytes:
    return f"{zlib.crc32(text):08x}".encode()
