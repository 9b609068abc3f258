"""The boxes of which an MP4 or MOV file consists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_MOST_BOXES = 1_000_000  # at the top level: a fragmented MP4 has two a second or so


class Box(NamedTuple):
    """One box at the top level, as its header states it."""

    name: bytes
    """Four letters."""
    start: int
    length: int
    """Bytes from `start` on, with the header; the file may hold fewer."""


def boxes(path: Path) -> Iterator[Box]:
    """The boxes at the top level, up to the one that reaches the end of the file or goes beyond it."""
    size, start = path.stat().st_size, 0
    with path.open("rb") as file:
        for _ in range(_MOST_BOXES):
            if start + 8 > size:
                return
            file.seek(start)
            length, name = int.from_bytes(file.read(4), "big"), file.read(4)
            if length == 1:  # stands for a length of 64 bits behind the name
                length = int.from_bytes(file.read(8), "big")
            elif length == 0:  # all the rest of the file
                length = size - start
            if length < 8:
                return  # no box
            yield Box(name, start, length)
            start += length


def is_fragmented(path: Path) -> bool:
    """Whether the film is stored in fragments, as streams and live recordings are: its table of contents is in many pieces."""
    return any(box.name == b"moof" for box in boxes(path))
