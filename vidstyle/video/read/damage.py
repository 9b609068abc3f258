"""Damaged clips: reading on behind an error, telling what is missing, and a picture for every time that asks for one."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
from av import Packet, VideoFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from vidstyle.core.errors import InputError
from vidstyle.video.clip import Clip
from vidstyle.video.read.alpha import reader
from vidstyle.video.read.container import demuxed, open_source, picture_stream

OUT_OF_STEP = 16
"""Frames for which a decoder's order and its times may disagree; longer than any codec reorders."""
REMEDY = "copy or export it again, or paint what is there with --on-damage hold"
_MOST_FAILURES = 8  # one after the other; what cannot be read for so long does not come back
_SLACK = 0.1  # seconds between a sound stream's stated length and its end: muxers round, some forget the last packet


def packets(container: InputContainer, streams: Sequence[Stream], on_damage: str) -> Iterator[Packet[Stream]]:
    """Every packet of these streams; where damage is not to fail, reading goes on behind what cannot be read."""
    failures, before = 0, -1
    count = 0
    while True:
        try:
            for packet in demuxed(container, streams):
                count += 1
                yield packet
            return
        except av.FFmpegError:
            failures = failures + 1 if count == before else 1
            before = count
            if on_damage == "fail":
                raise
            if failures == _MOST_FAILURES:
                return


