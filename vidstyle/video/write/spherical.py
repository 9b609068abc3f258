"""Writing the boxes that state a panorama into a finished MP4 or MOV: FFmpeg's muxer takes them from encoders alone."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from vidstyle.video.clip import Clip
from vidstyle.video.pixels.orientation import Orientation
from vidstyle.video.read.spherical import PATH, Part, SphericalBoxes, codec_entry, descend, inside, movie_box, spherical_boxes

_CHUNK = 8 << 20  # bytes
_OFFSETS = {b"stco": 4, b"co64": 8}
"""The tables of places in the file, and the bytes of an entry."""


def kept_boxes(clip: Clip, container: str, size: tuple[int, int]) -> SphericalBoxes:
    """The source's boxes that are true of an output of this format and size (width, height); empty where there are none.

    Some state places in pixels, and all mean the frame as it is coded.
    """
    true = size == (clip.width, clip.height) and clip.orientation == Orientation()
    stated = any(data.kind == "spherical" for data in clip.side_data)
    if container not in ("mp4", "mov") or "mp4" not in clip.coding.container or not true or not stated:
        return SphericalBoxes()
    return spherical_boxes(clip.path, clip.coding.stream) or SphericalBoxes()


def insert_boxes(path: Path, added: SphericalBoxes) -> None:
    """Write `added` into the first track of the MP4 or MOV at `path`, in place. Raises OSError; ValueError for another file.

    What lies behind the table of contents moves, and so do the places that the table states.
    """
    found = movie_box(path)
    if found is None:
        raise ValueError("has no table of contents")
    start, old = found
    data, whole = bytearray(old), Part(b"moov", 0, len(old))
    track = next((part for part in inside(data, 8, len(data)) if part.name == b"trak"), whole)
    entry = codec_entry(data, track)
    if entry is None:
        raise ValueError("has no table of codecs")
    data[track.end : track.end] = added.track  # the later place first, so that the other stays
    data[entry.end : entry.end] = added.entry
    for part in (whole, track, *descend(old, track, PATH), entry):
        more = len(added.entry) + (len(added.track) if part in (whole, track) else 0)
        data[part.start : part.start + 4] = (part.end - part.start + more).to_bytes(4, "big")
    _move_places(data, start + len(old), len(data) - len(old))
    with path.open("r+b") as file:
        _move_bytes(file, path.stat().st_size, start + len(old), len(data) - len(old))
        file.seek(start)
        file.write(data)


def _move_places(data: bytearray, behind: int, by: int) -> None:
    """Add `by` to all places in the file from `behind` on that the tables in the `moov` box `data` state."""
    for track in inside(data, 8, len(data)):
        if track.name != b"trak":
            continue
        way = list(descend(data, track, PATH[:-1]))
        for table in inside(data, way[-1].start + 8, way[-1].end) if len(way) == len(PATH) - 1 else []:
            if (width := _OFFSETS.get(table.name)) is None:
                continue
            for at in range(table.start + 16, table.end - width + 1, width):
                place = int.from_bytes(data[at : at + width], "big")
                data[at : at + width] = (place + by * (place >= behind)).to_bytes(width, "big")


def _move_bytes(file: BinaryIO, end: int, behind: int, by: int) -> None:
    """Move what lies from `behind` to `end` towards the end of the file, the last part first."""
    while end > behind:
        begin = max(behind, end - _CHUNK)
        file.seek(begin)
        part = file.read(end - begin)
        file.seek(begin + by)
        file.write(part)
        end = begin
