"""Writing a movie: the source's times, colours, tags and sound, in a file that appears whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.container import OutputContainer

from vidstyle.core.atomic import PartFile, write_failed
from vidstyle.core.errors import VidstyleError
from vidstyle.core.frame import Frame
from vidstyle.video.captions import CAPTION_ENCODERS, with_captions
from vidstyle.video.interfaces import Written
from vidstyle.video.packets import CodedPacket
from vidstyle.video.pixels.planes import pack_samples, unpack_samples
from vidstyle.video.write.coder import SegmentCoder
from vidstyle.video.write.extras import ExtrasWriter, chapters_of, demuxed_streams
from vidstyle.video.write.feed import Refused, copied_tags, read
from vidstyle.video.write.layout import MovieLayout, add_video
from vidstyle.video.write.read_back import check_written, written_streams
from vidstyle.video.write.readers import Readers, open_readers
from vidstyle.video.write.segment import ends_segment, pack, unpack
from vidstyle.video.write.sound import SoundWriter, movie_timescale
from vidstyle.video.write.spherical import insert_boxes, kept_boxes

_MP4_TAGS = {"title", "artist", "album_artist", "composer", "album", "date", "comment", "genre", "copyright",
             "grouping", "lyrics", "description", "synopsis", "show", "episode_id", "network", "keywords",
             "creation_time"}
"""Tags that MP4 has a field for; others need `use_metadata_tags`."""


class MovieSink:
    """Writes the frames of a layout to its target; see `interfaces.Sink`.

    The whole clip keeps its times to the tick, counted from where its clock begins (`Clip.origin`). A range is shifted so
    that its first frame appears at zero; sound, subtitles and chapters are cut to the range and shifted by the same time, and
    the timecode is advanced. Matroska and WebM count whole milliseconds, and their clock cannot be negative: there, times are
    rounded, and sound that begins before zero delays everything by the same amount. Pixels are written upright, without a
    rotation matrix.

    The video is coded in segments, each by a fresh encoder: with what `write` returns, a later sink can be brought to the
    same place without the frames, and it then writes the very same file.
    """

    def __init__(self, layout: MovieLayout) -> None:
        self._layout, self._clip = layout, layout.source.clip
        self._written = 0
        self._last_dts: int | None = None
        self._closed = False
        self._part = PartFile(layout.target)
        self._sink: OutputContainer | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._part.create()
        try:
            self._begin()
        except BaseException as error:
            self._abandon()
            if isinstance(error, av.FFmpegError | OSError | ValueError):
                raise write_failed(self._layout.target, error) from error
            raise
        return self

    def _begin(self) -> None:
        layout, clip, form, streams = self._layout, self._clip, self._layout.format, self._layout.streams
        readers = self._open.enter_context(open_readers(layout.source))
        tags = {} if readers.movie is None else copied_tags(readers.movie.metadata)
        options = {"fflags": "+bitexact"}  # otherwise Matroska writes a random number into each file
        if form.container in ("mp4", "mov"):
            flags = "+faststart" + ("+use_metadata_tags" if set(tags) - _MP4_TAGS else "")
            tracks = [track for track in layout.source.soundtracks if track.index in streams.audio]
            options = {"movflags": flags, "movie_timescale": str(movie_timescale(clip.time_base, tracks)),
                       "video_track_timescale": str(clip.time_base.denominator)}
        self._sink = av.open(f"file:{self._part.path.absolute()}", "w", format=form.container, container_options=options)
        self._sink.metadata.update(tags)
        self._stream = add_video(self._sink, readers.movie, layout, frames=layout.frames)
        self._coder = SegmentCoder(layout, readers.movie, self._stream)
        (low, high), (begin, end), origin = layout.span, layout.sound_span, layout.origin
        sound = readers.soundtracks(streams.audio)
        heard = iter(()) if readers.sound is None else read(readers.sound, sound, layout.sound_damage)
        self._sound = SoundWriter(self._sink, sound, heard, streams.recoded, origin=origin - layout.sound_delay, begin=begin,
                                  end=end, refused=Refused(streams.refused_sound))
        extras, movie = readers.extras(streams.extras), readers.movie
        if demuxed_streams(extras):  # read at another pace than the sound, and so from a container of their own
            movie = self._open.enter_context(layout.source.open_streams())
            extras = Readers(movie, None).extras(streams.extras)
        packets = iter(()) if movie is None else read(movie, demuxed_streams(extras), layout.source.settings.on_damage)
        self._extras = ExtrasWriter(self._sink, extras, packets, layout.source.first_packets, origin=origin, begin=low,
                                    end=high, refused=Refused(streams.refused_extras))
        if readers.movie is not None and (chapters := chapters_of(readers.movie, low, high, origin)):
            self._sink.set_chapters(chapters)
        self._sink.start_encoding()

    def write(self, frame: Frame) -> Written:
        """Encode the next frame, (3, H, W) in [0, 1] in the planned size, at its own time."""
        coded = self._coder.samples(frame)
        return Written(pack_samples(coded), self._encode(coded, frame.pts, frame.duration))

    def restore(self, segments: Sequence[Path], samples: Iterable[bytes] = ()) -> None:
        """Write the segments of an earlier sink, from files, and encode the frames after them; see `Written`."""
        layout, form = self._layout, self._layout.format
        for path in segments:
            self._coder.skip()
            packets = list(unpack(path.read_bytes()))
            self._mux(packets)
            self._written += len(packets)
        for one in samples:
            index = layout.first + self._written
            coded = unpack_samples(one, layout.size, form.pix_fmt, form.colour)
            self._encode(coded, self._clip.pts[index], self._clip.durations[index])

    def _encode(self, frame: av.VideoFrame, pts: int, duration: int) -> bytes | None:
        """Encode the next frame; at the end of a segment, write the segment and return it."""
        self._written += 1
        ends = ends_segment(self._written, self._layout.frames)
        packets = self._coder.encode(frame, pts, duration, ends=ends)
        if not ends:
            return None
        self._mux(packets)
        return pack(packets)

    def _mux(self, packets: list[CodedPacket]) -> None:
        """Write a segment, with the sound and the other streams up to each of its packets."""
        assert self._sink is not None, "the context was entered"
        encoder = self._layout.format.encoder
        for coded in packets:
            # Where frames come unevenly, a segment's first times of decoding may lie before the last ones of the one before.
            dts = coded.dts if self._last_dts is None else max(coded.dts, self._last_dts + 1)
            self._last_dts = dts
            data = coded.data
            if (entries := self._clip.captions.get(coded.pts + self._layout.shift)) and encoder in CAPTION_ENCODERS:
                data = with_captions(encoder, data, entries)
            packet = coded._replace(dts=dts, data=data).packet(self._stream, self._clip.time_base)
            moment = Fraction(dts + self._layout.shift) * self._clip.time_base
            try:
                self._sound.write_until(moment - self._layout.sound_delay)
                self._extras.write_until(moment)
                self._sink.mux(packet)
            except (av.FFmpegError, OSError) as error:
                raise write_failed(self._layout.target, error) from error

    def close(self) -> Path:
        """End the file after its last frame and read it back; returns its temporary name, until the context is left."""
        layout = self._layout
        if self._written != layout.frames:
            raise VidstyleError(f"{layout.target}: got {self._written} of {layout.frames} frames; nothing was written.")
        assert self._sink is not None, "the context was entered"
        try:
            self._sound.write_until(None)
            self._extras.write_until(None)
            streams = written_streams(self._sink, self._sound.ends)
            self._sink.close()
            if boxes := kept_boxes(self._clip, layout.format.container, layout.size):
                insert_boxes(self._part.path, boxes)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise write_failed(layout.target, error) from error
        self._open.close()
        check_written(self._part.path, layout, streams)
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
            if self._sink is not None:
                self._sink.close()
        except (av.FFmpegError, OSError, ValueError):
            pass  # the file is removed in any case
        finally:
            self._open.close()
            self._part.discard()
