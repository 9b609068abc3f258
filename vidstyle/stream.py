"""The loop: paint each frame with what the last paintings say about it, one frame in memory after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from vidstyle.flow import FlowEstimator
from vidstyle.frame import Frame, Memory, Prior
from vidstyle.shots import CutDetector
from vidstyle.stylizers import Stylizer
from vidstyle.warp import trust, warp


def paint_frames(frames: Iterable[Frame], stylize: Stylizer, estimate_flow: FlowEstimator, is_cut: CutDetector,
                 *, references: Sequence[int] = (1,)) -> Iterator[Frame]:
    """Yield each frame painted, one at a time and in order.

    references: how many frames back the paintings lie that hold a frame still, nearest first (Ruder et al. 2016, J);
    empty paints every frame on its own.
    """
    memories: Sequence[Memory] = []
    for frame in frames:
        memories = paint_frame(frame, memories, stylize, estimate_flow, is_cut, references=references)
        yield replace(frame, image=memories[-1].painting)


def paint_frame(frame: Frame, memories: Sequence[Memory], stylize: Stylizer, estimate_flow: FlowEstimator,
                is_cut: CutDetector, *, references: Sequence[int] = (1,)) -> Sequence[Memory]:
    """Paint one frame and return what is remembered for the next one; the last memory holds the painting.

    This is all that passes from frame to frame: a run that keeps the memories can stop here and go on another day.
    """
    if memories and is_cut(memories[-1].frame, frame):
        memories = []  # a new shot owes nothing to the last one
    priors = [recall(memories[-j], frame, estimate_flow) for j in references if j <= len(memories)]
    painting = stylize(frame.image, priors)
    return [*memories, Memory(frame, painting)][-max(references, default=1) :]


def recall(memory: Memory, frame: Frame, estimate_flow: FlowEstimator) -> Prior:
    """An earlier painting, moved to where things are in `frame`, and where it can be trusted."""
    flow = estimate_flow(memory.frame.image, frame.image)
    # Bicubic: a painting is pulled again at every frame, and bilinear sampling would wear its brush strokes away.
    carried = warp(memory.painting, flow.to_last, mode="bicubic").clamp(0, 1)
    return Prior(carried, trust(memory.frame.image, frame.image, flow))
