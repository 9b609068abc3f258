"""The method `optimize`: key frames with strokes, or every frame by gradient descent on the image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from vidstyle.core.options import Options
from vidstyle.painting.job import KeyFrames, Painter, PaintingJob, options_of_colour

if TYPE_CHECKING:
    from torch import Tensor

    from vidstyle.core.frame import Frame, Prior
    from vidstyle.painting.style_picture import StylePicture

TEMPORAL = 50.0  # brings the temporal loss, a squared difference of pixels, to the size of the style loss
KEY_PREROLL = 48  # frames: with key frames at most 24 apart, the range's paint comes from the second one at least
_USED = frozenset({"palette", "style_scale", "temporal", "key_every", "forms", "strokes"})
_OF_FORMS = frozenset({"content_weight", "style_weight", "tv_weight", "encoder", "optimize_steps"})


def share_of_forms(options: Options) -> float:
    """Share of the optimizer's painting in the guide. Strokes bring forms of their own, so it is 0 under them by default."""
    if options.forms is not None:
        return options.forms
    return 0.0 if options.strokes else 1.0


def by_key_frames(options: Options) -> bool:
    """Whether key frames are painted and carried, in place of every frame as in Ruder et al. (2016)."""
    return options.key_every != 1 or options.strokes > 0 or share_of_forms(options) < 1


class OptimizeMethod:
    """Key frames with strokes (Texler et al. 2019), carried along the motion; with `key_every` 1 and no strokes, every frame.

    Then Gatys et al. (2016) for the first frame of a shot, Ruder et al. (2016) for those that follow.
    """

    name = "optimize"
    summary = "paints key frames with strokes of the style picture and carries them along the motion"

    def uses(self, options: Options) -> frozenset[str]:
        """See `Method`; nothing is random but the style patches that are searched for strokes."""
        used = _USED | options_of_colour(options)
        if not by_key_frames(options):
            return used | _OF_FORMS | {"follow_steps", "references"}
        return used | (_OF_FORMS if share_of_forms(options) else set()) | ({"seed"} if options.strokes else set())

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
        def each(frame: Frame, priors: Sequence[Prior]) -> Tensor:
            return stylizer(frame.image, priors)

        if not by_key_frames(options):
            return Painter(each, {})
        index = None
        if options.strokes:
            images, weights = [style.image.to(job.device) for style in job.styles], [style.weight for style in job.styles]
            index = StrokeIndex.build(images, weights, job.height, options.style_scale, seed=options.seed)
        keys = KeyFrameStylizer(stylizer, index, share_of_forms(options), options.strokes)
        if not options.temporal:  # every frame on its own
            return Painter(lambda frame, priors: keys.paint(frame, None), {})
        return Painter(each, {}, KeyFrames(keys.paint, keys.mend, options.key_every or None))
