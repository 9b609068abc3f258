"""When a frame appears, in words: its timecode where its clip counts in frames, and its seconds where it does not."""

from __future__ import annotations

from vidstyle.video import Clip
from vidstyle.video.write.timecode import advance

FIRST = "00:00:00:00"
"""Timecode of the first frame of a clip that states none, as editing programs count it."""


def timecode(clip: Clip, index: int) -> str | None:
    """Timecode of frame `index`; None where frames come at a variable rate, or where the rate is not known."""
    if not clip.timed or clip.variable_rate:
        return None
    return advance(clip.timecode or FIRST, index, clip.average_rate)


def seconds(clip: Clip, index: int) -> float:
    """Seconds at which frame `index` appears, on the clip's clock."""
    return float(clip.pts[index] * clip.time_base)


def moment(clip: Clip, index: int) -> str:
    """`frame 12   00:00:00:12`, `frame 12   0.480 s`, or `frame 1012` for images without a rate."""
    text = f"frame {clip.number(index)}"
    if not clip.timed:
        return text
    return f"{text}   {timecode(clip, index) or f'{seconds(clip, index):.3f} s'}"
