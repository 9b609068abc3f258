"""Train the start network: one that paints any style at once, and from which every fit begins.

    python training/train_start.py DATA --out scratch/start --steps 9000 --export vidstyle/models/start.safetensors

DATA holds `photos/` and `style_training/`. Every step paints crops of photographs, each in another style, told by the
`StyleReader` alone; the losses are those of the fit. After the first part each painting is held to one of the same
photograph a moment earlier, moved by a made-up motion (shift, zoom and a smooth random flow), so flow and mask are exact.
Run again with the same `--out` to go on where it stopped. `--device cuda` where there is one.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from vidstyle.core.images import read_image
from vidstyle.core.interfaces import Encoder
from vidstyle.encoders import load_encoder
from vidstyle.ops.losses import temporal_loss
from vidstyle.ops.warp import warp
from vidstyle.painting.feedforward.canvas import canvas_grain
from vidstyle.painting.feedforward.fit import TONE
from vidstyle.painting.feedforward.muon import optimizers
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.objective import inside, painted_losses, stacked
from vidstyle.painting.feedforward.start import StyleReader, read_scales, softness, wear
from vidstyle.painting.feedforward.synthetic_motion import crop_of, made_up_motion, middle, moved
from vidstyle.painting.style import Palette, StyleTarget, colours, precision

HEIGHTS = (288, 384, 480)  # pixels high that pictures are painted; the photographs are 264 high and up
WEIGHTS = {"style": 0.3, "content": 0.06, "tv": 1.0, "tone": TONE, "temporal": 5.0}
# A hard style must not drown the others: each counts by how far it has come, its loss over SHARE + its usual loss.
SHARE = 0.1
# The network learns what strokes are from few styles, then how styles differ: (share of the steps, styles).
CURRICULUM = ((0.0, 8), (0.3, 32), (0.5, 1000))
# What the reader says moves by the rate times its hundred and more inputs: at the network's own rate every style's gains leap
# about, and the network learns to paint all styles alike.
READING = 0.15
ALONE = 0.6  # share of the steps without the temporal loss
CROPS = (192, 256)  # pixels a side, without it and with: the first half learns from more pictures in the time


@dataclass(frozen=True)
class Sample:
    """One crop to paint, and how."""

    crop: Tensor
    """See `stills.crop_of`: what may come into view lies around it."""
    which: int
    """Place of the style in the list."""
    style: StyleTarget
    palette: Palette


class Lessons:
    """Random crops of photographs, each with a style, all of one step at one height."""

    def __init__(self, photos: list[Path], styles: list[Path], encoder: Encoder, generator: torch.Generator,
                 device: str) -> None:
        self.photos, self.generator, self.device = photos, generator, device
        pictures = [read_image(path) for path in styles]
        self.styles = [StyleTarget([picture.to(device)], [1.0], encoder) for picture in pictures]
        self.colours = [colours(picture) for picture in pictures]
        self.known = len(styles)
        self.usual = torch.full((len(styles),), 0.3)  # style loss of each, a running mean

    def draw(self, below: int) -> int:
        return int(torch.randint(below, (), generator=self.generator))

    def batch(self, count: int, side: int) -> tuple[int, list[Sample]]:
        """The height, and `count` samples of crops of this side for it."""
        height = HEIGHTS[self.draw(len(HEIGHTS))]
        return height, [self._sample(height, side) for _ in range(count)]

    def _sample(self, height: int, side: int) -> Sample:
        photo = read_image(self.photos[self.draw(len(self.photos))])
        crop, shown = crop_of(photo, height, side, self.generator)
        which = self.draw(min(self.known, len(self.styles)))
        return Sample(crop, which, self.styles[which], Palette.of(shown, self.colours[which]))


def step_losses(network: PaintNetwork, reader: StyleReader, encoder: Encoder, lessons: Lessons, count: int,
                *, steady: bool) -> dict[str, Tensor]:
    """The losses of one batch; where `steady`, also how far each painting is from its photograph's a moment before."""
    generator, device = lessons.generator, lessons.device
    side = CROPS[steady]
    height, samples = lessons.batch(count, side)
    network.soft = softness(height)
    wear(network, Palette.stacked([sample.palette for sample in samples]))
    styles = [sample.style for sample in samples]
    told = [read_scales(style, height) for style in styles]
    changes = reader({scale: stacked([one[scale] for one in told]) for scale in told[0]})
    whole = torch.stack([sample.crop for sample in samples]).to(device)
    grain, steadiness = canvas_grain((side, side), generator).to(device), dict[str, Tensor]()
    to_last = torch.stack([made_up_motion(side, generator) for _ in samples]).to(device) if steady else None
    last, this = (None, middle(whole)) if to_last is None else moved(whole, to_last)
    with precision(this.device):
        painting = network.proposal(this, grain, changes)
        if last is not None and to_last is not None:
            with torch.no_grad():
                carried = warp(network.proposal(last, grain, changes).float(), to_last, mode="bicubic", exact=False).clamp(0, 1)
            steadiness["temporal"] = temporal_loss(painting, carried, torch.cat([inside(one) for one in to_last]))
    losses = painted_losses(painting, this, network.underpainting(this), encoder, styles, height, generator) | steadiness
    each, which = losses["style"], torch.tensor([sample.which for sample in samples])
    losses["style"] = (each / (SHARE + lessons.usual[which]).to(device)).mean()
    lessons.usual[which] += 0.1 * (each.detach().cpu() - lessons.usual[which])
    return losses


