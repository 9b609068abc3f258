"""Judge a painted clip: read it beside its source, frame by frame, and gather every number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.core.errors import InputError, UsageError
from vidstyle.core.frame import Frame
from vidstyle.core.images import read_picture, resize
from vidstyle.core.options import Options
from vidstyle.core.progress import Listener, Progress
from vidstyle.encoders import load_encoder
from vidstyle.evaluate.judge import TRUTH, load_judge
from vidstyle.evaluate.look import Look
from vidstyle.evaluate.record import BASELINE, BLURRED, GAP, PAINTING, SOURCE, Evaluation, Worst
from vidstyle.evaluate.steady import Steadiness, curve
from vidstyle.flow.farneback import NAME as FARNEBACK
from vidstyle.ops.metrics import blur, drift, flicker, gradient_energy, luma, ssim
from vidstyle.temporal.shots import cut_detector
from vidstyle.video import Clip, Source, evenly_spaced, open_source

BLUR = 0.01  # of the picture's height: the control's blur, strong enough to lose every brush stroke
LOOKED_AT = 8  # frames that the encoder sees, spread over the clip
LISTED = 5  # of the worst frames
SMALLEST = 16  # pixels on a side, below which there is nothing to judge

@dataclass(frozen=True)
class Seen:
    """One frame as it goes by."""

    place: int
    """Its place among the judged frames, from 0."""
    count: int
    """How many frames are judged."""
    source: Frame
    """The source's frame, at the painting's size."""
    painting: Tensor
    """(3, H, W) in [0, 1]."""
    error: float | None
    """e_stab of the painting against the frame before; None for the first of a shot."""


Watcher = Callable[[Seen], None]


def evaluate_video(styled: Path, source: Path, *, style: Path | None = None, baseline: Path | None = None,
                   frames: tuple[int, int] | None = None, judge_flow: str = FARNEBACK, stabilised_by: str = Options().flow,
                   truth: Path | None = None, encoder: str = "builtin", listen: Listener = lambda progress: None,
                   watch: Watcher | None = None) -> Evaluation:
    """Judge the painting `styled` of the clip `source`, both read once, in step.

    style: the picture it was painted after; without one, nothing is said about style. baseline: the same clip painted
    frame by frame. frames: which frames of the source were painted, both included; needed where it is not all of them.
    truth: a folder for `vidstyle.flow.truth.Truth`; else the flow `judge_flow` judges, which must not be of the family
    of `stabilised_by`. Raises UsageError, InputError.
    """
    paths = {PAINTING: styled, SOURCE: source} | ({BASELINE: baseline} if baseline else {})
    sources = {row: open_source(path) for row, path in paths.items()}
    clips = {row: opened.clip for row, opened in sources.items()}
    first, last = _range(clips, frames)
    size = (clips[PAINTING].height, clips[PAINTING].width)
    if min(size) < SMALLEST:
        raise InputError(f"{styled}: is {size[1]}x{size[0]}; there is nothing to judge below {SMALLEST} pixels.")
    judge = load_judge(judge_flow, stabilised_by, truth, size, clips[SOURCE].frames - 1)
    look = Look(read_picture(style), load_encoder(encoder)) if style else None
    rows, sigma = (*clips, BLURRED), BLUR * size[0]
    steady, tally = Steadiness(judge), _Tally(rows)
    is_cut, before = cut_detector(), None
    looked_at = {first + place for place in evenly_spaced(last - first + 1, LOOKED_AT)}
    readers = {row: _read(opened, clips[SOURCE], first, last) for row, opened in sources.items()}
    for read in zip(*readers.values(), strict=True):
        found = dict(zip(clips, read, strict=True))
        frame = replace(found[SOURCE], image=resize(found[SOURCE].image, size))
        images = [resize(picture.image, size) for picture in found.values()]
        pictures = torch.stack([*images, blur(images[0], sigma)])
        cut = before is not None and is_cut(before, frame)
        steady.see(frame, pictures, cut)
        tally.see(frame, pictures, cut)
        if look is not None and frame.index in looked_at:
            look.see(pictures, rows.index(SOURCE))
        before, done, error = frame, len(tally.seconds), steady.squares[-1]
        if watch is not None:
            watch(Seen(done - 1, last - first + 1, frame, pictures[0], None if error is None else math.sqrt(error[0])))
        listen(Progress("judge", done, last - first + 1))

    values = {row: steady.numbers(place) | tally.numbers(place) | (look.numbers(place) if look else {})
              for place, row in enumerate(rows)}
    _add_ratios(values)
    curves = {name: {row: curve(squares, place) for place, row in enumerate(rows)}
              for name, squares in (("e_stab", steady.squares), ("e_stab_10", steady.long_squares))}
    curves["luma"] = {row: [*tally.lumas[place]] for place, row in enumerate(rows)}
    judged_by = TRUTH if truth else judge_flow
    notes = _notes(judged_by, stabilised_by, sigma, "e_stab_10" in values[PAINTING], baseline is not None)
    layers = look.layers(0) if look else {}
    return Evaluation(styled, source, style, baseline, (first, last), (size[1], size[0]), judged_by, encoder, values,
                      layers, curves, tally.seconds, steady.visible(), _worst(curves["e_stab"], first, tally.seconds),
                      tally.cuts, notes)


def _range(clips: dict[str, Clip], frames: tuple[int, int] | None) -> tuple[int, int]:
    """Which frames of the source were painted. Raises InputError where the clips' lengths do not fit together."""
    source, styled = clips[SOURCE], clips[PAINTING]
    if frames is None and styled.frames != source.frames:
        raise InputError(f"{styled.path}: has {styled.frames} frames and {source.path} has {source.frames}; say which of "
                         "them were painted with --frames A-B.")
    first, last = source.select(frames)
    if styled.frames != last - first + 1:
        raise UsageError(f"--frames {first}-{last} are {last - first + 1} frames and {styled.path} has {styled.frames}; "
                         "give the range that was painted.")
    baseline = clips.get(BASELINE)
    if baseline is not None and baseline.frames not in (styled.frames, source.frames):
        raise InputError(f"{baseline.path}: has {baseline.frames} frames and {styled.path} has {styled.frames}; "
                         "paint the same range frame by frame.")
    return first, last


