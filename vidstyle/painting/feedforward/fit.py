"""Fit a painting network to one clip and one style: seeded, from frames of the whole clip, in minutes on a laptop."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Optimizer

from vidstyle.core.interfaces import Encoder
from vidstyle.painting.early_stopping import EarlyStopping
from vidstyle.painting.feedforward.muon import optimizers
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.objective import pair_losses
from vidstyle.painting.frame_pair import FramePair
from vidstyle.painting.style import StyleTarget

CROP = 256  # pixels; side of the crops of the frames at the painted size
TONE_WEIGHT = 3.0  # of `tone_loss`; at a sixth of it plain areas get spots of wrong colours
HELD_OUT_EVERY = 8  # one of so many pairs is held out; its losses decide when the fit stops
CHECK_EVERY = 20  # steps between two evaluations of the held-out pairs
COOLING = 0.1  # share of the steps over which the learning rate falls to zero once the held-out losses no longer fall


@dataclass(frozen=True)
class FitSettings:
    """The weights of the losses, the number of steps, the seed and the learning rate of a fit."""

    content_weight: float
    style_weight: float
    tv_weight: float
    temporal_weight: float
    steps: int
    seed: int
    rate: float
    """Highest learning rate."""

    def total(self, losses: dict[str, Tensor]) -> Tensor:
        """The weighted sum of the losses of `pair_losses`."""
        weights = {"style": self.style_weight, "content": self.content_weight, "tv": self.tv_weight, "tone": TONE_WEIGHT,
                   "temporal": self.temporal_weight}
        return torch.stack([weights[name] * value for name, value in losses.items()]).sum()


Report = Callable[[int, dict[str, float], Callable[[], dict[str, Tensor]]], None]
"""(steps done, losses by name, a function that returns the state of the fit after these steps)."""


def fit(network: PaintNetwork, pairs: Sequence[FramePair], encoder: Encoder, style: StyleTarget, settings: FitSettings,
        report: Report = lambda step, losses, state: None, resume_from: dict[str, Tensor] | None = None) -> int:
    """Train `network` (see `initial_network`) on `pairs`, at least one; returns the number of steps done.

    Each step takes a random crop of a random pair, both drawn from the seed, and descends on `pair_losses`: style, content and
    total variation (Johnson et al. 2016), tone, and the temporal loss between both paintings (Ruder et al. 2018). `report` is
    called after every step. A state that it was given, passed as `resume_from` with the same other arguments, continues the fit
    after that step and ends with the same network bit for bit.

    One of HELD_OUT_EVERY pairs is held out. Once its losses no longer fall, the learning rate falls to zero over the share
    COOLING of the steps and the fit ends early.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    network.train().requires_grad_(True)
    steppers = optimizers(network.parameters(), settings.rate)
    held_out = pairs[HELD_OUT_EVERY // 2 :: HELD_OUT_EVERY] if len(pairs) >= HELD_OUT_EVERY else ()
    training = [pair for pair in pairs if all(pair is not other for other in held_out)]
    stopping, step, last = EarlyStopping(window=2), 0, settings.steps
    if resume_from is not None:
        step, last = _restore(resume_from, network, steppers, generator, stopping)

    def losses_of(pair: FramePair, source: torch.Generator) -> dict[str, Tensor]:
        """The losses of a random crop of the pair."""
        tensors, height = _cropped(pair, source, style.images[0].device), pair.this.shape[-2]
        return pair_losses(network, *tensors, encoder, [style], height, source)

    while step < last:
        pair = training[int(torch.randint(len(training), (), generator=generator))]
        losses = losses_of(pair, generator)
        network.zero_grad(set_to_none=True)
        settings.total(losses).backward()  # type: ignore[no-untyped-call]
        cooling = (last - step) / (COOLING * settings.steps) if last < settings.steps else 1.0
        for optimizer in steppers:
            optimizer.param_groups[0]["lr"] = settings.rate * rate_factor(step / settings.steps) * min(1.0, cooling)
            optimizer.step()
        step += 1
        if held_out and step % CHECK_EVERY == 0 and last == settings.steps:
            with torch.no_grad():
                same_crops = torch.Generator().manual_seed(settings.seed)
                held_out_loss = sum(float(settings.total(losses_of(pair, same_crops))) for pair in held_out)
            if not stopping.falls(held_out_loss):
                last = min(last, step + math.ceil(COOLING * settings.steps))
        report(step, {name: float(value.detach()) for name, value in losses.items()},
               functools.partial(_state, step, last, network, steppers, generator, stopping))
    network.eval().requires_grad_(False)
    return step


def _cropped(pair: FramePair, generator: torch.Generator, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """last, this, to_last and visibility as `pair_losses` takes them, all cut to the same random crop."""
    rows, columns = _random_window(pair.this.shape[-2:], generator)
    last, this = (image[None, :, rows, columns].to(device).float() / 255 for image in (pair.last, pair.this))
    to_last, visibility = (field[None, :, rows, columns].to(device).float() for field in (pair.to_last, pair.visibility))
    return last, this, to_last, visibility


def _state(step: int, last: int, network: PaintNetwork, steppers: Sequence[Optimizer], generator: torch.Generator,
           stopping: EarlyStopping) -> dict[str, Tensor]:
    """Everything that the steps after `step` depend on."""
    state = {"step": torch.tensor(step), "last": torch.tensor(last), "generator": generator.get_state(),
             "held": torch.tensor(stopping.losses, dtype=torch.float64)}
    state |= {f"network.{name}": value for name, value in network.state_dict().items()}
    for number, optimizer in enumerate(steppers):
        for place, parameter in enumerate(optimizer.param_groups[0]["params"]):
            state |= {f"{number}.{place}.{name}": value for name, value in optimizer.state[parameter].items()}
    return {name: value.detach().cpu().contiguous() for name, value in state.items()}


def _restore(state: dict[str, Tensor], network: PaintNetwork, steppers: Sequence[Optimizer],
             generator: torch.Generator, stopping: EarlyStopping) -> tuple[int, int]:
    """Set everything to a `_state`; returns the number of steps done and the number of steps in all."""
    stopping.losses[:] = state["held"].tolist()
    network.load_state_dict({name: state[f"network.{name}"] for name in network.state_dict()})
    generator.set_state(state["generator"])
    for number, optimizer in enumerate(steppers):
        for place, parameter in enumerate(optimizer.param_groups[0]["params"]):
            found = {name: value for name, value in state.items() if name.startswith(f"{number}.{place}.")}
            # In the parameter's own memory layout: sums over another layout round differently.
            optimizer.state[parameter] = {
                name.rpartition(".")[2]: torch.empty_like(parameter).copy_(value) if value.ndim else value.clone()
                for name, value in found.items()}
    return int(state["step"]), int(state["last"])


def rate_factor(share: float) -> float:
    """Learning rate over its highest, after this share of the steps: rises over the first tenth, falls to 0.01 at the end."""
    return max(0.01, min(1.0, 10 * share + 0.1, 1.5 * (1 - share)))


def _random_window(size: torch.Size | tuple[int, ...], generator: torch.Generator) -> tuple[slice, slice]:
    """Rows and columns of a random crop of at most CROP pixels a side."""
    spans = []
    for side in size:
        start = int(torch.randint(max(0, side - CROP) + 1, (), generator=generator))
        spans.append(slice(start, start + min(CROP, side)))
    return spans[0], spans[1]
