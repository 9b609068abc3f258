"""Where chroma lies between the pixels, which PyAV does not say; FFmpeg's description of a file does."""

from __future__ import annotations

import re
from typing import Any

from av import logging
from av.container import InputContainer
from av.video.stream import VideoStream

_LOCATIONS = ("left", "center", "topleft", "top", "bottomleft", "bottom")


def chroma_location(container: InputContainer, stream: VideoStream) -> str:
    """FFmpeg's name for it, such as `left`, as the file or its codec states; `unspecified` where neither does.

    It is one of the words behind the pixel format, as in `Stream #0:0: Video: hevc, yuv420p10le(tv, bt2020nc, topleft)`,
    and stands there only while FFmpeg is told to be wordy.
    """
    asked: Any = container  # PyAV's types do not know what can be asked for
    level = logging.get_level()
    logging.set_level(logging.INFO)
    logging.set_libav_level(logging.VERBOSE)
    try:
        described = asked.dumps_format()
    finally:
        logging.set_libav_level(logging.INFO)  # FFmpeg's own default: PyAV cannot say what it was
        logging.set_level(level)
    found = re.search(rf"^ *Stream #0:{stream.index}\b.* {stream.codec_context.pix_fmt}\(([^)]*)\)", described, re.MULTILINE)
    words = found[1].split(", ") if found else []
    return next((word for word in words if word in _LOCATIONS), "unspecified")
