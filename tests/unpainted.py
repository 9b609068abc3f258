"""Clips written as they are, without painting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vidstyle.video import OutputPlan, ReadSettings, Source, WriteSettings, open_source, plan_output


def plan(source: Source, target: Path, frames: tuple[int, int] | None = None, **settings: Any) -> OutputPlan:
    """`plan_output` with the fields of `WriteSettings`."""
    return plan_output(target, source, frames, WriteSettings(**settings))


def copy(source: Source, target: Path, frames: tuple[int, int] | None = None, *, overwrite: bool = False, clamp: bool = True,
         **settings: Any) -> Source:
    """Write `frames` (indices of the first and last; None is all) of `source` to `target` and open the result."""
    with plan(source, target, frames, **settings).open(overwrite=overwrite) as sink:
        for frame in source.decode(*(frames or (0, None)), clamp=clamp):
            sink.write(frame)
    return open_source(target, ReadSettings(hdr="passthrough"))
