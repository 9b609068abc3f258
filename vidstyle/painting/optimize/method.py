"""The method `optimize`: key frames with strokes, or every frame by gradient descent on the image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from vidstyle.core.options import Options
from vidstyle.painting.job import KEY_PREROLL, Painter, PaintingJob

if TYPE_CHECKING:
    from torch import Tensor

    from vidstyle.core.frame import Frame, Prior
    from vidstyle.painting.style_picture import StylePicture

TEMPORAL = 50.0  # brings the temporal loss, a squared difference of pixels, to the size of the style loss
_USED = frozenset({"palette", "style_scale", "temporal", "key_every", "forms", "strokes"})
_OF_FORMS = frozenset({"content_weight", "style_weight", "tv_weight", "encoder", "optimize_steps"})


def _strokes(options: Options) -> float:
    return 1.0 if options.strokes is None else options.strokes


def _forms(options: Options) -> float:
    """Share of the optimizer's painting in the guide. Strokes bring forms of their own, so it is 0 under them by default."""
    if options.forms is not None:
        return options.forms
    return 0.0 if _strokes(options) else 1.0


def _by_key_frames(options: Options) -> bool:
    """Whether key frames are painted and carried, in place of every frame as in Ruder et al. (2016)."""
    return options.key_every != 1 or _strokes(options) > 0 or _forms(options) < 1


class OptimizeMethod:
    """Key frames with strokes (Texler et al. 2019), carried along the motion; with `key_every` 1 and no strokes, every frame.

    Then Gatys et al. (2016) for the first frame of a shot, Ruder et al. (2016) for those that follow.
    """

    name = "optimize"
    summary = "paints key frames with strokes of the style picture and carries them along the motion"

    def uses(self, options: Options) -> frozenset[str]:
        """See `Method`; nothing is random but the style patches that are searched for strokes."""
        if not _by_key_frames(options):
            return _USED | _OF_FORMS | {"follow_steps", "references"}
        return _USED | (_OF_FORMS if _forms(options) else set()) | ({"seed"} if _strokes(options) else set())

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
        return KEY_PREROLL if _by_key_frames(options) else max(options.references)

    def check(self, options: Options, styles: Iterable[StylePicture]) -> None:
        """See `Method`; nothing needs to be checked."""

    def build(self, job: PaintingJob) -> Painter:
        """See `Method`."""
        from vidstyle.painting.key_frames import key_frame_painter
        from vidstyle.painting.optimize.stylizer import OptimizingStylizer

        options, palette = job.options, job.style.palette(job.sample_frames())
        stylizer = OptimizingStylizer(job.encoder, job.style, palette, options.content_weight, options.style_weight,
                                      options.tv_weight, TEMPORAL * options.temporal, options.optimize_steps,
                                      options.follow_steps)
        if _by_key_frames(options):
            paint_forms = stylizer.paint_half if _strokes(options) else stylizer.paint_key
            return key_frame_painter(job, palette, paint_forms, forms=_forms(options), strokes=_strokes(options))

        def paint_every(frame: Frame, priors: Sequence[Prior]) -> Tensor:
            return stylizer(frame.image, priors)

        return Painter(paint_every, {})
