"""Looking at a clip before painting it: every frame's time without decoding, and what the first frame looks like."""

from __future__ import annotations

from bisect import bisect_left
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

from vidstyle.errors import InputError
from vidstyle.video.alpha import decoded
from vidstyle.video.clip import Clip, Track
from vidstyle.video.colour import Colour, settle
from vidstyle.video.extras import plan
from vidstyle.video.geometry import Orientation, read_matrix
from vidstyle.video.planes import depth_of, is_full_by_format, is_rgb
from vidstyle.video.source import open_source, picture_stream


def probe(path: Path) -> Clip:
    """Everything that is known of the clip at `path` without painting it.

    Raises InputError, in one sentence, for what cannot be read or is not handled: HDR, interlaced, no picture, ...
    """
    path = Path(path)
    with open_source(path) as container:
        frame = _first_frame(container, path)
    with open_source(path) as container:
        stream = picture_stream(container, path)
        times = _scan(container, stream, path, frame)
        clip = _describe(container, stream, path, frame, times)
        warnings = (*_doubts(container, clip, times), *clip.warnings)
    return replace(clip, kept=plan(clip, path.suffix).kept, warnings=warnings)


def _first_frame(container: InputContainer, path: Path) -> VideoFrame:
    stream = picture_stream(container, path)
    try:
        frame = next(decoded(container, stream), None)
    except av.FFmpegError as error:
        raise InputError(f"{path}: its first frame cannot be decoded ({error.strerror}); export it again.") from error
    if frame is None:
        raise InputError(f"{path}: holds no frame that can be decoded; export it again.")
    if frame.interlaced_frame:
        raise InputError(f"{path}: is interlaced; deinterlace it first, for example with ffmpeg -vf bwdif.")
    return frame


@dataclass(frozen=True)
class _Times:
    pts: tuple[int, ...]
    durations: tuple[int, ...]
    keyframes: tuple[int, ...]
    lost: int
    """Frames before the first one that can be decoded."""


def _scan(container: InputContainer, stream: VideoStream, path: Path, first: VideoFrame) -> _Times:
    """Read every packet of the stream, decode none, and list the frames that a player shows.

    Packets that an edit list hides are marked so by FFmpeg; VP8 and VP9 have packets that only help others.
    """
    shown: dict[int, tuple[int, bool]] = {}
    read = 0
    try:
        codec = stream.codec_context.codec.canonical_name
        for packet in container.demux(stream):
            read += packet.size > 0
            if packet.size == 0 or packet.is_discard or _is_hidden(codec, packet):
                continue
            time = packet.pts if packet.pts is not None else packet.dts
            if time is None:
                raise InputError(f"{path}: has a frame without a time; remux it first: ffmpeg -i IN -c copy OUT.mkv")
            if time in shown:
                raise InputError(f"{path}: shows two frames at the same time ({time}); "
                                 "remux it first: ffmpeg -fflags +genpts -i IN -c copy OUT.mkv")
            shown[time] = packet.duration or 0, packet.is_keyframe
    except av.FFmpegError as error:
        raise InputError(f"{path}: breaks off after {len(shown)} frames ({error.strerror}); "
                         "copy or export it again.") from error
    if "mp4" in container.format.name and read < (promised := len(stream.index_entries)):
        raise InputError(f"{path}: is cut off; {read} of {promised} frames are there, copy or export it again.")
    every = sorted(shown)
    lost = bisect_left(every, first.pts) if first.pts is not None else 0
    pts = every[lost:]
    if not pts:
        raise InputError(f"{path}: its frames and its table of contents disagree; export it again.")
    steps = [after - before for before, after in pairwise(pts)]
    last = shown[pts[-1]][0] or (steps[-1] if steps else 0)
    keyframes = tuple(index for index, time in enumerate(pts) if shown[time][1])
    return _Times(tuple(pts), (*steps, last), keyframes, lost)


def _is_hidden(codec: str, packet: Packet[VideoStream]) -> bool:
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
        colour=_colour(frame, path, codec),
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


def _colour(frame: VideoFrame, path: Path, codec: str) -> Colour:
    try:
        return settle(frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc, width=frame.width,
                      height=frame.height, rgb=is_rgb(frame.format),
                      full_by_format=is_full_by_format(frame.format, codec))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _timecode(container: InputContainer, stream: VideoStream) -> str | None:
    """The timecode of the first frame: the picture's own, a timecode track's, or the file's."""
    notes = [stream.metadata, *(other.metadata for other in container.streams if other.type == "data"), container.metadata]
    return next((value for tags in notes for key, value in tags.items() if key.lower() == "timecode"), None)


def _track(stream: Stream) -> Track:
    context = stream.codec_context
    codec = context.codec.canonical_name if context is not None else stream.name or "unknown"
    known = [flag.name for flag in Disposition if flag.name and stream.disposition & flag]
    audio = stream.type == "audio"
    return Track(stream.index, stream.type, codec, stream.language, stream.metadata.get("title"),
                 getattr(context, "sample_rate", None) if audio else None,
                 getattr(context, "channels", None) if audio else None, tuple(known))


def _doubts(container: InputContainer, clip: Clip, times: _Times) -> Iterable[str]:
    if clip.colour.assumed:
        yield f"The file does not state its colours; assumed {' and '.join(clip.colour.assumed)}."
    if times.lost:
        yield f"The first {times.lost} frames lack the frame they were coded from and are left out, as players do."
    if container.duration:
        stated = container.duration / av.time_base
        start = (container.start_time or 0) / av.time_base
        ends = float((clip.pts[-1] + clip.durations[-1]) * clip.time_base) - start
        # The container's length is the longest stream's, sound included, so a small difference is no sign of damage.
        if ends < 0.9 * stated - 1:
            yield f"The file states {stated:.2f} s but its frames end at {ends:.2f} s; it may be cut off."
