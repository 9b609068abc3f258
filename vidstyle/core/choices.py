"""The values that options choose from, the headings under which help lists them, and how some are read from text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Literal

from vidstyle.core.declare import Locate
from vidstyle.core.errors import UsageError

Color = Literal["style", "source", "match"]
ColorMap = Literal["symmetric", "cholesky", "histogram"]
Init = Literal["source", "noise"]
FollowInit = Literal["warped", "pyramid", "source", "noise"]
Optimizer = Literal["adam", "lbfgs"]
StyleLoss = Literal["gram", "covariance"]
Pooling = Literal["auto", "average", "l2", "max"]
Gaps = Literal["error", "hold", "black"]
OnDamage = Literal["fail", "hold", "keep"]
Hdr = Literal["refuse", "passthrough", "tonemap"]
Deinterlace = Literal["auto", "off", "force", "telecine"]
Compare = Literal["none", "side", "wipe", "stack"]
StrokeDirection = Literal["none", "edges", "motion"]
DETAIL = "detail"
"""The value of `stroke_size` for the detail of each frame in place of a file."""
Boil = Literal["none", "ones", "twos", "threes"]
HELD: dict[Boil, int] = {"none": 0, "ones": 1, "twos": 2, "threes": 3}
"""Frames for which a drawing is held before the next one is made; 0 where there are no drawings."""
CodecName = Literal["auto", "h264", "hevc", "vp9", "av1", "prores", "dnxhr", "ffv1"]
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""The layers of an encoder that measure style (Gatys et al. 2016)."""
WITHOUT_CRF: tuple[CodecName, ...] = ("prores", "dnxhr", "ffv1")
"""Codecs that have no scale of quality."""

WHAT, LOOK, CONTROL, PACE, OUTPUT, REPORT = ("What to paint", "Look", "Artist's controls", "Quality and speed", "Output",
                                             "Reporting")
PANELS = (WHAT, LOOK, CONTROL, PACE, OUTPUT, REPORT)
"""The headings of `--help`, in its order."""


def parse_rate(text: str) -> Fraction:
    """Frames per second from `24`, `24000/1001` or `23.976`, which means 24000/1001 as all rounded NTSC rates do.

    Raises UsageError for anything else.
    """
    try:
        rate = Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"fps is {text!r}; give frames per second, such as 24, 25 or 24000/1001.") from None
    slow = Fraction(1000 * round(rate), 1001)
    # 23.976 and 23.98 are both rounded forms of 24000/1001; the tolerance covers two decimals.
    return slow if "." in text and rate != round(rate) and abs(rate - slow) < Fraction(6, 1000) else rate


def parse_key_every(text: str) -> int:
    """`auto` or a number of frames; 0 stands for `auto`, as in a manifest."""
    if text in ("auto", "0"):
        return 0
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"key_every is {text!r}; give auto, or a number of frames from 1.")
    return int(text)


def layer_weights(layers: Iterable[str]) -> dict[str, float]:
    """The weight of each layer of `style_layers`, whose items are NAME or NAME=WEIGHT. Raises UsageError."""
    found = dict[str, float]()
    for layer in layers:
        name, _, weight = layer.partition("=")
        try:
            value = float(weight or 1)
        except ValueError:
            value = math.nan
        if name not in STYLE_LAYERS or not 0 < value < math.inf:
            raise UsageError(f"style_layers has {layer!r}; give one of {', '.join(STYLE_LAYERS)}, or with a weight above 0, "
                             f"such as {STYLE_LAYERS[-1]}=0.5.")
        if name in found:
            raise UsageError(f"style_layers names {name} twice; name it once.")
        found[name] = value
    return found


def parse_layer(text: str) -> str:
    layer_weights([text])
    return text


def resolve_flow(text: str, locate: Locate) -> str:
    name, equals, file = text.partition("=")
    return f"{name}={locate(file)}" if equals else text


def resolve_stroke_size(text: str, locate: Locate) -> str:
    return text if text == DETAIL else str(locate(text))


def resolve_audio(text: str, locate: Locate) -> str:
    return text if text in ("copy", "none") else str(locate(text))
