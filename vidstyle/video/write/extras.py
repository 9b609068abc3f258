"""What travels beside picture and sound: subtitles, covers, attachments, further pictures, data and chapters."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Literal

import av
from av import Packet
from av.container import InputContainer, OutputContainer
from av.stream import Disposition, Stream
from av.subtitles.stream import SubtitleStream

from vidstyle.core.errors import InputError
from vidstyle.video.clip import Clip, Track
from vidstyle.video.read.container import demuxed, open_source
from vidstyle.video.write.formats import CONTAINERS, default_suffix
from vidstyle.video.write.sound import copied_tags, plan_sound

if TYPE_CHECKING:
    from av.container.core import Chapter

How = Literal["copy", "convert", "attach"]
_TEXT = {"mp4": "mov_text", "mov": "mov_text", "webm": "webvtt", "matroska": "subrip"}
_TRIED = 3  # packets


@dataclass(frozen=True)
class StreamPlan:
    """What becomes of each stream of a clip in a certain output."""

    kept: tuple[str, ...]
    """One line for each stream."""
    warnings: tuple[str, ...]
    """One sentence for each stream that was asked for and will not be the source's own."""
    lost: tuple[str, ...]
    """Those of `warnings` that tell of something that will be missing."""
    audio: tuple[int, ...]
    """Numbers of the source's sound streams that are written."""
    recoded: dict[int, str]
    """The encoder for each of them that is not copied packet for packet."""
    extras: tuple[tuple[int, How], ...]
    """Numbers of the other streams that are written, and how."""


def plan(clip: Clip, suffix: str, audio: str = "copy", *, whole: bool = True) -> StreamPlan:
    """Decide, by trials in memory, what an output with the extension `suffix` takes of `clip`; `whole`: not of a range.

    An extension that is not written stands for the one that would be written in its place.
    """
    suffix = suffix.lower() if suffix.lower() in CONTAINERS else default_suffix(clip)
    container = CONTAINERS[suffix]
    sound = plan_sound(clip, suffix, audio, whole=whole)
    picture = f"pictures: {clip.codec} -> painted" if clip.files else f"stream {clip.stream}: video {clip.codec} -> painted"
    place = 0 if clip.sound is None else 1  # numbers of streams may be those of another file
    lines = {(0, clip.stream): picture} | {(place, index): line for index, line in sound.lines.items()}
    lost, warnings, kept = list(sound.lost), list(sound.warnings), list[tuple[int, How]]()
    chapters, timecodes = False, list[int]()
    if not clip.files:
        with open_source(clip.path) as source:
            chapters = bool(source.chapters())
            timecodes = [s.index for s in source.streams if s.type == "data" and "timecode" in s.metadata]
    for track in clip.others:
        if clip.sound is not None and track.kind == "audio":
            lines[0, track.index] = f"{track} -> dropped, {clip.sound.name} takes its place"
            continue
        if track.index in timecodes:
            lines[0, track.index] = f"{track} -> written anew as timecode"
            continue
        if chapters and track.kind == "data" and track.codec == "bin_data" and "mp4" in clip.container:
            lines[0, track.index] = f"{track} -> written anew with the chapters"
            continue
        how = next((how for how in _ways(track, container) if _fits(clip, track, container, how)), None)
        if how is None:
            lines[0, track.index] = f"{track} -> dropped, {suffix} cannot hold it"
            lost.append(f"A stream is dropped: {track}; {suffix} cannot hold it"
                        + ("." if container == "matroska" else ", an output named .mkv can hold more."))
            warnings.append(lost[-1])
            continue
        kept.append((track.index, how))
        lines[0, track.index] = f"{track} -> " + (f"converted to {_TEXT[container]}" if how == "convert" else "copied")
        if how == "convert":
            warnings.append(f"Subtitles are converted: {track}, to {_TEXT[container]}; their colours and places may be lost.")
    return StreamPlan(tuple(lines[key] for key in sorted(lines)), tuple(warnings), tuple(lost), sound.kept,
                      sound.recoded, tuple(kept))


def _ways(track: Track, container: str) -> list[How]:
    if "attached_pic" in track.disposition:
        # As a stream of Matroska it would be a second movie of one frame; MOV takes it and writes nothing.
        return ["copy"] if container == "mp4" else ["attach"] if container == "matroska" else []
    if track.kind == "attachment":
        return ["attach"] if container == "matroska" else []
    return ["copy", "convert"] if track.kind == "subtitle" else ["copy"]


def _fits(clip: Clip, track: Track, container: str, how: How) -> bool:
    with open_source(clip.path) as source:
        sink = av.open(io.BytesIO(), "w", format=container)
        try:
            extras = Extras(sink, source, ((track.index, how),), most=_TRIED)
            if how == "attach":
                sink.add_stream("ffv1", 25, width=16, height=16)  # there is no file of attachments alone
            sink.start_encoding()
            extras.copy_until(None)
            sink.close()
        except (av.FFmpegError, ValueError, InputError):
            return False
    return True


