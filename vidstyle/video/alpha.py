"""Reading the transparency of WebM, which lies beside each packet and which FFmpeg's own decoder passes over."""

from __future__ import annotations

from collections.abc import Iterator

import av
from av import VideoFrame
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

_READERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


def decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Every picture of the stream from where the container stands, with its alpha where it has any."""
    seen = {key.lower(): value for key, value in stream.metadata.items()}.get("alpha_mode") == "1"
    reader = _READERS.get(stream.codec_context.codec.canonical_name) if seen else None
    if reader is None:
        yield from container.decode(stream)
        return
    context = av.CodecContext.create(reader, "r")
    assert isinstance(context, VideoCodecContext)
    context.options = dict(stream.codec_context.options)
    for packet in container.demux(stream):
        yield from context.decode(packet if packet.size else None)
