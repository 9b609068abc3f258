"""The streams of a file as records."""

from __future__ import annotations

from av.stream import Disposition, Stream

from vidstyle.video.read.description import describe_streams
from vidstyle.video.tracks import UNKNOWN_CODEC, Track


def track_of(stream: Stream) -> Track:
    """The facts of one stream; texts from the file are printable."""
    context = stream.codec_context
    disposition = tuple(flag.name for flag in Disposition if flag.name and stream.disposition & flag)
    audio = stream.type == "audio"
    language, title = printable(stream.language), printable(stream.metadata.get("title"))
    return Track(stream.index, stream.type, codec_of(stream), language, title,
                 getattr(context, "sample_rate", None) if audio else None,
                 getattr(context, "channels", None) if audio else None, disposition)


def codec_of(stream: Stream) -> str:
    """The name of the stream's codec."""
    return stream.codec_context.codec.canonical_name if stream.codec_context is not None else _named(stream)


def is_known(stream: Stream) -> bool:
    """Whether FFmpeg knows the stream's codec; what it does not know it can neither decode nor copy."""
    if stream.type == "data":
        return getattr(stream, "name", None) is not None
    return stream.type == "attachment" or stream.codec_context is not None


def _named(stream: Stream) -> str:
    """The name of a codec without a decoder: FFmpeg's own, or the letters by which the file names it."""
    name: str | None = getattr(stream, "name", None)
    if name is not None and name != "bin_data":  # one name for data of every kind
        return printable(name) or UNKNOWN_CODEC
    described = describe_streams(stream.container).get(stream.index)
    return (described and described.tag) or name or UNKNOWN_CODEC


def printable(text: str | None) -> str | None:
    """Text from a file, without characters that move a terminal's cursor or recolour its lines."""
    return text and "".join(letter if letter.isprintable() else "?" for letter in text)
