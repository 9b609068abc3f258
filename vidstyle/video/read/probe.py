"""Looking at a clip before painting it: every frame's time without decoding, and what the first frame looks like."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
from av import Packet, VideoFrame
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from vidstyle.core.errors import InputError
from vidstyle.video.clip import Clip, Track
from vidstyle.video.images.pattern import PICTURES, parse, suggested
from vidstyle.video.images.sequence import probe_sequence
from vidstyle.video.pixels.colour import Colour, settle
from vidstyle.video.pixels.hdr import HdrMode, read_hdr
from vidstyle.video.pixels.orientation import Orientation, read_matrix
from vidstyle.video.pixels.planes import depth_of, is_full_by_format, is_rgb
from vidstyle.video.read.alpha import decoded
from vidstyle.video.read.container import MOST_PIXELS, open_source, picture_stream
from vidstyle.video.read.damage import REMEDY, Seen, packets, pictures, promised_times, seems_cut_off, sound_faults, undecodable
from vidstyle.video.read.length import bytes_missing
from vidstyle.video.read.siting import chroma_location
from vidstyle.video.write.extras import plan

MOST_FRAMES = 24 * 3600 * 60
"""Of one clip: a day at 60 a second. The times of so many take 0.6 GB."""
_STREAMS = ("mpegts", "mpeg")  # may be joined anywhere; other files begin with a frame that needs no other
MOST_SECONDS = 7 * 24 * 3600
"""From the first frame to the last: a week, as of a slow time lapse. A clock that runs further has jumped."""


def probe(path: Path, on_damage: str = "fail", *, fps: Fraction | None = None, gaps: str = "error",
          sound_file: Path | None = None, hdr: HdrMode | None = None, deinterlace: bool = False) -> Clip:
    """Everything that is known of the clip at `path` without painting it; see `Options.on_damage`.

    fps and gaps: see `probe_sequence`; they say nothing to a movie. sound_file: takes the place of the clip's own sound.
    hdr: how a clip of high dynamic range is to be painted; deinterlace: whether interlaced pictures are to be made
    whole. Raises InputError, in one sentence, for what cannot be read or is not handled: no picture, odd angles, and
    HDR or interlaced pictures where not asked for.
    """
    path = Path(path)
    pattern = parse(path)
    if pattern is not None:
        clip = probe_sequence(path, pattern, on_damage, fps=fps, gaps=gaps)
    else:
        clip = _probe_movie(path, on_damage, hdr, deinterlace)
        if fps is not None:
            ignored = "--fps is for sequences of pictures; the movie keeps its own times."
            clip = replace(clip, warnings=(*clip.warnings, ignored))
    return clip if sound_file is None else _with_sound(clip, sound_file)


def _with_sound(clip: Clip, file: Path) -> Clip:
    """The clip with the sound of another file under it. Raises InputError where there is none."""
    with open_source(file) as container:
        tracks = tuple(_track(stream) for stream in container.streams if stream.type == "audio")
    if not tracks:
        raise InputError(f"{file}: holds no sound; name a file with sound for --audio, or leave it out.")
    return replace(clip, sound=file, audio=tracks, others=(*clip.others, *clip.audio))


def _probe_movie(path: Path, on_damage: str, hdr: HdrMode | None, deinterlace: bool) -> Clip:
    if path.suffix.lower() in PICTURES and path.is_file():
        raise InputError(f"{path}: is one picture; name a sequence of them, such as {suggested(path).name}.")
    with open_source(path) as container:
        frame = _first_frame(container, path, on_damage)
    if frame.interlaced_frame and not deinterlace:
        raise InputError(f"{path}: is interlaced; --deinterlace bwdif makes its pictures whole.")
    with open_source(path) as container:
        stream = picture_stream(container, path)
        times = _scan(container, stream, path, frame, on_damage)
        clip = replace(_describe(container, stream, path, frame, times), on_damage=on_damage)
        if clip.colour.hdr is not None and hdr is None:
            raise InputError(f"{path}: is HDR ({clip.colour.hdr.upper()}); --hdr passthrough paints it as HDR, "
                             "--hdr tonemap as ordinary video.")
        light = read_hdr(frame, clip.colour.hdr, hdr) if clip.colour.hdr is not None and hdr is not None else None
        clip = replace(clip, hdr=light, deinterlace=deinterlace)
        warnings = (*_doubts(clip, times), *clip.warnings)
    return replace(clip, kept=plan(clip, path.suffix).kept, warnings=warnings)


def _first_frame(container: InputContainer, path: Path, on_damage: str) -> VideoFrame:
    stream = picture_stream(container, path)
    try:
        found = pictures(container, stream) if on_damage != "fail" else decoded(container, stream)
        frame = next(found, None)
        if on_damage != "fail" and frame is not None and frame.is_corrupt:
            frame = next((other for other in found if not other.is_corrupt), frame)
    except av.FFmpegError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: its first frame cannot be decoded ({reason}){_too_large(stream)}; {REMEDY}.") from error
    if frame is None:
        raise InputError(f"{path}: holds no frame that can be decoded{_too_large(stream)}; copy or export it again.")
    return frame


def _too_large(stream: VideoStream) -> str:
    """FFmpeg forgets the size of a picture that is above the limit."""
    return "" if stream.codec_context.width else f", or is larger than {MOST_PIXELS // 10**6} million pixels"


@dataclass(frozen=True)
class _Times:
    pts: tuple[int, ...]
    durations: tuple[int, ...]
    keyframes: tuple[int, ...]
    lost: int
    """Frames before the first one that can be decoded."""
    doubts: tuple[str, ...]
    """What seems damaged, in sentences."""


def _scan(container: InputContainer, stream: VideoStream, path: Path, first: VideoFrame, on_damage: str) -> _Times:
    """Read every packet, decode none, and list the frames that a player shows.

    Packets that an edit list hides are marked so by FFmpeg; VP8 and VP9 have packets that only help others.
    """
    shown: dict[int, tuple[int, bool]] = {}
    seen = {other.index: Seen() for other in container.streams}
    start: int | None = None
    faults, timeless, double = [], 0, 0
    codec = stream.codec_context.codec.canonical_name
    try:
        for packet in packets(container, list(container.streams), on_damage):
            seen[packet.stream_index].see(packet)
            if packet.stream_index != stream.index or packet.size == 0:
                continue
            time = packet.pts if packet.pts is not None else packet.dts
            if start is None and (packet.is_keyframe or container.format.name not in _STREAMS):
                start = time
            if packet.is_discard or _is_hidden(codec, packet):
                continue
            timeless += time is None
            double += time in shown
            if time is None or time in shown:
                continue
            shown[time] = packet.duration or 0, packet.is_keyframe
            if len(shown) > MOST_FRAMES:
                raise InputError(f"{path}: holds more than {MOST_FRAMES} frames, a day at 60 a second; split it first.")
    except av.FFmpegError as error:
        faults.append(f"breaks off after {len(shown)} frames ({(error.strerror or str(error)).lower()})")
    if timeless:
        faults.append(f"has {timeless} frames without a time")
    if double:
        faults.append(f"shows {double} frames at the time of another")
    every = sorted(shown)
    if not every:
        raise InputError(f"{path}: its frames and its table of contents disagree; export it again.")
    read, promised = seen[stream.index].packets, len(stream.index_entries)
    if "mp4" in container.format.name and read < promised:
        faults.append(f"is cut off; {read} of {promised} frames are there")
        if on_damage == "hold":
            shown |= dict.fromkeys(promised_times(stream, every), (0, False))
            every = sorted(shown)
    lost, damaged = undecodable(every, first.pts, start)
    if damaged:
        faults.append(f"cannot be decoded before frame {damaged}")
    pts = every[lost:]
    if not pts:
        raise InputError(f"{path}: its frames and its table of contents disagree; export it again.")
    steps = [after - before for before, after in pairwise(pts)]
    assert stream.time_base
    if (pts[-1] - pts[0]) * stream.time_base > MOST_SECONDS:
        raise InputError(f"{path}: states times {float((pts[-1] - pts[0]) * stream.time_base):.0f} s apart, more than a week; "
                         "remux it, or export it again.")
    last = shown[pts[-1]][0] or (steps[-1] if steps else 0)
    cut, doubts = bytes_missing(path, container.format.name), []
    if cut and container.format.name == "mpegts":  # a recording may end within a packet and be whole
        doubts.append("The file ends within a packet; it may be cut off.")
    elif cut and not faults:
        faults.append(f"is cut off; {len(pts)} frames are there, and {cut} bytes at the end are missing")
    if not faults and (doubt := seems_cut_off(container, seen)):
        doubts.append(doubt)
    if faults and on_damage == "fail":
        raise InputError(f"{path}: {faults[0]}; {REMEDY}.")
    doubts += [f"The clip {fault}." for fault in faults]
    for other in container.streams.audio:
        if fault := sound_faults(other, seen[other.index], container):
            doubts.append(f"The sound of {_track(other)} {fault}.")
    keyframes = tuple(index for index, time in enumerate(pts) if shown[time][1])
    return _Times(tuple(pts), (*steps, last), keyframes, lost, tuple(doubts))


def _is_hidden(codec: str, packet: Packet[Stream]) -> bool:
    """Whether a packet holds only a picture that is never shown: the `show_frame` bit of VP8 and VP9 headers."""
    if codec not in ("vp8", "vp9"):
        return False
    data = memoryview(packet)
    if codec == "vp8":
        return not data[0] & 0x10
    if data[-1] & 0xE0 == 0xC0:  # several pictures in one packet; the last one is shown
        return False
    profile = (data[0] >> 5 & 1) | (data[0] >> 3 & 2)
    bits = data[0] << 8 | (data[1] if len(data) > 1 else 0)
    at = 10 if profile == 3 else 11  # show_existing_frame follows the profile, with one more bit in profile 3
    show_existing, show = bits >> at & 1, bits >> (at - 2) & 1
    return not show_existing and not show


def _describe(container: InputContainer, stream: VideoStream, path: Path, frame: VideoFrame, times: _Times) -> Clip:
    orientation = _orientation(frame, path)
    ratio = Fraction(stream.sample_aspect_ratio) if stream.sample_aspect_ratio else Fraction(1)
    width, height = frame.width, frame.height
    if orientation.transpose:
        width, height, ratio = height, width, 1 / ratio
    assert stream.time_base
    codec = stream.codec_context.codec.canonical_name
    tracks = [_track(other) for other in container.streams if other.index != stream.index]
    return Clip(
        path=path, container=container.format.name, stream=stream.index, codec=codec,
        coded_width=frame.width, coded_height=frame.height, width=width, height=height, orientation=orientation,
        sample_aspect_ratio=ratio, pix_fmt=frame.format.name, depth=depth_of(frame.format),
        colour=_colour(frame, path, codec, chroma_location(container, stream)),
        time_base=Fraction(stream.time_base), pts=times.pts, durations=times.durations, keyframes=times.keyframes,
        audio=tuple(track for track in tracks if track.kind == "audio"),
        others=tuple(track for track in tracks if track.kind != "audio"), metadata=tuple(container.metadata.items()),
        timecode=_timecode(container, stream))


def _orientation(frame: VideoFrame, path: Path) -> Orientation:
    notes: Any = frame.side_data  # PyAV's types do not know what can be asked for
    try:
        return read_matrix(bytes(notes["DISPLAYMATRIX"]))
    except KeyError:
        return Orientation()
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _colour(frame: VideoFrame, path: Path, codec: str, location: str) -> Colour:
    try:
        return settle(frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc, width=frame.width,
                      height=frame.height, rgb=is_rgb(frame.format),
                      full_by_format=is_full_by_format(frame.format, codec), location=location)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _timecode(container: InputContainer, stream: VideoStream) -> str | None:
    """The timecode of the first frame: the picture's own, a timecode track's, or the file's."""
    notes = [stream.metadata, *(other.metadata for other in container.streams if other.type == "data"), container.metadata]
    return next((value for tags in notes for key, value in tags.items() if key.lower() == "timecode"), None)


