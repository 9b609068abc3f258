"""Probing a movie: its facts, from its first frame and from every packet."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av import VideoFrame
from av.container import InputContainer
from av.video.stream import VideoStream

from vidstyle.core.errors import InputError
from vidstyle.core.timecode import Timecode
from vidstyle.video.clip import Clip
from vidstyle.video.pixels.colour import Colour, resolve_colour
from vidstyle.video.pixels.hdr import read_hdr_metadata
from vidstyle.video.pixels.orientation import Orientation, read_matrix
from vidstyle.video.pixels.planes import depth_of, is_full_by_format, is_rgb, side_data
from vidstyle.video.read.bare import count_frames
from vidstyle.video.read.clock import clock_start
from vidstyle.video.read.container import open_container, video_stream
from vidstyle.video.read.description import Description, describe_streams
from vidstyle.video.read.first_frame import FirstFrame
from vidstyle.video.read.scan import Scan, scan
from vidstyle.video.read.side_data import read_side_data
from vidstyle.video.read.siting import chroma_location
from vidstyle.video.read.tracks import track_of
from vidstyle.video.settings import ReadSettings
from vidstyle.video.tracks import BARE_FORMATS, Coding


@dataclass(frozen=True)
class Probed:
    """A movie's facts, and what else its packets show."""

    clip: Clip
    scan: Scan


def probe_movie(path: Path, settings: ReadSettings) -> Probed:
    """Read every packet of the movie at `path` once, and decode those of the first frame; of a stream without a container all.

    Raises InputError, in one sentence, for what cannot be read: no video, a rotation that is not a multiple of 90
    degrees, an unknown colour matrix, and damage where `on_damage` is `fail`.
    """
    with open_container(path) as container:
        stream = video_stream(container, path)
        if container.format.name in BARE_FORMATS:
            frame, scanned = count_frames(container, stream, path, settings)
            return Probed(_describe(container, stream, path, frame, scanned), scanned)
        first = FirstFrame(stream, path, settings.on_damage)
        scanned = scan(container, stream, path, first, settings.on_damage)
        return Probed(_describe(container, stream, path, first.frame, scanned), scanned)


def _describe(container: InputContainer, stream: VideoStream, path: Path, frame: VideoFrame, scanned: Scan) -> Clip:
    orientation = _orientation(frame, path)
    ratio = Fraction(stream.sample_aspect_ratio) if stream.sample_aspect_ratio else Fraction(1)
    width, height = frame.width, frame.height
    if orientation.transpose:
        width, height, ratio = height, width, 1 / ratio
    codec = stream.codec_context.codec.canonical_name
    tracks = [track_of(other) for other in container.streams if other.index != stream.index]
    description = describe_streams(container).get(stream.index, Description("", {}))
    colour = _colour(frame, path, codec, chroma_location(description, stream))
    unread = scanned.dvd_captions or (not scanned.captions and side_data(frame, "A53_CC") is not None)
    return Clip(
        path=path, coding=Coding(container.format.name, stream.index, codec, frame.width, frame.height, frame.format.name,
                                 depth_of(frame.format)),
        width=width, height=height, orientation=orientation, sample_aspect_ratio=ratio, colour=colour,
        time_base=scanned.time_base, pts=scanned.pts, durations=scanned.durations, keyframes=scanned.keyframes,
        origin=0 if container.format.name in BARE_FORMATS else clock_start(container, stream, scanned.pts[0], path),
        hdr=None if colour.hdr is None else read_hdr_metadata(frame, colour.hdr), interlaced=bool(frame.interlaced_frame),
        audio=tuple(track for track in tracks if track.kind == "audio"),
        others=tuple(track for track in tracks if track.kind != "audio"), metadata=tuple(container.metadata.items()),
        side_data=read_side_data(description, frame, unread_captions=unread, hdr=colour.hdr is not None),
        captions=scanned.captions, timecode=_timecode(container, stream))


def _orientation(frame: VideoFrame, path: Path) -> Orientation:
    matrix = side_data(frame, "DISPLAYMATRIX")
    try:
        return Orientation() if matrix is None else read_matrix(matrix)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _colour(frame: VideoFrame, path: Path, codec: str, location: str) -> Colour:
    try:
        return resolve_colour(frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc, width=frame.width,
                              height=frame.height, rgb=is_rgb(frame.format),
                              full_by_format=is_full_by_format(frame.format, codec), location=location)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _timecode(container: InputContainer, stream: VideoStream) -> str | None:
    """The timecode of the first frame: of the video stream, of a track of data that states one, or of the file.

    FFmpeg reads a timecode from tracks of cameras' own data too (`rtmd`), which may hold something else there.
    """
    of_data = [other.metadata for other in container.streams if other.type == "data"
               and Timecode.parse(other.metadata.get("timecode", "")) is not None]
    tables = [stream.metadata, *of_data, container.metadata]
    return next((value for table in tables for key, value in table.items() if key.lower() == "timecode"), None)
