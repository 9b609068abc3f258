"""A stack of records that wait in a temporary file, so that memory does not hold them."""

from __future__ import annotations

import pickle
import tempfile
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Stack(Generic[Item]):
    """Records of which the last one pushed is the first one popped; any that `pickle` can hold.

    folder: where the file lies; it has no name there and is gone with the process. None: the records wait in memory. So do
    those that the disk does not take, as when it is full: a run that has the memory goes on.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._file: FileIO | None = None
        self._items = list[tuple[int, int] | tuple[Item]]()  # where each begins and ends in the file, or itself

    def __len__(self) -> int:
        return len(self._items)

    def push(self, item: Item) -> None:
        """Add a record."""
        place = None if self._folder is None else self._save(pickle.dumps(item, protocol=5), self._folder)
        self._items.append((item,) if place is None else place)

    def pop(self) -> Item:
        """Take the last record out. Raises IndexError if there is none, OSError if the disk does not give it back."""
        last = self._items.pop()
        if len(last) == 1:
            return last[0]
        begin, end = last
        assert self._file is not None, "a record lies in it"
        self._file.seek(begin)
        item: Item = pickle.loads(self._file.read(end - begin))
        self._file.truncate(begin)
        return item

    def _save(self, record: bytes, folder: Path) -> tuple[int, int] | None:
        """Where `record` lies in the file; None if the disk does not take it."""
        with suppress(OSError):
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  it lives as long as the stack
            assert self._file is not None, "it has been opened"
            begin = self._file.seek(0, 2)
            if self._file.write(record) == len(record):
                return begin, begin + len(record)
            self._file.truncate(begin)
        return None