def _track(stream: Stream) -> Track:
    context = stream.codec_context
    codec = context.codec.canonical_name if context is not None else _plain(getattr(stream, "name", None)) or "unknown"
    known = [flag.name for flag in Disposition if flag.name and stream.disposition & flag]
    audio = stream.type == "audio"
    return Track(stream.index, stream.type, codec, _plain(stream.language), _plain(stream.metadata.get("title")),
                 getattr(context, "sample_rate", None) if audio else None,
                 getattr(context, "channels", None) if audio else None, tuple(known))


def _plain(text: str | None) -> str | None:
    """Text from a file, without what would move a terminal's cursor or recolour its lines."""
    return text and "".join(letter if letter.isprintable() else "?" for letter in text)


def _doubts(clip: Clip, times: _Times) -> Iterable[str]:
    yield from times.doubts
    if clip.hdr is not None and clip.hdr.mode == "tonemap":
        yield (f"The clip is HDR ({clip.hdr.transfer.upper()}, up to {clip.hdr.peak:g} cd/m²) and becomes ordinary video, "
               "BT.709; what is brighter than paper is bent below it.")
    if clip.colour.assumed:
        yield f"The file does not state its colours; assumed {' and '.join(clip.colour.assumed)}."
    if times.lost:
        yield f"The first {times.lost} frames lack the frame they were coded from and are left out, as players do."
