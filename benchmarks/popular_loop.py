"""CPU seconds, style and content loss of vidstyle, beside the loop that popular programs for single images run on every frame.

    python benchmarks/popular_loop.py samples/harbour.mp4 samples/styles/night.jpg --data DATA
    python benchmarks/popular_loop.py CLIP STYLE --data DATA --frames 30-41 --size 256 --sheet sheet.png

The loop is that of neural-style-pt, one scale, each frame anew: L-BFGS on pixels from the frame itself, content weight 5, style
weight 100, total variation 0.001, the authors' VGG-19 with max pooling and values of 0 to 255. DATA (by default VIDSTYLE_DATA)
holds VGG-19 to relu3_4, so style is relu1_1 to relu3_1 and content relu3_3. All frames cost the loop the same, so it paints
the middle one; vidstyle paints them all: with its defaults, with `--preset final`, and with Ruder's method (`--key-every 1
--strokes 0`). Its CPU seconds include what it does before the first frame. `anew` and `keys` descend on the loop's own losses,
by L-BFGS and from the frame in its own colours: `anew` the middle frame alone, `keys` key frames, carried to the others.

All are judged on the middle frame, by the normalised Gram loss and content loss of `vidstyle.ops.losses`: in the layers that
the loop descends on, so that the judge is the loop's own, and in all five of VGG-19 compressed 16 times (content relu4_2). `at`
and `its content` say after how many CPU seconds the loop first has as low a style loss, and its content loss then; `ratio` is
these seconds over vidstyle's. The judge's seconds are not counted.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent.parent))  # `benchmarks`, `samples` and `training` are not installed

from benchmarks.encoder import SHALLOW, TeacherEncoder, TrueVGG
from benchmarks.paintings import plan_of, read_frames, vidstyle_painter
from benchmarks.peers import VGG_FILE
from training.teachers import Teacher
from vidstyle.core.config import load_options
from vidstyle.core.images import read_image, resize, size_at_height, write_png
from vidstyle.core.interfaces import Encoder
from vidstyle.core.options import Options
from vidstyle.ops.losses import CONTENT_LAYER, STYLE_LAYERS, content_loss, gram, style_loss
from vidstyle.painting.palette import Palette
from vidstyle.painting.style import StyleTarget

COMPRESSED_FILE = "weights/collab_distill/encoder5.pth"
CONTENT = "relu3_3"
CONTENT_WEIGHT, STYLE_WEIGHT, TV_WEIGHT = 5.0, 100.0, 1e-3  # the defaults of neural-style-pt
SAME = Options(strokes=0, optimizer="lbfgs", style_layers=SHALLOW, content_weight=0.08, tv_weight=0.01, optimize_steps=100)
ROWS = {"vidstyle": Options(), "final": load_options("final"), "Ruder": Options(key_every=1, strokes=0),
        "anew": replace(SAME, key_every=1, temporal=0), "keys": SAME}
LOG_EVERY = 5  # evaluations of the loop


class Judge:
    """Style and content loss of paintings of one frame, in the layers of one encoder."""

    def __init__(self, encoder: Encoder, style_layers: Sequence[str], content_layer: str, frame: Tensor, style: Tensor) -> None:
        self.encoder, self.style_layers, self.content_layer = encoder, style_layers, content_layer
        with torch.no_grad():
            self.grams = {layer: gram(value) for layer, value in encoder(style[None], style_layers).items()}
            self.content = encoder(frame[None], [content_layer])[content_layer]

    @torch.no_grad()
    def __call__(self, painting: Tensor) -> tuple[float, float]:
        found = self.encoder(painting[None], [*self.style_layers, self.content_layer])
        style = {layer: found[layer] for layer in self.style_layers}
        return float(style_loss(style, self.grams)), float(content_loss(found[self.content_layer], self.content))


@dataclass(frozen=True)
class Point:
    """The loop after some of its evaluations."""

    evaluations: int
    seconds: float
    losses: tuple[float, float]
    """Style and content, by the layers that it descends on."""


def popular_loop(vgg: Encoder, judge: Judge, frame: Tensor, style: Tensor, iterations: int) -> tuple[Tensor, list[Point]]:
    """`frame` (3, H, W) in [0, 1], painted in the style of `style` (3, h, w) as neural-style-pt does, and the way there."""
    layers = [*SHALLOW, CONTENT]
    with torch.no_grad():
        wanted = vgg(frame[None], layers)[CONTENT]
        grams = {layer: gram(value) / value.shape[1] for layer, value in vgg(style[None], SHALLOW).items()}
    image = (frame[None] * 255).clone().requires_grad_()
    optimizer = torch.optim.LBFGS([image], lr=1, max_iter=iterations, tolerance_change=-1, tolerance_grad=-1)
    points, judging, began, count = list[Point](), 0.0, time.process_time(), 0

    def log() -> None:
        nonlocal judging
        now = time.process_time()
        points.append(Point(count, now - began - judging, judge(shown())))
        judging += time.process_time() - now

    def shown() -> Tensor:
        return image.detach()[0].div(255).clamp(0, 1)

    def closure() -> Tensor:
        nonlocal count
        if count <= 2 * LOG_EVERY or count % LOG_EVERY == 0:
            log()
        count += 1
        optimizer.zero_grad()
        found = vgg(image / 255, layers)
        loss = CONTENT_WEIGHT * F.mse_loss(found[CONTENT], wanted)
        for layer in SHALLOW:  # it divides Gram matrices by all elements, `gram` by the positions
            loss = loss + STYLE_WEIGHT * F.mse_loss(gram(found[layer]) / found[layer].shape[1], grams[layer])
        across, down = image[..., 1:] - image[..., :-1], image[..., 1:, :] - image[..., :-1, :]
        loss = loss + TV_WEIGHT * (across.abs().sum() + down.abs().sum())
        loss.backward()
        return loss.detach()

    optimizer.step(closure)
    log()
    return shown(), points


@dataclass(frozen=True)
class Shallow:
    """VGG-19 to relu3_3 as an encoder of vidstyle: content is measured there, and no style below relu3_1."""

    vgg: Encoder

    def __call__(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        at_hand = {layer: CONTENT if layer == CONTENT_LAYER else layer if layer in SHALLOW else SHALLOW[0] for layer in layers}
        found = self.vgg(image, sorted(set(at_hand.values())))
        return {layer: found[name] for layer, name in at_hand.items()}


@contextmanager
def loops_losses(vgg: Encoder) -> Iterator[None]:
    """In it, vidstyle paints by the loop's network and leaves a frame's colours as they are."""
    same = Palette(torch.eye(3), torch.zeros(3), torch.full((3,), 0.02), torch.full((3,), 0.98))
    with (patch("vidstyle.run.paint.load_encoder", lambda name, device: Shallow(vgg)),
          patch.object(StyleTarget, "palette_at", lambda target, frames: lambda seconds: same)):
        yield


def reached(points: Iterable[Point], style: float) -> Point | None:
    """Where the loop's style loss first is as low."""
    return next((point for point in points if point.losses[0] <= style), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("style", type=Path)
    parser.add_argument("--data", type=Path, default=os.environ.get("VIDSTYLE_DATA") or None)
    parser.add_argument("--frames", default="30-41")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--iterations", type=int, default=300)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--sheet", type=Path, help="PNG, from left to right: source, loop, and the rows")
    args = parser.parse_args()
    if args.data is None:
        parser.error("VGG-19 is needed: set VIDSTYLE_DATA or give --data")
    first, last = map(int, args.frames.split("-"))
    vgg = TrueVGG(args.data / VGG_FILE).eval().requires_grad_(False)
    compressed = TeacherEncoder(Teacher(args.data / COMPRESSED_FILE))
    plan = plan_of(args.clip, args.style, Options(size=args.size, device="cpu"))
    frame = read_frames(plan, first, last)[(last - first + 1) // 2].image
    picture = read_image(args.style)
    style = resize(picture, size_at_height(picture.shape[1:], frame.shape[1], 32))
    judge = Judge(vgg, SHALLOW, CONTENT, frame, style)
    deep = Judge(compressed, STYLE_LAYERS, CONTENT_LAYER, frame, style)

    print(f"{args.clip.name}, {args.style.name}, frames {args.frames}, {frame.shape[2]}x{frame.shape[1]}")
    print(f"{'':22}{'VGG-19 to relu3_3':>18}{'compressed':>18}{'the loop at as low a style loss':>36}")
    losses = 2 * f"{'style':>9}{'content':>9}"
    print(f"{'':10}{'CPU s/frame':>12}{losses}{'at':>12}{'its content':>12}{'ratio':>12}")

    def row(name: str, seconds: float, painting: Tensor) -> str:
        return f"{name:10}{seconds:12.2f}" + "".join(f"{loss:9.4f}" for loss in (*judge(painting), *deep(painting)))

    painting, points = popular_loop(vgg, judge, frame, style, args.iterations)
    print(row("the loop", points[-1].seconds, painting), flush=True)
    shown = [frame, painting]
    for name in args.rows:
        plan = plan_of(args.clip, args.style, replace(ROWS[name], size=args.size, device="cpu"))
        sources = read_frames(plan, first, last)
        if name == "anew":
            sources = sources[len(sources) // 2:][:1]
        began = time.process_time()
        with loops_losses(vgg) if name in ("anew", "keys") else nullcontext():
            paint, _ = vidstyle_painter(plan)
            paintings = list(paint(sources))
        seconds, painting = (time.process_time() - began) / len(sources), paintings[len(sources) // 2]
        point = reached(points, judge(painting)[0])
        there = f"{'never':>12}" if point is None else (
            f"{point.seconds:12.2f}{point.losses[1]:12.4f}{point.seconds / seconds:12.1f}")
        print(row(name, seconds, painting) + there, flush=True)
        shown.append(painting)
        if args.sheet:
            write_png(args.sheet, torch.cat(shown, 2))
    print("evaluations of the loop: CPU s, style, content")
    for point in points:
        if point.evaluations in (0, 1, 2, 5, 10, 20, 50, 100, 200, args.iterations):
            print(f"{point.evaluations:4}: {point.seconds:8.2f}{point.losses[0]:9.4f}{point.losses[1]:9.4f}")


if __name__ == "__main__":
    main()
