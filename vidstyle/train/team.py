"""One process, or several that share the work: each takes its part of every step's pairs (data parallel, by `torchrun`)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn

from vidstyle.core.errors import UsageError

# The others wait while the first one judges, and while a long film is read.
PATIENCE = timedelta(hours=24)


@dataclass(frozen=True)
class Team:
    """Which of how many processes this is."""

    rank: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files and says how far the work is."""
        return self.rank == 0

    def part(self, batch: int) -> range:
        """Which places of a batch are this process's. Raises UsageError where they do not divide evenly."""
        if batch % self.count:
            raise UsageError(f"A batch of {batch} cannot be shared by {self.count} processes; give a multiple of {self.count}.")
        share = batch // self.count
        return range(self.rank * share, (self.rank + 1) * share)

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            distributed.barrier()

    def mean(self, value: Tensor) -> Tensor:
        """The mean of a tensor over all processes, in each of them."""
        if self.count > 1:
            distributed.all_reduce(value)
            value /= self.count
        return value

    def share_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Give every process the mean gradient: that of the whole batch, for each loss is a mean over equal parts.

        One exchange of a few megabytes after the backward pass. DistributedDataParallel would hide it behind that pass,
        which is worth little for so small a network, and it wants the whole step inside one `forward`.
        """
        if self.count > 1:
            gradients = [p.grad for p in parameters if p.grad is not None]
            whole = self.mean(torch.cat([gradient.flatten() for gradient in gradients]))
            means = torch.split(whole, [gradient.numel() for gradient in gradients])
            for gradient, mean in zip(gradients, means, strict=True):
                gradient.copy_(mean.view_as(gradient))


def launched() -> Team:
    """The process that `torchrun` made of this one, or the only one; joins nothing yet."""
    if not distributed.is_torchelastic_launched():
        return Team()
    return Team(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))


@contextmanager
def joined(device: str) -> Iterator[tuple[Team, str]]:
    """This process's team, and its own device of that kind."""
    team = launched()
    if team.count == 1:
        yield team, device
        return
    if device == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo", timeout=PATIENCE)
    try:
        yield team, device
    finally:
        distributed.destroy_process_group()
