"""Closed captions (CEA-608, CEA-708) inside coded frames: found in the packets of a source, and put into those of an output.

ATSC A/53 part 4 lays them out: `GA94`, the type 3, the number of entries, a reserved byte, and three bytes for each entry. In
H.264 and H.265 this is a message of the type `user_data_registered_itu_t_t35` (H.274, 8.6.1), in AV1 metadata of the same
kind, in MPEG-2 user data of a picture.
"""

from __future__ import annotations

_PROVIDER = b"\xb5\x00\x31"  # ITU-T T.35: the country USA, the provider ATSC
_ATSC = b"GA94\x03"
_MARKS = {"h264": _PROVIDER + _ATSC, "hevc": _PROVIDER + _ATSC, "av1": _PROVIDER + _ATSC, "mpeg2video": b"\0\0\1\xb2" + _ATSC}
"""How captions begin within the packets of each codec."""
_DVD = b"\0\0\1\xb2CC\x01\xf8"
_ESCAPED = ("h264", "hevc")
"""Codecs in whose packets a 3 follows each two zeros, so that no start code appears by chance."""
_HEADERS = {"libx264": b"\x06", "libx265": b"\x4e\x01"}
"""The header of a unit of messages, of each encoder's codec."""
_MOST = 31
"""Entries in one message."""

CAPTION_CODECS = tuple(_MARKS)
"""Codecs whose packets may hold captions."""
CAPTION_ENCODERS = tuple(_HEADERS)
"""Encoders whose packets can be given captions."""


def captions_in(codec: str, data: bytes) -> bytes:
    """The caption entries, three bytes each, in a packet of a video stream of `codec`; empty where there are none."""
    mark = _MARKS.get(codec)
    found, at = b"", -1 if mark is None else data.find(mark)
    while mark is not None and at >= 0:
        at += len(mark)
        content = data[at:at + 2 + 2 * 3 * _MOST]
        if codec in _ESCAPED:
            content = content.replace(b"\0\0\3", b"\0\0")
        if content and content[0] & 0x40:
            found += content[2:2 + 3 * (content[0] & 0x1F)]
        at = data.find(mark, at)
    return found[:len(found) // 3 * 3]


def has_dvd_captions(codec: str, data: bytes) -> bool:
    """Whether a packet holds captions as on DVDs, which are laid out otherwise and are not read."""
    return codec == "mpeg2video" and _DVD in data


def with_captions(encoder: str, data: bytes, entries: bytes) -> bytes:
    """The packet of an encoder of `CAPTION_ENCODERS`, with caption entries before its picture."""
    messages = b""
    for at in range(0, len(entries), 3 * _MOST):
        part = entries[at:at + 3 * _MOST]
        content = _PROVIDER + _ATSC + bytes((0x40 | len(part) // 3, 0xFF)) + part + b"\xff"
        messages += bytes((4, len(content))) + content  # the type of the message and its size, below 255
    return b"\0\0\0\1" + _HEADERS[encoder] + _escape(messages + b"\x80") + data if messages else data


def _escape(content: bytes) -> bytes:
    """The content of a unit, with a 3 between two zeros and a byte up to 3."""
    written = bytearray()
    for byte in content:
        if byte <= 3 and written.endswith(b"\0\0"):
            written.append(3)
        written.append(byte)
    return bytes(written)
