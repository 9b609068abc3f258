"""The position of chroma samples, which PyAV lacks and FFmpeg's description of a file states."""

from __future__ import annotations

import re

from av.video.stream import VideoStream

from vidstyle.video.read.description import Description

_LOCATIONS = ("left", "center", "topleft", "top", "bottomleft", "bottom")


def chroma_location(description: Description, stream: VideoStream) -> str:
    """FFmpeg's name of the chroma position, such as `left`, as the file or its codec states; `unspecified` where neither does.

    It is one of the words behind the pixel format, as in `Video: hevc, yuv420p10le(tv, bt2020nc, topleft)`.
    """
    found = re.search(rf" {stream.codec_context.pix_fmt}\(([^)]*)\)", description.line)
    words = found[1].split(", ") if found else []
    return next((word for word in words if word in _LOCATIONS), "unspecified")
