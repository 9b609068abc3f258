"""Files that consist of elements, each of which states its length: whether the last one ends behind the end of the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from av import VideoFormat
from av.container import InputContainer

MOST = 10_000_000
"""Elements that are looked at: chunks of an AVI, of which each frame is one, or the packets of a day of film."""

_PARTITION = bytes.fromhex("060e2b34020501010d010201")  # begins the key of the first element of an MXF

Length = Callable[[BinaryIO], int | None]
"""Bytes of the element that begins at the file's position; None where none begins there."""


def number(file: BinaryIO, count: int, order: str = "big") -> int:
    """The next `count` bytes as a number; 0 behind the end."""
    return int.from_bytes(file.read(count), "little" if order == "little" else "big")


def missing(file: BinaryIO, size: int, container: InputContainer) -> int:
    """Bytes of the last element behind the end of the file, which has `size` bytes; 0 where the format has no such elements."""
    start, length = _layout(file, container)
    if length is None:
        return 0
    at = start
    for _ in range(MOST):
        if at >= size:
            break
        file.seek(at)
        following = length(file)
        if following is None:
            return 0
        at += following
    return max(0, at - size)


def _layout(file: BinaryIO, container: InputContainer) -> tuple[int, Length | None]:
    """Where the first element of the file begins, and how long each one is."""
    name = container.format.name
    if name == "yuv4mpegpipe":
        picture = _bytes_of_picture(container)
        return len(file.readline()), lambda file: _frame(file, picture)
    if name == "flv":
        file.seek(5)
        return number(file, 4), _tag
    if name == "ivf":
        file.seek(6)
        return number(file, 2, "little"), lambda file: 12 + number(file, 4, "little")
    if name == "mxf":
        return max(0, file.read(1 << 16).find(_PARTITION)), _klv
    return {"asf": (0, _object), "ogg": (0, _page), "mpeg": (0, _pack)}.get(name, (0, None))


def _bytes_of_picture(container: InputContainer) -> int:
    """Bytes of a picture whose planes follow each other without gaps."""
    context = container.streams.video[0].codec_context
    assert context.pix_fmt, "FFmpeg reads the pixel format in the first line"
    parts = VideoFormat(context.pix_fmt, context.width, context.height).components
    return sum(part.width * part.height * -(-part.bits // 8) for part in parts)


def _frame(file: BinaryIO, picture: int) -> int | None:
    """Of YUV4MPEG2: a line that begins with `FRAME`, and the picture."""
    line = file.readline(1 << 10)
    return len(line) + picture if line[:5] == b"FRAME"[:len(line)] else None


def _tag(file: BinaryIO) -> int | None:
    """Of FLV: the length of the tag before, and a tag of sound, video or data; the last tag's length is no loss."""
    head = file.read(15)
    return 15 + int.from_bytes(head[5:8], "big") if len(head) > 4 and head[4] & 0x1F in (8, 9, 18) else None


def _object(file: BinaryIO) -> int | None:
    """Of ASF (WMV): an object; live recordings state no length of their data, and an index behind the data is no loss."""
    kind, length = file.read(16), number(file, 8, "little")
    return length if kind[:4] in (b"\x30\x26\xb2\x75", b"\x36\x26\xb2\x75") and length > 50 else None


def _page(file: BinaryIO) -> int | None:
    """Of Ogg: a page, which states the lengths of up to 255 segments."""
    head = file.read(27)
    return 27 + head[26] + sum(file.read(head[26])) if head[:4] == b"OggS" and len(head) == 27 else None


def _pack(file: BinaryIO) -> int | None:
    """Of an MPEG programme stream: the header of a pack, which states no length, or a packet."""
    head = file.read(14)
    if head[:3] != b"\0\0\1" or len(head) < 14:
        return None
    if head[3] == 0xBA:
        return 14 + (head[13] & 7) if head[4] & 0xC0 == 0x40 else 12  # MPEG-2, MPEG-1
    return 6 + int.from_bytes(head[4:6], "big") if head[3] > 0xBA else None


def _klv(file: BinaryIO) -> int | None:
    """Of MXF: a key of 16 bytes, a length and a value."""
    key, length = file.read(16), number(file, 1)
    if key[:4] != _PARTITION[:4]:
        return None
    behind = length & 0x7F if length & 0x80 else 0
    value = number(file, behind) if behind else length
    return 17 + behind + value
