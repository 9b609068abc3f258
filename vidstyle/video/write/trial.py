"""Trials in memory: whether a format holds certain streams of a source, as a reader finds them in the file."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import av
from av.audio.stream import AudioStream
from av.stream import Stream

from vidstyle.core.errors import InputError
from vidstyle.video.interfaces import Source
from vidstyle.video.read.tracks import is_known
from vidstyle.video.write.extras import ExtrasWriter, How, demuxed_streams
from vidstyle.video.write.feed import stored
from vidstyle.video.write.recode import is_played
from vidstyle.video.write.sound import SoundWriter


def holds_sound(source: Source, stream: AudioStream, container: str, encoder: str | None = None) -> bool:
    """Whether the stream, copied or encoded by `encoder`, can be written to the format so that players decode it."""
    if not is_known(stream) or (encoder is None and not is_played(stream.codec_context.codec.canonical_name, container)):
        return False
    return _written(source, container, [stream], {stream.index: encoder} if encoder else {}, [])


def holds_extra(source: Source, stream: Stream, container: str, how: How) -> bool:
    """Whether another stream can be written to the format in this way: of subtitles that are text, all of it."""
    return is_known(stream) and _written(source, container, [], {}, [(stream, how)])


def not_converted(source: Source, stream: Stream, container: str) -> str:
    """Which subtitle of the stream cannot be converted for the format, in words; empty where that is not the reason."""
    try:
        _write(source, container, [], {}, [(stream, "convert")])
    except InputError as error:
        return str(error).partition(";")[0].replace("The", "the", 1)
    except (av.FFmpegError, ValueError):
        pass
    return ""


def _written(source: Source, container: str, sound: Sequence[AudioStream], recoded: Mapping[int, str],
             extras: Sequence[tuple[Stream, How]]) -> bool:
    """Whether a file in memory takes one stream and its first packets, and whether they are found in it."""
    try:
        file = _write(source, container, sound, recoded, extras)
        attached = any(how == "attach" for _, how in extras)
        return attached or _is_read_back(file, [*sound, *(stream for stream, _ in extras)])
    except (av.FFmpegError, ValueError, InputError):
        return False


def _write(source: Source, container: str, sound: Sequence[AudioStream], recoded: Mapping[int, str],
           extras: Sequence[tuple[Stream, How]]) -> io.BytesIO:
    """A file in memory with one stream and its first packets. Raises what the muxer, a codec or the conversion raises."""
    file, first = io.BytesIO(), source.first_packets
    with av.open(file, "w", format=container) as sink:
        sound_writer = SoundWriter(sink, sound, stored(source.sound_packets, sound), recoded)
        extras_writer = ExtrasWriter(sink, extras, stored(first, demuxed_streams(extras)), first)
        if any(how == "attach" for _, how in extras):
            sink.add_stream("ffv1", 25, width=16, height=16)  # a file cannot hold attachments alone
        sink.start_encoding()
        sound_writer.write_until(None)
        extras_writer.write_until(None)
    file.seek(0)
    return file


def _is_read_back(file: io.BytesIO, streams: Sequence[Stream]) -> bool:
    """Whether a reader finds a stream of the same kind and of a known codec for each of `streams`.

    Some muxers take what they cannot describe: the file then states a stream and nothing that tells how to read it.
    """
    with av.open(file, "r") as reader:
        found = list(reader.streams)
        return [one.type for one in found] == [one.type for one in streams] and all(is_known(one) for one in found)
