"""The method `optimize`: key frames with strokes, or every frame by gradient descent on the image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from vidstyle.core.choices import layer_weights
from vidstyle.core.curve import Curve, value_at
from vidstyle.core.errors import UsageError
from vidstyle.core.options import Options
from vidstyle.painting.job import KEY_PREROLL, Painter, PaintingJob, Passes, options_of_colour, strokes_or_all, uses_of_strokes

if TYPE_CHECKING:
    from torch import Tensor

    from vidstyle.core.frame import Frame, Prior
    from vidstyle.painting.style_picture import StylePicture

TEMPORAL = 50.0  # brings the temporal loss, a squared difference of pixels, to the size of the style loss
PASSES_PREROLL = 24  # frames: the block before the range, of `temporal.multipass`, is painted at least in part
_USED = frozenset({"palette", "style_scale", "temporal", "key_every", "forms", "strokes"})
_OF_FORMS = frozenset({"content_weight", "style_weight", "tv_weight", "encoder", "optimize_steps", "init", "optimizer",
                       "style_loss", "style_layers", "pooling"})
_OF_EVERY_FRAME = frozenset({"follow_steps", "references", "passes"})


def _forms(options: Options) -> float | Curve:
    """Share of the optimizer's painting in the guide. Strokes bring forms of their own, so it is 0 under them by default."""
    if options.forms is not None:
        return options.forms
    return 0.0 if strokes_or_all(options) else 1.0


def _by_key_frames(options: Options) -> bool:
    """Whether key frames are painted and carried, in place of every frame as in Ruder et al. (2016)."""
    return options.key_every != 1 or strokes_or_all(options) != 0 or _forms(options) != 1


class OptimizeMethod:
    """Key frames with strokes (Texler et al. 2019), carried along the motion; with `key_every` 1 and no strokes, every frame.

    Then Gatys et al. (2016) for the first frame of a shot, Ruder et al. (2016) for those that follow.
    """

    name = "optimize"
    summary = "paints key frames with strokes of the style picture and carries them along the motion"

    def uses(self, options: Options) -> frozenset[str]:
        """See `Method`; nothing is random but noise, and the style patches that are searched for strokes."""
        used = _USED | options_of_colour(options)
        if not _by_key_frames(options):
            begins = {"init"} if options.passes > 1 else {"init", "follow_init"}  # later passes begin with the pass before
            noise = any(getattr(options, name) == "noise" for name in begins)
            return used | _OF_FORMS | _OF_EVERY_FRAME | begins | ({"seed"} if noise else set())
        forms = bool(_forms(options))
        random = bool(strokes_or_all(options)) or (forms and options.init == "noise")
        used |= uses_of_strokes(options, strokes_or_all(options)) | (_OF_FORMS if forms else set())
        return used | ({"seed"} if random else set())

    def by_key_frames(self, options: Options) -> bool:
        """See `Method`."""
        return _by_key_frames(options)

    def references(self, options: Options) -> tuple[int, ...]:
        """See `Method`."""
        if not options.temporal:
            return ()
        return (1,) if _by_key_frames(options) else options.references

    def preroll(self, options: Options) -> int:
        """See `Method`; a painting follows its references closely, and each frame of preroll takes seconds."""
        if _by_key_frames(options):
            return KEY_PREROLL
        return max(options.references) + (PASSES_PREROLL if options.passes > 1 else 0)

    def check(self, options: Options, styles: Iterable[StylePicture]) -> None:
        """See `Method`."""
        if not _by_key_frames(options) and options.passes % 2 == 0:
            raise UsageError(f"passes is {options.passes}; give an odd number: after the first pass a backward and a forward "
                             "one go together.")

    def build(self, job: PaintingJob) -> Painter:
        """See `Method`."""
        from vidstyle.encoders import load_encoder
        from vidstyle.ops.losses import STATISTICS
        from vidstyle.painting.key_frame_painter import key_frame_painter
        from vidstyle.painting.optimize.stylizer import OptimizingStylizer

        options, palette, encoder = job.options, job.style.palette_at(job.sample_frames()), job.encoder
        if options.pooling != "auto":
            encoder = load_encoder(options.encoder, job.device, options.pooling)
        style = replace(job.style, encoder=encoder, statistic=STATISTICS[options.style_loss])

        def at(seconds: float) -> OptimizingStylizer:
            return OptimizingStylizer(encoder, style.at(seconds), palette(seconds), options.content_weight,
                                      options.style_weight, options.tv_weight,
                                      TEMPORAL * value_at(options.temporal, seconds), options.optimize_steps,
                                      options.follow_steps, layer_weights(options.style_layers) or None, options.init,
                                      options.follow_init, options.optimizer, options.seed)

        if _by_key_frames(options):
            strokes = strokes_or_all(options)
            return key_frame_painter(job, palette, lambda seconds: at(seconds).paint_half if strokes else at(seconds).paint_key,
                                     forms=_forms(options), strokes=strokes)

        def paint_every(frame: Frame, priors: Sequence[Prior]) -> Tensor:
            return at(frame.seconds)(frame.image, priors)

        def repaint(frame: Frame, start: Tensor, priors: Sequence[Prior]) -> Tensor:
            return at(frame.seconds).repaint(frame.image, start, priors)

        if options.passes == 1 or not options.temporal:
            return Painter(paint_every, {})
        return Painter(paint_every, {}, passes=Passes(repaint, options.passes))
