"""How much steadier the temporal term makes a painting, and what it costs: e_stab, style loss and sharpness, side by side.

    python benchmarks/stability.py samples/harbour.mp4 samples/styles/night.jpg
    python benchmarks/stability.py CLIP STYLE --frames 0-23 --size 640 --judge raft-small=CHECKPOINT

Paints the clip twice, as it is and with `--temporal 0`, and judges both, before any video encoder, along one motion: the
true one where CLIP is `harbour.mp4` at its own size, else a flow that did not stabilise. Style loss is the mean over the
whole, the half and the quarter size of the first, middle and last frame.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent.parent))  # for `samples`, which is not installed

from samples import scene
from vidstyle.encoders import load_encoder
from vidstyle.flow import load_flow
from vidstyle.losses import STYLE_LAYERS, style_loss
from vidstyle.metrics import gradient_energy, stability_error
from vidstyle.options import Options
from vidstyle.painter import make_stylizer, shrunk
from vidstyle.pictures import read_picture, resize
from vidstyle.plan import Style, plan_video
from vidstyle.shots import cut_detector
from vidstyle.stream import paint_frames
from vidstyle.stylizers.target import StyleTarget
from vidstyle.video import decode, probe
from vidstyle.warp import visibility


def judged_motion(clip: Path, sources: list[Tensor], first: int, judge: str) -> list[tuple[Tensor, Tensor]]:
    """(to_last, visibility) for every frame after the first."""
    if clip.name == "harbour.mp4" and sources[0].shape[1] == scene.HEIGHT:
        steps = range(first + 1, first + len(sources))
        return [(torch.as_tensor(scene.true_flow(i, i - 1)), torch.as_tensor(scene.true_visibility(i, i - 1))) for i in steps]
    estimate, motions = load_flow(judge), []
    for last, this in pairwise(sources):
        flow = estimate(last, this)
        motions.append((flow.to_last, visibility(flow.to_last, flow.to_this)))
    return motions


def style_of(paintings: list[Tensor], target: StyleTarget) -> float:
    losses = []
    for image in (paintings[0], paintings[len(paintings) // 2], paintings[-1]):
        for scale in (1, 2, 4):
            shown = resize(image, (image.shape[1] // scale, image.shape[2] // scale))
            losses.append(float(style_loss(target.encoder(shown[None], STYLE_LAYERS), target.at(shown.shape[1]))))
    return sum(losses) / len(losses)


def painted(clip: Path, style: Style, options: Options, first: int, last: int) -> tuple[list[Tensor], list[Tensor]]:
    """The source's frames at the painted size and the paintings, as `vidstyle run` makes them, before the encoder."""
    plan = plan_video(clip, [style], clip.with_name("never-written.mkv"), options)
    source, estimate_flow = probe(clip), load_flow(options.flow)
    stylizer, _ = make_stylizer(plan, [style], source, estimate_flow, cut_detector(), lambda progress: None)
    frames = [shrunk(frame, plan) for frame in decode(source, first, last)]
    references = options.references if options.temporal else ()
    paintings = paint_frames(frames, stylizer, estimate_flow, cut_detector(), references=references)
    return [frame.image for frame in frames], [frame.image for frame in paintings]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("style", type=Path)
    parser.add_argument("--frames", default="0-23")
    parser.add_argument("--size", type=int, default=640)
    parser.add_argument("--method", default="feedforward")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--judge", default="raft-small", help="flow that judges; not the one that stabilises (dis)")
    args = parser.parse_args()
    first, last = map(int, args.frames.split("-"))

    style, sources, rows = Style(args.style), list[Tensor](), dict[str, tuple[list[Tensor], float]]()
    for name, temporal in (("per frame", 0.0), ("vidstyle", 1.0)):
        began = time.monotonic()
        options = Options(temporal=temporal, size=args.size, output_size=args.size, method=args.method, seed=args.seed)
        sources, paintings = painted(args.clip, style, options, first, last)
        rows[name] = paintings, time.monotonic() - began
    shape = sources[0].shape[1:]
    motions = judged_motion(args.clip, sources, first, args.judge)
    target = StyleTarget([read_picture(args.style)], [1.0], load_encoder("builtin"))
    print(f"{args.clip.name}, {args.style.name}, frames {args.frames}, {shape[1]}x{shape[0]}, {args.method}, seed {args.seed}")
    print(f"{'':12}{'e_stab':>9}{'style':>9}{'sharpness':>11}{'seconds':>9}")
    with torch.no_grad():
        for name, (paintings, seconds) in {"source": (sources, 0.0), **rows}.items():
            sharp = sum(float(gradient_energy(image)) for image in paintings) / len(paintings)
            steady = float(stability_error(paintings, motions))
            print(f"{name:12}{steady:9.4f}{style_of(paintings, target):9.4f}{sharp:11.4f}{seconds:9.1f}")


if __name__ == "__main__":
    main()
