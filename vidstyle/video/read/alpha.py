"""Reading the transparency of WebM, which lies beside each packet and which FFmpeg's own decoder passes over."""

from __future__ import annotations

from collections.abc import Iterator

import av
from av import VideoFrame
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from vidstyle.video.read.container import demuxed

_READERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


def reader(stream: VideoStream) -> VideoCodecContext | None:
    """A decoder that sees the stream's transparency, where the stream's own does not and there is some."""
    seen = {key.lower(): value for key, value in stream.metadata.items()}.get("alpha_mode") == "1"
    name = _READERS.get(stream.codec_context.codec.canonical_name) if seen else None
    if name is None:
        return None
    context = av.CodecContext.create(name, "r")
    assert isinstance(context, VideoCodecContext)
    context.options = dict(stream.codec_context.options)
    own = stream.codec_context
    context.color_primaries, context.color_trc = own.color_primaries, own.color_trc  # the file says them, not the coded picture
    return context


def decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Every picture of the stream from where the container stands, with its alpha where it has any."""
    context = reader(stream)
    if context is None:
        for packet in demuxed(container, [stream]):
            yield from (picture for picture in packet.decode() if isinstance(picture, VideoFrame))
        return
    for packet in demuxed(container, [stream]):
        yield from context.decode(packet if packet.size else None)
