"""The first frame of a movie that can be decoded, found while its packets are read for another purpose."""

from __future__ import annotations

from pathlib import Path

import av
from av import Packet, VideoFrame
from av.stream import Stream
from av.video.stream import VideoStream

from vidstyle.core.choices import OnDamage
from vidstyle.core.errors import InputError, reason
from vidstyle.video import limits
from vidstyle.video.read.alpha import alpha_decoder
from vidstyle.video.read.damage import REMEDY


class FirstFrame:
    """Decodes the packets of a stream, as they are added, until the first frame is there.

    Unless `on_damage` is `fail`, packets that cannot be decoded are skipped, and so are damaged frames if a good one
    follows.
    """

    def __init__(self, stream: VideoStream, path: Path, on_damage: OnDamage) -> None:
        self._stream, self._path, self._on_damage = stream, path, on_damage
        self._decoder = alpha_decoder(stream)
        self._frame: VideoFrame | None = None
        self._found = False
        # One thread is enough for one frame. Several could still be writing log messages, for which PyAV needs Python's
        # lock, while the decoder is closed under that lock, and both would wait forever. They would also return different
        # frames of the same damaged data from run to run.
        (self._decoder or stream.codec_context).thread_count = 1

    def add(self, packet: Packet[Stream]) -> None:
        """Decode the stream's next packet, if the frame is not found yet; an empty packet ends the stream.

        Raises InputError where it cannot be decoded and `on_damage` is `fail`.
        """
        if self._found:
            return
        try:
            decoded = packet.decode() if self._decoder is None else self._decoder.decode(packet if packet.size else None)
        except av.FFmpegError as error:
            if self._on_damage != "fail":
                return
            raise InputError(f"{self._path}: its first frame cannot be decoded ({reason(error)}){self._too_large()}; "
                             f"{REMEDY}.") from error
        for frame in decoded:
            if not isinstance(frame, VideoFrame):
                continue
            self._frame = frame if self._frame is None or not frame.is_corrupt else self._frame
            if self._on_damage == "fail" or not frame.is_corrupt:
                self._frame, self._found = frame, True
                return

    @property
    def frame(self) -> VideoFrame:
        """The frame. Raises InputError where there is none."""
        if self._frame is None:
            raise InputError(f"{self._path}: holds no frame that can be decoded{self._too_large()}; copy or export it again.")
        return self._frame

    def _too_large(self) -> str:
        """FFmpeg discards the size of a frame that is above the limit."""
        return "" if self._stream.codec_context.width else f", or is larger than {limits.MOST_PIXELS // 10**6} million pixels"
