"""Which device computes, in which number format, with how many threads, and how it gives the same numbers every time."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator

import torch

from vidstyle.core.errors import DeviceError, UsageError


def precision(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """The autocast context in which encoders and painting networks run their convolutions on `device`.

    - CPU without matrix tiles (AMX): float32. AVX-512's own bfloat16 has 0.6 times the speed of float32 here.
    - CPU with matrix tiles (AMX): bfloat16.
    - CUDA: bfloat16.
    - MPS: float32.

    The same machine with the same number of threads gives the same pixels on the CPU, and on CUDA under `deterministic`.
    Machines whose format differs by this list give paintings that differ slightly; so may machines with the same format,
    because their libraries add in different orders.
    """
    bfloat16 = device.type == "cuda" or (device.type == "cpu" and torch.cpu._is_amx_tile_supported())
    return torch.autocast(device.type, torch.bfloat16, enabled=bfloat16)


def widest_float(device: torch.device) -> torch.dtype:
    """The most precise floating-point format on `device`: float64, in which sums of whole numbers are exact; float32 on MPS."""
    return torch.float32 if device.type == "mps" else torch.float64


@contextlib.contextmanager
def deterministic(device: str) -> Iterator[None]:
    """Make CUDA give the same numbers in every run on this machine; changes nothing for other devices.

    Inside the context PyTorch and cuDNN use deterministic kernels and cuDNN does not choose kernels by timing them. Enter it
    before the first CUDA call: cuBLAS reads CUBLAS_WORKSPACE_CONFIG when it starts, and that variable stays set afterwards.

    Not covered, because PyTorch has no deterministic CUDA kernel for it: the gradient of the antialiased bicubic resize,
    through which a fit and a training reach half and quarter size. On CUDA these can end in a slightly different network each
    time; painting with a finished network and the method `optimize` do not use it. PyTorch's warnings about it are silenced.
    """
    if torch.device(device).type != "cuda":
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    cudnn = torch.backends.cudnn
    before = (torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled(),
              cudnn.deterministic, cudnn.benchmark)
    torch.use_deterministic_algorithms(True, warn_only=True)
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*does not have a deterministic implementation")
            yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        cudnn.deterministic, cudnn.benchmark = before[2], before[3]


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with `count` threads of the processor inside the context, in the thread that calls."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def find_device(name: str) -> str:
    """The device that `name` (see `Options.device`) means on this machine.

    Raises UsageError for an unknown name, DeviceError where the machine has no such device.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (number and not (kind == "cuda" and number.isdigit())):
        raise UsageError(f"There is no device {name!r}; choose auto, cpu, cuda, cuda:N or mps.")
    there = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}[kind]
    if int(number or 0) >= there:
        raise DeviceError(f"--device {name} is asked for and this machine has none; use --device auto or cpu.")
    return name
