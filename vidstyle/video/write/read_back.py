"""Reading a finished movie once, before it is called finished: its frames, their times and its streams must be as planned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer, OutputContainer
from av.stream import Stream

from vidstyle.core.errors import InputError, OutputError
from vidstyle.video.clip import ROUNDING
from vidstyle.video.read.container import open_container, video_stream
from vidstyle.video.read.first_frame import FirstFrame
from vidstyle.video.read.scan import Scan, scan
from vidstyle.video.read.tracks import codec_of
from vidstyle.video.write.feed import is_cover
from vidstyle.video.write.layout import MovieLayout
from vidstyle.video.write.sound import EDIT_LISTS

_KINDS = ("video", "audio", "subtitle", "data")  # attachments and covers have no times
_ENDS = Fraction(3, 1000)  # seconds: Matroska counts milliseconds, and rounds the begin and the length of a packet
_ALIKE = {"mp2": "mp3"}  # MP4 has one name for both


@dataclass(frozen=True)
class WrittenStream:
    """One stream of a finished file, as the muxer was given it."""

    kind: str
    codec: str
    packets: int
    """At least so many: the muxer counts the last ones when the file is closed."""
    ends: tuple[Fraction, Fraction] | None = None
    """Of sound, the seconds at which its last packet begins and ends."""

    def __str__(self) -> str:
        return f"{self.kind} {self.codec}"


def written_streams(sink: OutputContainer, ends: Mapping[int, tuple[Fraction, Fraction]]) -> list[WrittenStream]:
    """The streams of a file to which everything was written, just before it is closed; ends: `SoundWriter.ends`."""
    return [WrittenStream(stream.type, _codec(stream), stream.frames, ends.get(stream.index))
            for stream in sink.streams if _has_times(stream)]


def check_written(path: Path, layout: MovieLayout, planned: Sequence[WrittenStream]) -> None:
    """Raise OutputError, in one sentence, where the movie at `path` is not the planned one.

    Every packet is read, as a player would read them: edit lists and frames that are never displayed count. planned:
    `written_streams`.
    """
    try:
        with open_container(path) as container:
            stream = video_stream(container, path, 0)
            found = scan(container, stream, path, FirstFrame(stream, path, "fail"), "fail")
            assert stream.time_base, "FFmpeg gives every video stream a time base"
            tick = Fraction(stream.time_base)
            delay = _delay(layout, found, tick)
            fault = _wrong_frames(layout, found, tick, delay) or _wrong_streams(container, planned, found, delay)
    except InputError as error:
        fault = str(error).removeprefix(f"{path}: ").rstrip(".")
    if fault:
        other = ".mov" if layout.format.container == "matroska" else ".mkv"
        raise OutputError(f"{layout.target}: reads back otherwise than planned ({fault}) and was removed; "
                          f"name the output {other}, which may hold it.")


def _wrong_frames(layout: MovieLayout, found: Scan, tick: Fraction, delay: Fraction) -> str:
    """What is wrong with the frames; empty where nothing is. tick: the time base that was read back."""
    clip = layout.source.clip
    if len(found.pts) != layout.frames:
        return f"{len(found.pts)} of {layout.frames} frames are displayed"
    planned = [(time - layout.shift) * clip.time_base for time in clip.pts[layout.first : layout.last + 1]]
    for index, (time, want) in enumerate(zip(found.pts, planned, strict=True)):
        if abs(time * tick - delay - want) >= max(tick, clip.time_base):
            return f"frame {index} is displayed at {float(time * tick):.4f} s, not at {float(want):.4f} s"
    length, want = found.durations[-1] * tick, clip.durations[layout.last] * clip.time_base
    if layout.format.container in EDIT_LISTS and want and abs(length - want) > ROUNDING:
        return f"the last frame is displayed for {float(length):.4f} s, not for {float(want):.4f} s"
    return ""


def _delay(layout: MovieLayout, found: Scan, tick: Fraction) -> Fraction:
    """Seconds by which everything is late, as Matroska does where sound begins before zero; 0 where nothing is."""
    if layout.format.container not in ("matroska", "webm"):
        return Fraction(0)
    late = found.pts[0] * tick - (layout.source.clip.pts[layout.first] - layout.shift) * layout.source.clip.time_base
    starts = [packets[0].pts for packets in found.first_packets.values() if packets]
    return late if late > 0 and min(starts, default=1) == 0 else Fraction(0)


def _wrong_streams(container: InputContainer, planned: Iterable[WrittenStream], found: Scan, delay: Fraction) -> str:
    """What is wrong with the streams; empty where nothing is. Muxers may add some, for timecode and chapters."""
    left = [stream for stream in container.streams if _has_times(stream)]
    for want in planned:
        read = next((stream for stream in left if stream.type == want.kind), None)
        if read is None:
            return f"the stream {want} is missing"
        left.remove(read)
        if _codec(read) != want.codec:
            return f"the stream {want} reads as {_codec(read)}"
        held = found.packets[read.index]
        regrouped = want.kind != "audio" or want.codec.startswith("pcm_")  # by the muxer, with empty packets for pauses
        if held < want.packets and not (regrouped and held):
            return f"the stream {want} holds {held} of {want.packets} packets"
        if want.ends is None:
            continue
        # Matroska does not state that the last packet is shorter or longer than the others; MOV groups PCM anew, and states
        # before a gap packets that last until its end.
        stated = (1, 0) if container.format.name.startswith("mov") else (0,)
        ends = [(found.ends[read.index][which] - delay, want.ends[which]) for which in stated]
        if not any(-_ENDS < end - planned < 1 for end, planned in ends):
            return f"the stream {want} ends at {float(ends[0][0]):.3f} s, not at {float(ends[0][1]):.3f} s"
    return ""


def _has_times(stream: Stream) -> bool:
    return stream.type in _KINDS and not is_cover(stream)


def _codec(stream: Stream) -> str:
    codec = codec_of(stream)
    return _ALIKE.get(codec, codec)
