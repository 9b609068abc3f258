"""Reading every packet of a movie once: the times of its frames, signs of damage, and the first packets of each stream."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from av import Packet
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from vidstyle.core.choices import OnDamage
from vidstyle.core.errors import InputError, reason
from vidstyle.video import limits
from vidstyle.video.captions import CAPTION_CODECS, captions_in, has_dvd_captions
from vidstyle.video.packets import CodedPacket, with_decoding_times
from vidstyle.video.read.damage import REMEDY, packets
from vidstyle.video.read.faults import PacketCount, frames_before_first, missing_times, sound_fault, stated_length_fault
from vidstyle.video.read.first_frame import FirstFrame
from vidstyle.video.read.layouts import LayoutWatch, change_error
from vidstyle.video.read.length import bytes_missing
from vidstyle.video.read.tracks import track_of

FIRST_PACKETS = 4
"""Packets of each stream that are remembered, for trials of what an output can hold; of subtitles that are text, all are, for
any of them may not be convertible."""
_MOST_TEXT = 32 << 20  # bytes of subtitles that are remembered; those of a long film in 50 languages are fewer
_JOINABLE = ("mpegts", "mpeg")  # may begin anywhere; other files begin with a frame that refers to no other
_MOST_BACK = 1  # second by which times of decoding may decrease; more means that recordings were joined


@dataclass(frozen=True)
class Scan:
    """What the packets of a movie state."""

    time_base: Fraction
    """Seconds per unit of `pts`."""
    pts: tuple[int, ...]
    durations: tuple[int, ...]
    keyframes: tuple[int, ...]
    doubts: tuple[str, ...]
    """What seems damaged or is left out, in sentences."""
    first_packets: Mapping[int, tuple[CodedPacket, ...]]
    """The first packets of each stream but the painted one, by the stream's number; of text subtitles, all packets."""
    packets: Mapping[int, int]
    """Number of packets with data of each stream, by the stream's number."""
    ends: Mapping[int, tuple[Fraction, Fraction]]
    """Seconds at which the last packet of each stream begins and ends, by the stream's number."""
    captions: Mapping[int, bytes] = field(default_factory=dict)
    """Caption entries of the painted stream (see `video.captions`), by the time of the frame."""
    dvd_captions: bool = False
    """Whether it holds captions as on DVDs."""


@dataclass
class _Displayed:
    """The frames of the painted stream that a player displays, collected packet by packet."""

    codec: str
    joinable: bool
    """Whether the file may begin with a frame that refers to frames before it."""
    frames: dict[int, tuple[int, bool]] = field(default_factory=dict)
    """By time: duration, and whether decoding can start there."""
    start: int | None = None
    """Time of the first frame that decoding can start from."""
    timeless: int = 0
    double: int = 0
    """Number of frames without a time, and at the time of another frame."""
    last: Fraction | None = None
    """Seconds at which the packet before was to be decoded."""
    jump: tuple[int, Fraction] | None = None
    """How many frames lie before the clock jumps back, and by how many seconds; None where it never does."""
    captions: dict[int, bytes] = field(default_factory=dict)
    """By time: the caption entries of a frame."""
    dvd_captions: bool = False

    def add(self, packet: Packet[Stream]) -> None:
        """Add the frame of the next packet that has data, unless it is never displayed."""
        time = packet.pts if packet.pts is not None else packet.dts
        if packet.dts is not None:
            now = packet.dts * packet.time_base
            if self.jump is None and self.last is not None and now < self.last - _MOST_BACK:
                self.jump = len(self.frames), self.last - now
            self.last = now
        if time is not None and self.codec in CAPTION_CODECS:
            data = bytes(packet)
            if entries := captions_in(self.codec, data):
                self.captions[time] = self.captions.get(time, b"") + entries
            self.dvd_captions = self.dvd_captions or has_dvd_captions(self.codec, data)
        if self.start is None and (packet.is_keyframe or not self.joinable):
            self.start = time
        if packet.is_discard or _is_hidden(self.codec, packet):
            return
        self.timeless += time is None
        self.double += time in self.frames
        if time is not None and time not in self.frames:
            self.frames[time] = packet.duration or 0, packet.is_keyframe


