"""The sound of a clip beside the painted picture: copied packet for packet where that can be, encoded anew where not."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import av
from av import Packet
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from vidstyle.core.errors import InputError
from vidstyle.video.clip import Clip, Track
from vidstyle.video.read.container import demuxed, open_source
from vidstyle.video.write.formats import CONTAINERS
from vidstyle.video.write.recode import Recoder, encoders, is_exact

_EDIT_LISTS = ("mp4", "mov")  # formats that can start a packet of sound before zero and tell players to skip it
_OURS = {"duration", "encoder", "handler_name", "vendor_id", "major_brand", "minor_version", "compatible_brands"}


@dataclass(frozen=True)
class SoundPlan:
    """What becomes of the sound of a clip in a certain output."""

    lines: dict[int, str]
    """One line for each sound stream of the source, by its number."""
    warnings: tuple[str, ...]
    """One sentence for each that will not be the source's own."""
    lost: tuple[str, ...]
    """Those of `warnings` that tell of sound that will be missing."""
    kept: tuple[int, ...]
    """Numbers of the source's sound streams that are written."""
    recoded: dict[int, str]
    """The encoder for each of them that is not copied packet for packet."""


def plan_sound(clip: Clip, suffix: str, audio: str = "copy", *, whole: bool = True) -> SoundPlan:
    """Decide, by a trial in memory, which sound an output with the extension `suffix` takes, and how.

    Of a range (not `whole`) sound is copied only where the format can tell players to skip the beginning of a packet
    (MP4, MOV).
    """
    container, of = CONTAINERS[suffix], "" if clip.sound is None else f"{clip.sound.name}, "
    lines, warnings, lost, kept, recoded = dict[int, str](), list[str](), list[str](), list[int](), dict[int, str]()
    for track in clip.audio:
        if audio == "none":
            lines[track.index] = f"{of}{track} -> dropped, as asked"
            continue
        cut = not whole and container not in _EDIT_LISTS
        if not cut and _fits(clip, track, container):
            kept.append(track.index)
            lines[track.index] = f"{of}{track} -> copied"
            continue
        encoder = next((name for name in encoders(track.codec, container) if _fits(clip, track, container, name)), None)
        if encoder is None:
            lines[track.index] = f"{of}{track} -> dropped, {suffix} cannot hold it"
            lost.append(f"Sound is dropped: {of}{track}; {suffix} cannot hold it, an output named .mkv can hold more.")
            warnings.append(lost[-1])
            continue
        kept.append(track.index)
        recoded[track.index] = encoder
        why = "to begin at the range's first sample" if cut else f"as {suffix} cannot hold it"
        lines[track.index] = f"{of}{track} -> encoded anew with {encoder}, {why}"
        if not (cut and is_exact(encoder)):
            warnings.append(f"Sound is encoded anew: {of}{track}, with {encoder}, {why}.")
    return SoundPlan(lines, tuple(warnings), tuple(lost), tuple(kept), recoded)


def _fits(clip: Clip, track: Track, container: str, encoder: str | None = None) -> bool:
    """Whether a few packets of the stream can really be written; what a format says of itself is only a hint."""
    if clip.sound is not None and container == "mp4" and (encoder or track.codec).startswith("pcm_"):
        return False  # the format can, but hardly a player plays it
    with open_source(clip.sound or clip.path) as source:
        stream = source.streams[track.index]
        if not isinstance(stream, AudioStream) or stream.codec_context is None:
            return False
        sink = av.open(io.BytesIO(), "w", format=container)
        try:
            sound = Sound(sink, source, (track.index,), {track.index: encoder} if encoder else {}, most=3)
            sink.start_encoding()
            sound.copy_until(None)
            sink.close()
        except (av.FFmpegError, ValueError, InputError):
            return False
    return True


def _packets(source: InputContainer, streams: list[AudioStream]) -> Iterator[Packet[Stream]]:
    """Every packet of these streams that has a time; size 0 is only the demuxer's sign that a stream ends."""
    for packet in demuxed(source, streams):
        if packet.dts is None:
            packet.dts = packet.pts  # sound is stored in the order it is played
        if packet.size and packet.dts is not None:
            yield packet


def copied_tags(metadata: dict[str, str]) -> dict[str, str]:
    """The tags of a file or a stream that stay true of the copy; those that a muxer writes by itself are left out."""
    return {key: value for key, value in metadata.items()
            if key.lower() not in _OURS and not key.startswith("_STATISTICS") and key not in
            ("BPS", "NUMBER_OF_FRAMES", "NUMBER_OF_BYTES")}


