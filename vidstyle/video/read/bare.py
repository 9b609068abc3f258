"""Video streams without a container (`.h264`, `.m2v`): their frames are counted by decoding them, for few state times."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path

import av
from av import Packet, VideoFrame
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from vidstyle.core.errors import InputError, reason
from vidstyle.video import limits
from vidstyle.video.captions import has_dvd_captions
from vidstyle.video.clip import Clip
from vidstyle.video.pixels.planes import side_data
from vidstyle.video.read.damage import REMEDY, packets
from vidstyle.video.read.layouts import change_error, layout_of
from vidstyle.video.read.scan import Scan
from vidstyle.video.settings import ReadSettings

ASSUMED_RATE = Fraction(25)
"""Frames a second where neither the stream nor the user states them; FFmpeg assumes the same."""


def count_frames(container: InputContainer, stream: VideoStream, path: Path,
                 settings: ReadSettings) -> tuple[VideoFrame, Scan]:
    """The first whole frame of the stream, and what decoding all of it has shown; the container is at its beginning.

    Frames are displayed in the decoder's order, each as long as `settings.fps` says, or else as the stream says: in MPEG-2
    some last half a frame longer, as in film for television. Raises InputError, in one sentence, where no frame can be
    decoded, and for damage where `on_damage` is `fail`.
    """
    first: VideoFrame | None = None
    lengths, captions, dvd_captions = list[int](), dict[int, bytes](), False
    stream.codec_context.thread_count = 1  # see `FirstFrame`
    codec = stream.codec_context.codec.canonical_name
    try:
        for packet in packets(container, [stream], settings.on_damage):
            dvd_captions = dvd_captions or has_dvd_captions(codec, bytes(packet))
            for frame in _decoded(packet, settings):
                if settings.on_damage == "fail" and frame.is_corrupt:
                    raise InputError(f"{path}: frame {len(lengths)} is damaged; {REMEDY}.")
                if first is not None and settings.on_damage == "fail" and layout_of(frame) != layout_of(first):
                    raise change_error(path, layout_of(first), layout_of(frame), len(lengths))
                first = frame if first is None or (first.is_corrupt and not frame.is_corrupt) else first
                if (entries := side_data(frame, "A53_CC")) is not None:
                    captions[len(lengths)] = bytes(entries)
                lengths.append(frame.duration or 0)
                if len(lengths) > limits.MOST_FRAMES:
                    raise InputError(f"{path}: holds more than {limits.MOST_FRAMES} frames, a day at 60 a second; "
                                     "split it first.")
    except av.FFmpegError as error:
        raise InputError(f"{path}: is damaged ({reason(error)}) after {len(lengths)} frames; {REMEDY}.") from error
    if first is None:
        raise InputError(f"{path}: holds no frame that can be decoded; copy or export it again.")
    stated = _stated_rate(stream)
    tick, times = _times(lengths, settings.fps or stated or ASSUMED_RATE, stream if settings.fps is None else None)
    doubts = () if settings.fps or stated else (
        f"The stream states no frame rate; {ASSUMED_RATE} frames a second are assumed, and --fps gives another.",)
    durations = tuple(after - before for before, after in pairwise(times))
    return first, Scan(tick, times[:-1], durations, (0,), doubts, {}, {stream.index: len(lengths)}, {},
                       {times[index]: entries for index, entries in captions.items()}, dvd_captions)


def numbered(frames: Iterator[VideoFrame], clip: Clip) -> Iterator[VideoFrame]:
    """The frames of a stream from its beginning, with the times that `count_frames` has given them, and none after those."""
    for time, frame in zip(clip.pts, frames, strict=False):
        frame.pts, frame.time_base = time, clip.time_base
        yield frame


def _decoded(packet: Packet[Stream], settings: ReadSettings) -> list[VideoFrame]:
    try:
        return [frame for frame in packet.decode() if isinstance(frame, VideoFrame)]
    except av.FFmpegError:
        if settings.on_damage == "fail":
            raise
        return []


def _stated_rate(stream: VideoStream) -> Fraction | None:
    """Frames a second as the coded stream states them, once it was decoded; None where it does not, or nonsense."""
    rate = stream.guessed_rate if stream.codec_context.framerate else None
    return Fraction(rate) if rate and 1 <= rate <= 1000 else None


def _times(lengths: list[int], rate: Fraction, stream: VideoStream | None) -> tuple[Fraction, tuple[int, ...]]:
    """Seconds of a tick, and the ticks at which each frame appears and at which the last one ends.

    lengths: of the frames, in ticks of the stream, 0 where unknown. stream: None where all frames are equally long.
    """
    # Fields of H.264 are packets of their own; only in MPEG-2 a packet's length is that of its frame.
    uneven = stream is not None and stream.container.format.name == "mpegvideo" and len(set(lengths)) > 1 and 0 not in lengths
    if uneven:
        assert stream is not None
        assert stream.time_base, "FFmpeg gives every video stream a time base"
        return Fraction(stream.time_base), tuple(accumulate(lengths, initial=0))
    return Fraction(1, rate.numerator), tuple(index * rate.denominator for index in range(len(lengths) + 1))
