"""Reading the transparency of WebM, which is stored next to each packet and which FFmpeg's own decoder ignores."""

from __future__ import annotations

from collections.abc import Iterator

import av
from av import VideoFrame
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from vidstyle.video.read.container import demuxed

_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


def alpha_decoder(stream: VideoStream) -> VideoCodecContext | None:
    """A decoder that reads the stream's transparency; None if it has none or its own decoder reads it."""
    stated = {key.lower(): value for key, value in stream.metadata.items()}.get("alpha_mode") == "1"
    name = _DECODERS.get(stream.codec_context.codec.canonical_name) if stated else None
    if name is None:
        return None
    context = av.CodecContext.create(name, "r")
    assert isinstance(context, VideoCodecContext), "libvpx decodes video"
    context.options = dict(stream.codec_context.options)
    own = stream.codec_context
    context.color_primaries, context.color_trc = own.color_primaries, own.color_trc  # stated by the file only
    return context


def decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Every decoded frame of the stream, from the container's current position, with its alpha where it has any."""
    context = alpha_decoder(stream)
    if context is None:
        for packet in demuxed(container, [stream]):
            yield from (frame for frame in packet.decode() if isinstance(frame, VideoFrame))
        return
    for packet in demuxed(container, [stream]):
        yield from context.decode(packet if packet.size else None)
