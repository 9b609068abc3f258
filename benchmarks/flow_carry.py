"""How far each optical flow carries a key frame: over twelve frames, composed and refined as the key frames of a run are.

    python benchmarks/flow_carry.py dis raft --data DATA
    python benchmarks/flow_carry.py dis raft=FILE --data DATA --clip sam2_02_cups.mp4 --clip mdn_flower.mp4

DATA, by default the environment variable VIDSTYLE_DATA, holds `video/`. Columns, means over the key frames of a clip: the share
of the frame where the carried paint is trusted, in both directions; the mean difference, in codes of 8 bits, between the frame
and the key frame itself carried to it, where it is trusted and everywhere; seconds of motion for each pair of frames. The
difference is measured on the source, so that no flow judges itself.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent.parent))  # `benchmarks` is not installed

from vidstyle.core.frame import FlowPair
from vidstyle.core.images import resize, size_at_height
from vidstyle.core.interfaces import FlowEstimator
from vidstyle.flow import load_flow
from vidstyle.flow.refine import refine
from vidstyle.ops.warp import TRUSTED, trust, warp
from vidstyle.temporal.intervals import follow
from vidstyle.video import open_source

CLIPS = ("sam2_02_cups.mp4", "sam2_04_coffee.mp4", "sam2_03_blocks.mp4", "mdn_flower.mp4", "mdn_friday.mp4",
         "exo_video_big_buck_bunny.mp4")
FRAMES = 12
"""Over which a key frame is carried: about half of the longest distance between two of them."""
HEIGHT = 360


def carried(images: Sequence[Tensor], estimate: FlowEstimator) -> tuple[list[float], float]:
    """For a key frame, the first of `images`, carried to the last of them: trusted share, difference where it is trusted,
    difference everywhere; and the seconds of one motion."""
    path: FlowPair | None = None
    seconds = 0.0
    for distance, (last, this) in enumerate(pairwise(images), 1):
        began = time.perf_counter()
        step = estimate(last, this)
        seconds += time.perf_counter() - began
        path = follow(images[0], this, path, step, distance, refine)
    assert path is not None, "at least two images are given"
    trusted = trust(images[0], images[-1], path) >= TRUSTED
    difference = (warp(images[0], path.to_last) - images[-1]).abs().mean(0, keepdim=True) * 255
    return [float(trusted.float().mean()), float(difference[trusted].mean()), float(difference.mean())], seconds / FRAMES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flows", nargs="*", default=["dis", "raft"], help="names as for `vidstyle run --flow`")
    data = os.environ.get("VIDSTYLE_DATA")
    parser.add_argument("--data", type=Path, default=data, required=data is None)
    parser.add_argument("--clip", action="append", help="a clip in DATA/video; without it, six of them")
    parser.add_argument("--starts", type=int, nargs="+", default=[4, 28, 60], help="key frames of each clip")
    args = parser.parse_args()
    flows = {name: load_flow(name) for name in args.flows}
    print(f"{'clip':30}{'flow':8}{'trusted':>9}{'differs':>9}{'everywhere':>12}{'seconds':>9}")
    found: dict[str, list[list[float]]] = {name: [] for name in flows}
    for clip in args.clip or CLIPS:
        source = open_source(args.data / "video" / clip)
        for name, estimate in flows.items():
            values = []
            for start in args.starts:
                decoded = [frame.image for frame in source.decode(start, start + FRAMES)]
                size = size_at_height((decoded[0].shape[-2], decoded[0].shape[-1]), HEIGHT, 64)
                means, seconds = carried([resize(image, size) for image in decoded], estimate)
                values.append([*means, seconds])
            mean = torch.tensor(values).mean(0).tolist()
            found[name].append(mean)
            print(_line(clip, name, mean), flush=True)
    for name, means in found.items():
        print(_line("mean", name, torch.tensor(means).mean(0).tolist()))


def _line(clip: str, flow: str, values: Sequence[float]) -> str:
    trusted, inside, everywhere, seconds = values
    return f"{clip:30}{flow.partition('=')[0]:8}{trusted:9.1%}{inside:9.2f}{everywhere:12.2f}{seconds:9.2f}"


if __name__ == "__main__":
    main()
