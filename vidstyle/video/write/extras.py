"""Writing the streams other than video and sound: subtitles, covers, attachments, second videos, data; and chapters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import av
from av import Packet
from av.container import InputContainer, OutputContainer
from av.stream import Disposition, Stream
from av.subtitles.stream import SubtitleStream

from vidstyle.core.errors import InputError, reason
from vidstyle.video.packets import CodedPacket, with_decoding_times
from vidstyle.video.write.feed import Order, PacketFeed, Refused, copied_tags, is_cover

if TYPE_CHECKING:
    from av.container.core import Chapter

How = Literal["copy", "convert", "attach"]
"""`copy` packet for packet, `convert` text subtitles to the format's own, `attach` a file inside the file."""
TEXT_CODECS = {"mp4": "mov_text", "mov": "mov_text", "webm": "webvtt", "matroska": "subrip"}
"""The codec of text subtitles in each format."""


class ExtrasWriter:
    """Writes other streams of the source into `sink` while the video is written.

    streams: each with how it is written. packets: those of `demuxed_streams(streams)`, in the order of the file.
    attachments: the stored first packets of the source, for covers that become attachments. origin: seconds of the source
    that become zero; begin, end: seconds of the source that are written. Subtitles on display at any moment of them are
    written, cut to them. refused: packets that are left out.
    """

    def __init__(self, sink: OutputContainer, streams: Sequence[tuple[Stream, How]], packets: Iterator[Packet[Stream]],
                 attachments: Mapping[int, Sequence[CodedPacket]], *, origin: Fraction = Fraction(0),
                 begin: Fraction | None = None, end: Fraction | None = None, refused: Refused | None = None) -> None:
        self._refused = refused or Refused()
        self._sink, self._origin, self._begin, self._end = sink, origin, begin, end
        self._outs: dict[int, Stream] = {}
        for stream, how in streams:
            if how == "attach":
                _attach(sink, stream, attachments.get(stream.index, ()))
                continue
            out = self._outs[stream.index] = _converted(sink, stream) if how == "convert" else _copied(sink, stream)
            out.metadata.update(copied_tags(stream.metadata))
            out.disposition = stream.disposition
            if stream.type == "video":  # so that players choose the painted video
                out.disposition = Disposition(stream.disposition & ~Disposition.default)
        self._begun: set[int] = set()
        self._order = Order()
        self._converts = {stream.index for stream, how in streams if how == "convert"}
        self._feed = PacketFeed(with_decoding_times(timed(packets)), lambda packet: packet.pts,
                                "A subtitle, cover or data stream cannot be read to its end ({}); copy the file again.")

    def write_until(self, seconds: Fraction | None) -> None:
        """Write all packets up to this time of the source; None writes all that are left."""
        for packet in self._feed.until(seconds):
            for one in self._order.admit(packet):
                self.write(one)

    def write(self, packet: Packet[Stream]) -> None:
        """Write the next packet of a stream, if it lies in the range and is not refused."""
        if self._refused.admits(packet.stream):
            for cut in self._cut(packet):
                self._sink.mux(cut)

    def _cut(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """The packet as it is written, shifted and cut to the range; nothing if it lies outside."""
        stream, tick = packet.stream, packet.time_base
        low = packet.pts or 0
        high = low + (packet.duration or 0)
        if is_cover(stream):
            low = high = round(self._origin / tick)
        elif stream.type == "video" and stream.index not in self._begun and not packet.is_keyframe:
            return  # a second video begins with a frame that refers to no other
        elif self._end is not None and low * tick >= self._end:
            return
        elif self._begin is not None and low * tick < self._begin:
            if high * tick <= self._begin or stream.type != "subtitle":
                return
            low = round(self._begin / tick)
        if self._end is not None and stream.type == "subtitle":
            high = min(high, round(self._end / tick))
        self._begun.add(stream.index)
        if stream.index in self._converts:
            converted = self._converted(packet)
            if converted is None:
                return
            packet = converted
        shift = round(self._origin / tick)
        late = 0 if packet.dts is None or packet.pts is None or stream.type == "subtitle" else packet.pts - packet.dts
        packet.pts, packet.dts, packet.duration = low - shift, low - shift - late, high - low
        packet.stream = self._outs[stream.index]
        yield packet

    def _converted(self, packet: Packet[Stream]) -> Packet[Stream] | None:
        """A packet of text in the form of the sink's format; None where it holds no words."""
        stream, out, tick = packet.stream, self._outs[packet.stream.index], packet.time_base
        assert isinstance(stream, SubtitleStream), "only subtitles are converted"
        assert isinstance(out, SubtitleStream), "only subtitles are converted"
        try:
            text = stream.decode2(packet)
            if text is None:
                return None
            made: Packet[Stream] = out.codec_context.encode_subtitle(text)
        except (av.FFmpegError, ValueError) as error:
            raise InputError(f"The subtitle at {float((packet.pts or 0) * tick):.2f} s cannot be converted ({reason(error)}); "
                             "name the output .mkv, which takes subtitles as they are.") from error
        made.time_base = tick
        return made


def demuxed_streams(streams: Sequence[tuple[Stream, How]]) -> list[Stream]:
    """The streams whose packets are read; attachments are known from the header or from stored packets."""
    return [stream for stream, how in streams if how != "attach"]


def timed(packets: Iterator[Packet[Stream]]) -> Iterator[Packet[Stream]]:
    """The packets that have a time; a cover has none and gets time 0."""
    for packet in packets:
        if packet.pts is None and is_cover(packet.stream):
            packet.pts = packet.dts = 0
        if packet.pts is not None:
            yield packet


def _copied(sink: OutputContainer, stream: Stream) -> Stream:
    out = sink.add_stream_from_template(stream, opaque=True)
    assert stream.time_base, "FFmpeg gives every stream a time base"
    out.time_base = stream.time_base
    return out


def _converted(sink: OutputContainer, stream: Stream) -> Stream:
    """A stream of text subtitles in the form that the sink's format holds. Raises ValueError for images of text."""
    assert isinstance(stream, SubtitleStream), "only subtitles are converted"
    stream.codec_context.open(strict=False)
    out = sink.add_stream(TEXT_CODECS[sink.format.name])
    assert isinstance(out, SubtitleStream), "FFmpeg's subtitle encoders make subtitle streams"
    if not stream.codec_context.subtitle_header:
        raise ValueError("subtitles that are images hold no text")
    out.codec_context.subtitle_header = stream.codec_context.subtitle_header
    assert stream.time_base, "FFmpeg gives every stream a time base"
    out.time_base = out.codec_context.time_base = stream.time_base
    return out


def _attach(sink: OutputContainer, stream: Stream, packets: Sequence[CodedPacket]) -> None:
    """Add a file to the output: an attachment of the source, or its cover image. Raises ValueError for an empty cover."""
    if stream.type == "attachment":
        sink.add_stream_from_template(stream)
        return
    if not packets:
        raise ValueError("the cover has no image")
    kind = "png" if stream.codec_context.codec.canonical_name == "png" else "jpeg"
    sink.add_attachment(stream.metadata.get("filename", f"cover.{kind.replace('jpeg', 'jpg')}"),
                        stream.metadata.get("mimetype", f"image/{kind}"), packets[0].data)


def chapters_of(container: InputContainer, begin: Fraction | None, end: Fraction | None, origin: Fraction) -> list[Chapter]:
    """The chapters of the file, cut to `begin`..`end` (seconds of the source) and counted from `origin`; all for None."""
    found: list[Chapter] = []
    for chapter in container.chapters():
        tick = chapter["time_base"] or Fraction(1, av.time_base)
        low = chapter["start"] if begin is None else max(chapter["start"], round(begin / tick))
        high = chapter["end"] if end is None else min(chapter["end"], round(end / tick))
        if low < high:
            shift = round(origin / tick)
            cut: Chapter = {"id": chapter["id"], "start": low - shift, "end": high - shift, "time_base": tick,
                            "metadata": chapter["metadata"]}
            found.append(cut)
    return found
