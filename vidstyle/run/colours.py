"""The colours of a painting: the style pictures and the palette, with the clip's or another picture's colours for `match`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.core.curve import constant
from vidstyle.core.errors import OutputError, reason
from vidstyle.core.frame import Frame
from vidstyle.core.images import read_image, resize_alpha, write_png
from vidstyle.core.options import Options
from vidstyle.core.progress import Listener
from vidstyle.painting.colour_map import match_colours
from vidstyle.painting.palette import Palette, sample_colours
from vidstyle.painting.palette_file import load_palette
from vidstyle.painting.style import palette_of
from vidstyle.painting.style_picture import StylePicture, weights_change
from vidstyle.run.plan import Plan
from vidstyle.run.sampling import sample_frames

MOST = 2**18
"""Colours of a frame: 16 frames together have a quarter of what `torch.quantile` takes."""


def colours_to_paint_in(plan: Plan, layer: int, listen: Listener) -> tuple[Sequence[StylePicture], Palette | None]:
    """The style pictures of a layer as they are painted with, and the palette; None where one is made of the clip's frames.

    A palette file is that of the run's own styles; a region's style has a palette for the clip, as it has without a file.

    With `match` both depend on the whole clip, never on the range: no colour changes from frame to frame, and a range is a
    slice of the whole.
    """
    options, styles, shared = plan.options, plan.layers[layer], None
    if options.palette is not None and layer == 0:
        shared = load_palette(options.palette, styles, matched=options.color == "match")
    if options.color != "match":
        return styles, shared
    clip = torch.cat(list(map(opaque_colours, sample_frames(plan, listen))), 1)
    styles = matched_styles(styles, clip, options)
    if shared is None and not weights_change(styles):
        shared = palette_of(clip, [style.image for style in styles], [constant(style.weight) for style in styles])
    return styles, shared


def matched_styles(styles: Sequence[StylePicture], clip: Tensor, options: Options) -> tuple[StylePicture, ...]:
    """The style pictures with the colours of `color_from`, or of the clip, (3, n) in [0, 1]. Raises InputError for a file."""
    reference = clip if options.color_from is None else _thinned(read_image(options.color_from).flatten(1), 16 * MOST)
    return tuple(replace(style, image=match_colours(style.image, reference, options.color_map)) for style in styles)


def opaque_colours(frame: Frame) -> Tensor:
    """Up to `MOST` colours (3, n) in [0, 1] of a frame; where its alpha is below one half only if no other is left."""
    colours = sample_colours(frame.image)
    if frame.alpha is not None:
        opaque = sample_colours(resize_alpha(frame.alpha, (frame.image.shape[1], frame.image.shape[2])))[0] >= 0.5
        colours = colours[:, opaque] if opaque.any() else colours
    return _thinned(colours, MOST)


def write_colours(path: Path, colours: Tensor) -> None:
    """Write colours (3, n) in [0, 1] as the pixels of a PNG file that `color_from` reads. Raises OutputError."""
    width = min(colours.shape[1], 1024)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path.parent}: cannot be created ({reason(error)}); choose another place.") from error
    rows = -(-colours.shape[1] // width)
    spread = torch.arange(rows * width) * colours.shape[1] // (rows * width)  # some twice, so that all rows are full
    write_png(path, colours[:, spread].view(3, rows, width))


def _thinned(colours: Tensor, most: int) -> Tensor:
    """Evenly spaced ones of `colours` (3, n), at most `most`."""
    return colours[:, ::-(-colours.shape[1] // most)]
