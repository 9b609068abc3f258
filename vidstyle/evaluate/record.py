"""What is measured, in which unit, and the record of one evaluation."""

from __future__ import annotations

import operator
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vidstyle.core.errors import UsageError

GAP = 10
"""Frames between the two pictures of the long-term error."""
BLURRY = 0.8
"""Times the baseline's sharpness; below it, what holds still may hold still because there is less to see."""
PAINTING, SOURCE, BASELINE, BLURRED = ROWS = ("painting", "source", "baseline", "blurred")


@dataclass(frozen=True)
class Metric:
    """One number that is measured of every clip compared."""

    unit: str
    better: str
    """`lower` or `higher`; read it beside the others, for every number has its cheat."""
    meaning: str
    needs: str = ""
    """The option without which it is not measured."""


METRICS: dict[str, Metric] = {
    "e_stab": Metric("RMS of sRGB 0-1", "lower", "unsteadiness from frame to frame, along the motion, over all pixels"),
    "e_stab_10": Metric("RMS of sRGB 0-1", "lower", "the same over ten frames"),
    "e_warp": Metric("mean square of RGB", "lower", "Lai's warping error from frame to frame, over visible pixels"),
    "e_stab_to_source": Metric("times the source's", "lower", "e_stab over that of the source"),
    "e_stab_ratio": Metric("times the baseline's", "lower", "e_stab over that of the baseline", "--baseline"),
    "flicker": Metric("deviation of luma 0-1", "lower", "jumps of the whole picture's light that the source has not"),
    "drift": Metric("distance in sRGB 0-1", "lower", "change of the mean colour within a shot that the source has not"),
    "sharpness": Metric("mean step between pixels", "higher", "gradient energy; blur and missing strokes lower it"),
    "sharpness_ratio": Metric("times the baseline's", "higher", "sharpness over that of the baseline", "--baseline"),
    "ssim": Metric("up to 1", "higher", "structural similarity to the source; Gatys-type paintings lie at 0.55-0.70"),
    "content_loss": Metric("share of the source's", "lower", "distance of relu4_2 from the source's", "--style"),
    "style_loss": Metric("share of the style's", "lower", "distance of the Gram matrices from the style's", "--style"),
    "colour_distance": Metric("distance in sRGB 0-1", "lower", "between the colours and those of the style", "--style"),
}
"""Every metric by name; formula, range and source stand in `vidstyle.ops.metrics` and `vidstyle.ops.losses`."""


@dataclass(frozen=True)
class Worst:
    """One of the least steady frames."""

    frame: int
    """Number in the source; the error is between the frame before it and this one."""
    seconds: float
    """When it is shown, on the source's clock."""
    e_stab: float
    source: float
    """e_stab of the source between the same two frames."""


@dataclass(frozen=True)
class Evaluation:
    """Everything that was measured."""

    styled: Path
    source: Path
    style: Path | None
    baseline: Path | None
    frames: tuple[int, int]
    """First and last frame of the source that were judged, both included."""
    size: tuple[int, int]
    """Width and height at which all were compared, in pixels: the painting's."""
    judge: str
    """The flow that judged, or `truth`."""
    encoder: str
    values: dict[str, dict[str, float]]
    """By row (`painting`, `source`, `baseline`, `blurred`), then by metric; what could not be measured is left out."""
    style_layers: dict[str, dict[str, float]]
    """Style loss of the painting by scale (`1`, `1/2`, `1/4`), then by layer."""
    curves: dict[str, dict[str, list[float | None]]]
    """`e_stab`, `e_stab_10` and `luma` by row, then one number a frame; None where there is none to compare with."""
    seconds: list[float]
    """When each frame is shown, on the source's clock."""
    visible: dict[str, float]
    """Share of the pixels that both frames of a pair show, for `e_stab` and `e_stab_10`."""
    worst: list[Worst]
    """Least steady frames, worst first."""
    cuts: list[int]
    """Frames of the source that begin a new shot; nothing is compared across them."""
    notes: list[str]
    """How it was measured, in sentences."""

    def verdict(self) -> list[str]:
        """What the numbers say, in sentences: steadier than what, at which price."""
        own, source = self.values[PAINTING], self.values[SOURCE]
        sentences = []
        if (ratio := own.get("e_stab_ratio")) is not None:
            long, base = own.get("e_stab_10"), self.values[BASELINE].get("e_stab_10")
            over = f", and {long / base:.2f} times over ten frames" if long is not None and base else ""
            sentences.append(f"{'Steadier' if ratio < 1 else 'No steadier'} than the baseline: "
                             f"{ratio:.2f} times its error{over}.")
        if (ratio := own.get("e_stab_to_source")) is not None:
            sentences.append(f"From frame to frame it errs {ratio:.2f} times as much as the source itself does.")
        if (sharp := own.get("sharpness_ratio")) is not None:
            price = ": some of the steadiness is blur" if sharp < BLURRY else ""
            sentences.append(f"{sharp:.2f} times as sharp as the baseline{price}.")
        elif source["sharpness"] > 0:
            sentences.append(f"{own['sharpness'] / source['sharpness']:.2f} times as sharp as the source.")
        return sentences

    def as_dict(self) -> dict[str, Any]:
        """The record as JSON can hold it, with a unit for every metric."""
        units = {name: {"unit": metric.unit, "better": metric.better, "meaning": metric.meaning}
                 for name, metric in METRICS.items()}
        return asdict(self) | {"verdict": self.verdict(), "metrics": units}


@dataclass(frozen=True)
class Threshold:
    """A number of the painting that makes the verdict a failure, such as `e_stab>0.05`."""

    metric: str
    sign: str
    limit: float

    def __str__(self) -> str:
        return f"{self.metric}{self.sign}{self.limit:g}"

    def hit(self, evaluation: Evaluation) -> bool:
        """Whether the painting is that bad. Raises UsageError where the metric could not be measured."""
        value = evaluation.values[PAINTING].get(self.metric)
        if value is None:
            raise UsageError(f"--fail-if {self}: {self.metric} could not be measured on this clip; leave it out.")
        return bool(_SIGNS[self.sign](value, self.limit))


_SIGNS = {">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le}
_THRESHOLD = re.compile(r"\s*(\w+)\s*(>=|<=|>|<)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*", re.IGNORECASE)


def parse_threshold(text: str, given: set[str]) -> Threshold:
    """`e_stab>0.05` as a threshold; `given`: the options among `--style` and `--baseline` that were given.

    Raises UsageError for another form, an unknown metric, or one that needs an option that was not given.
    """
    match = _THRESHOLD.fullmatch(text)
    if not match:
        raise UsageError(f"--fail-if {text} is no condition; give METRIC>NUMBER or METRIC<NUMBER, such as 'e_stab>0.05'.")
    name = match[1]
    if name not in METRICS:
        raise UsageError(f"--fail-if {text}: there is no metric {name!r}; known are {', '.join(METRICS)}.")
    if (needs := METRICS[name].needs) and needs not in given:
        raise UsageError(f"--fail-if {text}: {name} is measured against a second file; give {needs} too.")
    return Threshold(name, match[2], float(match[3]))
