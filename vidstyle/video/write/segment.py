"""Segments: the coded packets of consecutive frames as bytes, to be stored on disk and joined later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from vidstyle.video.packets import CodedPacket

LENGTH = 96
"""Frames in a segment. Each segment is coded by a fresh encoder, so that coding can resume there with the same result."""
SHORTEST = 8
"""Fewest frames in the last segment: with very few frames, encoders choose other times than with many."""


def ends_segment(written: int, total: int) -> bool:
    """Whether a segment ends after `written` of `total` frames."""
    return written == total or (written % LENGTH == 0 and total - written >= SHORTEST)


def segment_of(frame: int, total: int) -> tuple[int, int]:
    """The segment that holds `frame` of `total` frames: its first frame, and the first one after it."""
    begin = frame // LENGTH * LENGTH
    if begin and total - begin < SHORTEST:
        begin -= LENGTH
    end = begin + LENGTH
    return begin, end if ends_segment(end, total) else total


def pack(packets: Iterable[CodedPacket]) -> bytes:
    """A line of JSON that describes the packets, then their data."""
    packets = list(packets)
    table = [(packet.pts, packet.dts, packet.duration, packet.key, len(packet.data)) for packet in packets]
    return json.dumps(table).encode() + b"\n" + b"".join(packet.data for packet in packets)


def unpack(segment: bytes) -> Iterator[CodedPacket]:
    """The packets that `pack` was called with."""
    head, _, data = segment.partition(b"\n")
    at = 0
    for pts, dts, duration, key, size in json.loads(head):
        yield CodedPacket(pts, dts, duration, key, data[at : at + size])
        at += size
