"""The report of an evaluation: one HTML file that holds all its images and needs no network."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidstyle import __version__
from vidstyle.core.atomic import PartFile, write_failed
from vidstyle.core.images import encode_jpeg, resize
from vidstyle.evaluate.record import PAINTING, SOURCE, WORST_FRAMES, Evaluation, Threshold, describe_metrics
from vidstyle.evaluate.run import JudgedFrame
from vidstyle.video import evenly_spaced

SLIDER_FRAMES = 60
"""Frames on the slider, spread over the clip; their images take about 5 MB."""
WIDTH = 480
"""Largest width of an image in the report, in pixels."""
POINTS = 1500
"""Largest number of points of one curve; more than a screen has pixels."""


@dataclass(frozen=True)
class Thumbnails:
    """JPEG files of one frame: the source, the painting, and the painting of the frame before."""

    source: bytes
    painting: bytes
    before: bytes | None


class ReportFrames:
    """Selects the frames of a report during the evaluation: some spread over the clip, and those with the largest error.

    Give `add` to `evaluate_video` as `on_frame`. About seventy small JPEGs are held, however long the clip is.
    """

    def __init__(self) -> None:
        self.thumbnails: dict[int, Thumbnails] = {}
        """By index of the frame in the source."""
        self._slider: set[int] = set()
        self._worst: dict[int, float] = {}
        self._before: bytes | None = None

    def add(self, judged: JudgedFrame) -> None:
        """Add the next frame; called for every judged frame, in order."""
        index = judged.source.index
        if judged.place == 0:
            self._slider = {index + place for place in evenly_spaced(judged.count, SLIDER_FRAMES)}
        height, width = judged.painting.shape[-2:]
        size = (max(1, round(height * WIDTH / width)), WIDTH) if width > WIDTH else (height, width)
        painting = encode_jpeg(resize(judged.painting, size))
        if judged.error is not None:
            self._worst[index] = judged.error
        dropped = self._drop_best()
        if index in self._slider or (index in self._worst and index != dropped):
            self.thumbnails[index] = Thumbnails(encode_jpeg(resize(judged.source.image, size)), painting, self._before)
        if dropped is not None and dropped not in self._slider:
            self.thumbnails.pop(dropped, None)
        self._before = painting

    def _drop_best(self) -> int | None:
        """Remove the frame with the smallest error if there are more than `WORST_FRAMES`, and return its index."""
        if len(self._worst) <= WORST_FRAMES:
            return None
        # Of equal errors the last frame is removed, because the sorted list of the evaluation keeps the first ones.
        best = min(reversed(self._worst), key=lambda index: self._worst[index])
        del self._worst[best]
        return best


def write_report(path: Path, evaluation: Evaluation, frames: ReportFrames, thresholds: Sequence[Threshold] = ()) -> None:
    """Write the report; it appears whole or not at all. Raises OutputError if the file cannot be written."""
    template = Path(__file__).with_name("report.html").read_text(encoding="utf-8")
    # "<" is written as \\u003c, so that no file name can close the script element that holds the data.
    data = json.dumps(_data(evaluation, frames, thresholds)).replace("<", "\\u003c")
    part = PartFile(path)
    part.create()
    try:
        part.path.write_text(template.replace("__DATA__", data), encoding="utf-8")
    except BaseException as error:
        part.discard()
        if isinstance(error, OSError):
            raise write_failed(path, error) from error
        raise
    part.finish()


def _data(evaluation: Evaluation, frames: ReportFrames, thresholds: Sequence[Threshold]) -> dict[str, Any]:
    """What the page shows, for JSON."""
    first = evaluation.frames[0]
    return {
        "version": __version__,
        "styled": evaluation.styled.name, "source": evaluation.source.name,
        "style": evaluation.style.name if evaluation.style else None,
        "baseline": evaluation.baseline.name if evaluation.baseline else None,
        "frames": evaluation.frames, "size": evaluation.size, "judge": evaluation.judge,
        "verdict": [vars(finding) for finding in evaluation.verdict()], "notes": evaluation.notes, "cuts": evaluation.cuts,
        "metrics": describe_metrics(),
        "values": evaluation.values, "layers": evaluation.style_layers,
        "thresholds": [{"condition": str(threshold), "hit": threshold.hit(evaluation)} for threshold in thresholds],
        "curves": {name: {clip: _thin(curve, first) for clip, curve in clips.items()}
                   for name, clips in evaluation.curves.items()},
        "worst": [vars(worst) for worst in evaluation.worst],
        "thumbnails": [
            {"frame": index, "seconds": evaluation.seconds[index - first],
             "errors": {clip: evaluation.curves["e_stab"][clip][index - first] for clip in (PAINTING, SOURCE)},
             "source": _uri(images.source), "painting": _uri(images.painting),
             "before": _uri(images.before) if images.before and index in {w.frame for w in evaluation.worst} else None}
            for index, images in sorted(frames.thumbnails.items())],
    }


def _thin(curve: list[float | None], first: int) -> list[tuple[int, float | None]]:
    """(frame, value) of a curve; of a long curve, the largest value of every few frames, so that no peak is lost."""
    step = -(-len(curve) // POINTS)
    points: list[tuple[int, float | None]] = []
    for start in range(0, len(curve), step):
        known = [(value, start + place) for place, value in enumerate(curve[start:start + step]) if value is not None]
        value, at = max(known) if known else (None, start)
        points.append((first + at, None if value is None else float(f"{value:.5g}")))
    return points


def _uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
