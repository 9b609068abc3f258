"""Names of outputs where the user gives none: CLIP_STYLE.EXT, with the frames of a range, and those of a preview."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vidstyle.core.options import Options
from vidstyle.painting.style_picture import StylePicture
from vidstyle.video import Source, default_suffix, images_of, parse_pattern


def default_target(source: Source, styles: Sequence[StylePicture], options: Options, frames: tuple[int, int] | None = None,
                   *, preview: bool = False, with_style: bool = True) -> Path:
    """CLIP_STYLE.EXT beside the clip, in the clip's own container where that can be written; of a range CLIP_STYLE_A-B.EXT.

    For images `shot.####.exr` it is images `shot_STYLE.####.exr`, which have the numbers of their frames and need no range,
    or a movie where sound or a codec is asked for; of `photo.jpg` it is one image, `photo_STYLE.png`. A preview is always a
    movie, CLIP_STYLE_A-B_preview.EXT.

    styles: none where painted key frames alone are given; the name is CLIP_painted then. frames: indices of the first and last
    frame of the range; None names none. with_style: whether the name holds the styles.
    """
    clip, pattern = source.clip, images_of(source.clip.path) if source.images else None
    tag = ("".join(f"_{style.path.stem}" for style in styles) or "_painted") if with_style else ""
    if pattern is not None and source.settings.sound is None and options.codec == "auto" and not preview:
        return pattern.tagged(tag)
    if frames is not None and frames != (0, clip.frames - 1):
        tag += f"_{clip.number(frames[0])}-{clip.number(frames[1])}"
    if preview:
        tag += "_preview"
    stem = clip.path.stem + tag if pattern is None else pattern.stem(tag)
    return clip.path.with_name(stem + default_suffix(clip, options.codec))


def sheet_target(target: Path) -> Path:
    """The contact sheet beside a preview's movie or images."""
    pattern = parse_pattern(target)
    return target.with_suffix(".png") if pattern is None else target.with_name(f"{pattern.stem()}_sheet.png")
