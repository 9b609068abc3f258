"""Whether a file ends before its samples do."""

from __future__ import annotations

import os
from collections import deque
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer

from vidstyle.video.read import elements
from vidstyle.video.read.boxes import boxes
from vidstyle.video.read.elements import number

_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067
_PACKETS = ((188, 0), (192, 4))  # size and place of the first sync byte of MPEG-TS, and of the kind that cameras write
_DV_525, _DV_625 = 120_000, 144_000  # bytes of a frame, by the lines of the picture; DVCPRO 50 and HD have multiples
_TAIL = 4096  # bytes at the end of an animated PNG; some programs append a few
_SLACK = Fraction(1, 10)  # seconds: muxers round the length of a file, some omit the last packet's


def bytes_missing(path: Path, container: InputContainer, end: Fraction, lacks_frames: bool) -> int:
    """Number of bytes missing at the end of the file at `path`; 0 where nothing is, or where that is unknown.

    The outermost parts of AVI, Matroska and MP4 state sizes, which many programs write too large: only what lacks samples
    is cut off. end: seconds at which the last packet that was read ends. lacks_frames: whether the painted stream states more
    frames than were read, or no number. MPEG-TS comes in packets of one size, so a file cut at random is noticed in 187 cases
    of 188; DV comes in frames of one size; GIF ends in a semicolon, and an animated PNG in a part of that name. What other
    formats consist of states its length (see `elements`).
    """
    size, name = path.stat().st_size, container.format.name
    if "mp4" in name:
        return _samples_missing(path, container, size)
    with path.open("rb") as file:
        if name == "avi":
            return _riff_missing(file, size, lacks_frames=lacks_frames)
        if name.startswith("matroska"):
            stated = None if container.duration is None else Fraction(container.duration, av.time_base)
            return _segment_missing(file, size, ends_early=stated is None or end < stated - _SLACK)
        if name == "mpegts":
            return max(0, _packet_end(file, size) - size)
        if name == "dv":  # FFmpeg fills up the last frame
            return -size % (_DV_625 if file.read(4)[-1] & 0x80 else _DV_525)
        if name == "gif":
            file.seek(-1, os.SEEK_END)
            return int(file.read(1) not in b";\0")  # 0 ends a whole image, of which some programs write the last
        if name == "apng":
            file.seek(-min(size, _TAIL), os.SEEK_END)
            return 0 if b"IEND" in file.read() else 12
        return elements.missing(file, size, container)


def _samples_missing(path: Path, container: InputContainer, size: int) -> int:
    """Bytes of the samples that an MP4's index names, or of the index of a fragment, behind the end of the file."""
    last = next(iter(deque(boxes(path), maxlen=1)), None)
    if last is None or last.start + last.length <= size:
        return 0
    if last.name in (b"moof", b"moov"):
        return last.start + last.length - size
    ends = (entry.pos + entry.size for stream in container.streams for entry in stream.index_entries)
    return max(0, max(ends, default=0) - size)


def _riff_end(file: BinaryIO, size: int) -> int:
    """Where an AVI ends by its own account. It is one RIFF chunk, or several where it is large."""
    end = 0
    while end + 8 <= size:
        file.seek(end)
        if file.read(4) != b"RIFF":
            break
        length = number(file, 4, "little")
        if length in (0, 0xFFFFFFFF):
            break  # written live
        end += 8 + length + length % 2
    return end


def _riff_missing(file: BinaryIO, size: int, *, lacks_frames: bool) -> int:
    """Bytes of the innermost chunks of an AVI, which hold its samples and their index, behind the end of the file."""
    stated, at = _riff_end(file, size), 0
    if stated <= size:
        return 0
    for _ in range(elements.MOST):
        if at + 8 > size:
            break
        file.seek(at)
        name, length = file.read(4), number(file, 4, "little")
        if name in (b"RIFF", b"LIST"):
            at += 12  # its kind is stated before its first chunk
            continue
        at += 8 + length
        if at > size:
            return at - size
        at += length % 2
    return stated - size if lacks_frames else 0


def _segment_missing(file: BinaryIO, size: int, *, ends_early: bool) -> int:
    """A Matroska file is a header and a segment of elements; each has an identity, a size of one to eight bytes, a content.

    ends_early: whether the packets end before the stated length, or none is stated.
    """
    if number(file, 4) != _EBML:
        return 0
    length = _vint(file)
    if length is None:
        return 0
    file.seek(length, os.SEEK_CUR)
    if number(file, 4) != _SEGMENT or (length := _vint(file)) is None:
        return 0
    stated, at = file.tell() + length, file.tell()
    for _ in range(elements.MOST):
        if at >= min(size, stated):
            break
        file.seek(at)
        _vint(file)  # the identity, coded as a size is
        length = _vint(file)
        if length is None:
            return 0  # written live
        at = file.tell() + length
    if at > size:
        return at - size
    return max(0, stated - size) if ends_early else 0


def _vint(file: BinaryIO) -> int | None:
    """EBML's number: as many leading zero bits as bytes follow; None where all bits are ones, which is `unknown`."""
    first = number(file, 1)
    more = 8 - first.bit_length()
    if more > 7:
        return None
    bits = 7 * (more + 1)
    value = (first << 8 * more | number(file, more)) & ((1 << bits) - 1)
    return None if value == (1 << bits) - 1 else value


def _packet_end(file: BinaryIO, size: int) -> int:
    for length, place in _PACKETS:
        file.seek(place)
        first = file.read(length + 1)
        if len(first) > length and first[0] == first[length] == 0x47:
            return -(-size // length) * length
    return 0