def scan(container: InputContainer, stream: VideoStream, path: Path, first: FirstFrame, on_damage: OnDamage) -> Scan:
    """List the frames that a player displays; first: gets the packets of the stream until it has decoded a frame.

    Packets that an edit list hides are marked so by FFmpeg; VP8 and VP9 have packets that are never displayed. Raises
    InputError for damage where `on_damage` is `fail`, and for a clip without a frame or beyond the limits.
    """
    found = _Displayed(stream.codec_context.codec.canonical_name, container.format.name in _JOINABLE)
    displayed, faults, watch = found.frames, list[str](), LayoutWatch(stream)
    counts = {other.index: PacketCount() for other in container.streams}
    heads: dict[int, list[Packet[Stream]]] = {other.index: [] for other in container.streams if other.index != stream.index}
    texts = {other.index for other in container.streams.subtitles if other.codec_context and other.codec_context.codec.text_sub}
    text = 0
    try:
        for packet in packets(container, list(container.streams), on_damage):
            number = packet.stream.index  # the packet's own number is 0 where it only ends a stream
            counts[number].add(packet)
            if number == stream.index:
                first.add(packet)
            text += packet.size if number in texts else 0
            if packet.size and (len(head := heads.get(number, [])) < FIRST_PACKETS or (number in texts and text < _MOST_TEXT)):
                head.append(packet)
            if number != stream.index or packet.size == 0:
                continue
            found.add(packet)
            watch.add(packet)
            if len(displayed) > limits.MOST_FRAMES:
                raise InputError(f"{path}: holds more than {limits.MOST_FRAMES} frames, a day at 60 a second; "
                                 "split it first.")
    except av.FFmpegError as error:
        faults.append(f"breaks off after {len(displayed)} frames ({reason(error)})")
    if found.jump is not None:
        raise InputError(f"{path}: its clock jumps back by {float(found.jump[1]):.2f} s after {found.jump[0]} frames, as where "
                         f"recordings were joined; give it one clock first: ffmpeg -i {path.name} -c copy NEW.mkv.")
    if found.timeless:
        faults.append(f"has {found.timeless} frames without a time")
    if found.double:
        faults.append(f"has {found.double} frames at the time of another")
    first_pts = first.frame.pts
    every = sorted(displayed)
    if not every:
        raise InputError(f"{path}: its frames and its table of contents disagree; export it again.")
    read, listed = counts[stream.index].packets, len(stream.index_entries)
    if "mp4" in container.format.name and read < listed:
        faults.append(f"is cut off; {read} of {listed} frames are there")
        if on_damage == "hold":
            displayed |= dict.fromkeys(missing_times(stream, every), (0, False))
            every = sorted(displayed)
    left_out, damaged = frames_before_first(every, first_pts, found.start)
    if damaged:
        faults.append(f"cannot be decoded before frame {damaged}")
    pts = every[left_out:]
    if not pts:
        raise InputError(f"{path}: its frames and its table of contents disagree; export it again.")
    assert stream.time_base, "FFmpeg gives every video stream a time base"
    if (pts[-1] - pts[0]) * stream.time_base > limits.MOST_SECONDS:
        raise InputError(f"{path}: states times {float((pts[-1] - pts[0]) * stream.time_base):.0f} s apart, more than a week; "
                         "remux it, or export it again.")
    doubts = _doubts(container, stream, path, counts, faults, len(pts), on_damage)
    doubts += _changes(watch, pts, path, on_damage)
    if left_out:
        doubts.append(f"The first {left_out} frames lack the frame they were coded from and are left out, as players do.")
    steps = [after - before for before, after in pairwise(pts)]
    last = displayed[pts[-1]][0] or (steps[-1] if steps else 0)
    keyframes = tuple(index for index, time in enumerate(pts) if displayed[time][1])
    remembered = {index: tuple(map(CodedPacket.of, with_decoding_times(head))) for index, head in heads.items()}
    return Scan(Fraction(stream.time_base), tuple(pts), (*steps, last), keyframes, tuple(doubts), remembered,
                {index: count.packets for index, count in counts.items()},
                {index: (count.begin, count.end) for index, count in counts.items()}, found.captions, found.dvd_captions)


def _doubts(container: InputContainer, stream: VideoStream, path: Path, counts: Mapping[int, PacketCount], faults: list[str],
            frames: int, on_damage: OnDamage) -> list[str]:
    """Sentences for what seems damaged. Raises InputError where something certainly is and `on_damage` is `fail`."""
    end, read = max(count.end for count in counts.values()), counts[stream.index].packets
    cut = bytes_missing(path, container, end, lacks_frames=not stream.frames or read < stream.frames)
    doubts, faults = list[str](), list(faults)
    if cut and container.format.name in _JOINABLE:  # a recording may end within a packet and be whole
        doubts.append("The file ends within a packet; it may be cut off.")
    elif cut and not faults:
        faults.append(f"is cut off; {frames} frames are there, and {cut} bytes at the end are missing")
    if not faults and (doubt := stated_length_fault(container, counts)):
        doubts.append(doubt)
    if faults and on_damage == "fail":
        raise InputError(f"{path}: {faults[0]}; {REMEDY}.")
    doubts += [f"The clip {fault}." for fault in faults]
    for other in container.streams.audio:
        if fault := sound_fault(other, counts[other.index], container):
            doubts.append(f"The sound of {track_of(other)} {fault}.")
    return doubts


def _changes(watch: LayoutWatch, pts: list[int], path: Path, on_damage: OnDamage) -> list[str]:
    """A sentence where frames become larger or smaller. Raises InputError for that where `on_damage` is `fail`."""
    if watch.change is None:
        return []
    time, before, after = watch.change
    at = bisect_left(pts, time)
    if on_damage == "fail":
        raise change_error(path, before, after, at)
    return [f"The clip changes to {after[0]}x{after[1]} {after[2]} at frame {at}; such frames repeat the one before them."]


def _is_hidden(codec: str, packet: Packet[Stream]) -> bool:
    """Whether a packet holds only a frame that is never displayed: the `show_frame` bit of VP8 and VP9 headers."""
    if codec not in ("vp8", "vp9"):
        return False
    data = memoryview(packet)
    if codec == "vp8":
        return not data[0] & 0x10
    if data[-1] & 0xE0 == 0xC0:  # several frames in one packet; the last one is displayed
        return False
    profile = (data[0] >> 5 & 1) | (data[0] >> 3 & 2)
    bits = data[0] << 8 | (data[1] if len(data) > 1 else 0)
    at = 10 if profile == 3 else 11  # show_existing_frame follows the profile, with one more bit in profile 3
    show_existing, show = bits >> at & 1, bits >> (at - 2) & 1
    return not show_existing and not show
