"""Opening a file as a video, and nothing but the file that was named."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from vidstyle.errors import InputError

# A script or a playlist that is named .mp4 would open other files and addresses; only plain containers may.
_FORMATS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,mxf,flv,asf,ogg,nut,ivf,yuv4mpegpipe,gif,wav,mp3,flac,aac"
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
_MOST_PIXELS = 16384 * 16384


@contextmanager
def open_source(path: Path) -> Iterator[InputContainer]:
    """The file, opened for reading; closed at the end. Raises InputError where it is no readable media file."""
    try:
        found = path.stat()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({_reason(error)}); check the path.") from error
    if stat.S_ISDIR(found.st_mode):
        raise InputError(f"{path}: is a folder; name a video file.")
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path}: is not a plain file; name a video file.")
    if found.st_size == 0:
        raise InputError(f"{path}: is empty; export or copy it again.")
    try:
        # With the prefix, a name like `a:b.mp4` is a name and not a protocol.
        container = av.open(f"file:{path.absolute()}", "r", options=dict(_OPTIONS), metadata_errors="replace")
    except av.FFmpegError as error:
        raise InputError(f"{path}: {_unopened(path, error)}") from error
    try:
        yield container
    finally:
        container.close()


def _unopened(path: Path, error: av.FFmpegError) -> str:
    if isinstance(error, PermissionError):
        return "cannot be read (permission denied); check who may read it."
    with path.open("rb") as file:
        head = file.read(4096)
    if head[4:8] in (b"ftyp", b"mdat", b"wide", b"free"):
        return "is a cut-off or damaged MP4 (its table of contents cannot be read); copy or export it again."
    return f"is not a video that can be read ({_reason(error)}); convert it with ffmpeg, or name another file."


def _reason(error: OSError | av.FFmpegError) -> str:
    return (error.strerror or str(error)).lower()


def picture_stream(container: InputContainer, path: Path, index: int | None = None) -> VideoStream:
    """The stream to paint: number `index`, or the best moving picture. Raises InputError where there is none."""
    if index is not None:
        stream = container.streams[index]
    else:
        moving = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
        if not moving:
            kinds = {s.type for s in container.streams}
            what = "only sound" if "audio" in kinds else "no moving picture"
            raise InputError(f"{path}: holds {what}; name a file with a video in it.")
        best = container.streams.best("video")
        stream = best if best in moving else moving[0]
    if not isinstance(stream, VideoStream) or stream.codec_context is None:
        raise InputError(f"{path}: its video codec is not known here; convert it to H.264 first.")
    stream.thread_type = "AUTO"
    stream.codec_context.options = {"max_pixels": str(_MOST_PIXELS)}  # a header may promise a picture of terabytes
    return stream
