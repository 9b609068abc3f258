"""The layout of a movie, which is fixed before its first frame, and the video stream with this layout."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av import VideoFormat
from av.container import InputContainer, OutputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from vidstyle.core.choices import OnDamage
from vidstyle.video.interfaces import Source
from vidstyle.video.pixels.planes import subsampling, written_tags
from vidstyle.video.write.feed import copied_tags, is_cover
from vidstyle.video.write.formats import MovieFormat
from vidstyle.video.write.priority import own_priority
from vidstyle.video.write.side_data import stereo_mode
from vidstyle.video.write.streams import StreamPlan

_UNTRUE_TAGS = ("rotate", "alpha_mode", "timecode", "stereo_mode")  # of the source, and wrong or written anew for the output


@dataclass(frozen=True)
class MovieLayout:
    """Which frames of a source are written to a movie, and how."""

    target: Path
    source: Source
    first: int
    last: int
    format: MovieFormat
    size: tuple[int, int]
    """Width and height written, in pixels."""
    streams: StreamPlan
    timecode: str | None
    """Of the first frame written."""

    @property
    def frames(self) -> int:
        """Number of frames written."""
        return self.last - self.first + 1

    @property
    def whole(self) -> bool:
        """Whether all frames of the source are written."""
        return self.frames == self.source.clip.frames

    @property
    def shift(self) -> int:
        """The time of the source that becomes zero, in units of its time base: of a whole clip the start of its clock."""
        return self.source.clip.origin if self.whole else self.source.clip.pts[self.first]

    @property
    def origin(self) -> Fraction:
        """The time of the source that becomes zero, in seconds."""
        return self.shift * self.source.clip.time_base

    @property
    def span(self) -> tuple[Fraction | None, Fraction | None]:
        """Seconds of the source that are written, from and to; None where nothing is cut."""
        return (None, None) if self.whole else (self._begin, self._end)

    @property
    def sound_span(self) -> tuple[Fraction | None, Fraction | None]:
        """Seconds of the sound that are written; that of another file may be longer than the clip, and is cut."""
        low, high = self.span
        high = high if self.source.settings.sound is None else self._end
        return (None if low is None else low - self.sound_delay), (None if high is None else high - self.sound_delay)

    @property
    def sound_damage(self) -> OnDamage:
        """How sound is read: what cannot be read of another file is silent, and is named before painting."""
        return self.source.settings.on_damage if self.source.settings.sound is None else "keep"

    @property
    def _begin(self) -> Fraction:
        return self.source.clip.pts[self.first] * self.source.clip.time_base

    @property
    def _end(self) -> Fraction:
        clip = self.source.clip
        return (clip.pts[self.last] + clip.durations[self.last]) * clip.time_base

    @property
    def sound_delay(self) -> Fraction:
        """Seconds that are added to the times of sound: that of another file begins with the clip's first frame."""
        clip = self.source.clip
        return Fraction(0) if self.source.settings.sound is None else clip.pts[0] * clip.time_base


def add_video(sink: OutputContainer, movie: InputContainer | None, layout: MovieLayout, *, frames: int) -> VideoStream:
    """The output's video stream, with the source's time base, tags and names; frames: how many will be encoded."""
    form, clip = layout.format, layout.source.clip
    options = dict(form.options)
    if form.encoder == "libsvtav1":
        os.environ.setdefault("SVT_LOG", "1")  # errors only; otherwise it prints twenty lines on stderr for each segment
    if form.encoder == "libx265" and frames < 4:
        options["bf"] = "0"  # FFmpeg reads the decoding times of so few frames from uninitialised memory
    if form.colour.location != "unspecified" and subsampling(VideoFormat(form.pix_fmt)) == (2, 2):
        options["chroma_sample_location"] = form.colour.location
    stream = sink.add_stream(form.encoder, clip.average_rate, options=options)
    assert isinstance(stream, VideoStream), "a video encoder makes a video stream"
    context = stream.codec_context
    context.width, context.height = layout.size
    context.pix_fmt = form.pix_fmt
    # Set before the first frame: the default, 1/rate, would make frames of a variable-rate clip collide.
    context.time_base = stream.time_base = clip.time_base
    context.thread_count = form.threads
    context.sample_aspect_ratio = clip.sample_aspect_ratio
    context.colorspace, context.color_range, context.color_primaries, context.color_trc = written_tags(form.colour,
                                                                                                      form.pix_fmt)
    if form.encoder == "libx265" and form.container in ("mp4", "mov"):
        context.codec_tag = "hvc1"  # the name that Apple's players know
    if movie is not None:
        original = movie.streams[clip.coding.stream]
        stream.metadata.update({k: v for k, v in copied_tags(original.metadata).items() if k.lower() not in _UNTRUE_TAGS})
        stream.disposition = original.disposition
        if any(other.type == "video" and not is_cover(other) for other in movie.streams if other.index != original.index):
            stream.disposition = Disposition(original.disposition | Disposition.default)  # and see ExtrasWriter
    if (mode := stereo_mode(clip, form.container)) is not None:
        stream.metadata["stereo_mode"] = mode
    if layout.timecode is not None:
        stream.metadata["timecode"] = layout.timecode
    if form.encoder == "libsvtav1":
        with own_priority():
            context.open()
    return stream
