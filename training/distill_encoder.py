"""Distil the builtin encoder from the 16x compressed VGG-19 of Collaborative Distillation (Wang et al., CVPR 2020).

    python training/distill_encoder.py DATA --out scratch/encoder --steps 12000

DATA holds `photos/`, `style_training/` and `weights/collab_distill/encoder5.pth`. The student starts from fresh random
values and learns to give, channel for channel, the teacher's pre-activations at the layers the losses look at. Run
again with the same `--out` to go on where it stopped; `--export FILE.safetensors` writes the weights that ship.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from vidstyle.encoders.builtin import CHAIN, BuiltinEncoder
from vidstyle.ops.losses import gram
from vidstyle.painting.feedforward.muon import Muon

SUPERVISED = ("1_1", "2_1", "3_1", "4_1", "4_2", "5_1")
LEAK = 0.2  # both sides are compared after a leaky ReLU: what is switched off matters less, but is not free
CROP = 160


class Teacher(nn.Module):
    """VGG-19 compressed 16x, reflected borders, max pooling; input RGB in [0, 1] through its own `conv0`."""

    NAMES = ("1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "3_4", "4_1", "4_2", "4_3", "4_4", "5_1")

    def __init__(self, path: Path) -> None:
        super().__init__()
        weights = torch.load(path, weights_only=True, map_location="cpu")["model"]
        self.weights = {
            name: (weights[f"conv{name.replace('_', '')}.weight"], weights[f"conv{name.replace('_', '')}.bias"])
            for name in self.NAMES
        }
        self.scale = (weights["conv0.weight"], weights["conv0.bias"])

    def pre_activations(self, image: Tensor) -> dict[str, Tensor]:
        x, found = F.conv2d(image, *self.scale), {}
        for name in self.NAMES:
            if name.endswith("_1") and name != "1_1":
                x = F.max_pool2d(x, 2)
            found[name] = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), *self.weights[name])
            x = F.relu(found[name])
        return found


class Pictures:
    """Random crops of photographs and paintings, bent in colour far beyond what a camera sees.

    The painter visits colours and contrasts that photographs do not have; a student that has not seen them has blind
    spots there, and the painter walks into them.
    """

    def __init__(self, folders: list[Path], seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.pictures = [
            cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for folder in folders for path in sorted(folder.iterdir())
        ]
        paintings = sum(1 for path in folders[1].iterdir())
        odds = np.ones(len(self.pictures))
        odds[-paintings:] = len(odds) / paintings / 2  # a third of the crops come from paintings
        self.odds = odds / odds.sum()

    def crop(self) -> np.ndarray:
        """One (CROP, CROP, 3) float32 crop at a random scale, mirrored or turned at random."""
        rng, picture = self.rng, self.pictures[self.rng.choice(len(self.pictures), p=self.odds)]
        smallest = CROP / min(picture.shape[:2])
        factor = max(smallest, math.exp(rng.uniform(math.log(0.4), math.log(1.3))))
        height, width = (max(CROP, round(side * factor)) for side in picture.shape[:2])
        y, x = rng.integers(height - CROP + 1), rng.integers(width - CROP + 1)
        scaled = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
        out = scaled[y : y + CROP, x : x + CROP].astype(np.float32) / 255
        out = out[:, ::-1] if rng.random() < 0.5 else out
        return np.rot90(out, rng.integers(4)) if rng.random() < 0.3 else out

    def bent(self) -> Tensor:
        """(3, CROP, CROP): a crop with mixed colours, noise, sharpening or another crop laid over it."""
        rng, out = self.rng, self.crop()
        if rng.random() < 0.25:
            out = out + rng.uniform(0.2, 0.8) * (self.crop() - out)
        if rng.random() < 0.7:
            mix = rng.normal(size=(3, 3)) * rng.uniform(0, 0.6) + np.eye(3) * rng.uniform(0.5, 1.6)
            out = (out - 0.5) @ mix.T.astype(np.float32) + 0.5 + rng.normal(size=3) * rng.uniform(0, 0.25)
        if rng.random() < 0.25:  # over-sharpened, as paint strokes under way are
            out = out + rng.uniform(0.5, 3) * (out - cv2.GaussianBlur(out, (0, 0), rng.uniform(0.8, 3)))
        if rng.random() < 0.4:
            grain = rng.normal(size=out.shape).astype(np.float32)
            if rng.random() < 0.6:
                sigma = rng.uniform(0.5, 4)
                grain = cv2.GaussianBlur(grain, (0, 0), sigma) * 2 * sigma
            out = out + grain * rng.uniform(0.02, 0.3)
        out = np.clip(out, 0, 1) if rng.random() < 0.7 else np.clip(out, -0.1, 1.1)
        return torch.from_numpy(np.ascontiguousarray(out.transpose(2, 0, 1), dtype=np.float32))

    def batch(self, count: int) -> Tensor:
        return torch.stack([self.bent() for _ in range(count)])


def distance(student: dict[str, Tensor], teacher: dict[str, Tensor], deviation: dict[str, Tensor],
             gram_weight: float) -> tuple[Tensor, dict[str, float]]:
    """Mean over layers of the relative squared error, and of the relative Gram error; the errors by layer."""
    total, errors = torch.zeros(()), {}
    for name in SUPERVISED:
        s, t = student[name], teacher[name] / deviation[name]
        ls, lt = F.leaky_relu(s, LEAK), F.leaky_relu(t, LEAK)
        error = (ls - lt).square().mean() / lt.var()
        errors[name] = float(error.detach())
        total = total + error
        if gram_weight and name != "4_2":
            g, a = gram(F.relu(s)), gram(F.relu(t))
            style = ((g - a).square().sum((1, 2)) / a.square().sum((1, 2))).mean()
            errors[f"gram{name}"] = float(style.detach())
            total = total + gram_weight * style
    return total / len(SUPERVISED), errors


class Canvases:
    """Pictures being painted against the student, at every stage of it: on these it must not be fooled.

    A painter that follows the student's gradients walks into whatever the student sees otherwise than its teacher
    (distillation on the learner's own states, as in DAgger; Ross et al. 2011). Each picture starts from a crop and is
    painted by Adam towards the style of another crop, for up to OLDEST steps; then a new one takes its place.
    """

    OLDEST, RATE, COUNT = 160, 0.03, 24

    def __init__(self, pictures: Pictures) -> None:
        self.pictures = pictures
        self.images = pictures.batch(self.COUNT).clamp(0, 1)
        self.styles = torch.stack([self._style() for _ in range(self.COUNT)])
        self.moments = torch.zeros(2, *self.images.shape)
        # Of every age from the start, so that they are not all replaced at once.
        self.ages, self.last = [0] * self.COUNT, [int(pictures.rng.integers(10, self.OLDEST)) for _ in range(self.COUNT)]

    def _style(self) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(self.pictures.crop().transpose(2, 0, 1)))

    def paint(self, student: BuiltinEncoder, count: int) -> Tensor:
        """`count` pictures (count, 3, CROP, CROP) after one more step of painting each."""
        which = self.pictures.rng.choice(self.COUNT, count, replace=False)
        picture = self.images[which].contiguous(memory_format=torch.channels_last).requires_grad_()
        layers = [name for name in SUPERVISED if name != "4_2"]
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            wanted = student.pre_activations(self.styles[which].contiguous(memory_format=torch.channels_last))
        with torch.autocast("cpu", torch.bfloat16):
            found = student.pre_activations(picture)
        grams = [(gram(F.relu(found[name])), gram(F.relu(wanted[name]))) for name in layers]
        loss = sum(((g - a).square().sum((1, 2)) / a.square().sum((1, 2))).sum() for g, a in grams)
        (slope,) = torch.autograd.grad(loss, picture)
        for place, index in enumerate(which):
            self._step(int(index), slope[place])
        return self.images[which]

    def _step(self, index: int, slope: Tensor) -> None:
        if self.ages[index] == self.last[index]:
            self.images[index], self.styles[index] = self.pictures.bent().clamp(0, 1), self._style()
            self.moments[:, index], self.ages[index], self.last[index] = 0, 0, self.OLDEST
            return
        self.ages[index] += 1
        mean, square = self.moments[0, index], self.moments[1, index]
        mean.lerp_(slope, 0.1)
        square.lerp_(slope.square(), 0.01)
        unbiased = mean / (1 - 0.9 ** self.ages[index])
        size = (square / (1 - 0.99 ** self.ages[index])).sqrt() + 1e-12
        self.images[index] = (self.images[index] - self.RATE * unbiased / size).clamp(0, 1)


def export(student: BuiltinEncoder, deviation: dict[str, Tensor], path: Path) -> None:
    """Fold the deviations back, so that the features have the teacher's own size, and write float16."""
    state, before = {}, torch.ones(3)
    for name, width, _ in CHAIN:
        conv = student.get_submodule(f"conv{name}")
        scale = deviation[name].flatten() if name in deviation else torch.ones(width)
        state[f"conv{name}.weight"] = (conv.weight.detach() * scale[:, None, None, None] / before[None, :, None, None]).half()
        state[f"conv{name}.bias"] = (conv.bias.detach() * scale).half()
        before = scale
    save_file({key: value.contiguous() for key, value in state.items()}, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=12000)
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--painted-from", type=float, default=0.3, help="share of the steps before painted pictures join")
    parser.add_argument("--start", type=Path, help="begin with the student of an earlier run's state.pt")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--export", type=Path)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)

    teacher = Teacher(args.data / "weights/collab_distill/encoder5.pth")
    student = BuiltinEncoder().to(memory_format=torch.channels_last)
    for name, _, _ in CHAIN:
        nn.init.kaiming_normal_(student.get_submodule(f"conv{name}").weight, a=LEAK)
        nn.init.zeros_(student.get_submodule(f"conv{name}").bias)
    pictures = Pictures([args.data / "photos", args.data / "style_training"], args.seed)
    with torch.no_grad():
        calibration = teacher.pre_activations(pictures.batch(48))
        deviation = {name: calibration[name].std((0, 2, 3), keepdim=True) for name in SUPERVISED}

    # Muon learns the deep layers faster than Adam (4_2: error 0.20 after 450 steps, Adam 0.49 after 700), the first slower.
    first = student.get_submodule("conv1_1")
    filters = [p for p in student.parameters() if p.ndim == 4 and p is not first.weight]
    others = [p for p in student.parameters() if p.ndim == 1 or p is first.weight]
    optimizers: list[torch.optim.Optimizer] = [Muon(filters, args.rate), torch.optim.Adam(others, 4 * args.rate)]
    start, saved = 0, args.out / "state.pt"
    if args.start and not saved.exists():
        state = torch.load(args.start, weights_only=True)
        student.load_state_dict(state["student"])
        deviation = state["deviation"]
    if saved.exists():
        state = torch.load(saved, weights_only=True)
        start = state["step"]
        student.load_state_dict(state["student"])
        deviation = state["deviation"]
        for optimizer, kept in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        pictures.rng = np.random.default_rng(args.seed + start)

    canvases, clock = None, time.time()
    for step in range(start, args.steps):
        share = step / args.steps
        rate = args.rate * min(1, (step + 1) / 100) * (1 if share < 0.4 else max(0.01, (1 - share) / 0.6))
        for optimizer, factor in zip(optimizers, (1, 4), strict=True):
            optimizer.param_groups[0]["lr"] = factor * rate
        batch = pictures.batch(args.batch)
        if share >= args.painted_from:
            canvases = canvases or Canvases(pictures)
            half = args.batch // 2
            batch = torch.cat([batch[half:], canvases.paint(student, half)])
        batch = batch.contiguous(memory_format=torch.channels_last)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            wanted = {name: value.float() for name, value in teacher.pre_activations(batch).items() if name in SUPERVISED}
        loss, errors = distance(student.pre_activations(batch), wanted, deviation, gram_weight=0.3 if share > 0.15 else 0)
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        if step % 50 == 0 or step + 1 == args.steps:
            line = {"step": step, "seconds": round(time.time() - clock, 1), "loss": round(float(loss.detach()), 4)}
            line |= {name: round(error, 4) for name, error in errors.items()}
            with (args.out / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            print(json.dumps(line), flush=True)
        if (step + 1) % 500 == 0 or step + 1 == args.steps:
            kept = {"step": step + 1, "student": student.state_dict(), "deviation": deviation}
            torch.save(kept | {"optimizers": [optimizer.state_dict() for optimizer in optimizers]}, saved.with_suffix(".new"))
            saved.with_suffix(".new").replace(saved)
    if args.export:
        export(student, deviation, args.export)


if __name__ == "__main__":
    main()
