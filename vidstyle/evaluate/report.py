"""The report: one HTML file with its pictures inside, which a director opens offline."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidstyle import __version__
from vidstyle.core.atomic import PartFile, write_failed
from vidstyle.core.images import jpeg, resize
from vidstyle.evaluate.record import METRICS, PAINTING, SOURCE, Evaluation, Threshold
from vidstyle.evaluate.run import LISTED, Seen
from vidstyle.video import evenly_spaced

SHOWN = 60  # frames on the slider, spread over the clip; about 5 MB
WIDTH = 480  # pixels across
POINTS = 1500  # of one curve; more than a screen has pixels


@dataclass(frozen=True)
class Shot:
    """One frame as the report shows it: JPEG files of the source, the painting, and the painting one frame earlier."""

    source: bytes
    painting: bytes
    before: bytes | None


class Album:
    """Picks frames for the report while they go by: some spread over the clip, and the least steady so far.

    Give `look` to `evaluate_video` as `watch`. It holds about seventy small JPEGs, however long the clip is.
    """

    def __init__(self) -> None:
        self.shots: dict[int, Shot] = {}
        """By frame number in the source."""
        self._chosen: set[int] = set()
        self._worst: dict[int, float] = {}
        self._before: bytes | None = None

    def look(self, seen: Seen) -> None:
        """Take in the next frame."""
        frame = seen.source.index
        if seen.place == 0:
            self._chosen = {frame + place for place in evenly_spaced(seen.count, SHOWN)}
        height, width = seen.painting.shape[-2:]
        size = (max(1, round(height * WIDTH / width)), WIDTH) if width > WIDTH else (height, width)
        shown = jpeg(resize(seen.painting, size))
        if seen.error is not None:
            self._worst[frame] = seen.error
        dropped = self._drop()
        if frame in self._chosen or (frame in self._worst and frame != dropped):
            self.shots[frame] = Shot(jpeg(resize(seen.source.image, size)), shown, self._before)
        if dropped is not None and dropped not in self._chosen:
            self.shots.pop(dropped, None)
        self._before = shown

    def _drop(self) -> int | None:
        """Forget the steadiest of the worst frames where there are more than will be listed; say which."""
        if len(self._worst) <= LISTED:
            return None
        # Of equals the last is dropped, as a sort by error keeps the first.
        steadiest = min(reversed(self._worst), key=lambda index: self._worst[index])
        del self._worst[steadiest]
        return steadiest


def write_report(path: Path, evaluation: Evaluation, album: Album, thresholds: Sequence[Threshold] = ()) -> None:
    """Write the report; it appears whole or not at all. Raises OutputError where the file cannot be written."""
    template = Path(__file__).with_name("report.html").read_text(encoding="utf-8")
    # "<" as \\u003c: nothing in a file's name can then close the script that holds the data.
    data = json.dumps(_data(evaluation, album, thresholds)).replace("<", "\\u003c")
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


def _data(evaluation: Evaluation, album: Album, thresholds: Sequence[Threshold]) -> dict[str, Any]:
    """What the page draws, in types that JSON knows."""
    first = evaluation.frames[0]
    return {
        "version": __version__,
        "styled": evaluation.styled.name, "source": evaluation.source.name,
        "style": evaluation.style.name if evaluation.style else None,
        "baseline": evaluation.baseline.name if evaluation.baseline else None,
        "frames": evaluation.frames, "size": evaluation.size, "judge": evaluation.judge,
        "verdict": evaluation.verdict(), "notes": evaluation.notes, "cuts": evaluation.cuts,
        "metrics": {name: {"unit": metric.unit, "better": metric.better, "meaning": metric.meaning}
                    for name, metric in METRICS.items()},
        "values": evaluation.values, "layers": evaluation.style_layers,
        "thresholds": [{"condition": str(threshold), "hit": threshold.hit(evaluation)} for threshold in thresholds],
        "curves": {name: {row: _thin(curve, first) for row, curve in rows.items()}
                   for name, rows in evaluation.curves.items()},
        "worst": [vars(worst) for worst in evaluation.worst],
        "shots": [{"frame": index, "seconds": evaluation.seconds[index - first],
                   "errors": {row: evaluation.curves["e_stab"][row][index - first] for row in (PAINTING, SOURCE)},
                   "source": _uri(shot.source), "painting": _uri(shot.painting),
                   "before": _uri(shot.before) if shot.before and index in {w.frame for w in evaluation.worst} else None}
                  for index, shot in sorted(album.shots.items())],
    }


def _thin(curve: list[float | None], first: int) -> list[tuple[int, float | None]]:
    """(frame, number) of a curve; a long one keeps the largest number of every run of frames, so that no peak is lost."""
    run = -(-len(curve) // POINTS)
    points: list[tuple[int, float | None]] = []
    for start in range(0, len(curve), run):
        there = [(number, start + place) for place, number in enumerate(curve[start:start + run]) if number is not None]
        number, at = max(there) if there else (None, start)
        points.append((first + at, None if number is None else float(f"{number:.5g}")))
    return points


def _uri(picture: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(picture).decode("ascii")
