"""The painter of a method that paints by key frames: its stylizer, with settings that hold for the clip or change over it."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from vidstyle.core.choices import DETAIL, HELD
from vidstyle.core.curve import Curve, constant
from vidstyle.core.frame import Frame
from vidstyle.core.images import resize_alpha
from vidstyle.painting.changing import Changes, ChangingIndex, ChangingStylizer, Settings
from vidstyle.painting.job import KeyFrames, Painter, PaintingJob, share_of_layers
from vidstyle.painting.key_frames import FormPainter, KeyFrameStylizer, Wisher
from vidstyle.painting.palette import Palette
from vidstyle.painting.strokes import StrokeIndex, Wishes, direction_of_forms, direction_of_motion, find_detail
from vidstyle.painting.strokes.copies import Copy, copies
from vidstyle.painting.strokes.gamut import Gamut


def key_frame_painter(job: PaintingJob, palette: Callable[[float], Palette], paint_forms: Callable[[float], FormPainter] | None,
                      *, forms: float | Curve, strokes: float | Curve, losses: dict[str, float] | None = None) -> Painter:
    """The painter of a method by key frames.

    palette, paint_forms: those for a frame that appears at the seconds that are given; the method's forms are not asked for
    with `forms` 0. forms, strokes: the shares in [0, 1], see `KeyFrameStylizer`. losses: of the method's fit.
    """
    options, weights = job.options, [style.weight for style in job.styles]
    keys: KeyFrameStylizer | ChangingStylizer
    numbers = (forms, strokes, options.style_scale, options.temporal, *weights)
    if share_of_layers(options, strokes) is not None or any(isinstance(number, Curve) for number in numbers):
        keys = _changing(job, palette, paint_forms if forms else None, forms, strokes)
    else:
        index = None
        if strokes:
            index = StrokeIndex.build([style.image.to(job.device) for style in job.styles], [*map(constant, weights)],
                                      job.height, constant(options.style_scale), seed=options.seed, copied=_copied(job),
                                      gamut=_gamut(job))
        own_forms = paint_forms(0.0) if paint_forms is not None and forms else None
        keys = KeyFrameStylizer(palette(0.0), own_forms, index, constant(forms), constant(strokes), options.refresh is not None,
                                _wisher(job))
    painter = Painter(lambda frame, priors: keys.show(frame, keys.paint(frame, priors[0] if priors else None)), losses or {})
    if not options.temporal:  # every frame on its own
        return painter
    held = HELD[options.boil] if strokes else 0
    return Painter(painter.stylize, painter.losses,
                   KeyFrames(keys.paint, keys.mend, options.key_every or None, keys.show, options.refresh,
                             keys.redraw if held else None, held or 1, keys.channels))


def _changing(job: PaintingJob, palette: Callable[[float], Palette], paint_forms: Callable[[float], FormPainter] | None,
              forms: float | Curve, strokes: float | Curve) -> ChangingStylizer:
    """The stylizer where options or weights are curves, or paintings have layers; parameters as for `key_frame_painter`."""
    images, weights = [style.image.to(job.device) for style in job.styles], [style.weight for style in job.styles]
    same = None if any(isinstance(weight, Curve) for weight in weights) else [*map(constant, weights)]
    index = ChangingIndex(images, same, job.height, job.options.seed, _copied(job), _gamut(job)) if strokes else None
    share = share_of_layers(job.options, strokes)
    if index is None and isinstance(forms, Curve):
        share = forms
    if index is None and share is not None:
        forms = 1.0
    shown = 1.0 if share is not None else strokes

    def at(settings: Settings, seconds: float) -> KeyFrameStylizer:
        paint = paint_forms(seconds) if paint_forms is not None and settings.forms else None
        return KeyFrameStylizer(palette(seconds), paint, None if index is None else index.at(settings), settings.forms,
                                constant(shown), job.options.refresh is not None, _wisher(job))

    changes = Changes(forms, job.options.style_scale, weights)
    return ChangingStylizer(at, changes, job.options.temporal, share)


def _gamut(job: PaintingJob) -> Gamut | None:
    """What keeps the tone of strokes to the style's colours; None where style pictures were given the clip's."""
    return None if job.options.color == "match" else Gamut.of([style.image.to(job.device) for style in job.styles])


def _copied(job: PaintingJob) -> tuple[Copy, ...]:
    """The copies of the style pictures that the strokes are found in."""
    return copies(turned=job.options.stroke_direction != "none", sized=job.options.stroke_size is not None)


def _wisher(job: PaintingJob) -> Wisher:
    """What the options of a job ask the strokes for."""
    direction, size, sizes = job.options.stroke_direction, job.options.stroke_size, job.stroke_sizes

    def wish(frame: Frame, own: Tensor, forms: Tensor) -> Wishes:
        along = large = None
        if direction == "motion" and frame.motion is not None:
            along = direction_of_motion(forms, frame.motion)
        elif direction != "none":
            along = direction_of_forms(forms)
        if size == DETAIL:
            large = 1 - find_detail(own)
        elif sizes is not None:
            large = resize_alpha(sizes(frame.index).to(own), (own.shape[-2], own.shape[-1]))
        return Wishes(along, large)

    return wish
