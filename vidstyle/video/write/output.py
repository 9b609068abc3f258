"""Planning an output by its name: a movie, or a sequence of images."""

from __future__ import annotations

from pathlib import Path

from vidstyle.core.errors import UsageError
from vidstyle.video.images.pattern import IMAGE_SUFFIXES, PICTURE_SUFFIXES
from vidstyle.video.interfaces import OutputPlan, Source
from vidstyle.video.settings import WriteSettings
from vidstyle.video.write.images import plan_images
from vidstyle.video.write.movie import plan_movie

_DEFAULTS = WriteSettings()


def plan_output(target: Path, source: Source, frames: tuple[int, int] | None = None,
                settings: WriteSettings = _DEFAULTS) -> OutputPlan:
    """Settle how `frames` (indices of the first and last; None is all) of the source are written to `target`.

    Everything is tried in memory, once, and nothing is written. Raises UsageError for settings or a name that do not fit, and
    with `strict` where anything of the source would be missing; OutputError where the codec refuses the format.
    """
    target, frames = Path(target), frames or (0, source.clip.frames - 1)
    if target.suffix.lower() in PICTURE_SUFFIXES:
        raise UsageError(f"{target}: images are written as PNG, TIFF, EXR or DPX, and {target.suffix} is only read; "
                         f"name them {target.with_suffix('.png').name}.")
    plan = plan_images if target.suffix.lower() in IMAGE_SUFFIXES else plan_movie
    return plan(target, source, frames, settings)
