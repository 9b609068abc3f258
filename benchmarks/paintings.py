"""What the benchmarks of whole paintings share: paint a clip as `vidstyle run` does, up to the encoder, and judge paintings."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from samples import scene
from vidstyle.core.frame import Frame
from vidstyle.core.options import Options
from vidstyle.encoders import load_encoder
from vidstyle.evaluate.judge import Judge, Link, load_judge
from vidstyle.evaluate.look import Look
from vidstyle.evaluate.run import LOOKED_AT
from vidstyle.evaluate.steady import Steadiness
from vidstyle.flow import load_flow
from vidstyle.ops.metrics import gradient_energy, ssim
from vidstyle.run.painter import make_stylizer, shrunk
from vidstyle.run.plan import Plan, Style, plan_video
from vidstyle.run.resume.checkpoint import Work
from vidstyle.temporal.loop import paint_frames
from vidstyle.temporal.shots import cut_detector
from vidstyle.video import evenly_spaced, open_source

Painter = Callable[[Iterable[Frame]], Iterator[Tensor]]
"""The frames of a clip, in order, to paintings (3, H, W) in [0, 1]."""


def plan_of(clip: Path, style: Path, options: Options) -> Plan:
    return plan_video(clip, [Style(style)], Path(tempfile.gettempdir()) / "never-written.mkv", options)


def read_frames(plan: Plan, first: int, last: int) -> list[Frame]:
    """The source's frames at the painted size, `last` included."""
    return [shrunk(frame, plan) for frame in open_source(plan.source).decode(first, last)]


def vidstyle_painter(plan: Plan, style: Path) -> tuple[Painter, float]:
    """What paints as `plan` says, flow and warp included, and the seconds it took to make (the fit, where there is one)."""
    began, options = time.monotonic(), plan.options
    source, estimate_flow, is_cut = open_source(plan.source), load_flow(options.flow), cut_detector()
    with tempfile.TemporaryDirectory() as folder, Work(Path(folder) / "work", {}, 0) as work:
        stylize, _ = make_stylizer(plan, [Style(style)], source, estimate_flow, is_cut, lambda progress: None, work)
    references = () if options.temporal == 0 else options.references if options.method == "optimize" else (1,)

    def paint(frames: Iterable[Frame]) -> Iterator[Tensor]:
        return (painted.painting for painted in paint_frames(frames, stylize, estimate_flow, is_cut, references=references))

    return paint, time.monotonic() - began


def judge_of(clip: Path, size: tuple[int, int], flow: str, stabilised_by: str) -> Judge:
    """The true motion where `clip` is the sample `harbour.mp4` at its own (height, width), else the flow called `flow`."""
    if clip.name == "harbour.mp4" and size == (scene.HEIGHT, scene.WIDTH):
        return _harbour
    return load_judge(flow, stabilised_by, None, size, 0)


def _harbour(last: Frame, this: Frame) -> Link:
    ahead, visible = scene.true_flow(last.index, this.index), scene.true_visibility(last.index, this.index)
    return Link(torch.as_tensor(ahead), torch.as_tensor(visible))


@torch.no_grad()
def measured(clips: Mapping[str, Sequence[Tensor]], sources: Sequence[Frame], style: Tensor,
             judge: Judge) -> dict[str, dict[str, float]]:
    """By clip: the metrics of `vidstyle evaluate` on steadiness and look, `sharpness` and `ssim`, all on the same frames.

    clips: paintings of `sources`, one a frame; the first clip must be the source itself.
    """
    steady, look, is_cut = Steadiness(judge), Look(style, load_encoder("builtin")), cut_detector()
    looked_at = evenly_spaced(len(sources), LOOKED_AT)
    for place, frame in enumerate(sources):
        pictures = torch.stack([clip[place] for clip in clips.values()])
        steady.see(frame, pictures, cut=place > 0 and is_cut(sources[place - 1], frame))
        if place in looked_at:
            look.see(pictures, source=0)
    return {name: steady.numbers(row) | look.numbers(row) | {
        "sharpness": statistics.mean(map(gradient_energy, clip)),
        "ssim": statistics.mean(ssim(picture, frame.image) for picture, frame in zip(clip, sources, strict=True)),
    } for row, (name, clip) in enumerate(clips.items())}
