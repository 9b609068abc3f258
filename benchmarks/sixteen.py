"""Four clips in four styles by `--method feedforward`: stability, style loss, sharpness, and a contact sheet.

    python benchmarks/sixteen.py DATA --sheet sheet.jpg
    python benchmarks/sixteen.py DATA --clips 0 1 --optimizer

DATA holds `video/` and `style/`. Each clip is fitted and painted by `--method feedforward`, and again with `--temporal 0`. Both
are measured before a video encoder, along a flow that did not stabilise. Columns: e_stab over 1 and 10 frames, each with its
ratio to that of `--temporal 0`; both e_stab of the source, the lowest values to expect; style loss; ratio of the sharpness to
that of `--temporal 0`; seconds to fit, and for each frame. With `--optimizer`, the middle frame is also painted by
gradient descent (`--method optimize --key-every 1 --strokes 0`), and the style loss of both paintings of that frame follows.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent.parent))  # `benchmarks` and `samples` are not installed

from benchmarks.paintings import judge_of, measured, plan_of, read_frames, vidstyle_painter
from vidstyle.core.images import read_image, resize
from vidstyle.core.options import Options
from vidstyle.encoders import load_encoder
from vidstyle.evaluate.style_metrics import StyleMetrics

CLIPS = ("sam2_02_cups.mp4", "sam2_04_coffee.mp4", "mdn_flower.mp4", "exo_video_big_buck_bunny.mp4")
STYLES = ("nst_starry_night.jpg", "gord_vg_la_cafe.jpg", "nstf_water_lilies_crop.jpg", "fns_udnie.jpg")
CELL = (270, 480)  # height and width on the sheet


def style_loss_of(painting: Tensor, style: Tensor) -> float:
    """Style loss of one painting (3, H, W) in [0, 1], as `vidstyle evaluate` computes it."""
    metrics = StyleMetrics(style, load_encoder("builtin"))
    metrics.add(painting[None].expand(2, -1, -1, -1), source=0)
    return metrics.values(1)["style_loss"]


def save(image: Tensor, path: Path) -> None:
    """Write an image (3, H, W) in [0, 1] in the format of the file name."""
    cv2.imwrite(str(path), (image.flip(0).permute(1, 2, 0) * 255).round().byte().numpy())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--clips", type=int, nargs="+", default=range(4), help="numbers of the four, counted from 0")
    parser.add_argument("--styles", type=int, nargs="+", default=range(4), help="numbers of the four, counted from 0")
    parser.add_argument("--first", type=int, default=30)
    parser.add_argument("--count", type=int, default=14, help="frames painted")
    parser.add_argument("--size", type=int, default=640)
    parser.add_argument("--steps", type=int, default=Options.fit_steps)
    parser.add_argument("--judge", default="farneback", help="flow that judges; not the stabilising flow (dis)")
    parser.add_argument("--optimizer", action="store_true")
    parser.add_argument("--sheet", type=Path, help="JPEG or PNG file of the painted middle frames, one row for each clip")
    args = parser.parse_args()
    options = Options(method="feedforward", size=args.size, output_size=args.size, fit_steps=args.steps, device="cpu")
    print(f"{'':34}{'e_stab':>8}{'times':>7}{'gap 10':>8}{'times':>7}{'source':>8}{'gap 10':>8}{'style':>8}{'sharp':>7}"
          f"{'fit s':>7}{'s/frame':>9}", flush=True)
    rows = list[Tensor]()
    for clip in (args.data / "video" / CLIPS[place] for place in args.clips):
        row = list[Tensor]()
        for image in (args.data / "style" / STYLES[place] for place in args.styles):
            plan, style = plan_of(clip, image, options), read_image(image)
            sources = read_frames(plan, args.first, args.first + args.count - 1)
            paint, fit_seconds = vidstyle_painter(plan)
            began = time.monotonic()
            ours = list(paint(sources))
            seconds = (time.monotonic() - began) / args.count
            paint_alone, _ = vidstyle_painter(replace(plan, options=replace(options, temporal=0)))
            clips = {"source": [frame.image for frame in sources], "ours": ours, "alone": list(paint_alone(sources))}
            height, width = sources[0].image.shape[1:]
            found = measured(clips, sources, style, judge_of(clip, (height, width), args.judge, options.flow))
            a, b, c = found["ours"], found["alone"], found["source"]
            line = f"{clip.stem[:16]} {image.stem[:16]}"
            print(f"{line:34}{a['e_stab']:8.4f}{a['e_stab'] / b['e_stab']:7.2f}{a['e_stab_10']:8.4f}"
                  f"{a['e_stab_10'] / b['e_stab_10']:7.2f}{c['e_stab']:8.4f}{c['e_stab_10']:8.4f}"
                  f"{a['style_loss']:8.4f}{a['sharpness'] / b['sharpness']:7.2f}"
                  f"{fit_seconds:7.0f}{seconds:9.3f}", end="", flush=True)
            middle = args.count // 2
            if args.optimizer:
                descent = replace(options, method="optimize", key_every=1, strokes=0)
                best, _ = vidstyle_painter(replace(plan, options=descent))
                one = next(iter(best([sources[middle]])))
                print(f"   optimizer {style_loss_of(one, style):.4f}, fitted {style_loss_of(ours[middle], style):.4f}", end="")
            print(flush=True)
            row.append(resize(ours[middle], CELL))
        rows.append(torch.cat(row, 2))
        if args.sheet:
            save(torch.cat(rows, 1), args.sheet)


if __name__ == "__main__":
    main()
