"""Train the start network, which paints any style without a fit and from which every fit starts.

    python training/train_start.py DATA --out scratch/start --steps 9000 --export vidstyle/models/start.safetensors

DATA holds `photos/` and `style_training/`. Every step paints crops of photographs, each in another style, which the network
knows only through the `StylePredictor`. The losses are those of the fit. After the first part of the training each painting is
compared with one of the same photograph under synthetic motion (shift, zoom and a smooth random flow), whose flow and
visibility are exact. The same command with the same `--out` goes on where it stopped. `--device cuda` uses a GPU.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent.parent))  # for `training`, which is not installed

from training.run_folder import TrainingRun
from vidstyle.core.devices import precision
from vidstyle.core.images import read_image
from vidstyle.core.interfaces import Encoder
from vidstyle.encoders import load_encoder
from vidstyle.ops.losses import Grams, temporal_loss
from vidstyle.ops.warp import warp
from vidstyle.painting.feedforward.canvas import random_canvas
from vidstyle.painting.feedforward.fit import TONE_WEIGHT
from vidstyle.painting.feedforward.muon import optimizers
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.objective import inside_crop, painting_losses, stack_grams
from vidstyle.painting.feedforward.start import StylePredictor, predictor_grams, softness
from vidstyle.painting.feedforward.synthetic_motion import moved_pair, random_crop, random_motion, without_edges
from vidstyle.painting.palette import Palette, sample_colours
from vidstyle.painting.style import StyleTarget

HEIGHTS = (288, 384, 480)  # painted heights in pixels; the photographs are at least 264 pixels high
WEIGHTS = {"style": 0.3, "content": 0.06, "tv": 1.0, "tone": TONE_WEIGHT, "temporal": 5.0}
# Each style loss is divided by BALANCE plus that style's running mean, so that hard styles do not outweigh the others.
BALANCE = 0.1
# (share of the steps, styles from then on): the network learns to paint strokes from few styles, then how styles differ.
CURRICULUM = ((0.0, 8), (0.3, 32), (0.5, 1000))
# Learning rate of the predictor over the network's. A step changes an output by the rate times the number of inputs, above 100:
# at the network's own rate all gains and shifts jump from step to step, and the network learns to paint all styles alike.
PREDICTOR_RATE = 0.15
STILL = 0.6  # share of the steps without the temporal loss
CROPS = (192, 256)  # pixels a side, without and with the temporal loss: the first part sees more crops in the same time


@dataclass(frozen=True)
class Sample:
    """One crop and the style to paint it in."""

    crop: Tensor
    """(3, side + 2 EDGE, side + 2 EDGE); see `random_crop`."""
    which: int
    """Number of the style."""
    style: StyleTarget
    palette: Palette


class Samples:
    """Random crops of photographs, each with a random style, all of one step at one height."""

    def __init__(self, photos: list[Path], styles: list[Path], encoder: Encoder, generator: torch.Generator,
                 device: str) -> None:
        self.photos, self.generator, self.device = photos, generator, device
        images = [read_image(path) for path in styles]
        self.styles = [StyleTarget([image.to(device)], [1.0], encoder) for image in images]
        self.colours = [sample_colours(image) for image in images]
        self.in_use = len(styles)
        """How many of the styles are drawn from."""
        self.usual = torch.full((len(styles),), 0.3)
        """Running mean of each style's loss."""

    def draw(self, below: int) -> int:
        return int(torch.randint(below, (), generator=self.generator))

    def batch(self, count: int, side: int) -> tuple[int, list[Sample]]:
        """A painted height, and `count` samples of crops of `side` pixels at that height."""
        height = HEIGHTS[self.draw(len(HEIGHTS))]
        return height, [self._sample(height, side) for _ in range(count)]

    def _sample(self, height: int, side: int) -> Sample:
        photo = read_image(self.photos[self.draw(len(self.photos))])
        crop, colours = random_crop(photo, height, side, self.generator)
        which = self.draw(min(self.in_use, len(self.styles)))
        return Sample(crop, which, self.styles[which], Palette.between(colours, self.colours[which]))


def stacked_inputs(styles: list[StyleTarget], height: int) -> dict[float, Grams]:
    """The inputs (N, C, C) of a `StylePredictor` for N styles."""
    each = [predictor_grams(style, height) for style in styles]
    return {scale: stack_grams([one[scale] for one in each]) for scale in each[0]}


