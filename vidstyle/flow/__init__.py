"""Optical flow by name: `load_flow("dis")` returns a function of two images that estimates the motion between them."""

from __future__ import annotations

from pathlib import Path

import torch

from vidstyle.core.errors import UsageError
from vidstyle.core.interfaces import FlowEstimator
from vidstyle.flow.dis import PRESETS, Dis
from vidstyle.flow.farneback import NAME as FARNEBACK
from vidstyle.flow.farneback import Farneback
from vidstyle.flow.raft import NAMES, OURS, load_guided, load_raft

KNOWN = (*PRESETS, FARNEBACK, OURS, *NAMES)
"""Names that `load_flow` takes."""


def load_flow(name: str, device: torch.device | str = "cpu") -> FlowEstimator:
    """The flow estimator called `name`: `dis`, `dis-fast`, `farneback`, `raft`, `raft-small`, `raft-large`, or a network's
    name and `=FILE`.

    device: where a network runs; DIS and Farnebäck's method always run on the CPU. Raises UsageError for an unknown name
    and InputError if weights cannot be read or fetched.
    """
    kind, equals, file = name.partition("=")
    if kind in PRESETS and not equals:
        return Dis(kind)
    if name == FARNEBACK:
        return Farneback()
    if kind == OURS and (file or not equals):
        return load_guided(Path(file).expanduser() if file else None, device)
    if kind in NAMES and (file or not equals):
        return load_raft(kind, Path(file).expanduser() if file else None, device)
    raise UsageError(f"There is no optical flow {name!r}; choose one of {', '.join(KNOWN)}, "
                     "or raft=FILE, raft-small=FILE or raft-large=FILE for a checkpoint of your own.")
