"""The result of an evaluation in a filmmaker's words, each sentence with the numbers that it is made of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

BLURRY = 0.8
"""Ratio to the baseline's sharpness below which part of the steadiness is blur."""
_SHARES = ((0.1, "A tenth of the"), (1 / 8, "An eighth of the"), (1 / 6, "A sixth of the"), (0.2, "A fifth of the"),
           (0.25, "A quarter of the"), (1 / 3, "A third of the"), (0.5, "Half the"), (2 / 3, "Two thirds of the"),
           (0.75, "Three quarters of the"), (0.9, "Nine tenths of the"), (1.25, "One and a quarter times the"),
           (1.5, "One and a half times the"), (2.0, "Twice the"), (3.0, "Three times the"), (4.0, "Four times the"),
           (5.0, "Five times the"))
_SAME = 0.05
"""Ratios up to this far from 1 count as the same."""
_LEVELS = 255
"""Brightness and colours are stated in levels of 8-bit video."""

Values = Mapping[str, Mapping[str, float]]
"""`Evaluation.values`: by clip, then by metric."""


@dataclass(frozen=True)
class Finding:
    """One sentence of the verdict."""

    words: str
    numbers: str
    """The metrics that the words stand for."""

    def __str__(self) -> str:
        return f"{self.words.removesuffix('.')} ({self.numbers})."


def findings(values: Values) -> Iterator[Finding]:
    """What a filmmaker wants to know first: does it flicker, does its light hold, is it sharp, does it look like the style?

    values: those of the clips `painting` and `source`, and of `baseline` where there is one. What was not measured is left out.
    """
    own, source, baseline = values["painting"], values["source"], values.get("baseline", {})
    if "e_stab" in own and baseline.get("e_stab"):
        long = ""
        if "e_stab_10" in own and baseline.get("e_stab_10"):
            long = f"; over ten frames {own['e_stab_10'] / baseline['e_stab_10']:.2f} times"
        yield _shared(own["e_stab"], baseline["e_stab"], "flicker", "the clip painted frame by frame", "e_stab", long)
    if "e_stab" in own and source.get("e_stab"):
        yield _shared(own["e_stab"], source["e_stab"], "flicker", "the source", "e_stab")
    if "flicker" in own:
        words = _in_levels(own["flicker"], "The brightness holds from frame to frame", "The brightness pulses")
        yield Finding(words, f"flicker {own['flicker']:.2g}")
    if "drift" in own:
        words = _in_levels(own["drift"], "The colours hold through each shot", "The colours drift within a shot")
        yield Finding(words, f"drift {own['drift']:.2g}")
    if source.get("sharpness"):
        yield _sharpness(own["sharpness"], source["sharpness"])
    if baseline.get("sharpness"):
        ratio = own["sharpness"] / baseline["sharpness"]
        words = ("Softer than the clip painted frame by frame: part of the steadiness is blur." if ratio < BLURRY else
                 "About as sharp as the clip painted frame by frame: the steadiness is not blur.")
        yield Finding(words, f"sharpness {ratio:.2f} times the baseline's")
    if "style_loss" in own and source.get("style_loss"):
        yield _closeness(own["style_loss"], source["style_loss"], "Its strokes and textures are", "style_loss")
    if "colour_distance" in own and source.get("colour_distance"):
        yield _closeness(own["colour_distance"], source["colour_distance"], "Its colours are", "colour_distance")


def _shared(own: float, other: float, what: str, whose: str, metric: str, more: str = "") -> Finding:
    """`Half the flicker of the source`, with the numbers; `other` is above 0."""
    ratio = own / other
    numbers = f"{metric} {own:.3g} against {other:.3g}, {ratio:.2f} times{more}"
    if abs(ratio - 1) <= _SAME:
        return Finding(f"As much {what} as {whose}.", numbers)
    if ratio < 0.07:
        return Finding(f"Hardly any of the {what} of {whose}.", numbers)
    if ratio > 6:
        return Finding(f"{ratio:.0f} times the {what} of {whose}.", numbers)
    _, share = min(_SHARES, key=lambda named: abs(math.log(ratio / named[0])))
    return Finding(f"{share} {what} of {whose}.", numbers)


def _sharpness(own: float, source: float) -> Finding:
    ratio = own / source
    numbers = f"sharpness {own:.3g} against {source:.3g}, {ratio:.2f} times"
    if ratio > 1.1:
        return Finding("Sharper than the source: the strokes have edges of their own.", numbers)
    if ratio >= 0.9:
        return Finding("As sharp as the source.", numbers)
    return _shared(own, source, "sharpness", "the source", "sharpness")


def _in_levels(value: float, steady: str, moving: str) -> str:
    """A change of light or colour in words. Less than one level of 8-bit video counts as steady."""
    levels = value * _LEVELS
    return f"{steady}." if levels < 1 else f"{moving}, by {levels:.1f} of {_LEVELS} levels."


def _closeness(own: float, source: float, words: str, metric: str) -> Finding:
    """How much of the way from the source to the style picture a painting has gone; `source` is above 0."""
    numbers = f"{metric} {own:.3g} against {source:.3g} of the source"
    share = 1 - own / source
    if share <= 0:
        return Finding(f"{words} no closer to the style picture than the source is.", numbers)
    return Finding(f"{words} {share:.0%} of the way from the source to the style picture.", numbers)
