"""The sound of a clip, copied packet for packet beside the painted picture."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import av
from av import Packet
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from vidstyle.errors import InputError
from vidstyle.video.clip import Clip, Track
from vidstyle.video.formats import CONTAINERS, default_suffix
from vidstyle.video.source import open_source

_EDIT_LISTS = ("mp4", "mov")  # formats that can start a packet of sound before zero and tell players to skip it
_OURS = {"duration", "encoder", "handler_name", "vendor_id", "major_brand", "minor_version", "compatible_brands"}


@dataclass(frozen=True)
class StreamPlan:
    """What becomes of each stream of a clip in a certain output."""

    kept: tuple[str, ...]
    """One line for each stream."""
    warnings: tuple[str, ...]
    """One line for each sound stream that will be missing although it was asked for."""
    audio: tuple[int, ...]
    """Numbers of the source's streams that are copied."""


def plan(clip: Clip, suffix: str, audio: str = "copy") -> StreamPlan:
    """Decide, by a trial in memory, which streams an output with the extension `suffix` takes.

    An extension that is not written stands for the one that would be written in its place.
    """
    suffix = suffix.lower() if suffix.lower() in CONTAINERS else default_suffix(clip)
    container = CONTAINERS[suffix]
    lines = {clip.stream: f"stream {clip.stream}: video {clip.codec} -> painted"}
    warnings, kept = [], []
    for track in clip.audio:
        if audio == "none":
            lines[track.index] = f"{track} -> dropped, as asked"
        elif _fits(clip, track, container):
            kept.append(track.index)
            lines[track.index] = f"{track} -> copied"
        else:
            lines[track.index] = f"{track} -> dropped, {suffix} cannot hold it"
            warnings.append(f"Sound is dropped: {track}; {suffix} cannot hold it, an output named .mkv can hold more.")
    for track in clip.others:
        lines[track.index] = f"{track} -> dropped, only picture and sound are written by this version"
    return StreamPlan(tuple(lines[index] for index in sorted(lines)), tuple(warnings), tuple(kept))


def _fits(clip: Clip, track: Track, container: str) -> bool:
    """Whether a few packets of the stream can really be written; what a format says of itself is only a hint."""
    with open_source(clip.path) as source:
        stream = source.streams[track.index]
        if not isinstance(stream, AudioStream) or stream.codec_context is None:
            return False
        sink = av.open(io.BytesIO(), "w", format=container)
        try:
            out = sink.add_stream_from_template(stream)
            sink.start_encoding()
            for packet in islice(_packets(source, [stream]), 3):
                packet.stream = out
                sink.mux(packet)
            sink.close()
        except (av.FFmpegError, ValueError):
            return False
    return True


def _packets(source: InputContainer, streams: list[AudioStream]) -> Iterator[Packet[Stream]]:
    """Every packet of these streams that has a time; size 0 is only the demuxer's sign that a stream ends."""
    for packet in source.demux(*streams):
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
    """Copies sound packets from the source into `sink` as the picture goes on, so that both lie side by side.

    origin: seconds of the source that become zero; `begin` and `end`: seconds of the source that are copied.

    A range takes the packets that sound at any moment of it and shifts them just as the picture is shifted, to the
    nearest tick of their own time base (less than one sample). The packet across the first cut comes along where the
    format can tell players to skip its beginning (MP4, MOV); elsewhere sound begins with the first whole packet.
    """

    def __init__(self, sink: OutputContainer, source: InputContainer, indices: tuple[int, ...], *,
                 origin: Fraction = Fraction(0), begin: Fraction | None = None, end: Fraction | None = None) -> None:
        self._sink, self._begin, self._end = sink, begin, end
        self._whole_only = sink.format.name not in _EDIT_LISTS
        self._outs, self._shifts = {}, {}
        streams = [stream for stream in source.streams.audio if stream.index in indices]
        for stream in streams:
            out = sink.add_stream_from_template(stream)
            out.metadata.update(copied_tags(stream.metadata))
            out.disposition = stream.disposition
            assert stream.time_base
            out.time_base = stream.time_base
            self._outs[stream.index] = out
            self._shifts[stream.index] = round(origin / stream.time_base)
        self._waiting = self._wanted(_packets(source, streams)) if streams else iter(())
        self._next: Packet[Stream] | None = None

    def _wanted(self, packets: Iterator[Packet[Stream]]) -> Iterator[Packet[Stream]]:
        try:
            for packet in packets:
                time = Fraction((packet.pts if packet.pts is not None else packet.dts) or 0) * packet.time_base
                length = (packet.duration or 0) * packet.time_base
                if self._begin is not None:
                    before = time < self._begin if self._whole_only else time + length <= self._begin
                    if before:
                        continue
                if self._end is not None and time >= self._end:
                    continue  # not the end yet: another stream may still be behind
                yield packet
        except av.FFmpegError as error:
            raise InputError(f"The sound cannot be read to its end ({error.strerror}); use --audio none.") from error

    def copy_until(self, seconds: Fraction | None) -> None:
        """Write all sound up to this moment of the source; all that is left for None."""
        while True:
            packet = self._next or next(self._waiting, None)
            self._next = None
            if packet is None:
                return
            assert packet.dts is not None
            if seconds is not None and packet.dts * packet.time_base > seconds:
                self._next = packet
                return
            shift = self._shifts[packet.stream.index]
            packet.dts -= shift
            if packet.pts is not None:
                packet.pts -= shift
            packet.stream = self._outs[packet.stream.index]
            self._sink.mux(packet)


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
