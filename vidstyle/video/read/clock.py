"""Where the clock of a file begins."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from vidstyle.video.read.boxes import is_fragmented

_RUNNING = ("mpegts", "mpeg")  # a recorder's clock, which began before the recording and may pass its end and begin again


def clock_start(container: InputContainer, stream: VideoStream, first: int, path: Path) -> int:
    """The time of the stream that counts as zero for users and in outputs, in units of its time base.

    first: the time of the first frame. Players begin at the first picture or sound of a file, whatever the file's clock
    reads there: 1.4 s in most transport streams, hours in those of cameras and in pieces of a broadcast. MP4 is the
    exception: its edit lists state for how long nothing is displayed, and its zero is the start of the film; the pieces of a
    stream (fragments) have no edit list. No frame lies before the result: an output with negative times would lose it.
    """
    assert stream.time_base, "FFmpeg gives every video stream a time base"
    start = 0 if container.start_time is None else round(Fraction(container.start_time, av.time_base) / stream.time_base)
    if container.format.name not in _RUNNING and (start < 0 or _states_delays(container, path)):
        start = 0
    return min(start, first)


def _states_delays(container: InputContainer, path: Path) -> bool:
    return "mp4" in container.format.name and not is_fragmented(path)
