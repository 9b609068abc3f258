"""A coded packet as plain values, which outlives the file that it was read from or is written to."""

from __future__ import annotations

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
