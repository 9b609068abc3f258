"""Ruder's method (`--key-every 1 --strokes 0`) along true motion: stability, the long-term loss, and several passes.

    python benchmarks/ruder.py sintel --data DATA       # pairs of MPI Sintel with true flow, in DATA/frames/sintel_gt
    python benchmarks/ruder.py long                     # the sample, with and without earlier references
    python benchmarks/ruder.py trails --sheet out.png   # something leaves the picture: one pass, and three

`sintel` and `long` print e_stab, the root mean square change along the true motion where it is visible; `long` that over ten
frames too. `trails`: a textured square leaves a still picture at its left border. What it uncovers should be painted as it
will stay: the mean difference of that region to the last frame, in codes of 255, is the trail. Beside it the style loss of the
region's surroundings in the builtin encoder, so that nothing is won by painting less.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent.parent))  # `benchmarks` and `samples` are not installed

from benchmarks.paintings import plan_of, read_frames, vidstyle_painter
from samples import scene
from vidstyle.core.frame import FlowPair, Frame
from vidstyle.core.images import read_image, resize, write_png
from vidstyle.core.options import Options
from vidstyle.evaluate.judge import JudgeMotion
from vidstyle.evaluate.stability import StabilityMetrics
from vidstyle.flow.truth import read_flo
from vidstyle.ops.losses import STYLE_LAYERS, style_loss
from vidstyle.ops.metrics import squared_error
from vidstyle.ops.warp import warp
from vidstyle.run.paint import make_painter
from vidstyle.run.resume.fit_checkpoint import FitCheckpoint
from vidstyle.run.resume.folder import RunFolder

RUDER = Options(device="cpu", key_every=1, strokes=0)
SAMPLES = Path(__file__).parent.parent / "samples"
SQUARE, TOP, STEP, FRAMES = 64, 20, 8, 10
"""Of `trails`: side of the square, its first row, its motion in a frame, all in px; number of frames."""


def at_size(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """A flow (2, h, w), in pixels, on a grid of another (height, width)."""
    factor = torch.tensor([size[1] / flow.shape[2], size[0] / flow.shape[1]])[:, None, None]
    return resize(flow, size) * factor


def sintel(args: argparse.Namespace) -> None:
    print(f"{'':16}{'e_stab':>9}{'source':>9}")
    found = []
    for clip in ("easy", "medium"):
        folder = args.data / "frames" / "sintel_gt" / "clean" / clip
        options = replace(RUDER, size=args.size, fps=Fraction(24))
        plan = plan_of(folder / "frame_####.png", args.style, options)
        sources = read_frames(plan, 0, 2)  # the flow leads from the second frame to the third
        flow = read_flo(folder / "gt" / "frame_0002.flo")
        size = (sources[0].image.shape[1], sources[0].image.shape[2])
        hidden = read_image(folder / "gt" / "occlusions" / "frame_0002.png")[:1]
        across, down = (torch.arange(size[1]) + at_size(flow, size)[0], torch.arange(size[0])[:, None] + at_size(flow, size)[1])
        inside = (across >= 0) & (across <= size[1] - 1) & (down >= 0) & (down <= size[0] - 1)
        visible = (resize(hidden, size) < 0.01).float() * inside
        to_later, (paint, _) = at_size(flow, size), vidstyle_painter(plan)
        images = list(paint(sources))
        painted, source = (squared_error(one, warp(other, to_later), visible).sqrt().item()
                           for one, other in ((images[1], images[2]), (sources[1].image, sources[2].image)))
        found.append(painted)
        print(f"{clip:16}{painted:9.4f}{source:9.4f}", flush=True)
    print(f"{'mean':16}{sum(found) / len(found):9.4f}")


def long(args: argparse.Namespace) -> None:
    print(f"{'':26}{'e_stab':>9}{'gap 10':>9}{'CPU s/frame':>13}")
    sources = list[Frame]()
    clips = dict[str, tuple[list[Tensor], float]]()
    for name, changes in (("one reference", {}), ("references 1, 2, 4, 8", {"references": (1, 2, 4, 8)})):
        plan = plan_of(SAMPLES / "harbour.mp4", args.style, Options(**{**vars(RUDER), "size": args.size, **changes}))
        sources, began = read_frames(plan, 30, 30 + args.count - 1), time.process_time()
        paint, _ = vidstyle_painter(plan)
        images = list(paint(sources))
        clips[name] = images, (time.process_time() - began) / len(images)
    clips["source"] = [frame.image for frame in sources], 0.0
    size = (sources[0].image.shape[1], sources[0].image.shape[2])

    def judge(last: Frame, this: Frame) -> JudgeMotion:
        visible = torch.as_tensor(scene.true_visibility(last.index, this.index)).float()
        return JudgeMotion(at_size(torch.as_tensor(scene.true_flow(last.index, this.index)).float(), size),
                           (resize(visible, size) > 0.99).float())

    metrics = StabilityMetrics(judge)
    for place, frame in enumerate(sources):
        metrics.add(frame, torch.stack([images[place] for images, _ in clips.values()]), cut=False)
    for number, (name, (_, seconds)) in enumerate(clips.items()):
        values = metrics.values(number)
        print(f"{name:26}{values['e_stab']:9.4f}{values.get('e_stab_10', float('nan')):9.4f}{seconds:13.2f}")


def leaving(size: int) -> tuple[list[Frame], Iterator[tuple[int, int]]]:
    """The frames of `trails`, and the columns that each has uncovered."""
    plan = plan_of(SAMPLES / "harbour.mp4", SAMPLES / "styles" / "night.jpg", Options())
    picture = next(iter(plan.source.decode(0, 0))).image
    background = resize(picture, (round(size * picture.shape[1] / picture.shape[2]), size))
    square = read_image(SAMPLES / "styles" / "garden.jpg")[:, 100:100 + SQUARE, 100:100 + SQUARE]
    frames = []
    for k in range(FRAMES):
        image, edge = background.clone(), max(0, SQUARE - STEP * k)
        image[:, TOP:TOP + SQUARE, :edge] = square[:, :, SQUARE - edge:]
        frames.append(Frame(image, k, Fraction(1, 24), k))
    return frames, ((max(0, SQUARE - STEP * k), SQUARE) for k in range(FRAMES))


def true_motion(frames: list[Frame]) -> object:
    """The motion between two neighbouring frames of `leaving`, which is found by their images."""
    def estimate(last: Tensor, this: Tensor) -> FlowPair:
        one, other = (min(range(FRAMES), key=lambda k: float((frames[k].image - image).abs().sum())) for image in (last, this))
        flows = []
        for here, there in ((other, one), (one, other)):
            flow = torch.zeros(2, *this.shape[1:])
            flow[0, TOP:TOP + SQUARE, :max(0, SQUARE - STEP * here)] = STEP * (here - there)
            flows.append(flow)
        return FlowPair(*flows)
    return estimate


def trails(args: argparse.Namespace) -> None:
    import tempfile

    from vidstyle.temporal.loop import paint_frames
    from vidstyle.temporal.multipass import paint_in_passes

    frames, columns = leaving(args.size)
    uncovered, rows = list(columns), []
    plan = plan_of(SAMPLES / "harbour.mp4", args.style, replace(RUDER, size=args.size, passes=3, follow_steps=args.steps))
    with tempfile.TemporaryDirectory() as folder, RunFolder(Path(folder) / "painting", {}) as run:
        painter = make_painter(plan, partial(FitCheckpoint, run), true_motion(frames), lambda progress: None)  # type: ignore[arg-type]
    assert painter.passes is not None
    from vidstyle.encoders import load_encoder
    from vidstyle.painting.style import StyleTarget
    encoder = load_encoder("builtin")
    style = StyleTarget([read_image(args.style)], [1.0], encoder)
    print(f"{'passes':10}{'trail':>9}{'style':>9}{'CPU s/frame':>13}")
    for passes in (1, 3):
        began = time.process_time()
        painted: Iterable[object] = (
            paint_frames(frames, painter.stylize, true_motion(frames), lambda last, this: False) if passes == 1 else  # type: ignore[arg-type]
            paint_in_passes(frames, painter.stylize, painter.passes.repaint, true_motion(frames), lambda last, this: False,  # type: ignore[arg-type]
                            passes=passes))
        images = [one.painting for one in painted]  # type: ignore[attr-defined]
        seconds = (time.process_time() - began) / len(images)
        differences, losses = [], []
        for k in range(1, SQUARE // STEP):
            begin, end = uncovered[k]
            region = slice(TOP, TOP + SQUARE), slice(begin, end)
            differences.append((images[k][:, *region] - images[-1][:, *region]).abs().mean())
            corner = images[k][None, :, TOP - 16:TOP + SQUARE + 16, :SQUARE + 16]
            with torch.no_grad():
                losses.append(style_loss(encoder(corner, STYLE_LAYERS), style.grams(images[k].shape[1])))
        print(f"{passes:<10}{255 * float(torch.stack(differences).mean()):9.2f}{float(torch.stack(losses).mean()):9.4f}"
              f"{seconds:13.2f}", flush=True)
        rows.append(torch.cat([images[k][:, :, :SQUARE + 40] for k in (0, 2, 4, 6, 8, FRAMES - 1)], 2))
        if args.sheet:
            write_png(args.sheet, torch.cat(rows, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["sintel", "long", "trails"])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("VIDSTYLE_DATA") or "."))
    parser.add_argument("--style", type=Path, default=SAMPLES / "styles" / "night.jpg")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--count", type=int, default=14, help="frames of `long`, at least eleven")
    parser.add_argument("--steps", type=int, default=Options.follow_steps, help="of `trails`, for each later frame")
    parser.add_argument("--sheet", type=Path, help="PNG of `trails`: a row for each number of passes")
    args = parser.parse_args()
    {"sintel": sintel, "long": long, "trails": trails}[args.what](args)


if __name__ == "__main__":
    main()