def _read(read: Source, source: Clip, first: int, last: int) -> Iterator[Frame]:
    """The judged frames of one clip: all of them, or those that the source's numbers name."""
    return read.decode(first, last) if read.clip.frames == source.frames else read.decode()


class _Tally:
    """Numbers of single frames, by row and by shot."""

    def __init__(self, rows: tuple[str, ...]) -> None:
        self.seconds: list[float] = []
        self.cuts: list[int] = []
        self.lumas: list[list[float]] = [[] for _ in rows]
        self._source = rows.index(SOURCE)
        self._colours: list[list[list[float]]] = [[] for _ in rows]
        self._sharpness = [0.0 for _ in rows]
        self._ssim = [0.0 for _ in rows]
        self._shots: list[int] = []

    def see(self, frame: Frame, pictures: Tensor, cut: bool) -> None:
        if cut:
            self.cuts.append(frame.index)
        if cut or not self.seconds:
            self._shots.append(len(self.seconds))
        self.seconds.append(frame.seconds)
        for row, picture in enumerate(pictures):
            self.lumas[row].append(float(luma(picture).mean()))
            colour: list[float] = (picture.mean((1, 2)) - pictures[self._source].mean((1, 2))).tolist()
            self._colours[row].append(colour)
            self._sharpness[row] += gradient_energy(picture)
            self._ssim[row] += ssim(picture, pictures[self._source])

    def numbers(self, row: int) -> dict[str, float]:
        """The means over all frames, and flicker and drift over all shots; the source has none against itself."""
        count = len(self.seconds)
        found = {"sharpness": self._sharpness[row] / count, "ssim": self._ssim[row] / count}
        if row == self._source:
            return found
        shots = [slice(a, b) for a, b in zip(self._shots, [*self._shots[1:], count], strict=True)]
        light = [one - other for one, other in zip(self.lumas[row], self.lumas[self._source], strict=True)]
        return found | {"flicker": flicker(light[shot] for shot in shots),
                        "drift": drift(self._colours[row][shot] for shot in shots)}


def _add_ratios(values: dict[str, dict[str, float]]) -> None:
    """The numbers that only mean something beside another row's; left out where that one is zero."""
    for name, metric, row in (("e_stab_to_source", "e_stab", SOURCE), ("e_stab_ratio", "e_stab", BASELINE),
                              ("sharpness_ratio", "sharpness", BASELINE)):
        whole = values.get(row, {}).get(metric)
        for found in values.values():
            if whole and metric in found:
                found[name] = found[metric] / whole


def _worst(errors: dict[str, list[float | None]], first: int, seconds: list[float]) -> list[Worst]:
    found = [Worst(first + place, seconds[place], error, own)
             for place, (error, own) in enumerate(zip(errors[PAINTING], errors[SOURCE], strict=True))
             if error is not None and own is not None]
    return sorted(found, key=lambda worst: -worst.e_stab)[:LISTED]


def _notes(judge: str, stabilised_by: str, sigma: float, long: bool, baseline: bool) -> list[str]:
    who = "The true motion from files judged." if judge == TRUTH else (
        f"The flow {judge} judged, on the source; {stabilised_by} is taken to have steadied the paint.")
    notes = [who, "The later frame is pulled back onto the earlier one, bilinear; all rows share the same masks."]
    notes.append(f"e_stab_10 follows the flow chained over {GAP} frames." if long else
                 f"e_stab_10 is left out: no shot has {GAP + 1} frames.")
    notes.append("All is measured on the files as they are, so an encoder's own loss counts; --codec ffv1 has none.")
    notes.append(f"The blurred row is the painting under a Gaussian of {sigma:.2g} px: what blur alone would buy.")
    if not baseline:
        notes.append("No baseline: paint the clip with --temporal 0 and give it as --baseline to compare with.")
    return notes
