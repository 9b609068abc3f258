"""The method `palette`: the forms of the frame itself, in the style's colours, under strokes of the style picture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from vidstyle.core.options import Options
from vidstyle.painting.job import KEY_PREROLL, Painter, PaintingJob, options_of_colour, strokes_or_all, uses_of_strokes

if TYPE_CHECKING:
    from vidstyle.painting.style_picture import StylePicture


class PaletteMethod:
    """Nothing is fitted and nothing is optimized: the quickest method."""

    name = "palette"
    summary = "is optimize with --forms 0, and without strokes a change of colours alone"

    def uses(self, options: Options) -> frozenset[str]:
        """See `Method`."""
        used = frozenset({"palette", "temporal", "key_every", "strokes"}) | options_of_colour(options)
        used |= uses_of_strokes(options, strokes_or_all(options))
        return used if options.strokes == 0 else used | {"seed", "style_scale"}

    def by_key_frames(self, options: Options) -> bool:
        """See `Method`."""
        return True

    def references(self, options: Options) -> tuple[int, ...]:
        """See `Method`."""
        return (1,) if options.temporal else ()

    def preroll(self, options: Options) -> int:
        """See `Method`."""
        return KEY_PREROLL

    def check(self, options: Options, styles: Iterable[StylePicture]) -> None:
        """See `Method`; nothing needs to be checked."""

    def build(self, job: PaintingJob) -> Painter:
        """See `Method`."""
        from vidstyle.painting.key_frame_painter import key_frame_painter

        return key_frame_painter(job, job.style.palette_at(job.sample_frames()), None, forms=0.0,
                                 strokes=strokes_or_all(job.options))