class Extras:
    """Writes these streams of the source into `sink` as the picture goes on.

    origin: seconds of the source that become zero; `begin` and `end`: seconds of the source that are written. What is
    shown at any moment of them is kept and cut to them. most: packets read, for a trial.
    """

    def __init__(self, sink: OutputContainer, source: InputContainer | None, kept: tuple[tuple[int, How], ...], *,
                 origin: Fraction = Fraction(0), begin: Fraction | None = None, end: Fraction | None = None,
                 most: int | None = None) -> None:
        self._sink, self._origin, self._begin, self._end = sink, origin, begin, end
        self._outs: dict[int, Stream] = {}
        read = []
        for index, how in kept:
            assert source is not None, "pictures have nothing beside them"
            stream = source.streams[index]
            if how == "attach":
                _attach(sink, source, stream)
                continue
            out = self._outs[index] = _converted(sink, stream) if how == "convert" else _copied(sink, stream)
            out.metadata.update(copied_tags(stream.metadata))
            out.disposition = stream.disposition
            if stream.type == "video":  # players show the painted picture, and not another one that lies beside it
                out.disposition = Disposition(stream.disposition & ~Disposition.default)
            read.append(stream)
        self._converts = {index for index, how in kept if how == "convert"}
        self._waiting = islice(_timed(source, read), most) if source is not None and read else iter(())
        self._next: Packet[Stream] | None = None

    def copy_until(self, seconds: Fraction | None) -> None:
        """Write all up to this moment of the source; all that is left for None."""
        while True:
            packet = self._next or self._read()
            self._next = None
            if packet is None:
                return
            if seconds is not None and packet.pts is not None and packet.pts * packet.time_base > seconds:
                self._next = packet
                return
            for written in self._cut(packet):
                self._sink.mux(written)

    def _read(self) -> Packet[Stream] | None:
        try:
            return next(self._waiting, None)
        except av.FFmpegError as error:
            raise InputError(f"A stream beside the picture cannot be read to its end ({error.strerror}); "
                             "copy the file again.") from error

    def _cut(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """The packet as it is written, shifted and cut to the range; nothing if it lies outside."""
        stream, tick = packet.stream, packet.time_base
        assert packet.pts is not None
        low, high = packet.pts, packet.pts + (packet.duration or 0)
        if stream.disposition & Disposition.attached_pic:
            low = high = round(self._origin / tick)
        elif self._end is not None and low * tick >= self._end:
            return
        elif self._begin is not None and low * tick < self._begin:
            if high * tick <= self._begin or stream.type != "subtitle":
                return
            low = round(self._begin / tick)
        if self._end is not None and stream.type == "subtitle":
            high = min(high, round(self._end / tick))
        out = self._outs[stream.index]
        if stream.index in self._converts:
            assert isinstance(stream, SubtitleStream)
            assert isinstance(out, SubtitleStream)
            words = stream.decode2(packet)
            if words is None:
                return
            packet = out.codec_context.encode_subtitle(words)
            packet.time_base = tick
        shift = round(self._origin / tick)
        late = 0 if packet.dts is None or packet.pts is None or stream.type == "subtitle" else packet.pts - packet.dts
        packet.pts, packet.dts, packet.duration = low - shift, low - shift - late, high - low
        packet.stream = out
        yield packet


def _timed(source: InputContainer, streams: list[Stream]) -> Iterator[Packet[Stream]]:
    """Every packet of these streams that has a time; a cover has none and is there from the beginning."""
    for packet in demuxed(source, streams):
        if packet.size and packet.pts is None and packet.stream.disposition & Disposition.attached_pic:
            packet.pts = packet.dts = 0
        if packet.size and packet.pts is not None:
            yield packet


def _copied(sink: OutputContainer, stream: Stream) -> Stream:
    out = sink.add_stream_from_template(stream, opaque=True)
    assert stream.time_base
    out.time_base = stream.time_base
    return out


def _converted(sink: OutputContainer, stream: Stream) -> Stream:
    """A stream of text subtitles in the form that the sink's format holds."""
    assert isinstance(stream, SubtitleStream)
    stream.codec_context.open(strict=False)
    out = sink.add_stream(_TEXT[sink.format.name])
    assert isinstance(out, SubtitleStream)
    if not stream.codec_context.subtitle_header:
        raise ValueError("pictures are no text")
    out.codec_context.subtitle_header = stream.codec_context.subtitle_header
    assert stream.time_base
    out.time_base = out.codec_context.time_base = stream.time_base
    return out


def _attach(sink: OutputContainer, source: InputContainer, stream: Stream) -> None:
    if stream.type == "attachment":
        sink.add_stream_from_template(stream)
        return
    packet = next(packet for packet in source.demux(stream) if packet.size)
    kind = "png" if stream.codec_context.codec.canonical_name == "png" else "jpeg"
    sink.add_attachment(stream.metadata.get("filename", f"cover.{kind.replace('jpeg', 'jpg')}"),
                        stream.metadata.get("mimetype", f"image/{kind}"), bytes(packet))
    source.seek(0)


def chapters_of(source: InputContainer, begin: Fraction | None, end: Fraction | None, origin: Fraction) -> list[Chapter]:
    """The source's chapters, cut to `begin`..`end` (seconds of the source) and counted from `origin`; all for None."""
    found: list[Chapter] = []
    for chapter in source.chapters():
        tick = chapter["time_base"] or Fraction(1, av.time_base)
        low = chapter["start"] if begin is None else max(chapter["start"], round(begin / tick))
        high = chapter["end"] if end is None else min(chapter["end"], round(end / tick))
        if low < high:
            shift = round(origin / tick)
            cut: Chapter = {"id": chapter["id"], "start": low - shift, "end": high - shift, "time_base": tick,
                            "metadata": chapter["metadata"]}
            found.append(cut)
    return found
