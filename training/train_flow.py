"""Train the network of `--flow raft` (`vidstyle/flow/guided_raft.py`) from random values on generated scenes alone.

    python training/train_flow.py --data DATA --out scratch/flow --steps 12000 --validate DATA
    python training/train_flow.py --data DATA --out scratch/flow --steps 12000 --export raft.safetensors

DATA holds `photos/` and `style_training/`, and for the validation `frames/sintel_gt` and `frames/middlebury`; without --data
all textures are procedural. The same command with the same `--out` goes on where it stopped, or where `--minutes` ended it: on
the CPU the weights are those of one run without a stop. `log.jsonl` in `--out` has a line every 50 steps, and one every
`--validate-every` steps with the end-point errors in px of this network and of DIS, from which it starts.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d
from torch.utils.data import DataLoader, Dataset

sys.path.insert(0, str(Path(__file__).parent.parent))  # for `benchmarks` and `training`, which are not installed

from benchmarks.flow_truth import TruePair, generated, measure, pairs
from training.moving_scenes import MovingScenes
from training.run_folder import TrainingRun
from vidstyle.flow.dis import Dis
from vidstyle.flow.guided_raft import STEP, GuidedRaft
from vidstyle.flow.raft import Guided

GAMMA = 0.8  # weight of a refinement over that of the next one
COARSE = 0.3  # weight of the motions on the coarse grid
ROBUST = 0.7  # exponent of an error in px: below 1, for a few long motions must not outweigh every edge
SPOILT = 0.5  # share of the starts that are not as DIS finds them
FARTHEST = 12.0  # px; standard deviation of a spoilt start is up to half of it
LONGEST = 400.0  # px; longer motion is left out of the loss, as in RAFT
WARM_UP = 0.05  # share of the steps over which the rate rises
FIXED = ("steps", "batch", "size", "rate", "decay", "seed")  # a stopped run goes on only with the same values


class GuidedScenes(Dataset[tuple[Tensor, ...]]):
    """Generated pairs with a start: last and this frame (3, H, W) uint8, and (2, H, W) px each: true motion to the last and to
    this frame, start of the motion to the last and to this frame.

    The start is what DIS finds, but SPOILT of all starts are wrong everywhere: from DIS alone, which is right in most places,
    the network learns to change nothing before it learns to match.
    """

    def __init__(self, scenes: MovingScenes) -> None:
        self.scenes, self.dis = scenes, Dis()

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        pair = self.scenes[index]
        found = self.dis(pair.last / 255, pair.this / 255)
        rng = np.random.default_rng([self.scenes.seed, index, 1])
        starts = [spoilt(rng, start) for start in (found.to_last, found.to_this)]
        return pair.last, pair.this, pair.to_last, pair.to_this, *starts


def spoilt(rng: np.random.Generator, start: Tensor) -> Tensor:
    """`start` (2, H, W) as it is, or with a share SPOILT zero or bent by up to FARTHEST px."""
    kind = rng.random()
    if kind > SPOILT:
        return start
    if kind < SPOILT / 3:
        return torch.zeros_like(start)
    knots = rng.normal(0, FARTHEST * rng.random() / 2, (*rng.integers(2, 8, 2), 2)).astype(np.float32)
    bend = cv2.resize(knots, (start.shape[2], start.shape[1]), interpolation=cv2.INTER_CUBIC)
    return start + torch.from_numpy(bend.transpose(2, 0, 1))


def error_loss(found: Tensor, truth: Tensor) -> Tensor:
    """Mean of the end-point error to the power ROBUST; (N, 2, H, W) px each."""
    known = (truth.norm(dim=1) < LONGEST).float()
    squared = (found - truth).square().sum(1)
    return (known * (squared + 1e-4) ** (ROBUST / 2)).mean()


def loss_of(found: Tensor, coarse: list[Tensor], truth: Tensor) -> Tensor:
    """The loss of the motion found, plus COARSE times that of every refinement i of N, weighted by GAMMA^(N−i) (RAFT eq. 7)."""
    pooled = avg_pool2d(truth, STEP)
    refined = [GAMMA ** (len(coarse) - 1 - i) * error_loss(each, pooled) for i, each in enumerate(coarse)]
    return error_loss(found, truth) + COARSE * torch.stack(refined).sum()


def rate_at(step: int, steps: int, highest: float) -> float:
    """One cycle: a linear rise over the share WARM_UP of the steps, then a linear fall to a thousandth of `highest`."""
    share = (step + 1) / steps
    return highest * min(share / WARM_UP, max(1e-3, (1 - share) / (1 - WARM_UP)))


def batches(args: argparse.Namespace, start: int,
            device: torch.device) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor, Tensor]]:
    """This frame and the last (N, 3, H, W) in [-1, 1], the start to the last frame and back (N, 2, H, W) px, and the true
    motion, to the last frame and then back (2 N, 2, H, W) px, of every step from `start`."""
    scenes = GuidedScenes(MovingScenes(args.steps * args.batch, tuple(args.size), data=args.data, seed=args.seed))
    loader: DataLoader[tuple[Tensor, ...]] = DataLoader(
        scenes, args.batch, sampler=range(start * args.batch, len(scenes)), num_workers=args.workers,
        pin_memory=device.type == "cuda", prefetch_factor=4 if args.workers else None,
        worker_init_fn=one_thread)
    for pair in loader:
        last, this, to_last, to_this, forth, back = (part.to(device, non_blocking=True) for part in pair)
        yield this.float() / 127.5 - 1, last.float() / 127.5 - 1, forth, back, torch.cat([to_last, to_this])


def one_thread(worker: int) -> None:
    """Limit OpenCV to one thread: there is a worker for every core already."""
    cv2.setNumThreads(0)


class FlowValidation:
    """End-point errors, in px, of a network and of DIS on pairs that are never trained on."""

    def __init__(self, data: Path | None) -> None:
        self.truths: list[TruePair] = (pairs(data) if data else []) + generated(16)
        self.dis = {name: round(score.epe, 3) for name, score in measure(Dis(), self.truths).items()}

    def errors(self, network: GuidedRaft, device: torch.device) -> dict[str, Any]:
        """By estimator, then by data set."""
        copy = GuidedRaft()  # `Guided` freezes the network it is given
        copy.load_state_dict(network.state_dict())
        found = measure(Guided(copy, device), self.truths)
        return {"validation": {name: round(score.epe, 3) for name, score in found.items()}, "dis": self.dis}


def export(network: nn.Module, path: Path) -> None:
    """Write the weights as float16 (2.4 MB), as `--flow raft=FILE` reads them."""
    save_file({name: tensor.detach().half().cpu().contiguous() for name, tensor in network.state_dict().items()}, path)


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of images for textures")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=12_000)
    parser.add_argument("--batch", type=int, default=4, help="pairs per step, each used in both directions")
    parser.add_argument("--size", type=int, nargs=2, default=[160, 224], metavar=("H", "W"), help="multiples of 8, from 64")
    parser.add_argument("--rate", type=float, default=4e-4)
    parser.add_argument("--decay", type=float, default=1e-4, help="weight decay")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 1), help="processes that make pairs")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--stop", type=int, help="stop after this step; a later call goes on")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after this time; a later call goes on")
    parser.add_argument("--save-every", type=int, default=500)
    parser.add_argument("--validate", type=Path, metavar="DATA", help="measure on DATA's true motion and held-out scenes")
    parser.add_argument("--validate-every", type=int, default=5000)
    parser.add_argument("--export", type=Path, metavar="FILE.safetensors")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    args = parsed(arguments)
    run, device = TrainingRun(args.out), torch.device(args.device)
    torch.manual_seed(args.seed)
    network = GuidedRaft().to(device).train()
    optimizer = torch.optim.AdamW(network.parameters(), args.rate, weight_decay=args.decay)
    scaler = torch.amp.GradScaler(device.type, enabled=device.type == "cuda")
    start, fixed = 0, {name: getattr(args, name) for name in FIXED}
    if (state := run.load(device)) is not None:
        if state["fixed"] != fixed:
            raise SystemExit(f"{run.state_file} began with {state['fixed']}; go on with these, or choose another --out.")
        start = state["step"]
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        scaler.load_state_dict(state["scaler"])
    end = min(args.steps, args.stop or args.steps)
    validation = FlowValidation(args.validate) if args.validate else None

    sums, began, clock = torch.zeros(5, device=device), time.monotonic(), time.monotonic()
    for step, (this, last, forth, back, truth) in zip(range(start, end), batches(args, start, device), strict=False):
        optimizer.param_groups[0]["lr"] = rate_at(step, args.steps, args.rate)
        with torch.autocast(device.type, torch.float16 if device.type == "cuda" else torch.bfloat16):
            found, coarse = network(this, last, forth, back)
        loss = loss_of(found, coarse, truth)
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()

        error, start_error = ((flow.detach() - truth).norm(dim=1) for flow in (found, torch.cat([forth, back])))
        sums += torch.stack([loss.detach(), error.mean(), start_error.mean(), (error > 1).float().mean(), sums.new_ones(())])
        done, late = step + 1, time.monotonic() - began > 60 * args.minutes
        stops = done == end or late
        if done % 50 == 0 or stops:
            mean = (sums / sums[4]).tolist()  # waits for the GPU, so not at every step
            pace = float(sums[4]) * args.batch / (time.monotonic() - clock)
            run.log({"step": done, "loss": round(mean[0], 4), "epe": round(mean[1], 4), "dis": round(mean[2], 4),
                     "wrong": round(mean[3], 4), "rate": optimizer.param_groups[0]["lr"], "pairs_per_second": round(pace, 2)})
            sums, clock = torch.zeros_like(sums), time.monotonic()
        if done % args.save_every == 0 or stops:
            run.save({"step": done, "fixed": fixed, "network": network.state_dict(), "optimizer": optimizer.state_dict(),
                      "scaler": scaler.state_dict()})
        if validation and (done % args.validate_every == 0 or stops):
            run.log({"step": done, **validation.errors(network, device)})
            clock = time.monotonic()
        if stops:
            break
    if args.export:
        export(network, args.export)


if __name__ == "__main__":
    main()
