"""Planning a movie: everything that could fail is tried in memory, once."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import torch

from vidstyle.core.atomic import check_target
from vidstyle.core.errors import OutputError, UsageError
from vidstyle.video.clip import Clip
from vidstyle.video.interfaces import Source
from vidstyle.video.pixels.planes import write_image
from vidstyle.video.settings import WriteSettings
from vidstyle.video.write.codecs import choose_codec
from vidstyle.video.write.extras import ExtrasWriter, demuxed_streams
from vidstyle.video.write.feed import stored
from vidstyle.video.write.formats import choose_format
from vidstyle.video.write.layout import MovieLayout, add_video
from vidstyle.video.write.part_sink import MoviePartSink
from vidstyle.video.write.readers import Readers, open_readers
from vidstyle.video.write.rehearsal import rehearse
from vidstyle.video.write.sink import MovieSink
from vidstyle.video.write.sound import SoundWriter
from vidstyle.video.write.streams import plan_streams
from vidstyle.video.write.timecode import advance


@dataclass(frozen=True)
class MoviePlan:
    """How a movie is written; see `interfaces.OutputPlan`."""

    layout: MovieLayout
    codec: str
    warnings: tuple[str, ...]
    lost: tuple[str, ...]

    @property
    def target(self) -> Path:
        return self.layout.target

    @property
    def size(self) -> tuple[int, int]:
        return self.layout.size

    @property
    def streams(self) -> tuple[str, ...]:
        return self.layout.streams.lines

    def describe(self) -> str:
        crf = self.layout.format.options.get("crf")
        return self.codec if crf is None else f"{self.codec}, crf {crf}"

    def record(self) -> dict[str, Any]:
        return asdict(self.layout.format)

    def open(self, *, overwrite: bool = False) -> MovieSink:
        source = self.layout.source
        check_target(self.target, {"the clip": source.files}, overwrite)
        return MovieSink(self.layout)

    def open_part(self, frames: tuple[int, int]) -> MoviePartSink:
        return MoviePartSink(self.layout, frames)


def plan_movie(target: Path, source: Source, frames: tuple[int, int], settings: WriteSettings) -> MoviePlan:
    """Settle how `frames` (indices of the first and last) of the source are written to the movie `target`.

    Raises UsageError for settings that do not fit, and with `strict` where anything of the source would be missing;
    OutputError where the codec refuses the format.
    """
    clip, (first, last) = source.clip, frames
    if not clip.timed:
        raise UsageError(f"{target}: a movie of images needs to know how many are displayed a second; "
                         "give --fps, such as --fps 24 or --fps 24000/1001.")
    form, codec = choose_format(target, source, settings), choose_codec(target, settings.codec)
    if form.container in ("matroska", "webm"):
        _check_milliseconds(target, clip, frames)
    timecode, lost = _timecode(clip, first), list(form.lost)
    if clip.timecode is not None and timecode is None:
        why = "cannot count frames that come at a variable rate" if clip.variable_rate else "does not fit the rate of frames"
        lost.append(f"The timecode {clip.timecode} is dropped; it {why}.")
    with open_readers(source) as readers:
        whole = last - first + 1 == clip.frames
        streams = plan_streams(source, readers, target.suffix, settings.audio, whole=whole)
        layout = MovieLayout(target, source, first, last, form, settings.size or (clip.width, clip.height), streams, timecode)
        lost = [*streams.lost, *rehearse(layout), *lost]
        if settings.strict and lost:
            raise UsageError(f"{target}: --strict is given, and not everything can be written: {' '.join(lost)}")
        try:
            _try(layout, readers)
        except (av.FFmpegError, ValueError) as error:
            width, height = layout.size
            raise OutputError(f"{target}: {codec} cannot be written at {width}x{height} as {form.pix_fmt} ({error}); "
                              "use another --codec.") from error
    return MoviePlan(layout, codec, tuple(dict.fromkeys((*form.warnings, *streams.warnings, *lost))), tuple(lost))


def _check_milliseconds(target: Path, clip: Clip, frames: tuple[int, int]) -> None:
    """Raise UsageError where two frames would be displayed at the same millisecond, which is what the format counts in."""
    times = [round(1000 * time * clip.time_base) for time in clip.pts[frames[0] : frames[1] + 1]]
    for place, (one, other) in enumerate(pairwise(times), frames[0]):
        if one == other:
            raise UsageError(f"{target}: {target.suffix} counts milliseconds, and frames {clip.number(place)} and "
                             f"{clip.number(place + 1)} appear at the same one; name the output .mp4 or .mov.")


def _try(layout: MovieLayout, readers: Readers) -> None:
    """Write a gray frame and the first packets of the other streams to a file in memory."""
    form, source, streams = layout.format, layout.source, layout.streams
    sound, extras = readers.soundtracks(streams.audio), readers.extras(streams.extras)
    with av.open(io.BytesIO(), "w", format=form.container) as sink:
        video = add_video(sink, readers.movie, layout, frames=1)
        sound_writer = SoundWriter(sink, sound, stored(source.sound_packets, sound), streams.recoded)
        extras_writer = ExtrasWriter(sink, extras, stored(source.first_packets, demuxed_streams(extras)),
                                     source.first_packets)
        if readers.movie is not None:
            sink.set_chapters(readers.movie.chapters())
        sink.start_encoding()
        frame = write_image(torch.full((3, layout.size[1], layout.size[0]), 0.5), form.pix_fmt, form.colour)
        frame.pts, frame.time_base = 0, source.clip.time_base
        sink.mux(video.encode(frame))
        sink.mux(video.encode(None))
        sound_writer.write_until(None)
        extras_writer.write_until(None)


def _timecode(clip: Clip, first: int) -> str | None:
    """The timecode of frame `first`; None where there is none, or where frames come at a variable rate."""
    return None if clip.timecode is None or clip.variable_rate else advance(clip.timecode, first, clip.average_rate)
