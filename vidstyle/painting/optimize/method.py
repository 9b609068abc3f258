"""The method `optimize`: every frame is painted by gradient descent on the image."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from vidstyle.core.options import Options
from vidstyle.painting.job import Painter, PaintingJob

if TYPE_CHECKING:
    from vidstyle.painting.style_picture import StylePicture

TEMPORAL = 50.0  # brings the temporal loss, a squared difference of pixels, to the size of the style loss
_USED = frozenset({"content_weight", "style_weight", "tv_weight", "encoder", "style_scale", "temporal", "optimize_steps",
                   "follow_steps", "references"})


class OptimizeMethod:
    """Gatys et al. (2016) for the first frame of a shot, Ruder et al. (2016) for those that follow."""

    name = "optimize"
    summary = "paints every frame by gradient descent, the most faithful and far slower"

    def uses(self, options: Options) -> frozenset[str]:
        """See `Method`; nothing is random, so `seed` is not used."""
        return _USED

    def references(self, options: Options) -> tuple[int, ...]:
        """See `Method`."""
        return options.references if options.temporal else ()

    def preroll(self, options: Options) -> int:
        """See `Method`; a painting follows its references closely, and each frame of preroll takes seconds."""
        return max(options.references)

    def check(self, options: Options, styles: Iterable[StylePicture]) -> None:
        """See `Method`; nothing needs to be checked."""

    def build(self, job: PaintingJob) -> Painter:
        """See `Method`."""
        from vidstyle.painting.optimize.stylizer import OptimizingStylizer

        options, palette = job.options, job.style.palette(job.sample_frames())
        stylizer = OptimizingStylizer(job.encoder, job.style, palette, options.content_weight, options.style_weight,
                                      options.tv_weight, TEMPORAL * options.temporal, options.optimize_steps,
                                      options.follow_steps)
        return Painter(stylizer, {})
