"""What becomes of each stream of a source in a certain output, decided by trials in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from av.stream import Stream

from vidstyle.video.interfaces import Source
from vidstyle.video.read.description import describe_streams
from vidstyle.video.read.tracks import is_known
from vidstyle.video.tracks import Track
from vidstyle.video.write.codecs import CONTAINERS, default_suffix
from vidstyle.video.write.extras import TEXT_CODECS, How
from vidstyle.video.write.readers import Readers
from vidstyle.video.write.recode import encoders, is_exact, is_played
from vidstyle.video.write.sound import EDIT_LISTS
from vidstyle.video.write.trial import holds_extra, holds_sound, not_converted


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
    refused_sound: dict[int, set[int]] = field(default_factory=dict)
    """Places of packets of sound that the output does not take, by the number of the stream; see `write.rehearsal`."""
    refused_extras: dict[int, set[int]] = field(default_factory=dict)
    """The same of the other streams."""


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
    streams = {stream.index: stream for stream in readers.soundtracks([track.index for track in source.soundtracks])}
    for track in source.soundtracks:
        if audio == "none":
            lines[track.index] = f"{of}{track} -> dropped, as asked"
            continue
        stream = streams[track.index]
        cut = not whole and (container not in EDIT_LISTS or _is_described_once(source, track))
        if not cut and holds_sound(source, stream, container):
            plan.audio.append(track.index)
            lines[track.index] = f"{of}{track} -> copied"
            continue
        known = is_known(stream) and stream.codec_context.format is not None
        samples = stream.codec_context.format.name if known else ""
        encoder = next((name for name in encoders(track.codec, samples, container)
                        if holds_sound(source, stream, container, name)), None)
        if encoder is None:
            reason, hint = _why_not(source, stream, suffix, partial(holds_sound, source, stream))
            lines[track.index] = f"{of}{track} -> dropped, {reason}"
            plan.lost.append(f"Sound is dropped: {of}{track}; {reason}{hint}.")
            plan.warnings.append(plan.lost[-1])
            continue
        plan.audio.append(track.index)
        plan.recoded[track.index] = encoder
        why, exact = "to begin at the range's first sample", is_exact(encoder)
        hint = ""
        if not cut:
            why = (f"as {track.codec} is not written to {suffix}" if is_played(track.codec, container) else
                   f"as few players decode {track.codec} in {suffix}")
            hint = "" if exact else _hint(suffix, partial(holds_sound, source, stream))
        lines[track.index] = f"{of}{track} -> re-encoded with {encoder}, {why}"
        if not (cut and exact):
            plan.warnings.append(f"Sound is re-encoded{' without loss' if exact else ''}: {of}{track}, with {encoder}, "
                                 f"{why}{hint}.")
    return lines


def _is_described_once(source: Source, track: Track) -> bool:
    """Whether only the first packet says which speakers the sound is for, as in AAC whose ADTS headers leave that out."""
    head = next(iter(source.sound_packets.get(track.index, ())), None)
    return (track.codec == "aac" and head is not None and head.data[:1] == b"\xff" and head.data[1] & 0xF6 == 0xF0
            and not head.data[2] & 1 and not head.data[3] & 0xC0)


def _plan_extras(source: Source, readers: Readers, suffix: str, plan: StreamPlan) -> dict[int, str]:
    """Add the other streams to `plan`; a line for each, by number."""
    container, lines = CONTAINERS[suffix], dict[int, str]()
    if readers.movie is None:
        return lines
    chapters = bool(readers.movie.chapters())
    # Tracks of other data, such as a camera's `rtmd`, may state a timecode too, which is only a part of what they hold.
    timecodes = [index for index, described in describe_streams(readers.movie).items()
                 if described.tag == "tmcd" and "timecode" in readers.movie.streams[index].metadata]
    for track in source.clip.others:
        if track.index in timecodes:
            lines[track.index] = f"{track} -> written anew as timecode"
            continue
        if chapters and track.kind == "data" and track.codec == "text" and "mp4" in source.clip.coding.container:
            lines[track.index] = f"{track} -> written anew with the chapters"
            continue
        stream = readers.movie.streams[track.index]
        how = _best(source, track, stream, container)
        if how is None:
            reason, hint = _why_not(source, stream, suffix, partial(_best, source, track, stream))
            lines[track.index] = f"{track} -> dropped, {reason}"
            plan.lost.append(f"A stream is dropped: {track}; {reason}{hint}.")
            plan.warnings.append(plan.lost[-1])
            continue
        plan.extras.append((track.index, how))
        text = TEXT_CODECS[container]
        lines[track.index] = f"{track} -> " + (f"converted to {text}" if how == "convert" else "copied")
        if how == "convert":
            plan.warnings.append(f"Subtitles are converted: {track}, to {text}; their colours and positions may be lost.")
        if track.kind == "video" and "attached_pic" not in track.disposition:
            lines[track.index] += ", not painted"
            plan.warnings.append(f"A second video is copied and not painted: {track}; one video of a file is painted.")
    return lines


def _best(source: Source, track: Track, stream: Stream, container: str) -> How | None:
    """How a stream is written to the format; None where it cannot be."""
    return next((how for how in _candidates(track, container) if holds_extra(source, stream, container, how)), None)


def _why_not(source: Source, stream: Stream, suffix: str, held: Callable[[str], object]) -> tuple[str, str]:
    """Why a stream cannot be written, and what to do about it, where anything helps; held: whether a format takes it."""
    if not is_known(stream):
        return "FFmpeg does not know its codec, so that it cannot be copied", ""
    packets = source.sound_packets if stream.type == "audio" else source.first_packets
    if stream.type != "attachment" and not packets.get(stream.index):
        return "it is empty", ""
    fault = not_converted(source, stream, CONTAINERS[suffix]) if stream.type == "subtitle" else ""
    return fault or f"{suffix} cannot hold it", _hint(suffix, held)


def _hint(suffix: str, held: Callable[[str], object]) -> str:
    """The end of a sentence that names a kind of output in which a stream stays as it is; empty where there is none."""
    others = (".mkv", ".mp4", ".mov") if suffix == ".webm" else (".mov", ".mkv", ".mp4")
    better = next((other for other in others if other != suffix and held(CONTAINERS[other])), None)
    return "" if better is None else f"; an output named {better} keeps it"


def _candidates(track: Track, container: str) -> Sequence[How]:
    """How the stream may be written, the best first."""
    if "attached_pic" in track.disposition:
        # As a stream of Matroska it would be a second movie of one frame; MOV takes it and writes nothing.
        return ["copy"] if container == "mp4" else ["attach"] if container == "matroska" else []
    if track.kind == "attachment":
        return ["attach"] if container == "matroska" else []
    return ["copy", "convert"] if track.kind == "subtitle" else ["copy"]
