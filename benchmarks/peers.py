"""Quality and seconds: one clip and style image through vidstyle and through published networks.

    python benchmarks/peers.py CLIP mosaic.jpg --frames 0-11 --size 640 --network mosaic.safetensors
    python benchmarks/peers.py samples/harbour.mp4 samples/styles/night.jpg --peer microast --sheet sheet.png

The peers (`benchmarks/peer_networks.py`) paint every frame on its own, with the weights in DATA (by default the environment
variable VIDSTYLE_DATA): `weights/fast_neural_style`, each trained for one style image, and `weights/microast`, for any. The
paintings are measured before a video encoder, with the metrics of `vidstyle evaluate`, along the true motion if CLIP is
`harbour.mp4` at its own size, else along a flow that did not stabilise. Columns: e_stab over one frame and over ten; e_warp;
style loss by the builtin encoder, which vidstyle was fitted with, and by VGG-19 (relu1_1 to relu3_1, if DATA has it), which
it was not; SSIM to the source; sharpness; seconds a frame; their ratio to those of fast_neural_style; seconds to fit.

vidstyle paints by `--method feedforward`, or by the default of `vidstyle run` with `--method optimize`.

Everything runs on the CPU in its default precision: the peers in float32, vidstyle in bfloat16 if the processor has AMX. The
seconds of vidstyle include flow and warp. Reading the clip is not counted. Seconds are the median of `--rounds` rounds over
all frames but the first; the painters take turns, on as many threads as torch has (OMP_NUM_THREADS).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent.parent))  # `benchmarks`, `samples` and `training` are not installed

from benchmarks.encoder import SHALLOW, TrueVGG, mean_style_loss
from benchmarks.paintings import PaintClip, judge_of, measured, plan_of, read_frames, vidstyle_painter
from benchmarks.peer_networks import FIXED, PEERS, load_peer
from vidstyle.core.frame import Frame
from vidstyle.core.images import read_image, write_png
from vidstyle.core.options import Options

VGG_FILE = "weights/vgg19_oxford_bgr_conv1_1-conv3_4.pth"
ALONE, OURS = "per frame", "vidstyle"


@dataclass(frozen=True)
class PainterRow:
    """One row of the table; None if a value does not apply."""

    name: str
    e_stab: float | None
    e_stab_10: float | None
    e_warp: float | None
    style: float | None
    vgg_style: float | None
    ssim: float | None
    sharpness: float | None
    seconds: float | None
    """Per frame."""
    times: float | None
    """Ratio to the seconds of fast_neural_style."""
    fit: float | None
    """Seconds, once for each clip and style."""


FORMATS = {"e_stab": ".4f", "e_stab_10": ".4f", "e_warp": ".5f", "style": ".4f", "vgg_style": ".4f", "ssim": ".3f",
           "sharpness": ".4f", "seconds": ".3f", "times": ".2f", "fit": ".0f"}


def make_painters(args: argparse.Namespace, options: Options) -> tuple[dict[str, PaintClip], dict[str, float]]:
    """Every painter by name, and the seconds of those fits that were done now."""
    found, fits = dict[str, PaintClip](), dict[str, float]()
    for name, temporal in ((ALONE, 0.0), (OURS, 1.0)):
        # `per frame` gets a network fitted without the temporal loss: the other one, painting without priors, is worse.
        file = args.network if temporal or args.network is None else args.network.with_stem(f"{args.network.stem}-alone")
        fitted = args.method == "feedforward" and (file is None or not file.exists())
        plan = plan_of(args.clip, args.style, replace(options, network=file, temporal=temporal))
        found[name], seconds = vidstyle_painter(plan)
        fits |= {name: seconds} if fitted else {}
    for name in args.peer:
        found[name] = _peer(name, args.data / "weights", read_image(args.style))
    return found, fits


def _peer(name: str, weights: Path, style: Tensor) -> PaintClip:
    paint_one = load_peer(name, weights, style)

    def paint(frames: Iterable[Frame]) -> Iterator[Tensor]:
        return (paint_one(frame.image) for frame in frames)

    return paint


def paint_in_turns(painters: Mapping[str, PaintClip], frames: Sequence[Frame],
                   rounds: int) -> tuple[dict[str, list[Tensor]], dict[str, float]]:
    """The paintings of each painter, and its seconds per frame: the median over the rounds."""
    paintings, seconds = dict[str, list[Tensor]](), defaultdict[str, list[float]](list)
    for _ in range(rounds):
        for name, paint in painters.items():
            paintings_of_round = paint(frames)
            first = next(paintings_of_round)  # not timed: the first call is slower, and the first frame needs no flow
            began = time.perf_counter()
            paintings[name] = [first, *paintings_of_round]
            seconds[name].append((time.perf_counter() - began) / (len(frames) - 1))
    return paintings, {name: statistics.median(found) for name, found in seconds.items()}


def vgg_style(clips: Mapping[str, Sequence[Tensor]], style: Tensor, weights: Path) -> dict[str, float]:
    """Style loss by VGG-19 of the first, middle and last painting of each clip at three scales; empty without weights."""
    if not weights.is_file():
        return {}
    vgg = TrueVGG(weights).eval().requires_grad_(False)
    return {name: statistics.mean(mean_style_loss(vgg, SHALLOW, clip[place], style) for place in (0, len(clip) // 2, -1))
            for name, clip in clips.items()}


def trained_for(peer: str, style: Path) -> bool:
    """Whether `peer` paints in `style`; a network for one style image has its name."""
    return peer not in FIXED or peer in style.stem


def table(args: argparse.Namespace) -> tuple[list[PainterRow], dict[str, list[Tensor]]]:
    """One row for the source and for each painter, and their frames."""
    first, last = args.frames
    options = Options(size=args.size, output_size=args.size, method=args.method, seed=args.seed, device="cpu")
    sources = read_frames(plan_of(args.clip, args.style, options), first, last)
    painters, fits = make_painters(args, options)
    paintings, seconds = paint_in_turns(painters, sources, args.rounds)
    clips = {"source": [frame.image for frame in sources], **paintings}
    height, width = sources[0].image.shape[1:]
    style, judge = read_image(args.style), judge_of(args.clip, (height, width), args.judge, options.flow)
    found, vgg = measured(clips, sources, style, judge), vgg_style(clips, style, args.data / VGG_FILE)
    reference = next((seconds[name] for name in FIXED if name in seconds), None)
    rows = []
    for name, numbers in found.items():
        comparable = trained_for(name, args.style)
        spent = seconds.get(name)
        rows.append(PainterRow(name, numbers.get("e_stab"), numbers.get("e_stab_10"), numbers.get("e_warp"),
                        numbers["style_loss"] if comparable else None, vgg.get(name) if comparable else None, numbers["ssim"],
                        numbers["sharpness"], spent, spent / reference if spent and reference else None, fits.get(name)))
    return rows, clips


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("style", type=Path)
    parser.add_argument("--frames", default="0-11", help="first and last, both painted; 0-10 or more for e_stab_10")
    parser.add_argument("--size", type=int, default=640, help="longest side painted, in pixels")
    parser.add_argument("--peer", choices=PEERS, action="append",
                        help="may be repeated; default: those trained for STYLE (else mosaic, for its seconds) and microast")
    parser.add_argument("--method", default="feedforward", choices=("feedforward", "optimize"))
    parser.add_argument("--network", type=Path, help="file of the fitted network; FILE-alone is that of `per frame`")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--judge", default="farneback", help="flow that judges; not of the family of dis, which stabilises")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=os.environ.get("VIDSTYLE_DATA") or None)
    parser.add_argument("--sheet", type=Path, help="write the first, middle and last frame of all clips side by side as PNG")
    parser.add_argument("--json", action="store_true", help="one JSON object per row")
    args = parser.parse_args(argv)
    args.frames = tuple(map(int, args.frames.split("-")))
    if args.frames[0] >= args.frames[1]:
        parser.error("--frames: give two frames or more, such as 0-11")
    if args.data is None:
        parser.error("the peers' weights are needed: set VIDSTYLE_DATA or give --data")
    if args.peer is None:
        args.peer = [*([name for name in FIXED if trained_for(name, args.style)] or FIXED[:1]), "microast"]
    return args


def main(argv: Sequence[str] | None = None) -> None:
    args = arguments(argv)
    rows, clips = table(args)
    height, width = clips["source"][0].shape[1:]
    first, last = args.frames
    title = f"{args.clip.name}, {args.style.name}, frames {first}-{last}, {width}x{height}, {args.method}, seed {args.seed}"
    threads = torch.get_num_threads()
    if args.json:
        for row in rows:
            known = {key: round(value, 5) if isinstance(value, float) else value for key, value in asdict(row).items()}
            print(json.dumps({"of": title, "threads": threads, **known}))
    else:
        print(f"{title}, {threads} thread{'s' if threads > 1 else ''}")
        print(f"{'':12}" + "".join(f"{name:>10}" for name in FORMATS))
        for row in rows:
            cells = [(getattr(row, name), form) for name, form in FORMATS.items()]
            print(f"{row.name:12}" + "".join(f"{'-' if value is None else format(value, form):>10}" for value, form in cells))
        for name in args.peer:
            if not trained_for(name, args.style):
                print(f"{name} was trained for another style image: only its stability and seconds are comparable.")
    if args.sheet:
        places = (0, len(clips["source"]) // 2, -1)
        write_png(args.sheet, torch.cat([torch.cat([clip[place] for clip in clips.values()], 2) for place in places], 1))


if __name__ == "__main__":
    main()
