"""CPU seconds, style and content loss of vidstyle, beside the loop that popular programs for single images run on every frame.

    python benchmarks/popular_loop.py samples/harbour.mp4 samples/styles/night.jpg --data DATA
    python benchmarks/popular_loop.py CLIP STYLE --data DATA --frames 30-53 --size 256 --sheet sheet.png

The loop is that of neural-style-pt, one scale, each frame anew: L-BFGS on pixels from the frame itself, content weight 5, style
weight 100, total variation 0.001, the authors' VGG-19 with max pooling and values of 0 to 255. DATA (by default VIDSTYLE_DATA)
holds VGG-19 to relu3_4, so style is relu1_1 to relu3_1 and content relu3_3. All frames cost the loop the same, so it paints
the middle one; vidstyle paints them all, with its defaults and with Ruder's method (`--key-every 1 --strokes 0`). Its CPU
seconds include what it does before the first frame. All are judged on the middle frame, by the layers that the loop descends
on: the normalised Gram loss and content loss of `vidstyle.ops.losses`. The judge is therefore the loop's own.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent.parent))  # `benchmarks` and `samples` are not installed

from benchmarks.encoder import SHALLOW, TrueVGG
from benchmarks.paintings import plan_of, read_frames, vidstyle_painter
from benchmarks.peers import VGG_FILE
from vidstyle.core.images import read_image, resize, size_at_height, write_png
from vidstyle.core.interfaces import Encoder
from vidstyle.core.options import Options
from vidstyle.ops.losses import content_loss, gram, style_loss

CONTENT = "relu3_3"
CONTENT_WEIGHT, STYLE_WEIGHT, TV_WEIGHT = 5.0, 100.0, 1e-3  # the defaults of neural-style-pt
OURS = {"vidstyle": Options(device="cpu"), "Ruder": Options(device="cpu", key_every=1, strokes=0)}


def popular_loop(vgg: Encoder, frame: Tensor, style: Tensor, iterations: int) -> Tensor:
    """`frame` (3, H, W) in [0, 1], painted from itself in the style of `style` (3, h, w), as neural-style-pt does."""
    layers = [*SHALLOW, CONTENT]
    with torch.no_grad():
        wanted = vgg(frame[None], layers)[CONTENT]
        grams = {layer: gram(value) / value.shape[1] for layer, value in vgg(style[None], SHALLOW).items()}
    image = (frame[None] * 255).clone().requires_grad_()
    optimizer = torch.optim.LBFGS([image], lr=1, max_iter=iterations, tolerance_change=-1, tolerance_grad=-1)

    def closure() -> Tensor:
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
    return image.detach()[0].div(255).clamp(0, 1)


def timed(work: Callable[[], list[Tensor]]) -> tuple[list[Tensor], float]:
    """The paintings, and the CPU seconds of all threads that each took."""
    began = time.process_time()
    paintings = work()
    return paintings, (time.process_time() - began) / len(paintings)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("style", type=Path)
    parser.add_argument("--data", type=Path, default=os.environ.get("VIDSTYLE_DATA") or None)
    parser.add_argument("--frames", default="30-53")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--iterations", type=int, default=300)
    parser.add_argument("--sheet", type=Path, help="PNG: source, the loop, vidstyle, Ruder, from left to right")
    args = parser.parse_args()
    if args.data is None:
        parser.error("VGG-19 is needed: set VIDSTYLE_DATA or give --data")
    first, last = map(int, args.frames.split("-"))
    vgg = TrueVGG(args.data / VGG_FILE).eval().requires_grad_(False)
    sources = [frame.image for frame in read_frames(plan_of(args.clip, args.style, Options(size=args.size)), first, last)]
    middle = len(sources) // 2
    frame, picture = sources[middle], read_image(args.style)
    style = resize(picture, size_at_height(picture.shape[1:], frame.shape[1], 32))
    with torch.no_grad():
        target = {layer: gram(value) for layer, value in vgg(style[None], SHALLOW).items()}
        wanted = vgg(frame[None], [CONTENT])[CONTENT]

    def ours(options: Options) -> list[Tensor]:
        plan = plan_of(args.clip, args.style, options)
        paint, _ = vidstyle_painter(plan)
        return list(paint(read_frames(plan, first, last)))

    width = frame.shape[2]
    print(f"{args.clip.name}, {args.style.name}, frames {args.frames}, {width}x{frame.shape[1]}, {args.iterations} iterations")
    print(f"{'':10}{'CPU s/frame':>12}{'style':>9}{'content':>9}")
    shown = [frame]
    rows: dict[str, Callable[[], list[Tensor]]] = {
        name: lambda options=options: ours(Options(**{**vars(options), "size": args.size})) for name, options in OURS.items()}
    rows["the loop"] = lambda: [popular_loop(vgg, frame, style, args.iterations)]
    for name, work in rows.items():
        paintings, seconds = timed(work)
        painting = paintings[middle] if len(paintings) > 1 else paintings[0]
        with torch.no_grad():
            found = vgg(painting[None], [*SHALLOW, CONTENT])
            losses = style_loss({layer: found[layer] for layer in SHALLOW}, target), content_loss(found[CONTENT], wanted)
        print(f"{name:10}{seconds:12.2f}{float(losses[0]):9.4f}{float(losses[1]):9.4f}", flush=True)
        shown.append(painting)
        if args.sheet:
            write_png(args.sheet, torch.cat(shown, 2))


if __name__ == "__main__":
    main()
