"""The streams of a file as records."""

from __future__ import annotations

from av.stream import Disposition, Stream

from vidstyle.video.clip import Track


def track_of(stream: Stream) -> Track:
    """The facts of one stream; texts from the file are printable."""
    context = stream.codec_context
    codec = context.codec.canonical_name if context is not None else printable(getattr(stream, "name", None)) or "unknown"
    disposition = tuple(flag.name for flag in Disposition if flag.name and stream.disposition & flag)
    audio = stream.type == "audio"
    return Track(stream.index, stream.type, codec, printable(stream.language), printable(stream.metadata.get("title")),
                 getattr(context, "sample_rate", None) if audio else None,
                 getattr(context, "channels", None) if audio else None, disposition)


def printable(text: str | None) -> str | None:
    """Text from a file, without characters that move a terminal's cursor or recolour its lines."""
    return text and "".join(letter if letter.isprintable() else "?" for letter in text)
