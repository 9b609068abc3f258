"""A coded packet as plain values, which outlives the file that it was read from or is written to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from av import Packet
from av.stream import Stream


class CodedPacket(NamedTuple):
    """One packet of a stream; times are in units of the stream's time base."""

    pts: int
    dts: int
    duration: int
    key: bool
    """Whether decoding can start here."""
    data: bytes

    @classmethod
    def of(cls, packet: Packet[Stream]) -> CodedPacket:
        """The values of a packet with data. Where it states one of its two times, that stands for both; 0 where none."""
        pts, dts = packet.pts, packet.dts
        return cls((pts if pts is not None else dts) or 0, (dts if dts is not None else pts) or 0, packet.duration or 0,
                   packet.is_keyframe, bytes(packet))

    def packet(self, stream: Stream, time_base: Fraction) -> Packet[Stream]:
        """A packet of `stream` with these values."""
        packet: Packet[Stream] = Packet(self.data)
        packet.pts, packet.dts, packet.duration, packet.time_base = self.pts, self.dts, self.duration, time_base
        packet.is_keyframe, packet.stream = self.key, stream
        return packet


_MOST_WITHOUT = 32  # packets in a row without a time of decoding; no codec reorders more frames


def with_decoding_times(packets: Iterable[Packet[Stream]]) -> Iterator[Packet[Stream]]:
    """The packets, where those of video that state no time of decoding get one before the next that does.

    Matroska states no such times, and FFmpeg derives them only after it has seen how far frames are out of order.
    """
    waiting: dict[int, list[Packet[Stream]]] = {}
    for packet in packets:
        held = waiting.setdefault(packet.stream_index, [])
        if packet.stream.type == "video" and packet.dts is None and packet.pts is not None and len(held) < _MOST_WITHOUT:
            held.append(packet)
            continue
        yield from _dated(held, packet.dts)
        held.clear()
        yield packet
    for held in waiting.values():
        yield from _dated(held, None)


def _dated(packets: Sequence[Packet[Stream]], following: int | None) -> Iterator[Packet[Stream]]:
    """The packets, each decoded one step after the one before; following: when the next packet is decoded."""
    times = [packet.pts for packet in packets if packet.pts is not None]
    step = max(1, min((packet.duration or 0 for packet in packets), default=1))
    end = min([*times, *([] if following is None else [following])], default=0)
    for place, packet in enumerate(packets):
        packet.dts = end - (len(packets) - place) * step
        yield packet
