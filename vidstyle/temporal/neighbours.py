"""Each frame of a clip with the motion from the frame before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from torch import Tensor

from vidstyle.core.frame import FlowPair, Frame
from vidstyle.core.interfaces import CutDetector, FlowEstimator
from vidstyle.ops.warp import trusts


@dataclass(frozen=True)
class Neighbour:
    """A frame and the motion from the frame before it."""

    frame: Frame
    """At the painted size."""
    motion: FlowPair | None
    """None where a shot begins."""
    trust: Tensor | None
    """(1, H, W) in [0, 1], of the last frame's painting on this one; None where a shot begins."""
    trust_to_hold: Tensor | None
    """(1, H, W) in [0, 1], the same where no other paint is at hand."""


def neighbours(frames: Iterable[Frame], estimate_flow: FlowEstimator, is_cut: CutDetector,
               shrink: Callable[[Frame], Frame]) -> Iterator[Neighbour]:
    """Each frame with the motion from the frame before it in its shot, and with its `motion`."""
    last: Frame | None = None
    opening: Neighbour | None = None  # a shot's first frame, which waits for the motion to the next one
    for frame in map(shrink, frames):
        if last is None or is_cut(last, frame):
            if opening is not None:
                yield opening
            opening = Neighbour(frame, None, None, None)
        else:
            motion = estimate_flow(last.image, frame.image)
            if opening is not None:
                yield replace(opening, frame=replace(opening.frame, motion=motion.to_this))
                opening = None
            yield Neighbour(replace(frame, motion=motion.to_last), motion, *trusts(last.image, frame.image, motion))
        last = frame
    if opening is not None:
        yield opening
