"""Train RAFT-small (Teed & Deng 2020) from random values on generated scenes alone.

    python training/train_flow.py --data DATA --out scratch/flow --steps 100000 --validate DATA
    python training/train_flow.py --data DATA --out scratch/flow --steps 100000 --export raft-small.safetensors

DATA holds `photos/` and `style_training/`, and for the validation `frames/sintel_gt` and `frames/middlebury`; without --data
all textures are procedural. The same command with the same `--out` goes on where it stopped, or where `--minutes` ended it: on
the CPU the weights are those of one run without a stop. `log.jsonl` in `--out` has a line every 50 steps, and one every
`--validate-every` steps with the end-point errors in px of this network and of DIS.
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
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision.models.optical_flow import RAFT, raft_small
from torchvision.models.optical_flow.raft import CorrBlock

sys.path.insert(0, str(Path(__file__).parent.parent))  # for `benchmarks` and `training`, which are not installed

from benchmarks.flow_truth import TruePair, generated, measure, pairs
from training.moving_scenes import MovingScenes, Pair
from training.run_folder import TrainingRun
from vidstyle.flow import load_flow
from vidstyle.flow.raft import Raft

GAMMA = 0.8  # weight of a refinement over that of the next one
LONGEST = 400.0  # px; longer motion is left out of the loss, as in RAFT
WARM_UP = 0.05  # share of the steps over which the rate rises
UPDATES = 12  # refinements
FIXED = ("steps", "batch", "size", "rate", "decay", "seed", "updates")  # a stopped run goes on only with the same values


class PreciseCorrelation(CorrBlock):
    """RAFT's correlations in float32 under autocast too, because matches differ by little."""

    def build_pyramid(self, fmap1: Tensor, fmap2: Tensor) -> None:
        with torch.autocast(fmap1.device.type, enabled=False):
            super().build_pyramid(fmap1.float(), fmap2.float())


def fresh_network() -> RAFT:
    """torchvision's RAFT-small with random values; its tensors have the names that `load_raft` expects."""
    network: RAFT = raft_small(weights=None, corr_block=PreciseCorrelation(num_levels=4, radius=3))
    return network


def sequence_loss(predictions: list[Tensor], truth: Tensor) -> Tensor:
    """RAFT eq. 7: sum over refinements i of GAMMA^(N−i) times the mean L1 distance; (N, 2, H, W) px each."""
    known = (truth.norm(dim=1, keepdim=True) < LONGEST).float()
    errors = [(known * (found.float() - truth).abs()).mean() for found in predictions]
    return torch.stack([GAMMA ** (len(errors) - 1 - i) * error for i, error in enumerate(errors)]).sum()


def rate_at(step: int, steps: int, highest: float) -> float:
    """One cycle: a linear rise over the share WARM_UP of the steps, then a linear fall to a thousandth of `highest`."""
    share = (step + 1) / steps
    return highest * min(share / WARM_UP, max(1e-3, (1 - share) / (1 - WARM_UP)))


def batches(args: argparse.Namespace, start: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """(first, second, flow from first to second) of every step from `start`; each pair is used in both directions.

    Frames (2 N, 3, H, W) in [-1, 1], flow (2 N, 2, H, W) px.
    """
    scenes = MovingScenes(args.steps * args.batch, tuple(args.size), data=args.data, seed=args.seed)
    loader: DataLoader[Pair] = DataLoader(
        scenes, args.batch, sampler=range(start * args.batch, len(scenes)), num_workers=args.workers,
        pin_memory=device.type == "cuda", prefetch_factor=4 if args.workers else None,
        worker_init_fn=one_thread)
    for pair in loader:
        last, this, to_last, to_this = (part.to(device, non_blocking=True) for part in pair[:4])
        first, second = torch.cat([this, last]), torch.cat([last, this])
        yield first.float() / 127.5 - 1, second.float() / 127.5 - 1, torch.cat([to_last, to_this])


def one_thread(worker: int) -> None:
    """Limit OpenCV to one thread: there is a worker for every core already."""
    cv2.setNumThreads(0)


class FlowValidation:
    """End-point errors, in px, of a network and of DIS on pairs that are never trained on."""

    def __init__(self, data: Path | None) -> None:
        self.truths: list[TruePair] = (pairs(data) if data else []) + generated(16)
        self.dis = {name: round(score.epe, 3) for name, score in measure(load_flow("dis"), self.truths).items()}

    def errors(self, network: RAFT, device: torch.device) -> dict[str, Any]:
        """By estimator, then by data set."""
        copy = fresh_network()  # `Raft` freezes the network it is given
        copy.load_state_dict(network.state_dict())
        found = measure(Raft(copy, device), self.truths)
        return {"validation": {name: round(score.epe, 3) for name, score in found.items()}, "dis": self.dis}


def export(network: nn.Module, path: Path) -> None:
    """Write the weights as float16 (2 MB), as `--flow raft-small=FILE` reads them."""
    save_file({name: tensor.detach().half().cpu().contiguous() for name, tensor in network.state_dict().items()}, path)


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of images for textures")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=6, help="pairs per step, each used in both directions")
    parser.add_argument("--size", type=int, nargs=2, default=[368, 496], metavar=("H", "W"), help="multiples of 8, from 128")
    parser.add_argument("--updates", type=int, default=UPDATES, help="refinements per pair")
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
    network = fresh_network().to(device).train()
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

    sums, began, clock = torch.zeros(4, device=device), time.monotonic(), time.monotonic()
    for step, (first, second, truth) in zip(range(start, end), batches(args, start, device), strict=False):
        optimizer.param_groups[0]["lr"] = rate_at(step, args.steps, args.rate)
        with torch.autocast(device.type, torch.float16, enabled=device.type == "cuda"):
            predictions = network(first, second, num_flow_updates=args.updates)
        loss = sequence_loss(predictions, truth)
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()

        error = (predictions[-1].detach().float() - truth).norm(dim=1)
        sums += torch.stack([loss.detach(), error.mean(), (error > 1).float().mean(), sums.new_ones(())])
        done, late = step + 1, time.monotonic() - began > 60 * args.minutes
        stops = done == end or late
        if done % 50 == 0 or stops:
            mean = (sums / sums[3]).tolist()  # waits for the GPU, so not at every step
            pace = float(sums[3]) * args.batch / (time.monotonic() - clock)
            run.log({"step": done, "loss": round(mean[0], 4), "epe": round(mean[1], 4), "wrong": round(mean[2], 4),
                     "rate": optimizer.param_groups[0]["lr"], "pairs_per_second": round(pace, 2)})
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