def rate_at(share: float) -> float:
    """Learning rate as a share of the highest: quickly up, level, then down to nothing over the second half."""
    return min(1.0, 50 * share + 0.02, 2 * (1 - share) + 0.005)


def export(network: PaintNetwork, reader: StyleReader, path: Path) -> None:
    """Both as float16 in one file."""
    fresh = PaintNetwork(network.width, network.blocks)  # its palette: each clip has its own
    state = {f"network.{k}": v for k, v in network.state_dict().items() if k in dict(network.named_parameters())}
    state |= {f"network.{k}": v for k, v in fresh.named_buffers()} | {f"reader.{k}": v for k, v in reader.state_dict().items()}
    save_file({k: v.detach().cpu().half().contiguous() for k, v in state.items()}, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=9000)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--export", type=Path)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    generator = torch.Generator().manual_seed(args.seed)
    encoder = load_encoder("builtin", args.device)
    styles = sorted((args.data / "style_training").iterdir())
    styles = [styles[place] for place in torch.randperm(len(styles), generator=generator)]
    lessons = Lessons(sorted((args.data / "photos").iterdir()), styles, encoder, generator, args.device)
    network = PaintNetwork().to(args.device).to(memory_format=torch.channels_last)
    reader = StyleReader(sum(network.changeable)).to(args.device)
    steppers = [*optimizers(network.parameters(), args.rate), torch.optim.Adam(reader.parameters(), args.rate * READING)]
    highest = [optimizer.param_groups[0]["lr"] for optimizer in steppers]
    start, saved = 0, args.out / "state.pt"
    if not saved.exists():
        told = [read_scales(style, HEIGHTS[1]) for style in lessons.styles]
        reader.calibrate({scale: stacked([one[scale] for one in told]) for scale in told[0]})
    if saved.exists():
        state = torch.load(saved, weights_only=True, map_location=args.device)
        start = state["step"]
        network.load_state_dict(state["network"])
        reader.load_state_dict(state["reader"])
        generator.set_state(state["random"].cpu())
        lessons.usual = state["usual"].cpu()
        for optimizer, kept in zip(steppers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
    began, means = time.time(), dict[str, float]()
    for step in range(start, args.steps):
        lessons.known = max(count for share, count in CURRICULUM if step >= share * args.steps)
        losses = step_losses(network, reader, encoder, lessons, args.batch, steady=step >= ALONE * args.steps)
        for optimizer, rate in zip(steppers, highest, strict=True):
            optimizer.param_groups[0]["lr"] = rate * rate_at(step / args.steps)
            optimizer.zero_grad(set_to_none=True)
        torch.stack([WEIGHTS[name] * value for name, value in losses.items()]).sum().backward()
        torch.nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        for optimizer in steppers:
            optimizer.step()
        losses["mean style"] = lessons.usual[: lessons.known].mean()
        for name, value in losses.items():
            means[name] = means.get(name, float(value.detach())) * 0.98 + 0.02 * float(value.detach())
        if (step + 1) % 50 == 0:
            line = {"step": step + 1, "seconds": round(time.time() - began, 1), **{k: round(v, 5) for k, v in means.items()}}
            with (args.out / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
        if (step + 1) % 250 == 0 or step + 1 == args.steps:
            plain = {k: v for k, v in network.state_dict().items() if k in dict(network.named_parameters())}
            plain |= dict(PaintNetwork().named_buffers())
            kept = {"step": step + 1, "network": plain, "reader": reader.state_dict(), "random": generator.get_state(),
                    "usual": lessons.usual}
            torch.save(kept | {"optimizers": [o.state_dict() for o in steppers]}, saved.with_suffix(".new"))
            saved.with_suffix(".new").replace(saved)
    if args.export:
        export(network, reader, args.export)


if __name__ == "__main__":
    main()
