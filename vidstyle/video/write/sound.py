"""Writing the sound of the output: packets are copied where the output can hold them, and re-encoded where not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

import av
from av import Packet
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Stream

from vidstyle.core.errors import InputError, reason
from vidstyle.video.tracks import Track
from vidstyle.video.write.feed import Order, PacketFeed, Refused, copied_tags
from vidstyle.video.write.recode import Recoder

EDIT_LISTS = ("mp4", "mov")
"""Formats that can begin a packet of sound before zero and tell players to skip that part."""


class SoundWriter:
    """Writes sound streams into `sink` while the video is written, so that both alternate in the file.

    streams, packets: what is written, and its packets in the order of the file. recoded: the encoder for each stream that
    is not copied, by number. refused: packets of the others that are left out. origin: seconds of the source that become zero;
    begin, end: seconds of the source that are written.

    A range takes the packets that sound at any moment of it and shifts them exactly as the video is shifted, to the
    nearest tick of their own time base (less than one sample). The packet across the first cut is included where the
    format can tell players to skip its beginning (MP4, MOV); elsewhere sound begins with the first whole packet, unless
    it is re-encoded, which begins at the exact sample.
    """

    def __init__(self, sink: OutputContainer, streams: Sequence[AudioStream], packets: Iterator[Packet[Stream]],
                 recoded: Mapping[int, str], *, origin: Fraction = Fraction(0), begin: Fraction | None = None,
                 end: Fraction | None = None, refused: Refused | None = None) -> None:
        self._refused = refused or Refused()
        self._sink, self._begin, self._end = sink, begin, end
        self._whole_only = sink.format.name not in EDIT_LISTS
        self._outs: dict[int, Stream] = {}
        self._shifts: dict[int, int] = {}
        self._recoders: dict[int, Recoder] = {}
        self._order = Order()
        self.ends: dict[int, tuple[Fraction, Fraction]] = {}
        """Seconds of the output at which the last packet begins and ends, by the number of its stream there."""
        for stream in streams:
            assert stream.time_base, "FFmpeg gives every stream a time base"
            encoder = recoded.get(stream.index)
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
        self._feed = PacketFeed(timed(packets), lambda packet: packet.dts,
                                "The sound cannot be read to its end ({}); use --audio none.")

    def write_until(self, seconds: Fraction | None) -> None:
        """Write all sound up to this time of the source; None writes all that is left."""
        for packet in self._feed.until(seconds):
            if (recoder := self._recoders.get(packet.stream.index)) is not None:
                self._mux(recoder.feed(packet), packet.stream.index)  # from the beginning on, so that the cut is exact
                continue
            for one in self._order.admit(packet):
                self.write(one)
        if self._feed.ended:
            for one in self._order.rest():
                self.write(one)
            for index, recoder in self._recoders.items():
                self._mux(recoder.feed(None), index)
            self._recoders.clear()

    def write(self, packet: Packet[Stream]) -> None:
        """Write the next packet of a stream that is copied, if it lies in the range and is not refused."""
        if not self._refused.admits(packet.stream):
            return
        index = packet.stream.index
        time = Fraction((packet.pts if packet.pts is not None else packet.dts) or 0) * packet.time_base
        length = (packet.duration or 0) * packet.time_base
        if self._begin is not None and (time < self._begin if self._whole_only else time + length <= self._begin):
            return
        if self._end is not None and time >= self._end:
            return  # other streams may still have earlier packets
        packet.dts = (packet.dts or 0) - self._shifts[index]
        if packet.pts is not None:
            packet.pts -= self._shifts[index]
        self._put(packet, index)

    def _mux(self, packets: Iterator[Packet[Stream]], index: int) -> None:
        try:
            recoded = list(packets)
        except av.FFmpegError as error:
            raise InputError(f"The sound cannot be re-encoded to its end ({reason(error)}); use --audio none.") from error
        for packet in recoded:
            self._put(packet, index)

    def _put(self, packet: Packet[Stream], index: int) -> None:
        packet.stream = out = self._outs[index]
        begin = ((packet.dts if packet.pts is None else packet.pts) or 0) * packet.time_base
        ends = begin, begin + (packet.duration or 0) * packet.time_base
        if packet.size:  # FLAC ends with a packet that only states the hash of its samples
            self.ends[out.index] = max(self.ends.get(out.index, ends), ends)
        self._sink.mux(packet)


def timed(packets: Iterator[Packet[Stream]]) -> Iterator[Packet[Stream]]:
    """The packets that have a time, with a time of decoding; sound is stored in the order it is played."""
    for packet in packets:
        if packet.dts is None:
            packet.dts = packet.pts
        if packet.dts is not None:
            yield packet


def movie_timescale(time_base: Fraction, tracks: Iterable[Track]) -> int:
    """Ticks a second in which MP4 states when streams begin: exact for video and sound where 31 bits allow.

    With the usual 1000 the sound would move by up to half a millisecond.
    """
    rates = [track.rate or 1 for track in tracks]
    for scales in ([time_base.denominator, *rates], rates):
        exact = math.lcm(1000, *scales)
        if exact < 2**31:
            return exact
    return 1000
