"""A file to which the samples of each frame are appended, preceded by their length in bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vidstyle.core.atomic import fsync

if TYPE_CHECKING:
    from hashlib import _Hash

_LENGTH = 8  # bytes of the number before a frame's samples


class Stored(NamedTuple):
    """The valid part of a file of samples; bytes after it are of a frame whose writing was interrupted."""

    name: str
    size: int
    """In bytes, from the beginning."""
    sha256: str
    """Of these bytes, in hex."""


class SampleFile:
    """A file of samples, open for writing."""

    def __init__(self, path: Path, size: int = 0) -> None:
        """Create a file, or open one to append after its first `size` bytes; the rest is dropped. Raises OSError."""
        self.path = path
        self._size = size
        self._hash = _hash_of(path, size) if size else hashlib.sha256()
        self._file = path.open("rb+" if size else "wb")
        self._file.truncate(size)
        self._file.seek(size)

    def append(self, samples: bytes) -> Stored:
        """Add a frame's samples; returns the valid part of the file including them. Raises OSError."""
        data = len(samples).to_bytes(_LENGTH, "little") + samples
        self._file.write(data)
        self._hash.update(data)
        self._size += len(data)
        return Stored(self.path.name, self._size, self._hash.hexdigest())

    def sync(self) -> None:
        """Wait until all of it is safe on the disk. Raises OSError."""
        self._file.flush()
        fsync(self.path)

    def close(self) -> None:
        """Flush and close the file. Raises OSError."""
        self._file.close()


def read_samples(path: Path, size: int) -> Iterator[bytes]:
    """The samples of each frame in the first `size` bytes. Raises OSError."""
    with path.open("rb") as file:
        while file.tell() < size:
            yield file.read(int.from_bytes(file.read(_LENGTH), "little"))


def samples_sha256(path: Path, size: int) -> str:
    """SHA-256 of the first `size` bytes in hex; of all bytes where there are fewer. Raises OSError."""
    return _hash_of(path, size).hexdigest()


def _hash_of(path: Path, size: int) -> _Hash:
    found, left = hashlib.sha256(), size
    with path.open("rb") as file:
        while left and (block := file.read(min(left, 1 << 20))):
            found.update(block)
            left -= len(block)
    return found
