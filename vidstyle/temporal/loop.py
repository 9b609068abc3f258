"""The loop: paint each frame with what the last paintings say about it, one frame in memory after another."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor

from vidstyle.core.frame import Frame, Memory, Prior
from vidstyle.core.interfaces import CutDetector, FlowEstimator, Stylizer
from vidstyle.ops.warp import trust, warp

Item = TypeVar("Item")


@dataclass(frozen=True)
class Painted:
    """A frame that has been painted, and what is remembered for the next one.

    The memories are all that passes from frame to frame: a run that keeps them can stop here and go on another day.
    """

    source: Frame
    memories: Sequence[Memory]
    """Nearest last."""

    @property
    def painting(self) -> Tensor:
        """(3, H, W) float32 sRGB in [0, 1]."""
        return self.memories[-1].painting


def paint_frames(frames: Iterable[Frame], stylize: Stylizer, estimate_flow: FlowEstimator, is_cut: CutDetector, *,
                 references: Sequence[int] = (1,), memories: Sequence[Memory] = (),
                 shrink: Callable[[Frame], Frame] = lambda frame: frame) -> Iterator[Painted]:
    """Paint each frame, one at a time and in order.

    references: how many frames back the paintings lie that hold a frame still, nearest first (Ruder et al. 2016, J);
    empty paints every frame on its own. memories: where an earlier call went as far as the frame before these, what it
    gave last. shrink: the frame as it is to be painted.
    """
    follow = Follower(estimate_flow, is_cut, references, [memory.frame for memory in memories])
    # What does not wait for paint, reading included, is worked out for the next frame while this one is painted.
    for source, seen in ahead((frame, follow(shrink(frame))) for frame in frames):
        if not seen.ways:
            memories = ()  # a new shot owes nothing to the last one
        priors = [Prior(carry(memories[-j].painting, way), way.trusted) for j, way in seen.ways.items()]
        painting = stylize(seen.frame.image, priors)
        memories = [*memories, Memory(seen.frame, painting)][-max(references, default=1) :]
        yield Painted(source, memories)


@dataclass(frozen=True)
class Way:
    """How an earlier frame leads to this one."""

    to_last: Tensor
    """(2, H, W) pixels, on this frame's grid; see `FlowPair`."""
    trusted: Tensor
    """(1, H, W) in [0, 1]; see `trust`."""


@dataclass(frozen=True)
class Seen:
    """A frame, and the ways to it from earlier ones of its shot, by how many frames back those are."""

    frame: Frame
    ways: Mapping[int, Way]


class Follower:
    """Finds the ways from frame to frame, called with each in order; none of it depends on paint.

    before: the frames of the shot so far, where it does not begin with the first call.
    """

    def __init__(self, estimate_flow: FlowEstimator, is_cut: CutDetector, references: Sequence[int],
                 before: Sequence[Frame] = ()) -> None:
        self._estimate_flow, self._is_cut, self._references = estimate_flow, is_cut, references
        self._frames = deque(before, maxlen=max(references, default=1))

    def __call__(self, frame: Frame) -> Seen:
        if self._frames and self._is_cut(self._frames[-1], frame):
            self._frames.clear()
        ways = {j: self._way(self._frames[-j], frame) for j in self._references if j <= len(self._frames)}
        self._frames.append(frame)
        return Seen(frame, ways)

    def _way(self, last: Frame, this: Frame) -> Way:
        flow = self._estimate_flow(last.image, this.image)
        return Way(flow.to_last, trust(last.image, this.image, flow))


def carry(painting: Tensor, way: Way) -> Tensor:
    """An earlier painting (3, H, W), moved to where things are now."""
    # Bicubic: a painting is pulled again at every frame, and bilinear sampling would wear its brush strokes away.
    return warp(painting, way.to_last, mode="bicubic").clamp(0, 1)


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, each worked out in another thread while the one before it is being used."""
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = worker.submit(next, items, None)
            yield item
