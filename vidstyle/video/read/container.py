"""Opening a media file, without the other files that it may refer to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import av
from av import Packet
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from vidstyle.core.errors import InputError, reason
from vidstyle.core.files import check_plain
from vidstyle.video import limits
from vidstyle.video.read.description import describe_streams
from vidstyle.video.tracks import BARE_FORMATS

_BARE_SUFFIXES = {".264", ".265", ".h264", ".h265", ".hevc", ".ivf", ".dv", ".m1v", ".m2v", ".mpv", ".obu"}
MOVIE_SUFFIXES = frozenset({".3gp", ".avi", ".f4v", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts",
                            ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m"} | _BARE_SUFFIXES)
"""Extensions of the files that are taken for movies in a folder; a movie that is named may have any."""

# A script or a playlist that is named .mp4 would open other files and addresses; only plain containers may.
_CONTAINERS = ("mov,mp4,matroska,webm,avi,mpegts,mpeg,mxf,flv,asf,ogg,nut,ivf,yuv4mpegpipe,gif,apng,dv,"
               "wav,w64,aiff,caf,au,mp3,flac,aac,ac3,eac3,dts,wv,tta")
_UNMARKED = {".mjpeg": "mjpeg", ".mjpg": "mjpeg"}
"""Formats that FFmpeg does not know by a file's content alone."""
_OWN_ORDER = re.compile(r", (\d+) channels \(")
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": ",".join((_CONTAINERS, *BARE_FORMATS)),
            "max_pixels": str(limits.MOST_PIXELS)}


def libraries() -> dict[str, str]:
    """Versions of the libraries that read and write video."""
    return {"av": av.__version__, "ffmpeg": av.ffmpeg_version_info}


@contextmanager
def open_container(path: Path) -> Iterator[InputContainer]:
    """The file, opened for reading; closed at the end. Raises InputError where it is no readable media file."""
    check_plain(path, "a video file")
    try:
        # With the prefix, a name like `a:b.mp4` is a name and not a protocol.
        container = av.open(f"file:{path.absolute()}", "r", format=_UNMARKED.get(path.suffix.lower()), options=dict(_OPTIONS),
                            metadata_errors="replace")
    except av.FFmpegError as error:
        raise InputError(f"{path}: {_unopened(path, error)}") from error
    try:
        if (samples := sum(len(stream.index_entries) for stream in container.streams)) > limits.MOST_SAMPLES:
            raise InputError(f"{path}: lists {samples} samples, more than the {limits.MOST_SAMPLES} that are read; "
                             "it is damaged, export it again.")
        if len(container.streams) > limits.MOST_STREAMS:
            raise InputError(f"{path}: holds {len(container.streams)} streams, more than the {limits.MOST_STREAMS} that are "
                             "read; copy the video and its sound into a file of their own.")
        _set_speakers(container)
        yield container
    finally:
        container.close()


def _set_speakers(container: InputContainer) -> None:
    """Give sound whose speakers are in an order of the file's own, as in MOV, a plain number of channels.

    PyAV 18.1 frees the list of such an order twice, for every look at it, and the process is aborted. Copies of the stream keep
    the order: they are made from what the file states.
    """
    if not container.streams.audio:
        return
    described = describe_streams(container)
    for stream in container.streams.audio:
        own = _OWN_ORDER.search(described[stream.index].line) if stream.index in described else None
        if own is not None and stream.codec_context is not None:
            stream.codec_context.layout = f"{own[1]}c"


def demuxed(container: InputContainer, streams: Sequence[Stream]) -> Iterator[Packet[Stream]]:
    """Every packet of these streams, from the container's current position to its end; at last one without data of each.

    Packets without data that have a time are left out: Theora repeats a picture by them, which is then displayed for longer,
    and FFmpeg's decoders refuse them.
    """
    try:
        yield from (packet for packet in container.demux(*streams) if packet.size or packet.dts is None)
    except IndexError:
        # PyAV 18.1 raises this at the end of a file in which a stream appeared later, as in a transport stream.
        return


def _unopened(path: Path, error: av.FFmpegError) -> str:
    if isinstance(error, PermissionError):
        return "cannot be read (permission denied); check who may read it."
    with path.open("rb") as file:
        head = file.read(4096)
    if head[4:8] in (b"ftyp", b"mdat", b"wide", b"free"):
        return "is a cut-off or damaged MP4 (its table of contents cannot be read); copy or export it again."
    return f"is not a video that can be read ({reason(error)}); convert it with ffmpeg, or name another file."


def video_stream(container: InputContainer, path: Path, index: int | None = None) -> VideoStream:
    """The stream to paint: number `index`, or the best video stream. Raises InputError where there is none."""
    if index is not None:
        stream = container.streams[index]
    else:
        moving = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
        if not moving:
            kinds = {s.type for s in container.streams}
            what = "only sound" if "audio" in kinds else "no video"
            raise InputError(f"{path}: holds {what}; name a file with a video in it.")
        best = container.streams.best("video")
        stream = best if best in moving else moving[0]
    if not isinstance(stream, VideoStream) or stream.codec_context is None:
        raise InputError(f"{path}: its video codec is not known here; convert it to H.264 first.")
    stream.thread_type = "AUTO"
    stream.codec_context.options = {"max_pixels": str(limits.MOST_PIXELS)}  # for frames that become larger within the stream
    return stream
