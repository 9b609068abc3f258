"""Sound decoded and re-encoded: cut to the sample, or into a codec that players of the output's format decode."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av import AudioFrame, AudioResampler, Packet
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Stream

from vidstyle.core.errors import InputError

_PLAYED = {"mp4": ("aac", "mp3", "mp2", "ac3", "eac3", "alac", "flac", "opus"),
           "mov": ("aac", "mp3", "mp2", "ac3", "eac3", "alac", "pcm_", "adpcm_ima_qt")}
"""The codecs, or how their names begin, that players decode in a format; the muxer takes many more, and players read PCM in
MP4 as noise, or not at all. Players of Matroska and WebM decode all that the format holds."""
_ENCODERS = {"aac": "aac", "opus": "libopus", "vorbis": "libvorbis", "mp3": "libmp3lame", "mp2": "mp2", "flac": "flac",
             "alac": "alac", "ac3": "ac3", "eac3": "eac3"}
_FALLBACK = {"mp4": "aac", "mov": "aac", "matroska": "aac", "webm": "libopus"}
_LOSSLESS = ("pcm_", "flac", "alac", "truehd", "mlp", "tta", "wavpack", "ape", "wmalossless", "shorten", "tak")
_PCM = {"u8": "pcm_u8", "s16": "pcm_s16le", "s32": "pcm_s32le", "flt": "pcm_f32le", "dbl": "pcm_f64le"}
"""PCM that holds decoded samples of each format as they are, in MOV and Matroska."""
_EXACT = ("flac", "alac")
_LEAST, _MOST = 96_000, 192_000
"""Bits a second for each channel of a lossy encoder; more can hardly be heard, and some encoders refuse more."""
_MOST_OF_ALL = {"libmp3lame": 320_000, "mp2": 384_000, "ac3": 640_000}
"""Bits a second that an encoder takes for all channels together."""
_USUAL = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 8: "7.1"}
_GAP = Fraction(1, 25)  # seconds; smaller steps are rounding of Matroska's milliseconds, larger ones are missing sound
_LOUDEST = 1e6  # 120 dB above the loudest that is played; AAC's encoder refuses what is not a number, and 1e16
_LONGEST_GAP = 3600  # seconds; beyond that, the clock of the file jumped or began anew, and the sound goes on


def is_played(codec: str, container: str) -> bool:
    """Whether players decode sound of `codec` in a file of the format `container`."""
    if container == "matroska" and codec == "tta":
        return False  # FFmpeg takes its length from that of the whole file, and then does not decode the last block
    return container not in _PLAYED or codec.startswith(_PLAYED[container])


def encoders(codec: str, samples: str, container: str) -> list[str]:
    """Encoders to try for sound of `codec` in `container`, the best first: the source's own, a lossless one, a usual one.

    samples: FFmpeg's name of the format of the decoded samples, such as `s16p`.
    """
    own = codec if codec.startswith("pcm_") else _ENCODERS.get(codec)
    found = [own if own is not None and is_played(codec, container) else None]
    if codec.startswith(_LOSSLESS) and container in ("mov", "matroska"):
        found.append(_PCM.get(samples.removesuffix("p")))
    found.append(_FALLBACK[container])
    return list(dict.fromkeys(name for name in found if name is not None and _built(name)))


def is_exact(encoder: str) -> bool:
    """Whether the encoder is lossless."""
    return encoder in _EXACT or encoder.startswith("pcm_")


def sample_bits(codec: str) -> int:
    """Bits of one sample of PCM as it is stored; 0 for other codecs."""
    found = re.match(r"pcm_(?:[suf](\d+)|[am]u?law)", codec)
    return 0 if found is None else int(found[1] or 8)


def samples_of(frame: AudioFrame) -> np.ndarray[Any, Any]:
    """The samples (1, N) of a frame, those of all channels in turn.

    PyAV 18.1 counts planes wrongly from 8 channels on, and reads memory that is none of theirs.
    """
    if frame.format.is_planar:
        time, frame.pts = frame.pts, None
        [packed] = AudioResampler(frame.format.packed, frame.layout, frame.sample_rate).resample(frame)
        frame.pts, frame = time, packed
    return frame.to_ndarray()


def is_loudness(samples: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which samples, floats of about [-1, 1], are numbers that an encoder takes; damaged files hold others."""
    found: np.ndarray[Any, np.dtype[np.bool_]] = np.abs(samples) < _LOUDEST
    return found


def _built(name: str) -> bool:
    try:
        return av.Codec(name, "w").is_encoder
    except ValueError:
        return False


def _rate(encoder: str, rate: int) -> int:
    """The rate of samples that the encoder takes, the source's own or the next above it."""
    rates = av.Codec(encoder, "w").audio_rates
    if not rates or rate in rates:
        return rate
    return min((one for one in rates if one > rate), default=max(rates))


