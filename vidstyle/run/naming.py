"""Names of outputs where the user gives none: CLIP_STYLE.EXT, and a preview's movie and contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vidstyle.core.options import Options
from vidstyle.painting.style_picture import StylePicture
from vidstyle.video import Source, default_suffix, parse_pattern


def default_target(source: Source, styles: Sequence[StylePicture], options: Options) -> Path:
    """CLIP_STYLE.EXT beside the clip, in the clip's own container where that can be written.

    For images `shot.####.exr` it is images `shot_STYLE.####.exr`, or a movie where sound or a codec is asked for.
    """
    clip, names = source.clip, "_".join(style.path.stem for style in styles)
    pattern = parse_pattern(clip.path)
    if pattern is None:
        return clip.path.with_name(f"{clip.path.stem}_{names}{default_suffix(clip, options.codec)}")
    if source.settings.sound is None and options.codec == "auto":
        return pattern.tagged(f"_{names}")
    return clip.path.with_name(pattern.stem(f"_{names}") + default_suffix(clip, options.codec))


def preview_target(target: Path) -> Path:
    """The short movie of a preview, named after the `target` of the whole run but never the same."""
    pattern = parse_pattern(target)
    stem, suffix = (target.stem, target.suffix) if pattern is None else (pattern.stem(), ".mp4")
    return target.with_name(f"{stem}_preview{suffix}")


def sheet_target(target: Path) -> Path:
    """The contact sheet beside a preview's movie or images."""
    pattern = parse_pattern(target)
    return target.with_suffix(".png") if pattern is None else target.with_name(f"{pattern.stem()}_sheet.png")
