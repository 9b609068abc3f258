"""Writing the painted clip: the source's times, colours, tags and sound, in a file that appears whole or not at all."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import torch
from av import VideoFormat
from av.container import InputContainer, OutputContainer
from av.stream import Disposition
from av.video.stream import VideoStream
from torch.nn.functional import interpolate

from vidstyle.core.atomic import PartFile, check_target, write_failed
from vidstyle.core.errors import OutputError, UsageError, VidstyleError
from vidstyle.core.frame import Frame
from vidstyle.video.clip import Clip
from vidstyle.video.images.sequence import inputs
from vidstyle.video.pixels.hdr import from_painter
from vidstyle.video.pixels.planes import pack_samples, subsampling, unpack_samples, write_image, written_tags
from vidstyle.video.read.container import open_source
from vidstyle.video.write.extras import Extras, How, chapters_of, plan
from vidstyle.video.write.formats import Format, choose_format
from vidstyle.video.write.segment import Coded, Written, ends_segment, pack, unpack
from vidstyle.video.write.sound import Sound, copied_tags, movie_timescale
from vidstyle.video.write.timecode import advance

_MP4_TAGS = {"title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright",
             "grouping", "lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords",
             "creation_time"}
"""Tags that MP4 has a place for; any other needs a switch."""


@dataclass(frozen=True)
class OutputPlan:
    """What an encoder would write, settled before any painting."""

    format: Format
    size: tuple[int, int]
    """Width and height written, in pixels."""
    kept: tuple[str, ...]
    """One line for each stream of the source."""
    warnings: tuple[str, ...]
    audio: tuple[int, ...]
    """Numbers of the source's sound streams that are written."""
    recoded: dict[int, str]
    """The encoder for each of them that is not copied packet for packet."""
    extras: tuple[tuple[int, How], ...]
    """Numbers of the other streams that are written, and how."""
    timecode: str | None
    """Of the first frame written."""


def plan_output(target: Path, clip: Clip, *, first: int = 0, last: int | None = None, size: tuple[int, int] | None = None,
                codec: str = "auto", crf: int = 16, audio: str = "copy", strict: bool = False) -> OutputPlan:
    """Settle how frames `first` to `last` of `clip` would be written to `target`, trying all of it in memory.

    Raises UsageError for a combination that cannot be, and with `strict` where anything of the source would be missing;
    OutputError where the codec refuses it.
    """
    size = size or (clip.width, clip.height)
    whole = first == 0 and last in (None, clip.frames - 1)
    chosen = choose_format(target, clip, codec, crf, size)
    streams = plan(clip, target.suffix, audio, whole=whole)
    timecode, lost = _timecode(clip, first), list(streams.lost + chosen.lost)
    if clip.timecode is not None and timecode is None:
        lost.append(f"The timecode {clip.timecode} is dropped; it cannot count frames that come as these do.")
    if strict and lost:
        raise UsageError(f"{target}: --strict is given, and not all can be kept: {' '.join(lost)}")
    warnings = dict.fromkeys((*chosen.warnings, *streams.warnings, *lost))
    settled = OutputPlan(chosen, size, streams.kept, tuple(warnings), streams.audio, streams.recoded, streams.extras, timecode)
    with ExitStack() as stack:
        source, heard, beside = _readers(stack, clip)
        try:
            with av.open(io.BytesIO(), "w", format=chosen.container) as sink:
                stream = _add_picture(sink, source, clip, settled, frames=1)
                sound = Sound(sink, heard, settled.audio, settled.recoded, most=4)
                extras = Extras(sink, beside, settled.extras, most=4)
                if source is not None:
                    sink.set_chapters(source.chapters())
                sink.start_encoding()
                frame = write_image(torch.full((3, size[1], size[0]), 0.5), chosen.pix_fmt, chosen.colour)
                frame.pts, frame.time_base = 0, clip.time_base
                sink.mux(stream.encode(frame))
                sink.mux(stream.encode(None))
                sound.copy_until(None)
                extras.copy_until(None)
        except (av.FFmpegError, ValueError) as error:
            raise OutputError(f"{target}: {codec} cannot be written at {size[0]}x{size[1]} as {chosen.pix_fmt} "
                              f"({error}); use another --codec.") from error
    return settled