class Recoder:
    """One sound stream of the source, decoded, cut to `begin`..`end` (seconds of the source) and encoded into `sink`.

    Its times are counted in samples from the first one on; `origin` is the second of the source that becomes zero. Raises
    ValueError for sound of which neither rate nor channels are known, or that `sink` does not hold.
    """

    def __init__(self, sink: OutputContainer, stream: AudioStream, encoder: str, *, origin: Fraction,
                 begin: Fraction | None, end: Fraction | None) -> None:
        context = stream.codec_context
        context.flush_buffers()  # a trial may have decoded the stream to its end
        if not context.sample_rate or not context.channels or context.format is None:
            raise ValueError("the rate or the number of channels of the sound is unknown")
        # PyAV 18.1 counts the planes of samples in planes wrongly from 8 channels on, and reads memory that is none of theirs.
        self._in, self._rate, self._format = context, context.sample_rate, context.format.packed.name
        self._channels = context.channels
        # AVI states only the number of channels; the usual speakers are assumed for it.
        counted = context.layout.name.endswith("channels") or not context.layout.name
        self._layout = _USUAL.get(context.channels, context.layout.name) if counted else context.layout.name
        # Encoders know speakers behind the listener; sound for speakers at the sides, `5.1(side)`, is played by those.
        speakers = self._layout if is_exact(encoder) else self._layout.removesuffix("(side)")
        out = sink.add_stream(encoder, rate=_rate(encoder, self._rate), layout=speakers)
        assert isinstance(out, AudioStream), "a sound encoder makes a sound stream"
        self.out = out
        if not is_exact(encoder):
            usual = min(max(context.bit_rate or 0, _LEAST * context.channels), _MOST * context.channels)
            self.out.bit_rate = min(usual, _MOST_OF_ALL.get(encoder, usual))
        self._origin = round(origin * self._rate)
        self._begin = None if begin is None else round(begin * self._rate)
        self._end = None if end is None else round(end * self._rate)
        self._at, self._begun = 0, False  # sample of the source that comes next; whether it is known
        self._jumped = 0  # samples by which the clock has jumped
        self._resamplers: dict[tuple[str, int, str], AudioResampler] = {}

    def feed(self, packet: Packet[Stream] | None) -> Iterator[Packet[Stream]]:
        """The packets to write for one packet of the source; None is the end. Raises InputError where no sound was decoded."""
        for frame in self._decoded(packet):
            for piece in self._placed(frame):
                yield from self.out.encode(piece)
        if packet is None:
            if not self._begun:
                raise InputError("None of the sound can be decoded; use --audio none.")
            yield from self.out.encode(None)

    def _decoded(self, packet: Packet[Stream] | None) -> list[AudioFrame]:
        """The frames of the packet; none where it is damaged, so that silence takes its place (`rehearsal` has named it)."""
        try:
            return self._in.decode(packet)
        except av.FFmpegError:
            return []

    def _placed(self, frame: AudioFrame) -> Iterator[AudioFrame]:
        """The part of the frame that lies in the range, at its sample."""
        # The last frame of some decoders, as of WMA, has no time: it follows the one before.
        stated = self._at + self._jumped if frame.pts is None else round(frame.pts * (frame.time_base or 0) * self._rate)
        if not self._begun:
            self._at, self._begun = stated, True
        stated -= self._jumped
        if abs(stated - self._at) > _LONGEST_GAP * self._rate:
            self._jumped += stated - self._at
            stated = self._at
        for even in self._as_at_first(frame):
            yield from self._cut(even, stated)

    def _as_at_first(self, frame: AudioFrame) -> list[AudioFrame]:
        """The frame with samples of all channels in turn, and the rate and speakers of the stream; broadcasts change them."""
        kind = frame.format.name, frame.sample_rate, frame.layout.name
        same = (frame.sample_rate, frame.layout.nb_channels) == (self._rate, self._channels)
        if same and frame.format.name == self._format:
            return [frame]
        if kind not in self._resamplers:
            self._resamplers[kind] = AudioResampler(self._format, frame.layout if same else self._layout, self._rate)
        frame.pts = None
        return self._resamplers[kind].resample(frame)

    def _cut(self, frame: AudioFrame, stated: int) -> Iterator[AudioFrame]:
        """The part of a frame that states to begin at the sample `stated`, with silence before it where sound is missing."""
        data: np.ndarray[Any, Any] = frame.to_ndarray()
        channels = frame.layout.nb_channels
        if data.dtype.kind == "f":
            data = np.where(is_loudness(data), data, 0).astype(data.dtype)
        gap = stated - self._at
        if gap < -_GAP * self._rate:
            data = data[:, min(-gap * channels, data.shape[1]):]
        while gap > _GAP * self._rate:  # at most a second at once, for gaps may be hours
            length = min(gap, self._rate)
            # 128 is the middle of the one unsigned format.
            silence = np.full((1, length * channels), 128 if self._format == "u8" else 0, data.dtype)
            yield from self._in_range(silence, channels)
            gap -= length
        yield from self._in_range(data, channels)

    def _in_range(self, data: np.ndarray[Any, Any], channels: int) -> Iterator[AudioFrame]:
        """The part of the next samples, those of all channels in turn, that lies in the range."""
        first, count = self._at, data.shape[1] // channels
        self._at += count
        low = max(0, (self._begin if self._begin is not None else first) - first)
        high = min(count, (self._end if self._end is not None else first + count) - first)
        if low >= high:
            return
        piece = AudioFrame.from_ndarray(np.ascontiguousarray(data[:, low * channels:high * channels]), format=self._format,
                                        layout=self._layout)
        piece.sample_rate, piece.time_base = self._rate, Fraction(1, self._rate)
        piece.pts = first + low - self._origin
        yield piece
