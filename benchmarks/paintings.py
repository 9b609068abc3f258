"""Shared by the benchmarks of paintings: paint a clip as `vidstyle run` does, up to the encoder, and compute metrics."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from samples import scene
from vidstyle.core.frame import Frame
from vidstyle.core.options import Options
from vidstyle.encoders import load_encoder
from vidstyle.evaluate.judge import Judge, JudgeMotion, load_judge
from vidstyle.evaluate.run import STYLE_FRAMES
from vidstyle.evaluate.stability import StabilityMetrics
from vidstyle.evaluate.style_metrics import StyleMetrics
from vidstyle.flow import load_flow
from vidstyle.flow.refine import refine
from vidstyle.ops.metrics import gradient_energy, ssim
from vidstyle.painting.methods import find_method
from vidstyle.painting.style_picture import Style
from vidstyle.run.paint import make_painter
from vidstyle.run.plan import Plan, plan_video
from vidstyle.run.resume.fit_checkpoint import FitCheckpoint
from vidstyle.run.resume.folder import RunFolder
from vidstyle.run.sampling import at_paint_size
from vidstyle.temporal.key_frames import paint_by_key_frames
from vidstyle.temporal.loop import paint_frames
from vidstyle.temporal.multipass import paint_in_passes
from vidstyle.temporal.shots import cut_detector
from vidstyle.video import evenly_spaced

PaintClip = Callable[[Iterable[Frame]], Iterator[Tensor]]
"""The frames of a clip, in order -> their paintings, each (3, H, W) in [0, 1]."""


def plan_of(clip: Path, style: Path, options: Options) -> Plan:
    """The plan of a run whose output is never written."""
    return plan_video(clip, [Style(style)], Path(tempfile.gettempdir()) / "never-written.mkv", options)


def read_frames(plan: Plan, first: int, last: int) -> list[Frame]:
    """The frames `first` to `last` of the source, both included, at the painted size."""
    return [at_paint_size(frame, plan) for frame in plan.source.decode(first, last)]


def vidstyle_painter(plan: Plan) -> tuple[PaintClip, float]:
    """A painter for `plan`, flow and warp included, and the seconds that its preparation took (a fit, if there is one)."""
    began, estimate_flow = time.monotonic(), load_flow(plan.options.flow)
    with tempfile.TemporaryDirectory() as folder, RunFolder(Path(folder) / "painting", {}) as run:
        painter = make_painter(plan, partial(FitCheckpoint, run), estimate_flow, lambda progress: None)
    references = find_method(plan.options.method).references(plan.options)

    def paint(frames: Iterable[Frame]) -> Iterator[Tensor]:
        keys, passes, is_cut = painter.key_frames, painter.passes, cut_detector()
        painted_frames = paint_frames(frames, painter.stylize, estimate_flow, is_cut, references=references)
        if keys is not None:
            painted_frames = paint_by_key_frames(frames, keys.paint, keys.mend, estimate_flow, is_cut, every=keys.every,
                                                 refine_flow=refine)
        elif passes is not None:
            painted_frames = paint_in_passes(frames, painter.stylize, passes.repaint, estimate_flow, is_cut,
                                             passes=passes.count, references=references)
        return (painted.painting if keys is None else keys.show(painted.source, painted.painting) for painted in painted_frames)

    return paint, time.monotonic() - began


def judge_of(clip: Path, size: tuple[int, int], flow: str, stabilised_by: str) -> Judge:
    """The true motion if `clip` is the sample `harbour.mp4` at its own (height, width), else the flow `flow`."""
    if clip.name == "harbour.mp4" and size == (scene.HEIGHT, scene.WIDTH):
        return _harbour
    return load_judge(flow, stabilised_by, None, size, 0)


def _harbour(last: Frame, this: Frame) -> JudgeMotion:
    to_later, visible = scene.true_flow(last.index, this.index), scene.true_visibility(last.index, this.index)
    return JudgeMotion(torch.as_tensor(to_later), torch.as_tensor(visible))


@torch.no_grad()
def measured(clips: Mapping[str, Sequence[Tensor]], sources: Sequence[Frame], style: Tensor,
             judge: Judge) -> dict[str, dict[str, float]]:
    """By clip: stability and style metrics of `vidstyle evaluate`, `sharpness` and `ssim`, all on the same frames.

    clips: the paintings of `sources`, one a frame; the first clip must be the source itself. style: (3, H, W) in [0, 1].
    """
    stability, style_metrics, is_cut = StabilityMetrics(judge), StyleMetrics(style, load_encoder("builtin")), cut_detector()
    style_frames = evenly_spaced(len(sources), STYLE_FRAMES)
    for place, frame in enumerate(sources):
        images = torch.stack([clip[place] for clip in clips.values()])
        stability.add(frame, images, cut=place > 0 and is_cut(sources[place - 1], frame))
        if place in style_frames:
            style_metrics.add(images, source=0)
    return {name: stability.values(index) | style_metrics.values(index) | {
        "sharpness": statistics.mean(map(gradient_energy, clip)),
        "ssim": statistics.mean(ssim(image, frame.image) for image, frame in zip(clip, sources, strict=True)),
    } for index, (name, clip) in enumerate(clips.items())}
