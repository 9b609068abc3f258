"""Distil the builtin encoder from VGG-19 and from the 16x compressed VGG-19 of Collaborative Distillation (Wang et al. 2020).

    python training/distill_encoder.py DATA --out scratch/encoder --steps 12000

DATA holds `photos/`, `style_training/`, `weights/collab_distill/encoder5.pth` and, with VGG-19 to 3_4 by its authors,
`weights/vgg19_oxford_bgr_conv1_1-conv3_4.pth`. The student (`BuiltinEncoder` with the chain WIDE) starts from random values and
learns pre-activations channel for channel: some layers from VGG-19, on chosen channels, and others from
the compressed one, see `teachers.py`. The same command with the same `--out` goes on where it stopped. Each time the
state is saved, the float16 weights for use are written too, to `--export FILE` or else to `encoder.safetensors` in the folder.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent.parent))  # for `training`, which is not installed

from training.run_folder import TrainingRun
from training.teachers import SUPERVISED, Teachers
from vidstyle.encoders.builtin import WIDE, BuiltinEncoder
from vidstyle.ops.losses import gram
from vidstyle.painting.feedforward.muon import Muon

LEAK = 0.2  # both sides are compared after a leaky ReLU with this slope: negative values count, but less
CROP = 160  # pixels
SAVE_EVERY = 250  # steps


class RandomCrops:
    """Random crops of photographs and paintings, with colours and contrasts changed beyond what a camera records.

    Optimization reaches colours and contrasts that photographs do not have. A student that was not trained on them gives wrong
    features there, and the optimizer follows their gradients.
    """

    def __init__(self, folders: list[Path], seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.images = [
            cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for folder in folders for path in sorted(folder.iterdir())
        ]
        paintings = sum(1 for path in folders[1].iterdir())
        odds = np.ones(len(self.images))
        odds[-paintings:] = len(odds) / paintings / 2  # a third of the crops come from paintings
        self.odds = odds / odds.sum()

    def crop(self) -> np.ndarray:
        """One (CROP, CROP, 3) float32 crop in [0, 1] at a random scale, flipped or rotated at random."""
        rng, image = self.rng, self.images[self.rng.choice(len(self.images), p=self.odds)]
        smallest = CROP / min(image.shape[:2])
        factor = max(smallest, math.exp(rng.uniform(math.log(0.4), math.log(1.3))))
        height, width = (max(CROP, round(side * factor)) for side in image.shape[:2])
        y, x = rng.integers(height - CROP + 1), rng.integers(width - CROP + 1)
        scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
        out = scaled[y : y + CROP, x : x + CROP].astype(np.float32) / 255
        out = out[:, ::-1] if rng.random() < 0.5 else out
        return np.rot90(out, rng.integers(4)) if rng.random() < 0.3 else out

    def augmented(self) -> Tensor:
        """(3, CROP, CROP) in [-0.1, 1.1]: a crop with mixed colours, noise, sharpening or another crop blended in."""
        rng, out = self.rng, self.crop()
        if rng.random() < 0.25:
            out = out + rng.uniform(0.2, 0.8) * (self.crop() - out)
        if rng.random() < 0.7:
            mix = rng.normal(size=(3, 3)) * rng.uniform(0, 0.6) + np.eye(3) * rng.uniform(0.5, 1.6)
            out = (out - 0.5) @ mix.T.astype(np.float32) + 0.5 + rng.normal(size=3) * rng.uniform(0, 0.25)
        if rng.random() < 0.25:  # over-sharpened, as an unfinished painting is
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
        """(count, 3, CROP, CROP) of `augmented`."""
        return torch.stack([self.augmented() for _ in range(count)])


def distance(student: dict[str, Tensor], teacher: dict[str, Tensor], deviation: dict[str, Tensor],
             gram_weight: float) -> tuple[Tensor, dict[str, float]]:
    """The mean over layers of the relative squared error plus the weighted relative Gram error; and the errors by layer.

    student, teacher: pre-activations (N, C, h, w) by layer; the teacher's are divided by `deviation` (1, C, 1, 1).
    """
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


class UnfinishedPaintings:
    """Images that are being painted by gradient descent through the student, at every stage of it.

    The descent moves towards images where student and teacher differ, so the student is trained on them (distillation on the
    learner's own states, as in DAgger; Ross et al. 2011). Each image starts from a crop and is painted by Adam towards the
    style of another crop for up to OLDEST steps; then a new crop replaces it.
    """

    OLDEST, RATE, COUNT = 160, 0.03, 24

    def __init__(self, crops: RandomCrops) -> None:
        self.crops = crops
        self.images = crops.batch(self.COUNT).clamp(0, 1)
        self.styles = torch.stack([self._style() for _ in range(self.COUNT)])
        self.moments = torch.zeros(2, *self.images.shape)
        # The first ones end after different numbers of steps, so that they are not all replaced at once.
        self.ages, self.last = [0] * self.COUNT, [int(crops.rng.integers(10, self.OLDEST)) for _ in range(self.COUNT)]

    def _style(self) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(self.crops.crop().transpose(2, 0, 1)))

    def paint(self, student: BuiltinEncoder, count: int) -> Tensor:
        """`count` random images (count, 3, CROP, CROP) after one more step of painting each."""
        which = self.crops.rng.choice(self.COUNT, count, replace=False)
        image = self.images[which].contiguous(memory_format=torch.channels_last).requires_grad_()
        layers = [name for name in SUPERVISED if name != "4_2"]
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            target = student.pre_activations(self.styles[which].contiguous(memory_format=torch.channels_last))
        with torch.autocast("cpu", torch.bfloat16):
            found = student.pre_activations(image)
        grams = [(gram(F.relu(found[name])), gram(F.relu(target[name]))) for name in layers]
        loss = sum(((g - a).square().sum((1, 2)) / a.square().sum((1, 2))).sum() for g, a in grams)
        (gradient,) = torch.autograd.grad(loss, image)
        for place, index in enumerate(which):
            self._step(int(index), gradient[place])
        return self.images[which]

    def _step(self, index: int, gradient: Tensor) -> None:
        """One step of Adam on image `index`, or a new image once it is old enough."""
        if self.ages[index] == self.last[index]:
            self.images[index], self.styles[index] = self.crops.augmented().clamp(0, 1), self._style()
            self.moments[:, index], self.ages[index], self.last[index] = 0, 0, self.OLDEST
            return
        self.ages[index] += 1
        mean, square = self.moments[0, index], self.moments[1, index]
        mean.lerp_(gradient, 0.1)
        square.lerp_(gradient.square(), 0.01)
        unbiased = mean / (1 - 0.9 ** self.ages[index])
        size = (square / (1 - 0.99 ** self.ages[index])).sqrt() + 1e-12
        self.images[index] = (self.images[index] - self.RATE * unbiased / size).clamp(0, 1)


def export(student: BuiltinEncoder, deviation: dict[str, Tensor], path: Path) -> None:
    """Write float16 weights whose features have the teachers' scale: each layer's deviation is folded into its weights."""
    state, before = {}, torch.ones(3)
    for name, width, _ in student.chain:
        conv = student.get_submodule(f"conv{name}")
        scale = deviation[name].flatten() if name in deviation else torch.ones(width)
        state[f"conv{name}.weight"] = (conv.weight.detach() * scale[:, None, None, None] / before[None, :, None, None]).half()
        state[f"conv{name}.bias"] = (conv.bias.detach() * scale).half()
        before = scale
    save_file({key: value.contiguous() for key, value in state.items()}, path)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=12000)
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--painted-from", type=float, default=0.3, help="share of the steps without unfinished paintings")
    parser.add_argument("--start", type=Path, help="start with the student of another run's state.pt")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--export", type=Path, help="file for the float16 weights; by default encoder.safetensors in --out")
    return parser.parse_args()


def main() -> None:
    args = parsed()
    run = TrainingRun(args.out)
    torch.manual_seed(args.seed)

    teachers = Teachers(args.data / "weights")
    student = BuiltinEncoder(chain=WIDE).to(memory_format=torch.channels_last)
    for name, _, _ in WIDE:
        nn.init.kaiming_normal_(student.get_submodule(f"conv{name}").weight, a=LEAK)
        nn.init.zeros_(student.get_submodule(f"conv{name}").bias)
    crops = RandomCrops([args.data / "photos", args.data / "style_training"], args.seed)
    with torch.no_grad():
        images = crops.batch(48)
        explained = teachers.choose(images)
        deviation = {name: value.std((0, 2, 3), keepdim=True) for name, value in teachers.pre_activations(images).items()}

    # With Muon deep layers learn faster (4_2: error 0.20 after 450 steps; with Adam 0.49 after 700) and the first layer slower.
    first = student.get_submodule("conv1_1")
    filters = [p for p in student.parameters() if p.ndim == 4 and p is not first.weight]
    others = [p for p in student.parameters() if p.ndim == 1 or p is first.weight]
    optimizers: list[torch.optim.Optimizer] = [Muon(filters, args.rate), torch.optim.Adam(others, 4 * args.rate)]
    start, state = 0, run.load()
    if state is not None:
        start = state["step"]
        for optimizer, found in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(found)
        crops.rng = np.random.default_rng(args.seed + start)
    elif args.start:
        state = torch.load(args.start, weights_only=True)
    if state is not None:
        student.load_state_dict(state["student"])
        deviation, teachers.channels = state["deviation"], state["channels"]
    else:
        run.log({f"explained{name}": round(share, 4) for name, share in explained.items()})

    paintings, clock = None, time.time()
    for step in range(start, args.steps):
        share = step / args.steps
        rate = args.rate * min(1, (step + 1) / 100) * (1 if share < 0.4 else max(0.01, (1 - share) / 0.6))
        for optimizer, factor in zip(optimizers, (1, 4), strict=True):
            optimizer.param_groups[0]["lr"] = factor * rate
        batch = crops.batch(args.batch)
        if share >= args.painted_from:
            paintings = paintings or UnfinishedPaintings(crops)
            half = args.batch // 2
            batch = torch.cat([batch[half:], paintings.paint(student, half)])
        batch = batch.contiguous(memory_format=torch.channels_last)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            target = {name: value.float() for name, value in teachers.pre_activations(batch).items()}
        loss, errors = distance(student.pre_activations(batch), target, deviation, gram_weight=0.3 if share > 0.15 else 0)
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        if step % 50 == 0 or step + 1 == args.steps:
            line = {"step": step, "seconds": round(time.time() - clock, 1), "loss": round(float(loss.detach()), 4)}
            run.log(line | {name: round(error, 4) for name, error in errors.items()})
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == args.steps:
            run.save({"step": step + 1, "student": student.state_dict(), "deviation": deviation, "channels": teachers.channels,
                      "optimizers": [optimizer.state_dict() for optimizer in optimizers]})
            export(student, deviation, args.export or args.out / "encoder.safetensors")


if __name__ == "__main__":
    main()
