"""Packets of a file in its own order, up to the time to which the video is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fractions import Fraction

import av
from av import Packet
from av.container import InputContainer
from av.stream import Disposition, Stream

from vidstyle.core.choices import OnDamage
from vidstyle.core.errors import InputError, reason
from vidstyle.video.packets import CodedPacket
from vidstyle.video.read.damage import packets

_WRITTEN_BY_MUXERS = {"duration", "encoder", "handler_name", "vendor_id", "major_brand", "minor_version",
                      "compatible_brands"}
_STATISTICS = ("BPS", "NUMBER_OF_FRAMES", "NUMBER_OF_BYTES")  # of a Matroska stream, and tags that begin with `_STATISTICS`


class PacketFeed:
    """Gives the packets up to a time.

    time_of: which time of a packet is compared, in units of its time base. failure: the sentence of the InputError that is
    raised where the packets cannot be read, with `{}` for the reason.
    """

    def __init__(self, ahead: Iterator[Packet[Stream]], time_of: Callable[[Packet[Stream]], int | None],
                 failure: str) -> None:
        self._packets, self._time_of, self._failure = ahead, time_of, failure
        self._next: Packet[Stream] | None = None
        self.ended = False
        """Whether there are no packets left."""

    def until(self, seconds: Fraction | None) -> Iterator[Packet[Stream]]:
        """The packets up to this time on the file's clock; None gives all that are left."""
        while (packet := self._next or self._read()) is not None:
            self._next, time = packet, self._time_of(packet)
            if seconds is not None and time is not None and time * packet.time_base > seconds:
                return
            self._next = None
            yield packet
        self.ended = True

    def _read(self) -> Packet[Stream] | None:
        try:
            return next(self._packets, None)
        except av.FFmpegError as error:
            raise InputError(self._failure.format(reason(error))) from error


class Refused:
    """The packets of each stream that the output does not take, by their place in the stream: they are left out.

    places: those that are known, by the number of the stream; see `write.rehearsal`, which finds them.
    """

    def __init__(self, places: Mapping[int, Collection[int]] | None = None) -> None:
        self._places = places or {}
        self._seen: Counter[int] = Counter()

    def admits(self, stream: Stream) -> bool:
        """Whether the next packet of the stream is written."""
        self._seen[stream.index] += 1
        return self._seen[stream.index] - 1 not in self._places.get(stream.index, ())

    def seen(self, stream: Stream) -> int:
        """How many packets of the stream have come so far."""
        return self._seen[stream.index]


class Order:
    """Leaves out the packets of damaged files that contradict the order of the others, which muxers refuse: packets that come
    twice, where a part of the file does, and single ones with a time far ahead."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}
        self._held: dict[int, Packet[Stream]] = {}

    def admit(self, packet: Packet[Stream]) -> list[Packet[Stream]]:
        """The packets to write after the next one of the file; one of each sound is held back, to see what follows it."""
        index, dts = packet.stream.index, packet.dts
        if dts is None:
            return [packet]
        held, last = self._held.get(index), self._last.get(index)
        if last is not None and not _follows(packet, last):
            return []
        if packet.stream.type != "audio":  # sparse streams would be written late
            self._last[index] = dts
            return [packet]
        if held is None or held.dts is None or _follows(packet, held.dts):
            self._held[index] = packet
            self._last |= {} if held is None or held.dts is None else {index: held.dts}
            return [] if held is None else [held]
        if dts < held.dts and last is not None:
            self._held[index] = packet  # what was held is far ahead of its neighbours
        return []

    def rest(self) -> list[Packet[Stream]]:
        """The packets that are held back when the file has ended."""
        held = list(self._held.values())
        self._held.clear()
        return held


def _follows(packet: Packet[Stream], before: int) -> bool:
    """Whether the packet is decoded after one at `before`: some sound has packets shorter than a tick, subtitles overlap."""
    at_once = packet.stream.type != "audio" or (packet.duration or 0) <= 1
    return packet.dts is not None and (packet.dts > before or (packet.dts == before and at_once))


def stored(first: Mapping[int, Sequence[CodedPacket]], streams: Sequence[Stream]) -> Iterator[Packet[Stream]]:
    """The stored first packets of these streams, as if they were read again."""
    for stream in streams:
        assert stream.time_base, "FFmpeg gives every stream a time base"
        yield from (packet.packet(stream, stream.time_base) for packet in first.get(stream.index, ()))


def read(container: InputContainer, streams: Sequence[Stream], on_damage: OnDamage,
         faults: list[str] | None = None) -> Iterator[Packet[Stream]]:
    """Every packet of these streams that has data; none where there are no streams. See `read.damage.packets`."""
    if streams:
        yield from (packet for packet in packets(container, streams, on_damage, faults) if packet.size)


def is_cover(stream: Stream) -> bool:
    """Whether the stream is a cover image."""
    return bool(stream.disposition & Disposition.attached_pic)


def copied_tags(metadata: Mapping[str, str]) -> dict[str, str]:
    """The tags of a file or a stream that are valid for the copy; tags that a muxer writes by itself are left out."""
    return {key: value for key, value in metadata.items()
            if key.lower() not in _WRITTEN_BY_MUXERS and key not in _STATISTICS and not key.startswith("_STATISTICS")}
