"""Fit a painting network to one clip and one style: minutes on a laptop, seeded, from frames of the whole clip."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Optimizer

from vidstyle.core.interfaces import Encoder
from vidstyle.painting.feedforward.muon import optimizers
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.objective import pair_losses
from vidstyle.painting.frame_pair import FramePair
from vidstyle.painting.optimize.optimizer import Falling
from vidstyle.painting.style import StyleTarget

CROP = 256  # pixels; the fit looks at crops of this side, at the size that will be painted
TONE = 3.0  # weight of `tone_loss`; at a sixth of it plain places get blotches of a colour that is not theirs
HELD = 8  # of so many pairs one is not learnt from, and tells when the fit gets no better
LOOK = 20  # steps between two looks at what is held out
COOLING = 0.1  # share of the steps over which a fit that gets no better comes to rest


@dataclass(frozen=True)
class FitSettings:
    """Weights of the losses, and how long and from which seed to fit."""

    content_weight: float
    style_weight: float
    tv_weight: float
    temporal_weight: float
    steps: int
    seed: int
    rate: float = 1.5e-3

    def weighed(self, losses: dict[str, Tensor]) -> Tensor:
        """The sum of the losses, each by its weight."""
        weights = {"style": self.style_weight, "content": self.content_weight, "tv": self.tv_weight, "tone": TONE,
                   "temporal": self.temporal_weight}
        return torch.stack([weights[name] * value for name, value in losses.items()]).sum()


Report = Callable[[int, dict[str, float], Callable[[], dict[str, Tensor]]], None]


def fit(network: PaintNetwork, pairs: Sequence[FramePair], encoder: Encoder, style: StyleTarget, settings: FitSettings,
        report: Report = lambda step, losses, state: None, begun: dict[str, Tensor] | None = None) -> int:
    """Train `network` (see `start.begin`) on `pairs`, at least one: a crop of one pair a step, in an order given by the seed.

    Each step paints both frames of a pair and adds, of the second painting, style at several scales, content and total
    variation (Johnson et al. 2016), and how far it is from the first one, pulled along the motion. `report(step, losses,
    state)` is called after every step; what `state()` gives there, a later call takes as `begun`, goes on after that step,
    and ends with the very same network.

    Every HELDth pair is held out; where the losses of those no longer fall, the fit comes to rest before its time. Returns
    the number of steps it took.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    network.train().requires_grad_(True)
    steppers = optimizers(network.parameters(), settings.rate)
    held = pairs[HELD // 2 :: HELD] if len(pairs) >= HELD else ()
    learnt = [pair for pair in pairs if all(pair is not other for other in held)]
    falling, step, last = Falling(window=2), 0, settings.steps
    if begun is not None:
        step, last = _take_up(begun, network, steppers, generator, falling)

    def losses_of(pair: FramePair, source: torch.Generator) -> dict[str, Tensor]:
        """Those of a random crop."""
        shown, height = _cropped(pair, source, style.pictures[0].device), pair.this.shape[-2]
        return pair_losses(network, *shown, encoder, [style], height, source)

    while step < last:
        pair = learnt[int(torch.randint(len(learnt), (), generator=generator))]
        losses = losses_of(pair, generator)
        network.zero_grad(set_to_none=True)
        settings.weighed(losses).backward()  # type: ignore[no-untyped-call]
        rest = (last - step) / (COOLING * settings.steps) if last < settings.steps else 1.0
        for optimizer in steppers:
            optimizer.param_groups[0]["lr"] = settings.rate * ramp(step / settings.steps) * min(1.0, rest)
            optimizer.step()
        step += 1
        if held and step % LOOK == 0 and last == settings.steps:
            with torch.no_grad():
                same = torch.Generator().manual_seed(settings.seed)
                found = sum(float(settings.weighed(losses_of(pair, same))) for pair in held)
            if not falling(found):
                last = min(last, step + math.ceil(COOLING * settings.steps))
        report(step, {name: float(value.detach()) for name, value in losses.items()},
               functools.partial(_state, step, last, network, steppers, generator, falling))
    network.eval().requires_grad_(False)
    return step


def _cropped(pair: FramePair, generator: torch.Generator, device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What `pair_losses` takes of a pair: the same random crop of both pictures, their motion and visibility."""
    rows, columns = _random_window(pair.this.shape[-2:], generator)
    last, this = (picture[None, :, rows, columns].to(device).float() / 255 for picture in (pair.last, pair.this))
    to_last, visible = (field[None, :, rows, columns].to(device).float() for field in (pair.to_last, pair.visibility))
    return last, this, to_last, visible


def _state(step: int, last: int, network: PaintNetwork, steppers: Sequence[Optimizer], generator: torch.Generator,
           falling: Falling) -> dict[str, Tensor]:
    """Everything that the steps after `step` depend on."""
    state = {"step": torch.tensor(step), "last": torch.tensor(last), "generator": generator.get_state(),
             "held": torch.tensor(falling.losses, dtype=torch.float64)}
    state |= {f"network.{name}": value for name, value in network.state_dict().items()}
    for number, optimizer in enumerate(steppers):
        for place, parameter in enumerate(optimizer.param_groups[0]["params"]):
            state |= {f"{number}.{place}.{name}": value for name, value in optimizer.state[parameter].items()}
    return {name: value.detach().cpu().contiguous() for name, value in state.items()}


def _take_up(state: dict[str, Tensor], network: PaintNetwork, steppers: Sequence[Optimizer],
             generator: torch.Generator, falling: Falling) -> tuple[int, int]:
    """Put `_state` back in place; the step it was taken after, and the last there will be."""
    falling.losses[:] = state["held"].tolist()
    network.load_state_dict({name: state[f"network.{name}"] for name in network.state_dict()})
    generator.set_state(state["generator"])
    for number, optimizer in enumerate(steppers):
        for place, parameter in enumerate(optimizer.param_groups[0]["params"]):
            found = {name: value for name, value in state.items() if name.startswith(f"{number}.{place}.")}
            # Laid out in memory as the parameter is: sums over another layout would round differently.
            optimizer.state[parameter] = {
                name.rpartition(".")[2]: torch.empty_like(parameter).copy_(value) if value.ndim else value.clone()
                for name, value in found.items()}
    return int(state["step"]), int(state["last"])


def ramp(share: float) -> float:
    """Learning rate over the fit, as a share of the highest: up in the first tenth, down to a hundredth at the end."""
    return max(0.01, min(1.0, 10 * share + 0.1, 1.5 * (1 - share)))


def _random_window(size: torch.Size | tuple[int, ...], generator: torch.Generator) -> tuple[slice, slice]:
    """A random place for a crop of at most CROP pixels a side."""
    spans = []
    for side in size:
        start = int(torch.randint(max(0, side - CROP) + 1, (), generator=generator))
        spans.append(slice(start, start + min(CROP, side)))
    return spans[0], spans[1]
