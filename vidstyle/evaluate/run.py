"""Evaluate a painted clip: read it, its source and a baseline frame by frame, and compute every metric."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.core.frame import Frame
from vidstyle.core.images import read_image, resize
from vidstyle.core.options import Options
from vidstyle.core.progress import Listener, Progress
from vidstyle.encoders import load_encoder
from vidstyle.evaluate.clips import ComparedClips
from vidstyle.evaluate.frame_metrics import FrameMetrics
from vidstyle.evaluate.judge import TRUTH, load_judge
from vidstyle.evaluate.record import BASELINE, BLURRED, CLIPS, GAP, PAINTING, SOURCE, WORST_FRAMES, Evaluation, Worst
from vidstyle.evaluate.stability import StabilityMetrics
from vidstyle.evaluate.style_metrics import StyleMetrics
from vidstyle.flow.farneback import NAME as FARNEBACK
from vidstyle.ops.metrics import blur
from vidstyle.temporal.shots import cut_detector
from vidstyle.video import ReadSettings, evenly_spaced

BLUR = 0.01
"""Deviation of the Gaussian that makes the clip `blurred`, in heights of the image: enough to remove every brush stroke."""
STYLE_FRAMES = 8
"""Frames on which the style metrics are computed, spread over the clip."""
READ_DEFAULTS = ReadSettings()


@dataclass(frozen=True)
class JudgedFrame:
    """One frame of a painting that was evaluated."""

    place: int
    """Its place among the judged frames, from 0."""
    count: int
    """How many frames are judged."""
    source: Frame
    """The source's frame, at the painting's size."""
    painting: Tensor
    """(3, H, W) in [0, 1]."""
    error: float | None
    """e_stab of the painting against the frame before; None for the first frame of a shot."""


FrameListener = Callable[[JudgedFrame], None]
"""Called with each frame in order."""


def evaluate_video(styled: Path, source: Path, *, style: Path | None = None, baseline: Path | None = None,
                   frames: tuple[int | None, int | None] | None = None, indices: tuple[int, int] | None = None,
                   read: ReadSettings = READ_DEFAULTS, judge_flow: str = FARNEBACK, stabilised_by: str = Options.flow,
                   truth: Path | None = None, encoder: str = Options.encoder, listen: Listener = lambda progress: None,
                   on_frame: FrameListener = lambda frame: None) -> Evaluation:
    """Compute every metric of the painting `styled` of the clip `source`; all clips are decoded once, in step.

    style: the style image; without it there are no style metrics. baseline: the same clip painted frame by frame.
    frames: first and last painted frame of the source, both included; needed if not all were painted. indices: the same
    by index, as a manifest states them; used where there are no `frames`. read: how all clips are read. judge_flow: the flow
    that judges; it must not be of the family of `stabilised_by`, the flow that the clip was painted with. truth: a folder for
    `vidstyle.flow.truth.Truth`, which judges instead. encoder: computes the features of the style metrics. Raises UsageError,
    InputError.
    """
    clips = ComparedClips(styled, source, baseline, frames, read, indices)
    first, last = clips.frames
    count, size = last - first + 1, clips.size
    names = tuple(name for name in CLIPS if name != BASELINE or baseline)
    sigma = BLUR * size[0]
    stability = StabilityMetrics(load_judge(judge_flow, stabilised_by, truth, size, clips.source_length - 1))
    per_frame = FrameMetrics(len(names), names.index(SOURCE))
    style_metrics = StyleMetrics(read_image(style), load_encoder(encoder)) if style else None
    style_frames = {first + place for place in evenly_spaced(count, STYLE_FRAMES)}
    is_cut, before = cut_detector(), None
    for place, found in enumerate(clips.read()):
        images = {name: resize(frame.image, size) for name, frame in found.items()}
        images[BLURRED] = blur(images[PAINTING], sigma)
        # Its seconds are then those that --start and --end take, also where the clock of the file begins late.
        frame = replace(found[SOURCE], image=images[SOURCE], pts=found[SOURCE].pts - clips.origin)
        stacked = torch.stack([images[name] for name in names])
        cut = before is not None and is_cut(before, frame)
        stability.add(frame, stacked, cut)
        per_frame.add(frame, stacked, cut)
        if style_metrics is not None and frame.index in style_frames:
            style_metrics.add(stacked, names.index(SOURCE))
        before = frame
        on_frame(JudgedFrame(place, count, frame, images[PAINTING], stability.last_error(names.index(PAINTING))))
        listen(Progress("judge", place + 1, count))

    values = {name: stability.values(clip) | per_frame.values(clip) | (style_metrics.values(clip) if style_metrics else {})
              for clip, name in enumerate(names)}
    _add_ratios(values)
    by_clip = {name: stability.curves(clip) | {"luma": [*per_frame.lumas[clip]]} for clip, name in enumerate(names)}
    curves = {metric: {name: by_clip[name][metric] for name in names} for metric in ("e_stab", "e_stab_10", "luma")}
    judge = TRUTH if truth else judge_flow
    notes = _notes(judge, stabilised_by, sigma, "e_stab_10" in values[PAINTING], baseline is not None)
    layers = style_metrics.layers(names.index(PAINTING)) if style_metrics else {}
    return Evaluation(styled, source, style, baseline, (first, last), (size[1], size[0]), judge, encoder, values, layers,
                      curves, per_frame.seconds, stability.visible_share(),
                      _worst(curves["e_stab"], first, per_frame.seconds), per_frame.cuts, notes)


def _add_ratios(values: dict[str, dict[str, float]]) -> None:
    """Add the metrics that are ratios to another clip's value; left out where that value is zero."""
    for name, metric, other in (("e_stab_to_source", "e_stab", SOURCE), ("e_stab_ratio", "e_stab", BASELINE),
                                ("sharpness_ratio", "sharpness", BASELINE)):
        whole = values.get(other, {}).get(metric)
        for found in values.values():
            if whole and metric in found:
                found[name] = found[metric] / whole


def _worst(errors: dict[str, list[float | None]], first: int, seconds: list[float]) -> list[Worst]:
    found = [Worst(first + place, seconds[place], error, own)
             for place, (error, own) in enumerate(zip(errors[PAINTING], errors[SOURCE], strict=True))
             if error is not None and own is not None]
    return sorted(found, key=lambda worst: -worst.e_stab)[:WORST_FRAMES]


def _notes(judge: str, stabilised_by: str, sigma: float, long: bool, baseline: bool) -> list[str]:
    notes = [
        "The true motion from files judged." if judge == TRUTH else
        f"The flow {judge} judged, on the source; the painting is taken to be stabilised by {stabilised_by}.",
        "The later frame is warped onto the grid of the earlier one, bilinear; all clips share the same masks.",
        f"e_stab_10 follows the flow composed over {GAP} frames." if long else
        f"e_stab_10 is left out: no shot has {GAP + 1} frames.",
        "The files were measured as they are, losses of their encoders included; --codec ffv1 has none.",
        f"The clip `blurred` is the painting under a Gaussian of {sigma:.2g} px: its values show what blur alone reaches."]
    if not baseline:
        notes.append("There is no baseline: paint the clip with --temporal 0 and give it as --baseline to compare with.")
    return notes
