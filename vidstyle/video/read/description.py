"""FFmpeg's own description of a file, as its programs print it: what PyAV has no name for is read from there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from av import logging
from av.container import Container

_STREAM = re.compile(r" *Stream #0:(\d+)\b(.*)")
_SIDE_DATA = re.compile(r" {6}([^:]+): *(.*)")
_TAG = re.compile(r"\((\S{1,8}) / 0x[0-9A-F]{4,8}\)")


@dataclass
class Description:
    """The lines about one stream."""

    line: str
    """The stream's own line, such as `Video: h264 (High) (avc1 / 0x31637661), yuv420p(tv, bt709, left), 160x96, 25 fps`."""
    side_data: dict[str, str]
    """What the file states about the whole stream beside its codec, such as `Spherical Mapping`: `equirectangular`."""

    @property
    def tag(self) -> str | None:
        """The letters by which the file names the codec, such as `avc1`; None where it has none."""
        found = _TAG.search(self.line)
        return found[1] if found and found[1].isprintable() and "[" not in found[1] else None


def describe_streams(container: Container) -> dict[int, Description]:
    """FFmpeg's description of each stream of a file, by the stream's number.

    FFmpeg names the position of chroma samples and the reference frames only while it logs verbosely.
    """
    described_container: Any = container  # PyAV's type stubs lack `dumps_format`
    level = logging.get_level()
    logging.set_level(logging.INFO)
    logging.set_libav_level(logging.VERBOSE)
    try:
        text: str = described_container.dumps_format()
    finally:
        logging.set_libav_level(logging.INFO)  # FFmpeg's own default: PyAV cannot read the level
        logging.set_level(level)
    found: dict[int, Description] = {}
    current, in_side_data = Description("", {}), False
    for line in text.splitlines():
        if match := _STREAM.match(line):
            current = found[int(match[1])] = Description(match[2], {})
            in_side_data = False
        elif line.startswith("    ") and not line.startswith("     "):
            in_side_data = line.strip() == "Side data:"
        elif in_side_data and (match := _SIDE_DATA.match(line)):
            current.side_data[match[1].strip()] = match[2].strip()
    return found
