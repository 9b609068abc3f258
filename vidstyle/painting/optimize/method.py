"""The method `optimize`: every frame is painted by gradient descent on the image."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from vidstyle.core.options import Options
from vidstyle.painting.job import KeyFrames, Painter, PaintingJob

if TYPE_CHECKING:
    from vidstyle.painting.style_picture import StylePicture

TEMPORAL = 50.0  # brings the temporal loss, a squared difference of pixels, to the size of the style loss
KEY_PREROLL = 48  # frames: with key frames at most 24 apart, the range's paint comes from the second one at least
_USED = frozenset({"content_weight", "style_weight", "tv_weight", "encoder", "style_scale", "temporal", "optimize_steps",
                   "key_every", "forms", "strokes"})


def by_key_frames(options: Options) -> bool:
    """Whether key frames are painted and carried, in place of every frame as in Ruder et al. (2016)."""
    return options.key_every != 1 or options.strokes > 0 or options.forms < 1


class OptimizeMethod:
    """Gatys et al. (2016) for the first frame of a shot, Ruder et al. (2016) for those that follow."""

    name = "optimize"
    summary = "paints every frame by gradient descent, the most faithful and far slower"

    def uses(self, options: Options) -> frozenset[str]:
        """See `Method`; nothing is random but the style patches that are searched for strokes."""
        if not by_key_frames(options):
            return _USED | {"follow_steps", "references"}
        return _USED | {"seed"} if options.strokes else _USED

    def references(self, options: Options) -> tuple[int, ...]:
        """See `Method`."""
        if not options.temporal:
            return ()
        return (1,) if by_key_frames(options) else options.references

    def preroll(self, options: Options) -> int:
        """See `Method`; a painting follows its references closely, and each frame of preroll takes seconds."""
        return KEY_PREROLL if by_key_frames(options) else max(options.references)

    def check(self, options: Options, styles: Iterable[StylePicture]) -> None:
        """See `Method`; nothing needs to be checked."""

    def build(self, job: PaintingJob) -> Painter:
        """See `Method`."""
        from vidstyle.painting.optimize.key_frames import KeyFrameStylizer
        from vidstyle.painting.optimize.stylizer import OptimizingStylizer
        from vidstyle.painting.strokes import StrokeIndex

        options, palette = job.options, job.style.palette(job.sample_frames())
        stylizer = OptimizingStylizer(job.encoder, job.style, palette, options.content_weight, options.style_weight,
                                      options.tv_weight, TEMPORAL * options.temporal, options.optimize_steps,
                                      options.follow_steps)
        if not by_key_frames(options):
            return Painter(stylizer, {})
        index = None
        if options.strokes:
            images, weights = [style.image.to(job.device) for style in job.styles], [style.weight for style in job.styles]
            index = StrokeIndex.build(images, weights, job.height, options.style_scale, seed=options.seed)
        keys = KeyFrameStylizer(stylizer, index, options.forms, options.strokes)
        if not options.temporal:  # every frame on its own
            return Painter(lambda image, priors: keys.paint(image, None), {})
        return Painter(stylizer, {}, KeyFrames(keys.paint, keys.mend, options.key_every or None))
