"""Settings and sizes that follow from the options and the clip: for reading, for painting, for writing."""

from __future__ import annotations

from pathlib import Path

from vidstyle.core.options import Options
from vidstyle.video import Clip, ReadSettings, WriteSettings


def read_settings(options: Options) -> ReadSettings:
    """How the clip is read."""
    sound = None if options.audio in ("copy", "none") else Path(options.audio)
    return ReadSettings(options.on_damage, options.fps, options.gaps, options.hdr, options.deinterlace, sound)


def write_settings(options: Options, clip: Clip) -> WriteSettings:
    """How the painted clip is written."""
    return WriteSettings(options.codec, options.crf, options.audio, options.strict, output_size(clip, options))


def paint_size(clip: Clip, options: Options) -> tuple[int, int]:
    """Width and height to paint: square pixels as a viewer sees them, the longest side at most `options.size`."""
    width, height = float(clip.width * clip.sample_aspect_ratio), float(clip.height)
    factor = min(1.0, options.size / max(width, height))
    return max(16, round(width * factor)), max(16, round(height * factor))


def output_size(clip: Clip, options: Options) -> tuple[int, int]:
    """Width and height to write: the source's own, or scaled so that the longest side is `options.output_size`."""
    if options.output_size is None:
        return clip.width, clip.height
    factor = options.output_size / max(clip.width, clip.height)
    # Even numbers, which every codec takes; only a size that is asked for is rounded, never the source's own.
    return max(2, 2 * round(clip.width * factor / 2)), max(2, 2 * round(clip.height * factor / 2))
