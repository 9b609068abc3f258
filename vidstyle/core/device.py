"""Which device computes."""

from __future__ import annotations

import torch

from vidstyle.core.errors import DeviceError, UsageError


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
