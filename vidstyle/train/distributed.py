"""Data-parallel training by `torchrun`: each process takes an equal part of every batch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn

from vidstyle.core.errors import UsageError

# The other processes wait while the first one validates, and while a long film is read.
TIMEOUT = timedelta(hours=24)


@dataclass(frozen=True)
class ProcessGroup:
    """The number of this process, and how many train together."""

    rank: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes files and reports progress."""
        return self.rank == 0

    def part(self, batch: int) -> range:
        """This process's places in a batch. Raises UsageError where the batch does not divide evenly."""
        if batch % self.count:
            raise UsageError(f"A batch of {batch} cannot be shared by {self.count} processes; give a multiple of {self.count}.")
        share = batch // self.count
        return range(self.rank * share, (self.rank + 1) * share)

    def barrier(self) -> None:
        """Wait until all processes have called this."""
        if self.count > 1:
            distributed.barrier()

    def mean(self, value: Tensor) -> Tensor:
        """The mean of a tensor over all processes, in each of them; changes `value` in place."""
        if self.count > 1:
            distributed.all_reduce(value)
            value /= self.count
        return value

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Give every process the mean gradient: that of the whole batch, since each loss is a mean over equal parts.

        One exchange of a few megabytes after the backward pass. DistributedDataParallel would overlap it with that pass, which
        gains little for so small a network, and needs the whole step inside one `forward`.
        """
        if self.count > 1:
            gradients = [p.grad for p in parameters if p.grad is not None]
            whole = self.mean(torch.cat([gradient.flatten() for gradient in gradients]))
            means = torch.split(whole, [gradient.numel() for gradient in gradients])
            for gradient, mean in zip(gradients, means, strict=True):
                gradient.copy_(mean.view_as(gradient))


def launched_group() -> ProcessGroup:
    """The group that `torchrun` started this process in, or a group of one; opens no connection."""
    if not distributed.is_torchelastic_launched():
        return ProcessGroup()
    return ProcessGroup(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))


@contextmanager
def joined(device: str) -> Iterator[tuple[ProcessGroup, str]]:
    """Connect to the other processes; gives the group and this process's own device of the kind `device`."""
    group = launched_group()
    if group.count == 1:
        yield group, device
        return
    if device == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo", timeout=TIMEOUT)
    try:
        yield group, device
    finally:
        distributed.destroy_process_group()
