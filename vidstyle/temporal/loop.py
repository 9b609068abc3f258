"""The loop over frames: estimate the motion, carry the earlier paintings along it, paint; one frame after another."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from vidstyle.core.frame import Correspondence, Frame, Memory, Prior
from vidstyle.core.interfaces import CutDetector, FlowEstimator, Stylizer
from vidstyle.ops.warp import trust, warp

Item = TypeVar("Item")


@dataclass(frozen=True)
class Painted:
    """A painted frame, and the state of the loop after it.

    `memories` is all that passes from frame to frame: `paint_frames` continues from it as if it had never stopped.
    """

    source: Frame
    """The frame as it was read, at its own size."""
    memories: Sequence[Memory]
    """This frame and the earlier ones of its shot that later frames refer to, nearest last."""

    @property
    def painting(self) -> Tensor:
        """(3, H, W) float32 sRGB in [0, 1]."""
        return self.memories[-1].painting


def paint_frames(frames: Iterable[Frame], stylize: Stylizer, estimate_flow: FlowEstimator, is_cut: CutDetector, *,
                 references: Sequence[int] = (1,), memories: Sequence[Memory] = (),
                 shrink: Callable[[Frame], Frame] = lambda frame: frame) -> Iterator[Painted]:
    """Paint each frame with the earlier paintings of its shot as priors, in order, one at a time.

    references: the distances, in frames, of the paintings that are carried to each frame (J in Ruder et al. 2016), 1 or
    more; a frame whose shot does not reach back that far is painted without that prior. Empty: every frame is painted
    on its own. memories: `Painted.memories` of the frame before the first of `frames`; empty at the start. shrink: makes
    the frame that is painted out of the one that was read.
    """
    references = sorted(set(references))
    reach = max(references, default=1)
    shot = [memory.frame for memory in memories]
    # Flow and cuts do not depend on paint: they are computed for the next frame while this one is painted.
    for found in ahead(follow(frames, estimate_flow, is_cut, references, shot, shrink)):
        if found.starts_shot:
            memories = ()
        priors = [carry(memories[-j].painting, correspondence) for j, correspondence in found.correspondences.items()]
        painting = stylize(found.frame, priors)
        memories = [*memories, Memory(found.frame, painting)][-reach:]
        yield Painted(found.source, memories)


@dataclass(frozen=True)
class Followed:
    """A frame with its correspondences to earlier frames of its shot."""

    source: Frame
    """The frame as it was read, at its own size."""
    frame: Frame
    """At the painted size."""
    starts_shot: bool
    correspondences: Mapping[int, Correspondence]
    """By the number of frames back, nearest first."""


def follow(frames: Iterable[Frame], estimate_flow: FlowEstimator, is_cut: CutDetector, references: Sequence[int],
           shot: Sequence[Frame], shrink: Callable[[Frame], Frame]) -> Iterator[Followed]:
    """Find cuts, and the correspondences of each frame to the frames that are `references` back in its shot.

    shot: the frames of the shot before the first of `frames`, at the painted size, nearest last.
    """
    reach = max(references, default=1)
    for source in frames:
        frame = shrink(source)
        if shot and is_cut(shot[-1], frame):
            shot = ()
        correspondences = {j: correspond(shot[-j], frame, estimate_flow) for j in references if j <= len(shot)}
        yield Followed(source, frame, not shot, correspondences)
        shot = [*shot, frame][-reach:]


def correspond(last: Frame, this: Frame, estimate_flow: FlowEstimator) -> Correspondence:
    """The motion from an earlier frame to this one, with its trust; both frames of one size."""
    flow = estimate_flow(last.image, this.image)
    return Correspondence(flow.to_last, trust(last.image, this.image, flow))


def carry(painting: Tensor, correspondence: Correspondence) -> Prior:
    """An earlier painting (3, H, W) in [0, 1], warped onto this frame's grid."""
    # Bicubic: a painting is resampled again at every frame, and bilinear interpolation would blur its brush strokes.
    warped = warp(painting, correspondence.to_last, mode="bicubic").clamp(0, 1)
    return Prior(warped, correspondence.visibility)


def ahead(items: Iterator[Item], most: int = 1) -> Iterator[Item]:
    """The same items; a second thread computes the next ones, at most `most`, while the caller uses the current one.

    most: 0 = no thread, each item is computed when it is asked for.
    """
    if most == 0:
        yield from items
        return
    # A thread that starts while another one converts a frame (`yuv`) would compute with that one's number of threads.
    with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(torch.get_num_threads(),)) as worker:
        try:
            coming = deque(worker.submit(next, items, None) for _ in range(most))
            while (item := coming.popleft().result()) is not None:
                coming.append(worker.submit(next, items, None))
                yield item
        finally:
            worker.shutdown(wait=False, cancel_futures=True)  # what nobody has asked for yet
