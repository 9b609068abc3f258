"""Coding the frames of a movie in segments, each by a fresh encoder."""

from __future__ import annotations

import io

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vidstyle.core.atomic import write_failed
from vidstyle.core.frame import Frame
from vidstyle.core.images import resize_alpha
from vidstyle.video.packets import CodedPacket
from vidstyle.video.pixels.hdr import sdr_range_to_hdr
from vidstyle.video.pixels.planes import write_image
from vidstyle.video.write.formats import written_hdr
from vidstyle.video.write.layout import MovieLayout, add_video


class SegmentCoder:
    """Codes frames in order; what a segment becomes depends on its own frames alone.

    movie: the opened source, for the names and tags of the stream; None for images. stream: an encoder for the first segment;
    without it, and for the segments after it, a fresh one with the layout's own settings.
    """

    def __init__(self, layout: MovieLayout, movie: InputContainer | None, stream: VideoStream | None = None) -> None:
        self._layout, self._movie, self._stream = layout, movie, stream
        self._hdr = written_hdr(layout.source)
        self._packets: list[CodedPacket] = []
        self._durations: dict[int, int] = {}

    def samples(self, frame: Frame) -> VideoFrame:
        """A frame, (3, H, W) in [0, 1] in the planned size, as the encoder takes it. Raises ValueError for another size."""
        width, height = self._layout.size
        if tuple(frame.image.shape) != (3, height, width):
            raise ValueError(f"expected an image of shape (3, {height}, {width}), got {tuple(frame.image.shape)}")
        alpha = None if frame.alpha is None else resize_alpha(frame.alpha, (height, width))
        image = frame.image if self._hdr is None else sdr_range_to_hdr(frame.image, self._hdr)
        return write_image(image, self._layout.format.pix_fmt, self._layout.format.colour, alpha)

    def encode(self, frame: VideoFrame, pts: int, duration: int, *, ends: bool) -> list[CodedPacket]:
        """Encode the next frame; the packets of its segment where it `ends` one, none before. Raises OutputError.

        pts, duration: of the frame in the source.
        """
        frame.pts, frame.time_base = pts - self._layout.shift, self._layout.source.clip.time_base
        self._durations[frame.pts] = duration
        try:
            if self._stream is None:
                # On a file in memory that is never written.
                memory = av.open(io.BytesIO(), "w", format=self._layout.format.container)
                self._stream = add_video(memory, self._movie, self._layout, frames=self._layout.frames)
            self._collect(self._stream.encode(frame))
            if not ends:
                return []
            self._collect(self._stream.encode(None))
        except (av.FFmpegError, OSError) as error:
            raise write_failed(self._layout.target, error) from error
        found = self._packets
        self.skip()
        return found

    def skip(self) -> None:
        """Begin a segment with the next frame, because an earlier coder has coded the one before."""
        self._stream, self._packets = None, []

    def _collect(self, packets: list[av.Packet[VideoStream]]) -> None:
        for packet in packets:
            assert packet.pts is not None, "an encoder gives every packet the time of its frame"
            dts = packet.dts if packet.dts is not None else packet.pts
            # Encoders do not pass on the duration of a frame, and the last one's is nowhere else.
            self._packets.append(CodedPacket(packet.pts, dts, self._durations.pop(packet.pts, 0), packet.is_keyframe,
                                             bytes(packet)))
