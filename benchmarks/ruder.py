"""Ruder's method (`--key-every 1 --strokes 0`) along true motion: stability, the long-term loss, and several passes.

    python benchmarks/ruder.py sintel --data DATA       # pairs of MPI Sintel with true flow, in DATA/frames/sintel_gt
    python benchmarks/ruder.py long                     # a bar passes in front of a picture: earlier references, or not
    python benchmarks/ruder.py trails --sheet out.png   # the camera pans: one pass, and several

`sintel` prints e_stab, the root mean square change along the true motion where it is visible.

`long` prints it over one frame and over ten, and over ten where the bar was in between: what comes back into view should be
painted as it was.

`trails`: in one pass, what enters at the border is painted in the few steps of one frame, and held. The style loss of its
paint, mean over the layers, is compared with that of the same places in frames that are painted anew, and with that of the
rest. It is measured by VGG-19 (relu1_1 to relu3_1) if DATA has it, else by the builtin encoder. The distance of the paint to
that of the last frame would not do: a trail is steady, so that the distance is small where it stays for good.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent.parent))  # `benchmarks` and `samples` are not installed

from benchmarks.encoder import SHALLOW, TrueVGG
from benchmarks.known_motion import SAMPLES, Scene, panning, passing
from benchmarks.paintings import plan_of, read_frames, vidstyle_painter
from benchmarks.peers import VGG_FILE
from vidstyle.core.frame import Frame, Prior
from vidstyle.core.images import read_image, resize, size_at_height, write_png
from vidstyle.core.interfaces import Encoder
from vidstyle.core.options import Options
from vidstyle.encoders import load_encoder
from vidstyle.flow.truth import read_flo
from vidstyle.ops.losses import STYLE_LAYERS, gram, style_loss
from vidstyle.ops.metrics import squared_error
from vidstyle.ops.warp import warp
from vidstyle.painting.job import Painter
from vidstyle.run.paint import make_painter
from vidstyle.run.resume.fit_checkpoint import FitCheckpoint
from vidstyle.run.resume.folder import RunFolder
from vidstyle.temporal.loop import paint_frames
from vidstyle.temporal.multipass import paint_in_passes

RUDER = Options(device="cpu", key_every=1, strokes=0)

def at_size(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """A flow (2, h, w), in pixels, on a grid of another (height, width)."""
    factor = torch.tensor([size[1] / flow.shape[2], size[0] / flow.shape[1]])[:, None, None]
    # Not by `resize`, which clamps to [0, 1]: with it, figures of Sintel until November 2026 held for no true motion at all.
    return F.interpolate(flow[None], size, mode="bilinear", antialias=True)[0] * factor


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


def rms(scene: Scene, images: Sequence[Tensor], gap: int, where: Callable[[int], Tensor] = lambda k: torch.ones(1)) -> float:
    """e_stab over `gap` frames, where frame k - gap shows what frame k shows and `where(k)` is 1."""
    squares, count = 0.0, 0.0
    for k in range(gap, len(images)):
        shown = scene.visible(k - gap, k) * where(k)
        squares += float(((images[k] - warp(images[k - gap], scene.flow(k, k - gap))).square().mean(0) * shown).sum())
        count += float(shown.sum())
    return (squares / max(count, 1)) ** 0.5


def long(args: argparse.Namespace) -> None:
    scene = passing(args.count, args.size)

    def hidden(k: int) -> Tensor:
        """Where what frame k shows was hidden at some time in the ten frames before."""
        return 1 - torch.stack([scene.visible(j, k) for j in range(k - 9, k)]).amin(0)

    painter = build(args, scene)
    first = painter.stylize(scene.frames[0], ())

    def stylize(frame: Frame, priors: Sequence[Prior]) -> Tensor:
        return painter.stylize(frame, priors) if priors else first

    print(f"{'':26}{'e_stab':>9}{'gap 10':>9}{'hidden':>9}{'CPU s/frame':>13}")
    rows = [torch.cat([scene.frames[k].image for k in (0, 4, 10)], 2)]
    for references in ((1,), (1, 2, 4, 8), (1, 10)):
        began = time.process_time()
        images = [painted.painting for painted in paint_frames(scene.frames, stylize, scene.estimate, never,
                                                               references=references)]
        seconds = (time.process_time() - began) / (len(images) - 1)  # the first frame was painted before
        print(f"{f'references {references}':26}{rms(scene, images, 1):9.4f}{rms(scene, images, 10):9.4f}"
              f"{rms(scene, images, 10, hidden):9.4f}{seconds:13.2f}", flush=True)
        rows.append(torch.cat([images[k] for k in (0, 4, 10)], 2))
        if args.sheet:
            write_png(args.sheet, torch.cat(rows, 1))


def never(last: Frame, this: Frame) -> bool:
    return False


def build(args: argparse.Namespace, scene: Scene) -> Painter:
    """The painter of Ruder's method; its palette is that of the sample, from which the scenes are made."""
    plan = plan_of(SAMPLES / "harbour.mp4", args.style, replace(RUDER, size=args.size, passes=3, follow_steps=args.steps,
                                                                follow_init=args.init))
    with tempfile.TemporaryDirectory() as folder, RunFolder(Path(folder) / "painting", {}) as run:
        return make_painter(plan, partial(FitCheckpoint, run), scene.estimate, lambda progress: None)