def _timecode(clip: Clip, first: int) -> str | None:
    """The timecode of frame `first`; None where there is none, or where frames that come unevenly cannot be counted."""
    return None if clip.timecode is None or clip.variable_rate else advance(clip.timecode, first, clip.average_rate)


def _readers(stack: ExitStack, clip: Clip) -> tuple[InputContainer | None, InputContainer | None, InputContainer | None]:
    """The movie that the clip is, None for pictures; the file its sound is in, None for none; and the movie once more.

    Each reader goes through its file at its own pace.
    """
    source, beside = (None if clip.files else stack.enter_context(open_source(clip.path)) for _ in range(2))
    return source, source if clip.sound is None else stack.enter_context(open_source(clip.sound)), beside


def _add_picture(sink: OutputContainer, source: InputContainer | None, clip: Clip, settled: OutputPlan, *,
                 frames: int) -> VideoStream:
    """The output's video stream, with the source's time base, tags and names."""
    chosen = settled.format
    options = dict(chosen.options)
    if chosen.encoder == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "1")  # errors only: else it prints twenty lines on stderr at each segment
    if chosen.encoder == "libx265" and frames < 4:
        options["bf"] = "0"  # FFmpeg makes up the decoding times of so few frames from memory it never wrote
    if chosen.colour.location != "unspecified" and subsampling(VideoFormat(chosen.pix_fmt)) == (2, 2):
        options["chroma_sample_location"] = chosen.colour.location
    stream = sink.add_stream(chosen.encoder, clip.average_rate, options=options)
    assert isinstance(stream, VideoStream)
    context = stream.codec_context
    context.width, context.height = settled.size
    context.pix_fmt = chosen.pix_fmt
    # Set before the first frame: the default, 1/rate, would make frames of a variable-rate clip collide.
    context.time_base = stream.time_base = clip.time_base
    context.thread_count = chosen.threads
    context.sample_aspect_ratio = clip.sample_aspect_ratio
    tags = written_tags(chosen.colour, chosen.pix_fmt)
    context.colorspace, context.color_range, context.color_primaries, context.color_trc = tags
    if chosen.encoder == "libx265" and chosen.container in ("mp4", "mov"):
        context.codec_tag = "hvc1"  # the name that Apple's players know
    if source is not None:
        original = source.streams[clip.stream]
        untrue = {"rotate", "alpha_mode", "timecode"}
        stream.metadata.update({k: v for k, v in copied_tags(original.metadata).items() if k.lower() not in untrue})
        stream.disposition = original.disposition
        if any(other.type == "video" and not other.disposition & Disposition.attached_pic for other in source.streams
               if other.index != clip.stream):
            stream.disposition = Disposition(original.disposition | Disposition.default)  # and see Extras
    if settled.timecode is not None:
        stream.metadata["timecode"] = settled.timecode
    return stream


