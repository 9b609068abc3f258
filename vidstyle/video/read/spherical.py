"""The boxes by which an MP4 or MOV states that its frames are a panorama: `sv3d` and `st3d`, and the older XML of Google.

Spherical Video V2: https://github.com/google/spatial-media/blob/master/docs/spherical-video-v2-rfc.md, and V1 beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from vidstyle.video.read.boxes import boxes

PATH = (b"mdia", b"minf", b"stbl", b"stsd")
"""From a track to the table of its codecs."""
HEADS = {b"stsd": 16}
"""Bytes before the boxes inside a box, where they are not 8."""
ENTRY_HEAD = 86  # of the entry for a codec of video
_V1 = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
_MOST = 16 << 20  # bytes: the meshes of a lens that some cameras state take some hundred kilobytes


class Part(NamedTuple):
    """A box inside another one, by its place in the bytes of a file or of a box."""

    name: bytes
    start: int
    end: int


@dataclass(frozen=True)
class SphericalBoxes:
    """The boxes of a video track, whole, as the file holds them."""

    entry: bytes = b""
    """`st3d` and `sv3d`, from the entry for the codec."""
    track: bytes = b""
    """The `uuid` box of Spherical Video V1, from the track."""

    @property
    def states_stereo(self) -> bool:
        """Whether they also state how two views lie in a frame."""
        return b"st3d" in self.entry or b"StereoMode" in self.track

    def __bool__(self) -> bool:
        return bool(self.track) or b"sv3d" in self.entry


def inside(data: bytes | bytearray, start: int, end: int) -> list[Part]:
    """The boxes from `start` to `end`, up to one that does not fit."""
    found = list[Part]()
    while start + 8 <= end:
        length = int.from_bytes(data[start : start + 4], "big")
        if length < 8 or start + length > end:
            break
        found.append(Part(bytes(data[start + 4 : start + 8]), start, start + length))
        start += length
    return found


def descend(data: bytes | bytearray, box: Part, names: tuple[bytes, ...]) -> Iterator[Part]:
    """The boxes on the way from `box` down to the first one of each of `names`; fewer where one is missing."""
    for name in names:
        begin = box.start + HEADS.get(box.name, 8)
        found = next((part for part in inside(data, begin, box.end) if part.name == name), None)
        if found is None:
            return
        box = found
        yield box


def movie_box(path: Path) -> tuple[int, bytes] | None:
    """Where the table of contents (`moov`) begins in the file, and its bytes; None where there is none with a usual header."""
    found = next((box for box in boxes(path) if box.name == b"moov"), None)
    if found is None:
        return None
    with path.open("rb") as file:
        file.seek(found.start)
        data = file.read(found.length)
    return (found.start, data) if len(data) == found.length and int.from_bytes(data[:4], "big") == len(data) else None


def codec_entry(data: bytes | bytearray, track: Part) -> Part | None:
    """The first entry in a track's table of codecs."""
    way = list(descend(data, track, PATH))
    entries = inside(data, way[-1].start + HEADS[b"stsd"], way[-1].end) if len(way) == len(PATH) else []
    return entries[0] if entries else None


def spherical_boxes(path: Path, number: int) -> SphericalBoxes:
    """The boxes of track `number`, counted from 0, of the MP4 or MOV at `path`; empty ones where it has none."""
    found = movie_box(path)
    if found is None:
        return SphericalBoxes()
    data = found[1]
    tracks = [part for part in inside(data, 8, len(data)) if part.name == b"trak"]
    entry = codec_entry(data, tracks[number]) if number < len(tracks) else None
    if entry is None:
        return SphericalBoxes()
    own = b"".join(data[part.start : part.end] for part in inside(data, entry.start + ENTRY_HEAD, entry.end)
                   if part.name in (b"st3d", b"sv3d"))
    older = b"".join(data[part.start : part.end] for part in inside(data, tracks[number].start + 8, tracks[number].end)
                     if part.name == b"uuid" and data[part.start + 8 : part.start + 24] == _V1)
    return SphericalBoxes(own, older) if len(own) + len(older) < _MOST else SphericalBoxes()
