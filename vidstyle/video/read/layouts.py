"""Where the size or the kind of samples changes within a stream, found from its packets, before anything is painted."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import av
from av import Packet, VideoFrame
from av.bitstream import BitStreamFilterContext
from av.codec import CodecContext
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from vidstyle.core.errors import InputError
from vidstyle.video import limits

_PLACES = {"vp8": slice(6, 10), "vp9": slice(10), "prores": slice(16, 20), "png": slice(16, 24)}
"""Bytes of a packet in which a frame that refers to no other states its size; some state more."""
_IN_BAND = ("av1", "h264", "hevc", "mpeg2video", "vc1")
"""Codecs whose headers may come again within the stream, where FFmpeg's filter finds them."""

Layout = tuple[int, int, str]
"""Width and height in pixels, and FFmpeg's name of the pixel format."""


def layout_of(frame: VideoFrame) -> Layout:
    """What must be the same in all frames of a clip."""
    return frame.width, frame.height, frame.format.name


def change_error(path: Path, one: Layout, other: Layout, frame: int) -> InputError:
    """The error that at a frame, by its index, `one` layout changes to the `other`."""
    return InputError(f"{path}: changes from {one[0]}x{one[1]} {one[2]} to {other[0]}x{other[1]} {other[2]} at frame {frame}; "
                      "split it there.")


class LayoutWatch:
    """Decodes the first frame of a stream that refers to no other, and those whose packets state something new.

    Changes of MJPEG, and of H.264 within MP4 or Matroska where only the frames state them, are not found here but by the
    decoder, while the clip is painted.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._context = stream.codec_context
        self._codec = self._context.codec.canonical_name
        self._filter: BitStreamFilterContext | None = None
        lengths = (self._context.extradata or b"\0")[:1] == b"\1" and self._codec != "av1"  # before each unit, as in MP4
        if self._codec in _IN_BAND and not lengths:
            with suppress(av.FFmpegError):
                self._filter = BitStreamFilterContext("extract_extradata", stream)
        self._seen: set[bytes] = set()
        self.found: list[tuple[int, Layout]] = []
        """The times at which frames state something new, in units of the stream, and what those frames are."""

    @property
    def change(self) -> tuple[int, Layout, Layout] | None:
        """When the first frame that differs appears, what the frames before it are, and what it is."""
        return next(((time, self.found[0][1], other) for time, other in self.found if other != self.found[0][1]), None)

    def add(self, packet: Packet[Stream]) -> None:
        """Look at the next packet that has data."""
        time = packet.pts if packet.pts is not None else packet.dts
        if not packet.is_keyframe or time is None:
            return
        stated = self._stated(packet)
        if self.found and (not stated or stated in self._seen):
            return
        self._seen.add(stated)
        if (layout := self._decoded(packet)) is not None:
            self.found.append((time, layout))

    def _stated(self, packet: Packet[Stream]) -> bytes:
        """What a packet states that may be about its frame's size; empty where it states nothing."""
        if packet.has_sidedata("new_extradata"):
            return bytes(packet.get_sidedata("new_extradata"))
        if self._codec in _PLACES:
            return bytes(memoryview(packet)[_PLACES[self._codec]])
        if self._filter is None:
            return b""
        copy = Packet(bytes(packet))  # the filter takes what it is given
        copy.is_keyframe = True
        with suppress(av.FFmpegError):
            for one in self._filter.filter(copy):
                if one.has_sidedata("new_extradata"):
                    return bytes(one.get_sidedata("new_extradata"))
        return b""

    def _decoded(self, packet: Packet[Stream]) -> Layout | None:
        """What the packet's frame is; None where it cannot be decoded alone."""
        decoder = CodecContext.create(self._context.name, "r")
        assert isinstance(decoder, VideoCodecContext), "the stream is one of video"
        decoder.extradata, decoder.thread_count = self._context.extradata, 1
        decoder.options = {"max_pixels": str(limits.MOST_PIXELS)}
        with suppress(av.FFmpegError):
            for frame in [*decoder.decode(packet), *decoder.decode(None)]:
                return layout_of(frame)
        return None
