"""What becomes of each stream of a source in a certain output, decided by trials in memory."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import av
from av.audio.stream import AudioStream
from av.stream import Stream

from vidstyle.core.errors import InputError
from vidstyle.video.clip import Track
from vidstyle.video.interfaces import Source
from vidstyle.video.write.codecs import CONTAINERS, default_suffix
from vidstyle.video.write.extras import TEXT_CODECS, ExtrasWriter, How, demuxed_streams
from vidstyle.video.write.feed import stored
from vidstyle.video.write.readers import Readers
from vidstyle.video.write.recode import encoders, is_exact
from vidstyle.video.write.sound import EDIT_LISTS, SoundWriter


@dataclass
class StreamPlan:
    """What becomes of each stream of a source."""

    lines: tuple[str, ...] = ()
    """One line for each stream."""
    warnings: list[str] = field(default_factory=list)
    """One sentence for each stream that was asked for and is not copied."""
    lost: list[str] = field(default_factory=list)
    """Those of `warnings` that name something that will be missing."""
    audio: list[int] = field(default_factory=list)
    """Numbers of the sound streams that are written."""
    recoded: dict[int, str] = field(default_factory=dict)
    """The encoder for each of them that is not copied packet for packet."""
    extras: list[tuple[int, How]] = field(default_factory=list)
    """Numbers of the other streams that are written, and how."""


def plan_streams(source: Source, readers: Readers, suffix: str, audio: str = "copy", *, whole: bool = True) -> StreamPlan:
    """Plan what an output with the extension `suffix` holds of the source. whole: all frames are written, not a range.

    An extension that is not written stands for the one that would be written in its place. Of a range, sound is copied
    only where the format can tell players to skip the beginning of a packet (MP4, MOV).
    """
    suffix = suffix.lower() if suffix.lower() in CONTAINERS else default_suffix(source.clip)
    plan, replacement = StreamPlan(), source.settings.sound
    lines = {(0, source.clip.coding.stream): f"{source.label} -> painted"}
    file = 0 if replacement is None else 1  # each file counts its streams from 0
    lines |= {(file, index): line for index, line in _plan_sound(source, readers, suffix, audio, whole, plan).items()}
    if replacement is not None:
        lines |= {(0, track.index): f"{track} -> dropped, {replacement.name} replaces it" for track in source.clip.audio}
    lines |= {(0, index): line for index, line in _plan_extras(source, readers, suffix, plan).items()}
    plan.lines = tuple(lines[key] for key in sorted(lines))
    return plan


def _plan_sound(source: Source, readers: Readers, suffix: str, audio: str, whole: bool, plan: StreamPlan) -> dict[int, str]:
    """Add the sound to `plan`; a line for each track, by number."""
    container, lines = CONTAINERS[suffix], dict[int, str]()
    of = "" if source.settings.sound is None else f"{source.settings.sound.name}, "
    for track in source.soundtracks:
        if audio == "none":
            lines[track.index] = f"{of}{track} -> dropped, as asked"
            continue
        cut = not whole and container not in EDIT_LISTS
        if not cut and _sound_fits(source, readers, track, container):
            plan.audio.append(track.index)
            lines[track.index] = f"{of}{track} -> copied"
            continue
        encoder = next((name for name in encoders(track.codec, container)
                        if _sound_fits(source, readers, track, container, name)), None)
        if encoder is None:
            lines[track.index] = f"{of}{track} -> dropped, {suffix} cannot hold it"
            plan.lost.append(f"Sound is dropped: {of}{track}; {suffix} cannot hold it, an output named .mkv can hold more.")
            plan.warnings.append(plan.lost[-1])
            continue
        plan.audio.append(track.index)
        plan.recoded[track.index] = encoder
        why = "to begin at the range's first sample" if cut else f"as {suffix} cannot hold it"
        lines[track.index] = f"{of}{track} -> re-encoded with {encoder}, {why}"
        if not (cut and is_exact(encoder)):
            plan.warnings.append(f"Sound is re-encoded: {of}{track}, with {encoder}, {why}.")
    return lines


def _plan_extras(source: Source, readers: Readers, suffix: str, plan: StreamPlan) -> dict[int, str]:
    """Add the other streams to `plan`; a line for each, by number."""
    container, lines = CONTAINERS[suffix], dict[int, str]()
    if readers.movie is None:
        return lines
    chapters = bool(readers.movie.chapters())
    timecodes = [s.index for s in readers.movie.streams if s.type == "data" and "timecode" in s.metadata]
    for track in source.clip.others:
        if track.index in timecodes:
            lines[track.index] = f"{track} -> written anew as timecode"
            continue
        if chapters and track.kind == "data" and track.codec == "bin_data" and "mp4" in source.clip.coding.container:
            lines[track.index] = f"{track} -> written anew with the chapters"
            continue
        stream = readers.movie.streams[track.index]
        how = next((how for how in _candidates(track, container) if _extra_fits(source, stream, container, how)), None)
        if how is None:
            lines[track.index] = f"{track} -> dropped, {suffix} cannot hold it"
            plan.lost.append(f"A stream is dropped: {track}; {suffix} cannot hold it"
                             + ("." if container == "matroska" else ", an output named .mkv can hold more."))
            plan.warnings.append(plan.lost[-1])
            continue
        plan.extras.append((track.index, how))
        text = TEXT_CODECS[container]
        lines[track.index] = f"{track} -> " + (f"converted to {text}" if how == "convert" else "copied")
        if how == "convert":
            plan.warnings.append(f"Subtitles are converted: {track}, to {text}; their colours and positions may be lost.")
    return lines


def _candidates(track: Track, container: str) -> Sequence[How]:
    """How the stream may be written, the best first."""
    if "attached_pic" in track.disposition:
        # As a stream of Matroska it would be a second movie of one frame; MOV takes it and writes nothing.
        return ["copy"] if container == "mp4" else ["attach"] if container == "matroska" else []
    if track.kind == "attachment":
        return ["attach"] if container == "matroska" else []
    return ["copy", "convert"] if track.kind == "subtitle" else ["copy"]


def _sound_fits(source: Source, readers: Readers, track: Track, container: str, encoder: str | None = None) -> bool:
    """Whether a few packets of the track can be written; what a format states about itself is only a hint."""
    if source.settings.sound is not None and container == "mp4" and (encoder or track.codec).startswith("pcm_"):
        return False  # the format holds it, but few players play it
    streams = readers.soundtracks([track.index])
    if not streams or streams[0].codec_context is None:
        return False
    return _written(container, streams, {track.index: encoder} if encoder else {}, [], source)


def _extra_fits(source: Source, stream: Stream, container: str, how: How) -> bool:
    return _written(container, [], {}, [(stream, how)], source)


def _written(container: str, sound: Sequence[AudioStream], recoded: dict[int, str], extras: Sequence[tuple[Stream, How]],
             source: Source) -> bool:
    """Whether a file in memory takes these streams and their first packets."""
    sink = av.open(io.BytesIO(), "w", format=container)
    try:
        sound_writer = SoundWriter(sink, sound, stored(source.sound_packets, sound), recoded)
        extras_writer = ExtrasWriter(sink, extras, stored(source.first_packets, demuxed_streams(extras)), source.first_packets)
        if any(how == "attach" for _, how in extras):
            sink.add_stream("ffv1", 25, width=16, height=16)  # a file cannot hold attachments alone
        sink.start_encoding()
        sound_writer.write_until(None)
        extras_writer.write_until(None)
        sink.close()
    except (av.FFmpegError, ValueError, InputError):
        return False
    return True
