"""Train the flow network that ships: RAFT-small (Teed & Deng 2020) from fresh values, on generated scenes alone.

    python training/train_flow.py --data DATA --out scratch/flow --steps 100000 --yardstick DATA
    python training/train_flow.py --data DATA --out scratch/flow --steps 100000 --export raft-small.safetensors

DATA holds `photos/` and `style_training/`, and for the yardstick `frames/sintel_gt` and `frames/middlebury`; without
--data all textures are procedural. Run again with the same `--out` to go on where it stopped, `--minutes` leaves in time:
on the CPU the weights are those of one run without a stop. `log.jsonl` in `--out` has a line every 50 steps, and one with
the yardstick's end-point errors in px, those of DIS beside them, every `--yardstick-every` steps.
"""

from __future__ import annotations

import argparse
import json
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
from vidstyle.flow import load_flow
from vidstyle.flow.raft import Raft

GAMMA = 0.8  # weight of a refinement against that of the one after it
LONGEST = 400.0  # px; longer motion is not learnt, as in RAFT
WARM_UP = 0.05  # share of the steps over which the rate rises
UPDATES = 12
FIXED = ("steps", "batch", "size", "rate", "decay", "seed", "updates")  # a run goes on only with what it began with


class PreciseCorrelation(CorrBlock):
    """RAFT's correlations in float32 also where the rest runs in half: matching is told apart by small differences."""

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
    """One cycle: up in a straight line for WARM_UP of the steps, then down to nothing."""
    share = (step + 1) / steps
    return highest * min(share / WARM_UP, max(1e-3, (1 - share) / (1 - WARM_UP)))


def batches(args: argparse.Namespace, start: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """(first, second, flow of first towards second) of every step from `start`; each pair is seen in both directions."""
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
    """There is a worker for every core already; OpenCV would start as many threads in each."""
    cv2.setNumThreads(0)


class Yardstick:
    """End-point errors on pairs that are never trained on, beside those of DIS."""

    def __init__(self, data: Path | None) -> None:
        self.truths: list[TruePair] = (pairs(data) if data else []) + generated(16)
        self.dis = {name: round(score.epe, 3) for name, score in measure(load_flow("dis"), self.truths).items()}

    def line(self, network: RAFT, device: torch.device) -> dict[str, Any]:
        judged = fresh_network()  # `Raft` freezes the network it is given
        judged.load_state_dict(network.state_dict())
        found = measure(Raft(judged, device), self.truths)
        return {"yardstick": {name: round(score.epe, 3) for name, score in found.items()}, "dis": self.dis}


def log(out: Path, line: dict[str, Any]) -> None:
    with (out / "log.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    print(json.dumps(line), flush=True)


def export(network: nn.Module, path: Path) -> None:
    """The weights as float16: 2 MB, what `--flow raft-small=FILE` reads."""
    save_file({name: tensor.detach().half().cpu().contiguous() for name, tensor in network.state_dict().items()}, path)


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of pictures for textures")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=6, help="pairs per step, each seen in both directions")
    parser.add_argument("--size", type=int, nargs=2, default=[368, 496], metavar=("H", "W"), help="multiples of 8, from 128")
    parser.add_argument("--updates", type=int, default=UPDATES, help="refinements per pair")
    parser.add_argument("--rate", type=float, default=4e-4)
    parser.add_argument("--decay", type=float, default=1e-4, help="weight decay")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 1), help="processes that make pairs")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--stop", type=int, help="leave after this step, to go on another time")
    parser.add_argument("--minutes", type=float, default=math.inf, help="leave after this long, to go on another time")
    parser.add_argument("--save-every", type=int, default=500)
    parser.add_argument("--yardstick", type=Path, metavar="DATA", help="measure on DATA's true motion and held-out scenes")
    parser.add_argument("--yardstick-every", type=int, default=5000)
    parser.add_argument("--export", type=Path, metavar="FILE.safetensors")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    args = parsed(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    device, saved = torch.device(args.device), args.out / "state.pt"
    torch.manual_seed(args.seed)
    network = fresh_network().to(device).train()
    optimizer = torch.optim.AdamW(network.parameters(), args.rate, weight_decay=args.decay)
    scaler = torch.amp.GradScaler(device.type, enabled=device.type == "cuda")
    start, fixed = 0, {name: getattr(args, name) for name in FIXED}
    if saved.exists():
        state = torch.load(saved, weights_only=True, map_location=device)
        if state["fixed"] != fixed:
            raise SystemExit(f"{saved} began with {state['fixed']}; go on with these, or choose another --out.")
        start = state["step"]
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        scaler.load_state_dict(state["scaler"])
    end = min(args.steps, args.stop or args.steps)
    yardstick = Yardstick(args.yardstick) if args.yardstick else None

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
        leaving = done == end or late
        if done % 50 == 0 or leaving:
            mean = (sums / sums[3]).tolist()  # waits for the GPU, so not at every step
            pace = float(sums[3]) * args.batch / (time.monotonic() - clock)
            log(args.out, {"step": done, "loss": round(mean[0], 4), "epe": round(mean[1], 4), "wrong": round(mean[2], 4),
                           "rate": optimizer.param_groups[0]["lr"], "pairs_per_second": round(pace, 2)})
            sums, clock = torch.zeros_like(sums), time.monotonic()
        if done % args.save_every == 0 or leaving:
            state = {"step": done, "fixed": fixed, "network": network.state_dict(), "optimizer": optimizer.state_dict(),
                     "scaler": scaler.state_dict()}
            torch.save(state, saved.with_suffix(".new"))
            saved.with_suffix(".new").replace(saved)
        if yardstick and (done % args.yardstick_every == 0 or leaving):
            log(args.out, {"step": done, **yardstick.line(network, device)})
            clock = time.monotonic()
        if leaving:
            break
    if args.export:
        export(network, args.export)


if __name__ == "__main__":
    main()