class Sound:
    """Writes the source's sound into `sink` as the picture goes on, so that both lie side by side.

    origin: seconds of the source that become zero; `begin` and `end`: seconds of the source that are written.
    source: the file that the sound is in; None where there is none.
    recoded: the encoder for each stream that is not copied. most: packets read, for a trial.

    A range takes the packets that sound at any moment of it and shifts them just as the picture is shifted, to the
    nearest tick of their own time base (less than one sample). The packet across the first cut comes along where the
    format can tell players to skip its beginning (MP4, MOV); elsewhere sound begins with the first whole packet, unless
    it is encoded anew, which begins at the very sample.
    """

    def __init__(self, sink: OutputContainer, source: InputContainer | None, indices: tuple[int, ...],
                 recoded: Mapping[int, str] | None = None, *, origin: Fraction = Fraction(0), begin: Fraction | None = None,
                 end: Fraction | None = None, most: int | None = None) -> None:
        self._sink, self._begin, self._end = sink, begin, end
        self._whole_only = sink.format.name not in _EDIT_LISTS
        self._outs: dict[int, Stream] = {}
        self._shifts: dict[int, int] = {}
        self._recoders: dict[int, Recoder] = {}
        streams = [] if source is None else [stream for stream in source.streams.audio if stream.index in indices]
        for stream in streams:
            assert stream.time_base
            encoder = (recoded or {}).get(stream.index)
            if encoder is not None:
                self._recoders[stream.index] = Recoder(sink, stream, encoder, origin=origin, begin=begin, end=end)
                out: Stream = self._recoders[stream.index].out
            else:
                out = sink.add_stream_from_template(stream)
                out.time_base = stream.time_base
            out.metadata.update(copied_tags(stream.metadata))
            out.disposition = stream.disposition
            self._outs[stream.index] = out
            self._shifts[stream.index] = round(origin / stream.time_base)
        self._waiting = islice(_packets(source, streams), most) if source is not None and streams else iter(())
        self._next: Packet[Stream] | None = None

    def copy_until(self, seconds: Fraction | None) -> None:
        """Write all sound up to this moment of the source; all that is left for None."""
        while True:
            packet = self._next or self._read()
            self._next = None
            if packet is None:
                break
            assert packet.dts is not None
            if seconds is not None and packet.dts * packet.time_base > seconds:
                self._next = packet
                return
            self._write(packet)
        for index, recoder in self._recoders.items():
            self._mux(recoder.feed(None), index)
        self._recoders.clear()

    def _read(self) -> Packet[Stream] | None:
        try:
            return next(self._waiting, None)
        except av.FFmpegError as error:
            raise InputError(f"The sound cannot be read to its end ({error.strerror}); use --audio none.") from error

    def _write(self, packet: Packet[Stream]) -> None:
        index = packet.stream.index
        if index in self._recoders:
            self._mux(self._recoders[index].feed(packet), index)  # from the beginning: only so is the cut exact
            return
        time = Fraction((packet.pts if packet.pts is not None else packet.dts) or 0) * packet.time_base
        length = (packet.duration or 0) * packet.time_base
        if self._begin is not None and (time < self._begin if self._whole_only else time + length <= self._begin):
            return
        if self._end is not None and time >= self._end:
            return  # not the end yet: another stream may still be behind
        assert packet.dts is not None
        packet.dts -= self._shifts[index]
        if packet.pts is not None:
            packet.pts -= self._shifts[index]
        packet.stream = self._outs[index]
        self._sink.mux(packet)

    def _mux(self, packets: Iterator[Packet[Stream]], index: int) -> None:
        for packet in _sound_of(packets):
            packet.stream = self._outs[index]
            self._sink.mux(packet)


def _sound_of(packets: Iterator[Packet[Stream]]) -> Iterator[Packet[Stream]]:
    """The packets as they are made; a decoder's error told in a sentence."""
    try:
        yield from packets
    except av.FFmpegError as error:
        raise InputError(f"The sound cannot be decoded to its end ({error.strerror}); use --audio none.") from error


def movie_timescale(clip: Clip, indices: tuple[int, ...]) -> int:
    """Ticks a second in which MP4 states when streams begin: exact for picture and sound where 31 bits allow.

    With the usual 1000 the sound would move by up to half a millisecond.
    """
    rates = [track.rate or 1 for track in clip.audio if track.index in indices]
    for scales in ([clip.time_base.denominator, *rates], rates):
        exact = math.lcm(1000, *scales)
        if exact < 2**31:
            return exact
    return 1000
