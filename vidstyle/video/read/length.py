"""Whether a file is shorter than it states, by the sizes of its outermost parts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067
_MOST_BOXES = 1_000_000  # at the top level: a fragmented MP4 has two a second or so
_PACKETS = ((188, 0), (192, 4))  # size and place of the first sync byte of MPEG-TS, and of the kind that cameras write


def bytes_missing(path: Path, container: str) -> int:
    """Number of bytes missing at the end of the file at `path`; 0 where that is unknown. container: FFmpeg's name.

    AVI, Matroska and MP4 state the size of their outermost parts, unless they are written live; MPEG-TS comes in packets
    of one size, so a file cut at random is noticed in 187 cases of 188; GIF ends in a semicolon.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if container == "avi":
            end = _riff_end(file, size)
        elif container.startswith("matroska"):
            end = _segment_end(file)
        elif "mp4" in container:
            end = _box_end(file, size)
        elif container == "mpegts":
            end = _packet_end(file, size)
        elif container == "gif":
            file.seek(-1, os.SEEK_END)
            end = size + (file.read(1) != b";")
        else:
            return 0
    return max(0, end - size)


def _number(file: BinaryIO, count: int, order: str = "big") -> int:
    """The next `count` bytes as a number; 0 behind the end."""
    return int.from_bytes(file.read(count), "little" if order == "little" else "big")


def _riff_end(file: BinaryIO, size: int) -> int:
    """An AVI is one RIFF chunk, or several where it is large."""
    end = 0
    while end + 8 <= size:
        file.seek(end)
        if file.read(4) != b"RIFF":
            break
        length = _number(file, 4, "little")
        if length in (0, 0xFFFFFFFF):
            break  # written live
        end += 8 + length + length % 2
    return end


def _segment_end(file: BinaryIO) -> int:
    """A Matroska file is a header and a segment; each has an identity, a size of one to eight bytes, a content."""
    if _number(file, 4) != _EBML:
        return 0
    length = _vint(file)
    if length is None:
        return 0
    file.seek(length, os.SEEK_CUR)
    if _number(file, 4) != _SEGMENT:
        return 0
    length = _vint(file)
    return 0 if length is None else file.tell() + length


def _vint(file: BinaryIO) -> int | None:
    """EBML's number: as many leading zero bits as bytes follow; None where all bits are ones, which is `unknown`."""
    first = _number(file, 1)
    more = 8 - first.bit_length()
    if more > 7:
        return None
    bits = 7 * (more + 1)
    value = (first << 8 * more | _number(file, more)) & ((1 << bits) - 1)
    return None if value == (1 << bits) - 1 else value


def _box_end(file: BinaryIO, size: int) -> int:
    """MP4 is a row of boxes; a size of 1 stands for one of 64 bits behind the name, 0 for all the rest."""
    end = 0
    for _ in range(_MOST_BOXES):
        if end + 8 > size:
            break
        file.seek(end)
        length = _number(file, 4)
        file.seek(4, os.SEEK_CUR)
        if length == 1:
            length = _number(file, 8)
        if length < 8:
            break  # the rest of the file, or no box
        end += length
    return end


def _packet_end(file: BinaryIO, size: int) -> int:
    for length, place in _PACKETS:
        file.seek(place)
        first = file.read(length + 1)
        if len(first) > length and first[0] == first[length] == 0x47:
            return -(-size // length) * length
    return 0
