"""The position of chroma samples, which PyAV lacks and FFmpeg's description of a file states."""

from __future__ import annotations

import re
from typing import Any

from av import logging
from av.container import InputContainer
from av.video.stream import VideoStream

_LOCATIONS = ("left", "center", "topleft", "top", "bottomleft", "bottom")


def chroma_location(container: InputContainer, stream: VideoStream) -> str:
    """FFmpeg's name of the chroma position, such as `left`, as the file or its codec states; `unspecified` where neither does.

    It is one of the words behind the pixel format, as in `Stream #0:0: Video: hevc, yuv420p10le(tv, bt2020nc, topleft)`,
    and appears only while FFmpeg logs verbosely.
    """
    described_container: Any = container  # PyAV's type stubs lack `dumps_format`
    level = logging.get_level()
    logging.set_level(logging.INFO)
    logging.set_libav_level(logging.VERBOSE)
    try:
        described = described_container.dumps_format()
    finally:
        logging.set_libav_level(logging.INFO)  # FFmpeg's own default: PyAV cannot read the level
        logging.set_level(level)
    found = re.search(rf"^ *Stream #0:{stream.index}\b.* {stream.codec_context.pix_fmt}\(([^)]*)\)", described, re.MULTILINE)
    words = found[1].split(", ") if found else []
    return next((word for word in words if word in _LOCATIONS), "unspecified")