def pictures(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Every picture that the decoder gives, whatever it says of the others."""
    own = reader(stream)
    # Of what is broken, threads that decode slices side by side make one picture now and another then.
    (own or stream.codec_context).thread_count = 1
    for packet in packets(container, [stream], "keep"):
        try:
            found = packet.decode() if own is None else own.decode(packet if packet.size else None)
        except av.FFmpegError:
            continue
        yield from (picture for picture in found if isinstance(picture, VideoFrame))


def mended(clip: Clip, first: int, last: int) -> Iterator[tuple[int, VideoFrame, str]]:
    """Index, picture and mark (see `Frame.damage`) of frames `first` to `last`, all of them, in order.

    Read from the clip's beginning whatever the range, because what a picture that is missing repeats may lie anywhere
    before it. Raises InputError where not one picture can be used.
    """
    good: VideoFrame | None = None
    at = 0
    with open_source(clip.path) as container:
        stream = picture_stream(container, clip.path, clip.stream)
        for index, picture in _placed(clip, pictures(container, stream)):
            damaged = picture.is_corrupt
            if (damaged and clip.on_damage == "hold") or not fits(clip, picture):
                continue
            for missing in range(max(at, first), min(index, last + 1)):
                yield missing, good or picture, "held"  # before the first good picture there is none to hold
            if first <= index <= last:
                yield index, picture, "damaged" if damaged else ""
            good, at = picture, index + 1
            if at > last:
                return
    if good is None:
        raise InputError(f"{clip.path}: not one of its {clip.frames} frames can be decoded; copy or export it again.")
    for missing in range(max(at, first), last + 1):
        yield missing, good, "held"


def fits(clip: Clip, picture: VideoFrame) -> bool:
    """Whether the picture is of the size and format that the clip began with."""
    return (picture.width, picture.height, picture.format.name) == (clip.coded_width, clip.coded_height, clip.pix_fmt)


def _placed(clip: Clip, found: Iterator[VideoFrame]) -> Iterator[tuple[int, VideoFrame]]:
    """Each picture with the frame it is, in order; what has no place is left out.

    Some files state times that contradict the decoder's order by a few frames: as long as the same times come, the
    decoder's order holds. Where one is missing, the others are found by their times.
    """
    numbers = {time: index for index, time in enumerate(clip.pts)}
    ahead: deque[VideoFrame] = deque()
    at = 0
    while at < clip.frames:
        strange: set[int] = set()
        step = 0
        for step in range(1, OUT_OF_STEP + 1):
            if len(ahead) < step and (picture := next(found, None)) is not None:
                ahead.append(picture)
            if len(ahead) < step or at + step > clip.frames:
                step = 0
                break
            if (time := ahead[step - 1].pts) is not None:
                strange ^= {time} ^ {clip.pts[at + step - 1]}
            if not strange:
                break
        if not ahead:
            return
        if step and not strange:
            yield from ((at + k, ahead.popleft()) for k in range(step))
            at += step
            continue
        picture = ahead.popleft()
        index = at if picture.pts is None else numbers.get(picture.pts, -1)
        if index >= at:
            yield index, picture
            at = index + 1


@dataclass
class Seen:
    """What has gone by of one stream."""

    packets: int = 0
    corrupt: int = 0
    end: Fraction = Fraction(-1)
    """Seconds at which its last packet ends."""

    def see(self, packet: Packet[Stream]) -> None:
        """Count one packet."""
        self.packets += packet.size > 0
        self.corrupt += packet.is_corrupt
        time = packet.pts if packet.pts is not None else packet.dts
        if packet.size and time is not None:
            self.end = max(self.end, (time + (packet.duration or 0)) * packet.time_base)


def seems_cut_off(container: InputContainer, seen: dict[int, Seen]) -> str:
    """What the stated length says that the packets do not, or nothing; never certain, because it is rounded or estimated
    in some formats, and because Matroska does not say how long its last frame is shown.
    """
    if not container.duration or not seen:
        return ""
    stated = (container.duration + (container.start_time or 0)) / av.time_base
    ends = float(max(one.end for one in seen.values()))  # a header states the length of the longest stream
    return "" if ends >= 0.9 * stated - 1 else f"The file states {stated:.2f} s but ends at {ends:.2f} s; it may be cut off."


def promised_times(stream: VideoStream, pts: Sequence[int]) -> list[int]:
    """When the frames were to be shown that an MP4 lists but does not hold; `pts`: those that are there, sorted.

    The list counts in decoding order. Frames come steadily in nearly every clip, and then the times of showing are those
    of decoding, all later by the same amount; elsewhere the steps of the list are taken as they are.
    """
    listed = sorted(entry.timestamp for entry in stream.index_entries if not entry.is_discard)
    moved = [time + pts[0] - listed[0] for time in listed]
    if set(pts) <= set(moved):
        return sorted(set(moved) - set(pts))
    count = len(listed) - len(pts)
    return [pts[-1] + time - listed[-count - 1] for time in listed[-count:]] if count > 0 else []


def undecodable(every: Sequence[int], first: int | None, start: int | None) -> tuple[int, int]:
    """How many frames before `first`, the first decoded one, may be left out, and how many are damaged instead.

    every: the times of all frames, sorted; start: that of the frame with which decoding should start. What is shown before
    that one but stored behind it needs a frame from before the clip was cut out of a longer one; players leave it out.
    """
    lost = bisect_left(every, first) if first is not None else 0
    left_out = lost if start is None else min(lost, bisect_left(every, start))
    return left_out, lost - left_out


def sound_faults(stream: AudioStream, seen: Seen, container: InputContainer) -> str:
    """What is wrong with a sound stream as far as its packets tell, or nothing."""
    listed = len(stream.index_entries) if "mp4" in container.format.name else 0
    if seen.packets < listed:
        return f"breaks off: {seen.packets} of {listed} packets are there"
    stated = _clock(stream.metadata.get("DURATION", ""))
    if stated is not None and seen.end < stated - _SLACK:
        return f"breaks off: it ends at {max(0.0, float(seen.end)):.2f} s of {stated:.2f} s"
    if seen.corrupt:
        return f"is damaged: {seen.corrupt} of {seen.packets} packets"
    return ""


def _clock(text: str) -> float | None:
    """Seconds of `HH:MM:SS.fraction`, as Matroska's tags state a stream's length; None for anything else."""
    try:
        hours, minutes, seconds = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return None
