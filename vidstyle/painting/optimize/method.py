"""The method `optimize`: key frames with strokes, or every frame by gradient descent on the image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from vidstyle.core.errors import UsageError
from vidstyle.core.options import Options, layer_weights
from vidstyle.painting.job import KeyFrames, Painter, PaintingJob, Passes

if TYPE_CHECKING:
    from torch import Tensor

    from vidstyle.core.frame import Frame, Prior
    from vidstyle.painting.style_picture import StylePicture

TEMPORAL = 50.0  # brings the temporal loss, a squared difference of pixels, to the size of the style loss
PASSES_PREROLL = 24  # frames: the block before the range, of `temporal.multipass`, is painted at least in part
KEY_PREROLL = 48  # frames: with key frames at most 24 apart, the range's paint comes from the second one at least
_USED = frozenset({"palette", "style_scale", "temporal", "key_every", "forms", "strokes"})
_OF_FORMS = frozenset({"content_weight", "style_weight", "tv_weight", "encoder", "optimize_steps", "init", "optimizer",
                       "style_loss", "style_layers", "pooling"})
_OF_EVERY_FRAME = frozenset({"follow_steps", "references", "passes", "follow_init"})


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
        """See `Method`; nothing is random but noise, and the style patches that are searched for strokes."""
        if not by_key_frames(options):
            noise = "noise" in (options.init, options.follow_init)
            return _USED | _OF_FORMS | _OF_EVERY_FRAME | ({"seed"} if noise else set())
        forms = share_of_forms(options) > 0
        random = options.strokes > 0 or (forms and options.init == "noise")
        return _USED | (_OF_FORMS if forms else set()) | ({"seed"} if random else set())

    def references(self, options: Options) -> tuple[int, ...]:
        """See `Method`."""
        if not options.temporal:
            return ()
        return (1,) if by_key_frames(options) else options.references

    def preroll(self, options: Options) -> int:
        """See `Method`; a painting follows its references closely, and each frame of preroll takes seconds."""
        if by_key_frames(options):
            return KEY_PREROLL
        return max(options.references) + (PASSES_PREROLL if options.passes > 1 else 0)

    def check(self, options: Options, styles: Iterable[StylePicture]) -> None:
        """See `Method`."""
        if not by_key_frames(options) and options.passes % 2 == 0:
            raise UsageError(f"passes is {options.passes}; give an odd number: the first and the last pass are forward.")

    def build(self, job: PaintingJob) -> Painter:
        """See `Method`."""
        from vidstyle.encoders import load_encoder
        from vidstyle.ops.losses import STATISTICS
        from vidstyle.painting.optimize.key_frames import KeyFrameStylizer
        from vidstyle.painting.optimize.stylizer import OptimizingStylizer
        from vidstyle.painting.strokes import StrokeIndex

        options, palette = job.options, job.style.palette(job.sample_frames())
        encoder = job.encoder
        if options.pooling != "auto":
            encoder = load_encoder(options.encoder, job.device, options.pooling)
        style = replace(job.style, encoder=encoder, statistic=STATISTICS[options.style_loss])
        stylizer = OptimizingStylizer(encoder, style, palette, options.content_weight, options.style_weight, options.tv_weight,
                                      TEMPORAL * options.temporal, options.optimize_steps, options.follow_steps,
                                      layer_weights(options.style_layers) or None, options.init, options.follow_init,
                                      options.optimizer, options.seed)

        def each(frame: Frame, priors: Sequence[Prior]) -> Tensor:
            return stylizer(frame.image, priors)

        if not by_key_frames(options):
            if options.passes == 1 or not options.temporal:
                return Painter(each, {})
            return Painter(each, {}, passes=Passes(lambda frame, start, priors: stylizer.repaint(frame.image, start, priors),
                                                   options.passes))
        index = None
        if options.strokes:
            images, weights = [style.image.to(job.device) for style in job.styles], [style.weight for style in job.styles]
            index = StrokeIndex.build(images, weights, job.height, options.style_scale, seed=options.seed)
        keys = KeyFrameStylizer(stylizer, index, share_of_forms(options), options.strokes)
        if not options.temporal:  # every frame on its own
            return Painter(lambda frame, priors: keys.paint(frame, None), {})
        return Painter(each, {}, KeyFrames(keys.paint, keys.mend, options.key_every or None))
