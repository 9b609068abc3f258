"""Options and weights that change over the clip: their times on the clip, and the key frames that they call for."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from vidstyle.core.curve import HOLD, Curve, value_at
from vidstyle.core.errors import UsageError
from vidstyle.core.options import Options
from vidstyle.painting.style_picture import StylePicture, styles_at
from vidstyle.video import Clip

_OF_KEY_FRAMES = ("forms", "style_scale", "temporal")
"""Options whose value at a key frame decides its painting; the others act on every frame."""


def on_clip(options: Options, styles: Sequence[StylePicture], clip: Clip) -> tuple[Options, tuple[StylePicture, ...]]:
    """The options and the styles, each of their curves with the clip's times.

    Raises UsageError for keys out of order, for a time that the clip does not have, and where all styles have no weight.
    """

    def on(curve: Curve, name: str) -> Curve:
        return curve.on(partial(clip.moment, option=name), name)

    changes: dict[str, Any] = {name: on(curve, f"--{name.replace('_', '-')}") for name, curve in options.curves().items()}
    options = replace(options, **changes)
    styles = tuple(replace(style, weight=on(weight, f"--style {style.name}")) if isinstance(weight := style.weight, Curve)
                   else style for style in styles)
    # No weight is below 0, so that their sum is 0 first at a key of one of them.
    for style in styles:
        weight = style.weight
        for time, seconds in zip(weight.times, weight.seconds, strict=True) if isinstance(weight, Curve) else ():
            if not any(each.weight for each in styles_at(styles, seconds)):
                raise UsageError(f"At {time} all styles have the weight 0; give one of them a weight there.")
    return options, styles


def curves_beyond(options: Options, styles: Sequence[StylePicture], clip: Clip) -> list[str]:
    """A sentence for each curve whose keys all lie behind the last frame of the clip, so that nothing changes."""
    end = float(clip.pts[-1] * clip.time_base)
    curves = {f"--{name.replace('_', '-')}": curve for name, curve in options.curves().items()}
    curves |= {f"The weight of {style.name}": style.weight for style in styles if isinstance(style.weight, Curve)}
    return [f"{name} is {curve.values[0]:g} throughout: all keys of {curve.text!r} lie behind the clip's last frame, "
            f"{clip.number(clip.frames - 1)}." for name, curve in curves.items() if curve.seconds[0] > end]


def key_frames_of(options: Options, styles: Sequence[StylePicture], clip: Clip) -> frozenset[int]:
    """Indices of the frames that curves make key frames: those at their keys, so that the value there is painted.

    Before a step, the last frame of the old value is one too. Where `temporal` is 0, each frame is.
    """
    curves = [curve for name, curve in options.curves().items() if name in _OF_KEY_FRAMES]
    curves += [style.weight for style in styles if isinstance(style.weight, Curve)]
    if not curves:
        return frozenset()
    times = [float(pts * clip.time_base) for pts in clip.pts]
    found = {bisect_left(times, seconds) - back for curve in curves for seconds in curve.seconds
             for back in range(2 if curve.way == HOLD else 1)}
    if isinstance(options.temporal, Curve):
        found |= {index for index, seconds in enumerate(times) if value_at(options.temporal, seconds) == 0}
    return frozenset(found)
