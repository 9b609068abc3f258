"""A segment: the coded packets of a stretch of frames as bytes, to be kept on disk and joined to others later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

LENGTH = 96
"""Frames in a segment. Each is coded by an encoder of its own, so that coding can begin again there and give the same file."""
SHORTEST = 8
"""Frames in the last one at least: encoders make up the times of a very few frames otherwise than those of many."""


class Coded(NamedTuple):
    """One packet of the picture."""

    pts: int
    dts: int
    duration: int
    """Like `pts` and `dts` in units of the clip's time base."""
    key: bool
    """Whether decoding can start here."""
    data: bytes


@dataclass(frozen=True)
class Written:
    """What has to be kept of a frame that was written, so that it need not be painted again after a stop."""

    samples: bytes = b""
    """The picture as the encoder was given it (`Encoder.restore`)."""
    segment: bytes | None = None
    """Where the frame ends a segment, all of that in coded form (`Encoder.restore`), in place of its samples."""
    file: Path | None = None
    """Where each picture is a file, the frame's own, which is whole already."""


def ends_segment(written: int, total: int) -> bool:
    """Whether a segment ends after `written` of `total` frames."""
    return written == total or (written % LENGTH == 0 and total - written >= SHORTEST)


def pack(packets: Iterable[Coded]) -> bytes:
    """A line of JSON that says what follows, then the packets' data."""
    packets = list(packets)
    table = [(packet.pts, packet.dts, packet.duration, packet.key, len(packet.data)) for packet in packets]
    return json.dumps(table).encode() + b"\n" + b"".join(packet.data for packet in packets)


def unpack(segment: bytes) -> Iterator[Coded]:
    """The packets that `pack` was given."""
    head, _, data = segment.partition(b"\n")
    at = 0
    for pts, dts, duration, key, size in json.loads(head):
        yield Coded(pts, dts, duration, key, data[at : at + size])
        at += size
