"""Sound decoded and re-encoded: cut to the sample, or into a codec that the output's format can hold."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av import AudioFrame, Packet
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Stream

_ENCODERS = {"aac": "aac", "opus": "libopus", "vorbis": "libvorbis", "mp3": "libmp3lame", "mp2": "mp2", "flac": "flac",
             "alac": "alac", "ac3": "ac3", "eac3": "eac3"}
_FALLBACK = {"mp4": "aac", "mov": "aac", "matroska": "aac", "webm": "libopus"}
_EXACT = ("flac", "alac")
_USUAL = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 8: "7.1"}
_GAP = Fraction(1, 25)  # seconds; smaller steps are rounding of Matroska's milliseconds, larger ones are missing sound


def encoders(codec: str, container: str) -> list[str]:
    """Encoders to try for sound of `codec` in `container`, the one of the source's own codec first."""
    own = codec if codec.startswith("pcm_") else _ENCODERS.get(codec)
    found = [name for name in (own, _FALLBACK[container]) if name is not None]
    return list(dict.fromkeys(name for name in found if _built(name)))


def is_exact(encoder: str) -> bool:
    """Whether the encoder is lossless."""
    return encoder in _EXACT or encoder.startswith("pcm_")


def _built(name: str) -> bool:
    try:
        return av.Codec(name, "w").is_encoder
    except ValueError:
        return False


class Recoder:
    """One sound stream of the source, decoded, cut to `begin`..`end` (seconds of the source) and encoded into `sink`.

    Its times are counted in samples from the first one on; `origin` is the second of the source that becomes zero.
    """

    def __init__(self, sink: OutputContainer, stream: AudioStream, encoder: str, *, origin: Fraction,
                 begin: Fraction | None, end: Fraction | None) -> None:
        context = stream.codec_context
        context.flush_buffers()  # a trial may have decoded the stream to its end
        self._in, self._rate = context, context.sample_rate
        rate = 48000 if encoder == "libopus" else self._rate  # Opus knows few rates
        # AVI states only the number of channels; the usual speakers are assumed for it.
        counted = context.layout.name.endswith("channels") or not context.layout.name
        self._layout = _USUAL.get(context.channels, context.layout.name) if counted else context.layout.name
        out = sink.add_stream(encoder, rate=rate, layout=self._layout)
        assert isinstance(out, AudioStream), "a sound encoder makes a sound stream"
        self.out = out
        if not is_exact(encoder):
            self.out.bit_rate = max(context.bit_rate or 0, 96_000 * context.channels)
        self._origin = round(origin * self._rate)
        self._begin = None if begin is None else round(begin * self._rate)
        self._end = None if end is None else round(end * self._rate)
        self._at: int | None = None  # sample of the source that comes next

    def feed(self, packet: Packet[Stream] | None) -> Iterator[Packet[Stream]]:
        """The packets to write for one packet of the source; None is the end."""
        for frame in self._in.decode(packet):
            for piece in self._placed(frame):
                yield from self.out.encode(piece)
        if packet is None:
            yield from self.out.encode(None)

    def _placed(self, frame: AudioFrame) -> Iterator[AudioFrame]:
        """The part of the frame that lies in the range, at its sample; silence before it where the source has a gap."""
        stated = round((frame.pts or 0) * (frame.time_base or 0) * self._rate)
        if self._at is None:
            self._at = stated
        data: np.ndarray[Any, Any] = frame.to_ndarray()
        planes = 1 if frame.format.is_planar else frame.layout.nb_channels
        gap = stated - self._at
        if gap > _GAP * self._rate:
            # 128 is the middle of the one unsigned format.
            silence = np.full((data.shape[0], gap * planes), 128 if frame.format.name.startswith("u8") else 0, data.dtype)
            data = np.concatenate([silence, data], axis=1)
        elif gap < -_GAP * self._rate:
            data = data[:, min(-gap * planes, data.shape[1]):]
        first, count = self._at, data.shape[1] // planes
        self._at += count
        low = max(0, (self._begin if self._begin is not None else first) - first)
        high = min(count, (self._end if self._end is not None else first + count) - first)
        if low >= high:
            return
        piece = AudioFrame.from_ndarray(np.ascontiguousarray(data[:, low * planes:high * planes]), format=frame.format.name,
                                        layout=self._layout)
        piece.sample_rate, piece.time_base = self._rate, Fraction(1, self._rate)
        piece.pts = first + low - self._origin
        yield piece
