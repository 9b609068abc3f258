"""Effect of the temporal loss on a painting: e_stab, style loss, sharpness and seconds, with and without it.

    python benchmarks/stability.py samples/harbour.mp4 samples/styles/night.jpg
    python benchmarks/stability.py CLIP STYLE --frames 0-23 --size 640 --judge raft-small=CHECKPOINT

The clip is painted by `--method feedforward`, or the method given, and again with `--temporal 0`. Both paintings are measured
before a video encoder, with the metrics of `vidstyle evaluate`, along the true motion if CLIP is `harbour.mp4` at its own size,
else along a flow that did not stabilise. `benchmarks/peers.py` measures published networks in the same way.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent.parent))  # `benchmarks` and `samples` are not installed

from benchmarks.paintings import judge_of, measured, plan_of, read_frames, vidstyle_painter
from vidstyle.core.frame import Frame
from vidstyle.core.images import read_image
from vidstyle.core.options import Options


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("style", type=Path)
    parser.add_argument("--frames", default="0-23")
    parser.add_argument("--size", type=int, default=640)
    parser.add_argument("--method", default="feedforward")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--judge", default="raft-small", help="flow that judges; not the stabilising flow (dis)")
    args = parser.parse_args()
    first, last = map(int, args.frames.split("-"))

    sources, clips, seconds = list[Frame](), dict[str, list[Tensor]](), {"source": 0.0}
    for name, temporal in (("per frame", 0.0), ("vidstyle", 1.0)):
        began = time.monotonic()
        options = Options(temporal=temporal, size=args.size, output_size=args.size, method=args.method, seed=args.seed,
                          device="cpu")
        plan = plan_of(args.clip, args.style, options)
        sources = read_frames(plan, first, last)
        paint, _ = vidstyle_painter(plan)
        clips[name] = list(paint(sources))
        seconds[name] = time.monotonic() - began
    clips = {"source": [frame.image for frame in sources], **clips}
    height, width = sources[0].image.shape[1:]
    judge = judge_of(args.clip, (height, width), args.judge, Options().flow)
    print(f"{args.clip.name}, {args.style.name}, frames {args.frames}, {width}x{height}, {args.method}, seed {args.seed}")
    print(f"{'':12}{'e_stab':>9}{'style':>9}{'sharpness':>11}{'seconds':>9}")
    for name, found in measured(clips, sources, read_image(args.style), judge).items():
        print(f"{name:12}{found['e_stab']:9.4f}{found['style_loss']:9.4f}{found['sharpness']:11.4f}{seconds[name]:9.1f}")


if __name__ == "__main__":
    main()
