"""Signs of damage in the packets of a file: what is missing, cut off or corrupt."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
from av import Packet
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

_SLACK = 0.1  # seconds between a sound stream's stated length and its end: muxers round, some omit the last packet


@dataclass
class PacketCount:
    """The packets of one stream, counted."""

    packets: int = 0
    corrupt: int = 0
    behind: int = 0
    """Packets that are to be decoded before an earlier one or at the same time, as where a part of the file comes twice."""
    last: int | None = None
    """When the last packet that is not behind is decoded, in units of the stream's time base."""
    end: Fraction = Fraction(-1)
    """Seconds at which the last packet ends."""
    begin: Fraction = Fraction(-1)
    """Seconds at which the last packet begins."""
    lengths: bool = True
    """Whether every packet states how long it is; where one does not, `end` may be too early."""

    def add(self, packet: Packet[Stream]) -> None:
        """Count one packet."""
        self.packets += packet.size > 0
        self.corrupt += packet.is_corrupt
        if packet.dts is not None:
            again = packet.dts == self.last and packet.stream.type == "audio" and (packet.duration or 0) > 1
            self.behind += again or (self.last is not None and packet.dts < self.last)
            self.last = packet.dts if self.last is None else max(self.last, packet.dts)
        time = packet.pts if packet.pts is not None else packet.dts
        self.lengths = self.lengths and (not packet.size or bool(packet.duration))
        if packet.size and time is not None:
            self.begin = max(self.begin, time * packet.time_base)
            self.end = max(self.end, (time + (packet.duration or 0)) * packet.time_base)


def stated_length_fault(container: InputContainer, counts: Mapping[int, PacketCount]) -> str:
    """A sentence where the packets end long before the stated length of the file; empty where they do not.

    This is never certain: some formats round or estimate the length, and Matroska does not state the duration of its last
    frame.
    """
    if not container.duration or not counts:
        return ""
    stated = container.duration / av.time_base  # in Matroska counted from zero, also where the file begins later
    end = float(max(count.end for count in counts.values()))  # a header states the length of the longest stream
    return "" if end >= 0.9 * stated - 1 else f"The file states {stated:.2f} s but ends at {end:.2f} s; it may be cut off."


def missing_times(stream: VideoStream, pts: Sequence[int]) -> list[int]:
    """Times of the frames that an MP4 lists but does not hold; pts: the times of the frames that are there, sorted.

    The list counts in decoding order. In nearly every clip frames come at a constant rate, and then display times are
    decoding times plus a constant; for other clips the steps of the list are taken.
    """
    listed = sorted(entry.timestamp for entry in stream.index_entries if not entry.is_discard)
    moved = [time + pts[0] - listed[0] for time in listed]
    if set(pts) <= set(moved):
        return sorted(set(moved) - set(pts))
    count = len(listed) - len(pts)
    return [pts[-1] + time - listed[-count - 1] for time in listed[-count:]] if count > 0 else []


def frames_before_first(pts: Sequence[int], first: int | None, start: int | None) -> tuple[int, int]:
    """How many frames before `first`, the first decoded one, may be left out, and how many are damaged instead.

    pts: the times of all frames, sorted; start: the time of the frame at which decoding should start. Frames that are
    displayed before that one but stored behind it refer to a frame from before the clip was cut out of a longer one;
    players leave them out.
    """
    undecodable = bisect_left(pts, first) if first is not None else 0
    left_out = undecodable if start is None else min(undecodable, bisect_left(pts, start))
    return left_out, undecodable - left_out


def sound_fault(stream: AudioStream, count: PacketCount, container: InputContainer) -> str:
    """What is wrong with a sound stream, as far as its packets show; empty where nothing is."""
    listed = len(stream.index_entries) if "mp4" in container.format.name else 0
    if count.packets < listed:
        return f"breaks off: {count.packets} of {listed} packets are there"
    stated = _seconds(stream.metadata.get("DURATION", ""))
    if container.format.name == "flac" and stream.duration and stream.time_base:
        stated = float(stream.duration * stream.time_base)
    if stated is not None and count.lengths and count.end < stated - _SLACK:
        return f"breaks off: it ends at {max(0.0, float(count.end)):.2f} s of {stated:.2f} s"
    if count.corrupt:
        return f"is damaged: {count.corrupt} of {count.packets} packets"
    if count.behind:
        return f"goes back in time: {count.behind} of {count.packets} packets come again or out of order"
    return ""


def _seconds(text: str) -> float | None:
    """Seconds of `HH:MM:SS.fraction`, as Matroska's tags state a stream's length; None for anything else."""
    try:
        hours, minutes, seconds = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return None
