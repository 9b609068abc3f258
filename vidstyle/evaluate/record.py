"""The metrics with their units, the record of one evaluation, and conditions on it."""

from __future__ import annotations

import operator
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vidstyle.core.errors import UsageError
from vidstyle.evaluate.verdict import Finding, findings

GAP = 10
"""Distance in frames between the two images of the long-term error `e_stab_10`."""
WORST_FRAMES = 5
"""How many of the frames with the largest `e_stab` are listed."""
PAINTING, SOURCE, BASELINE, BLURRED = CLIPS = ("painting", "source", "baseline", "blurred")
"""Names of the compared clips; `blurred` is the painting under a Gaussian."""


@dataclass(frozen=True)
class Metric:
    """One number that is computed for every compared clip."""

    unit: str
    better: str
    """`lower` or `higher`. No metric suffices alone: blur, for example, lowers every stability error."""
    meaning: str
    needs: str = ""
    """The option without which it is not computed; empty if none."""


METRICS: dict[str, Metric] = {
    "e_stab": Metric("RMS of sRGB 0-1", "lower", "change from frame to frame along the motion, over all pixels"),
    "e_stab_10": Metric("RMS of sRGB 0-1", "lower", "the same between frames ten apart"),
    "e_warp": Metric("mean square of RGB", "lower", "warping error of Lai et al. (2018), over visible pixels"),
    "e_stab_to_source": Metric("times the source's", "lower", "e_stab divided by that of the source"),
    "e_stab_ratio": Metric("times the baseline's", "lower", "e_stab divided by that of the baseline", "--baseline"),
    "flicker": Metric("deviation of luma 0-1", "lower", "changes of the mean luma from frame to frame, minus the source's"),
    "drift": Metric("distance in sRGB 0-1", "lower", "change of the mean colour within a shot, minus the source's"),
    "sharpness": Metric("mean difference of neighbours", "higher", "gradient energy; blur and missing strokes lower it"),
    "sharpness_ratio": Metric("times the baseline's", "higher", "sharpness divided by that of the baseline", "--baseline"),
    "ssim": Metric("up to 1", "higher", "structural similarity to the source; Gatys' paintings reach 0.55-0.70"),
    "content_loss": Metric("share of the source's", "lower", "squared distance of relu4_2 to the source's", "--style"),
    "style_loss": Metric("share of the style's", "lower", "squared distance of the Gram matrices to the style's", "--style"),
    "colour_distance": Metric("distance in sRGB 0-1", "lower", "distance of the colours to those of the style", "--style"),
}
"""Every metric by name; `vidstyle.ops.metrics` and `vidstyle.ops.losses` give formula, range and source."""


def describe_metrics() -> dict[str, dict[str, str]]:
    """Unit, direction and meaning of every metric, for JSON."""
    return {name: {"unit": metric.unit, "better": metric.better, "meaning": metric.meaning}
            for name, metric in METRICS.items()}


@dataclass(frozen=True)
class Worst:
    """One of the frames with the largest `e_stab`."""

    frame: int
    """Index in the source; the error is between the frame before it and this one."""
    seconds: float
    """Presentation time, on the source's clock."""
    e_stab: float
    source: float
    """e_stab of the source between the same two frames."""


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation."""

    styled: Path
    source: Path
    style: Path | None
    baseline: Path | None
    frames: tuple[int, int]
    """First and last frame of the source that were judged, both included."""
    size: tuple[int, int]
    """Width and height of the painting in pixels; all clips were compared at this size."""
    judge: str
    """The flow that judged, or `truth`."""
    encoder: str
    values: dict[str, dict[str, float]]
    """By clip (`painting`, `source`, `baseline`, `blurred`), then by metric; without metrics that could not be computed."""
    style_layers: dict[str, dict[str, float]]
    """Style loss of the painting by scale (`1`, `1/2`, `1/4`), then by layer."""
    curves: dict[str, dict[str, list[float | None]]]
    """`e_stab`, `e_stab_10` and `luma` by clip, then one value a frame; None where there is no earlier frame to compare."""
    seconds: list[float]
    """Presentation time of each frame, on the source's clock."""
    visible: dict[str, float]
    """Share of the pixels that are visible in both frames of a pair, for `e_stab` and `e_stab_10`."""
    worst: list[Worst]
    """Frames with the largest `e_stab`, largest first."""
    cuts: list[int]
    """Frames of the source that start a new shot; nothing is compared across a cut."""
    notes: list[str]
    """How the clip was measured, one sentence each."""

    def verdict(self) -> list[Finding]:
        """The result in a filmmaker's words, the most important first, and where to look."""
        where = [Finding(f"Look first at frame {worst.frame} ({worst.seconds:.2f} s): it changes most from the frame before.",
                         f"e_stab {worst.e_stab:.3g}, source {worst.source:.3g}") for worst in self.worst[:1]]
        return [*findings(self.values), *where]

    def as_dict(self) -> dict[str, Any]:
        """The record for JSON, with the verdict and the unit of every metric."""
        return asdict(self) | {"verdict": [str(finding) for finding in self.verdict()], "metrics": describe_metrics()}


@dataclass(frozen=True)
class Threshold:
    """A condition under which the painting fails, such as `e_stab>0.05`."""

    metric: str
    sign: str
    limit: float

    def __str__(self) -> str:
        return f"{self.metric}{self.sign}{self.limit:g}"

    def hit(self, evaluation: Evaluation) -> bool:
        """Whether the condition is met. Raises UsageError if the metric could not be computed."""
        value = evaluation.values[PAINTING].get(self.metric)
        if value is None:
            raise UsageError(f"--fail-if {self}: {self.metric} could not be measured on this clip; leave the condition out.")
        return bool(_SIGNS[self.sign](value, self.limit))


_SIGNS = {">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le}
_THRESHOLD = re.compile(r"\s*(\w+)\s*(>=|<=|>|<)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*", re.IGNORECASE)


def parse_threshold(text: str, given: set[str]) -> Threshold:
    """Parse a condition such as `e_stab>0.05`. given: those of the options `--style` and `--baseline` that were given.

    Raises UsageError for another form, an unknown metric, or a metric that needs an option that was not given.
    """
    match = _THRESHOLD.fullmatch(text)
    if not match:
        raise UsageError(f"--fail-if {text} is not a condition; give METRIC>NUMBER or METRIC<NUMBER, such as 'e_stab>0.05'.")
    name = match[1]
    if name not in METRICS:
        raise UsageError(f"--fail-if {text}: there is no metric {name!r}; known are {', '.join(METRICS)}.")
    if (needs := METRICS[name].needs) and needs not in given:
        raise UsageError(f"--fail-if {text}: {name} is measured against a second file; give {needs} too.")
    return Threshold(name, match[2], float(match[3]))