def step_losses(network: PaintNetwork, predictor: StylePredictor, encoder: Encoder, samples: Samples, count: int,
                *, temporal: bool) -> dict[str, Tensor]:
    """The losses of one batch of `count` crops, by name; with `temporal` also the temporal loss under synthetic motion."""
    generator, device = samples.generator, samples.device
    side = CROPS[temporal]
    height, batch = samples.batch(count, side)
    network.soft = softness(height)
    network.set_palette(Palette.stacked([sample.palette for sample in batch]))
    styles = [sample.style for sample in batch]
    changes = predictor(stacked_inputs(styles, height))
    crops = torch.stack([sample.crop for sample in batch]).to(device)
    canvas, temporal_part = random_canvas((side, side), generator).to(device), dict[str, Tensor]()
    to_last = torch.stack([random_motion(side, generator) for _ in batch]).to(device) if temporal else None
    last, this = (None, without_edges(crops)) if to_last is None else moved_pair(crops, to_last)
    with precision(this.device):
        painting = network.proposal(this, canvas, changes)
        if last is not None and to_last is not None:
            with torch.no_grad():
                first = network.proposal(last, canvas, changes)
                warped = warp(first.float(), to_last, mode="bicubic", exact=False).clamp(0, 1)
            temporal_part["temporal"] = temporal_loss(painting, warped, torch.cat([inside_crop(one) for one in to_last]))
    losses = painting_losses(painting, this, network.underpainting(this), encoder, styles, height, generator) | temporal_part
    each, which = losses["style"], torch.tensor([sample.which for sample in batch])
    losses["style"] = (each / (BALANCE + samples.usual[which]).to(device)).mean()
    samples.usual[which] += 0.1 * (each.detach().cpu() - samples.usual[which])
    return losses


def rate_factor(share: float) -> float:
    """Learning rate over its highest, after this share of the steps: a short rise, a level half, a fall to 0.005."""
    return min(1.0, 50 * share + 0.02, 2 * (1 - share) + 0.005)


def without_palette(network: PaintNetwork) -> dict[str, Tensor]:
    """The network's tensors with a new network's palette: each clip has its own."""
    new = PaintNetwork(network.width, network.blocks)
    return {name: tensor.detach() for name, tensor in [*network.named_parameters(), *new.named_buffers()]}


def export(network: PaintNetwork, predictor: StylePredictor, path: Path) -> None:
    """Write both as float16 to one file."""
    state = {f"network.{k}": v for k, v in without_palette(network).items()}
    state |= {f"reader.{k}": v for k, v in predictor.state_dict().items()}
    save_file({k: v.detach().cpu().half().contiguous() for k, v in state.items()}, path)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=9000)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--export", type=Path)
    return parser.parse_args()


def main() -> None:
    args = parsed()
    run = TrainingRun(args.out)
    torch.manual_seed(args.seed)
    generator = torch.Generator().manual_seed(args.seed)
    encoder = load_encoder("builtin", args.device)
    styles = sorted((args.data / "style_training").iterdir())
    styles = [styles[place] for place in torch.randperm(len(styles), generator=generator)]
    samples = Samples(sorted((args.data / "photos").iterdir()), styles, encoder, generator, args.device)
    network = PaintNetwork().to(args.device).to(memory_format=torch.channels_last)
    predictor = StylePredictor(sum(network.modulated_channels)).to(args.device)
    steppers = [*optimizers(network.parameters(), args.rate),
                torch.optim.Adam(predictor.parameters(), args.rate * PREDICTOR_RATE)]
    highest = [optimizer.param_groups[0]["lr"] for optimizer in steppers]
    start, state = 0, run.load(args.device)
    if state is None:
        predictor.calibrate(stacked_inputs(samples.styles, HEIGHTS[1]))
    else:
        start = state["step"]
        network.load_state_dict(state["network"])
        predictor.load_state_dict(state["reader"])
        generator.set_state(state["random"].cpu())
        samples.usual = state["usual"].cpu()
        for optimizer, found in zip(steppers, state["optimizers"], strict=True):
            optimizer.load_state_dict(found)
    began, means = time.time(), dict[str, float]()
    for step in range(start, args.steps):
        samples.in_use = max(count for share, count in CURRICULUM if step >= share * args.steps)
        losses = step_losses(network, predictor, encoder, samples, args.batch, temporal=step >= STILL * args.steps)
        for optimizer, rate in zip(steppers, highest, strict=True):
            optimizer.param_groups[0]["lr"] = rate * rate_factor(step / args.steps)
            optimizer.zero_grad(set_to_none=True)
        torch.stack([WEIGHTS[name] * value for name, value in losses.items()]).sum().backward()
        torch.nn.utils.clip_grad_norm_(predictor.parameters(), 1.0)
        for optimizer in steppers:
            optimizer.step()
        losses["mean style"] = samples.usual[: samples.in_use].mean()
        for name, value in losses.items():
            means[name] = means.get(name, float(value.detach())) * 0.98 + 0.02 * float(value.detach())
        if (step + 1) % 50 == 0:
            run.log({"step": step + 1, "seconds": round(time.time() - began, 1), **{k: round(v, 5) for k, v in means.items()}})
        if (step + 1) % 250 == 0 or step + 1 == args.steps:
            run.save({"step": step + 1, "network": without_palette(network), "reader": predictor.state_dict(),
                      "random": generator.get_state(), "usual": samples.usual,
                      "optimizers": [optimizer.state_dict() for optimizer in steppers]})
    if args.export:
        export(network, predictor, args.export)


if __name__ == "__main__":
    main()