class Encoder:
    """Writes frames `first` to `last` of `clip`, painted, to `target`; a context manager.

        with Encoder(target, clip) as encoder:
            for frame in paint(decode(clip)):
                encoder.write(frame)

    The whole clip keeps its times to the tick. A range is shifted so that its first frame is shown at zero, and the
    sound is cut to the range and shifted by the same time (see `Sound`), and so are subtitles and chapters; timecode
    counts on. Matroska and WebM count whole
    milliseconds, and their clock cannot be negative: there, times are rounded, and sound that begins before zero
    pushes everything back by the same amount. Pixels are written upright, without a rotation matrix.

    The picture is coded in segments, each by a fresh encoder; with what `write` gives back, a later Encoder can be brought
    to the same place without the frames, and it then writes the very same file.

    On entering, everything that could fail is tried; on any exception, Ctrl-C included, nothing is left behind.
    Raises OutputError for the disk and the codec, UsageError for a format that does not fit.
    """

    def __init__(self, target: Path, clip: Clip, *, first: int = 0, last: int | None = None,
                 size: tuple[int, int] | None = None, codec: str = "auto", crf: int = 16, audio: str = "copy",
                 strict: bool = False, overwrite: bool = False) -> None:
        self.target, self.clip = Path(target), clip
        self.first, self.last = first, clip.frames - 1 if last is None else last
        check_target(self.target, clip.path, overwrite, list(inputs(clip)))
        self.plan = plan_output(self.target, clip, first=self.first, last=self.last, size=size, codec=codec, crf=crf,
                                audio=audio, strict=strict)
        self.written = 0
        self._packets: list[Coded] = []
        self._durations: dict[int, int] = {}
        self._last_dts: int | None = None
        self._closed = False
        self._whole = self.first == 0 and self.last == clip.frames - 1
        self._shift = 0 if self._whole else clip.pts[self.first]
        self._late = clip.pts[0] * clip.time_base if clip.sound is not None else Fraction(0)  # seconds
        self._part = PartFile(self.target)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._part.create()
        try:
            self._begin()
        except BaseException as error:
            self._abandon()
            if isinstance(error, av.FFmpegError | OSError | ValueError):
                raise write_failed(self.target, error) from error
            raise
        return self

    @property
    def promised(self) -> int:
        """How many frames have to be written in all."""
        return self.last - self.first + 1

    def _begin(self) -> None:
        clip, chosen = self.clip, self.plan.format
        source, heard, beside = _readers(self._open, clip)
        self._source = source
        tags = {} if source is None else copied_tags(source.metadata)
        options = {"fflags": "+bitexact"}  # else Matroska gives each file a random number of its own
        if chosen.container in ("mp4", "mov"):
            flags = "+faststart" + ("+use_metadata_tags" if set(tags) - _MP4_TAGS else "")
            options = {"movflags": flags, "movie_timescale": str(movie_timescale(clip, self.plan.audio)),
                       "video_track_timescale": str(clip.time_base.denominator)}
        self._sink = av.open(f"file:{self._part.path.absolute()}", "w", format=chosen.container,
                             container_options=options)
        self._sink.metadata.update(tags)
        self._stream = _add_picture(self._sink, source, clip, self.plan, frames=self.promised)
        self._coder: VideoStream | None = self._stream
        begin, end = clip.pts[self.first], clip.pts[self.last] + clip.durations[self.last]
        low, high = (None, None) if self._whole else (begin * clip.time_base, end * clip.time_base)
        origin = self._shift * clip.time_base
        # The sound of another file counts from the clip's first frame, and may go on for hours.
        until = high if clip.sound is None else end * clip.time_base
        self._sound = Sound(self._sink, heard, self.plan.audio, self.plan.recoded, origin=origin - self._late,
                            begin=None if low is None else low - self._late,
                            end=None if until is None else until - self._late)
        self._extras = Extras(self._sink, beside, self.plan.extras, origin=origin, begin=low, end=high)
        if source is not None and (chapters := chapters_of(source, low, high, origin)):
            self._sink.set_chapters(chapters)
        self._sink.start_encoding()

    def write(self, frame: Frame) -> Written:
        """Encode the next frame, (3, H, W) in [0, 1] in the size that was agreed on, at its own time."""
        width, height = self.plan.size
        if tuple(frame.image.shape) != (3, height, width):
            raise ValueError(f"expected an image of shape (3, {height}, {width}), got {tuple(frame.image.shape)}")
        alpha = frame.alpha
        if alpha is not None and alpha.shape[1:] != frame.image.shape[1:]:
            alpha = interpolate(alpha[None], size=(height, width), mode="bilinear", antialias=True)[0]
        image = frame.image if self.clip.hdr is None else from_painter(frame.image, self.clip.hdr)
        picture = write_image(image, self.plan.format.pix_fmt, self.plan.format.colour, alpha)
        return Written(pack_samples(picture), self._encode(picture, frame.pts, frame.duration))

    def restore(self, segments: Sequence[Path], samples: Iterable[bytes] = ()) -> None:
        """Come to where an earlier Encoder was: write its segments, from files, and encode the frames since; see `Written`."""
        for path in segments:
            self._coder = None
            packets = list(unpack(path.read_bytes()))
            self._mux(packets)
            self.written += len(packets)
        for one in samples:
            index = self.first + self.written
            picture = unpack_samples(one, self.plan.size, self.plan.format.pix_fmt, self.plan.format.colour)
            self._encode(picture, self.clip.pts[index], self.clip.durations[index])

    def _encode(self, picture: av.VideoFrame, pts: int, duration: int) -> bytes | None:
        """Give the next picture to the segment's encoder; at the segment's end, write it and return it."""
        picture.pts, picture.time_base = pts - self._shift, self.clip.time_base
        self._durations[picture.pts] = duration
        self.written += 1
        ends = ends_segment(self.written, self.promised)
        try:
            coder = self._coder or self._fresh_coder()
            self._collect(coder.encode(picture))
            if ends:
                self._collect(coder.encode(None))
        except (av.FFmpegError, OSError) as error:
            raise write_failed(self.target, error) from error
        if not ends:
            return None
        segment, packets = pack(self._packets), self._packets
        self._coder, self._packets = None, []
        self._mux(packets)
        return segment

    def _fresh_coder(self) -> VideoStream:
        """An encoder just like the output's own, on a file in memory that is never written."""
        sink = av.open(io.BytesIO(), "w", format=self.plan.format.container)
        self._coder = _add_picture(sink, self._source, self.clip, self.plan, frames=self.promised)
        return self._coder

    def _collect(self, packets: list[av.Packet[VideoStream]]) -> None:
        for packet in packets:
            assert packet.pts is not None, "an encoder gives every packet the time of its frame"
            dts = packet.dts if packet.dts is not None else packet.pts
            # Encoders forget how long a frame is shown, and the last one's length is nowhere else.
            self._packets.append(Coded(packet.pts, dts, self._durations.pop(packet.pts, 0), packet.is_keyframe, bytes(packet)))

    def _mux(self, packets: list[Coded]) -> None:
        """Write a segment, with the sound and the rest that belong beside it."""
        for coded in packets:
            # Where frames come unevenly, a segment's first times of decoding may lie before the last ones of the one before.
            dts = coded.dts if self._last_dts is None else max(coded.dts, self._last_dts + 1)
            self._last_dts = dts
            packet = av.Packet(coded.data)
            packet.pts, packet.dts, packet.duration, packet.time_base = coded.pts, dts, coded.duration, self.clip.time_base
            packet.is_keyframe, packet.stream = coded.key, self._stream
            moment = Fraction(dts + self._shift) * self.clip.time_base
            try:
                self._sound.copy_until(moment - self._late)
                self._extras.copy_until(moment)
                self._sink.mux(packet)
            except (av.FFmpegError, OSError) as error:
                raise write_failed(self.target, error) from error

    def close(self) -> Path:
        """End the file, once all frames are written, and return its passing name; leaving the context names it rightly."""
        if self.written != self.promised:
            raise VidstyleError(f"{self.target}: got {self.written} of {self.promised} frames; nothing was written.")
        try:
            self._sound.copy_until(None)
            self._extras.copy_until(None)
            self._sink.close()
        except (av.FFmpegError, OSError) as error:
            raise write_failed(self.target, error) from error
        self._open.close()
        self._closed = True
        return self._part.path

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if kind is not None:
            self._abandon()
            return
        try:
            if not self._closed:
                self.close()
        except BaseException:
            self._abandon()
            raise
        self._part.finish()

    def _abandon(self) -> None:
        """Close what is open, whatever its state, and remove the unfinished file."""
        with suppress(OSError):
            self._part.discard()  # first, so that closing does not spend minutes on moving the index to the front
        try:
            if hasattr(self, "_sink"):
                self._sink.close()
        except (av.FFmpegError, OSError, ValueError):
            pass  # it is removed anyway
        finally:
            self._open.close()
            self._part.discard()