@dataclass(frozen=True)
class Judge:
    """Style loss of a part of an image."""

    encoder: Encoder
    layers: Sequence[str]
    style: Tensor
    """(3, h, w) at the painted size."""

    @torch.no_grad()
    def __call__(self, image: Tensor, part: Tensor) -> float:
        """image: (3, H, W). part: (1, H, W), 1 where its features count."""
        found, wanted = (self.encoder(one[None], self.layers) for one in (image, self.style))
        inside = {layer: F.interpolate(part[None], value.shape[-2:], mode="area").flatten() > 0.5
                  for layer, value in found.items()}
        return float(style_loss({layer: value.flatten(2)[:, :, inside[layer]][..., None] for layer, value in found.items()},
                                {layer: gram(value) for layer, value in wanted.items()}))


def judge_of_style(args: argparse.Namespace) -> Judge:
    picture = read_image(args.style)
    style = resize(picture, size_at_height(picture.shape[1:], args.size, 32))
    if (args.data / VGG_FILE).exists():
        return Judge(TrueVGG(args.data / VGG_FILE).eval().requires_grad_(False), SHALLOW, style)
    return Judge(load_encoder("builtin"), STYLE_LAYERS, style)


def trails(args: argparse.Namespace) -> None:
    scene, style_of = panning(args.count, args.size), judge_of_style(args)
    painter, judged = build(args, scene), range(3, args.count, 3)
    assert painter.passes is not None
    new = {k: 1 - scene.visible(0, k) for k in judged}
    began = time.process_time()
    alone = [painter.stylize(frame, ()) for frame in scene.frames]
    of_one = (time.process_time() - began) / args.count
    anew = {k: alone[k] for k in judged}

    def stylize(frame: Frame, priors: Sequence[Prior]) -> Tensor:
        return painter.stylize(frame, priors) if priors else alone[frame.index]

    def mean(images: Mapping[int, Tensor] | Sequence[Tensor], *, entered: bool) -> float:
        return statistics.mean(style_of(images[k], new[k] if entered else 1 - new[k]) for k in judged)

    print(f"{'':10}{'entered':>9}{'the rest':>9}{'e_stab':>9}{'CPU s/frame':>13}")
    print(f"{'anew':10}{mean(anew, entered=True):9.4f}{mean(anew, entered=False):9.4f}{rms(scene, alone, 1):9.4f}"
          f"{of_one:13.2f}", flush=True)
    rows = [torch.cat([scene.frames[k].image for k in judged], 2), torch.cat(list(anew.values()), 2)]
    for passes in args.passes:
        began = time.process_time()
        painted = (paint_frames(scene.frames, stylize, scene.estimate, never) if passes == 1 else
                   paint_in_passes(scene.frames, stylize, painter.passes.repaint, scene.estimate, never, passes=passes))
        images = [one.painting for one in painted]
        seconds = (time.process_time() - began) / len(images) + of_one * (1 / len(images) if passes == 1 else 1)
        print(f"{passes:<10}{mean(images, entered=True):9.4f}{mean(images, entered=False):9.4f}{rms(scene, images, 1):9.4f}"
              f"{seconds:13.2f}", flush=True)
        rows.append(torch.cat([images[k] for k in judged], 2))
        if args.sheet:
            write_png(args.sheet, torch.cat(rows, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["sintel", "long", "trails"])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("VIDSTYLE_DATA") or "."))
    parser.add_argument("--style", type=Path, default=SAMPLES / "styles" / "night.jpg")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--count", type=int, default=12, help="frames of `long`, at least eleven, and of `trails`")
    parser.add_argument("--init", default=Options.follow_init, help="follow_init of `long` and `trails`")
    parser.add_argument("--passes", type=int, nargs="+", default=[1, 3, 5], help="of `trails`")
    parser.add_argument("--steps", type=int, default=Options.follow_steps, help="of `long` and `trails`, on each later frame")
    parser.add_argument("--sheet", type=Path, help="PNG of `trails` (source, painted anew, each number of passes) or `long`")
    args = parser.parse_args()
    {"sintel": sintel, "long": long, "trails": trails}[args.what](args)


if __name__ == "__main__":
    main()
