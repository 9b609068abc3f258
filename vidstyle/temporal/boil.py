"""Boil: the strokes of a steady painting are drawn anew every frame or every few frames, and carried along in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import torch

from vidstyle.core.frame import Frame, Memory, Prior
from vidstyle.core.interfaces import CutDetector, FlowEstimator, Redrawer
from vidstyle.temporal.carry import hold
from vidstyle.temporal.intervals import KeyedShot, shot_at
from vidstyle.temporal.loop import Painted, carry, correspond


def boil(steady: Iterable[Painted], redraw: Redrawer, estimate_flow: FlowEstimator, is_cut: CutDetector, *, held: int,
         given: Sequence[KeyedShot] = (), first: int = 0, memories: Sequence[Memory] = (),
         shrink: Callable[[Frame], Frame] = lambda frame: frame) -> Iterator[Painted]:
    """The paintings of `steady` as drawings, each held for `held` frames, 1 or more, as in animation by hand.

    A frame is drawn anew where `since_drawing` is 0, or if a shot begins with it: so the drawings of a range, and of a part of
    a clip, are those of the whole. Each is made of the steady painting of its frame, so that forms stay. The frames after it
    carry it forward along the motion, and show the steady painting where it cannot be followed.

    given: the shots with key frames that an artist has painted; `redraw` leaves those as they are. first: index of the first
    frame that is wanted; frames before it are only drawn if it shows their drawing. memories: those of the frame before the
    first of `steady`, after the ones of `steady`; see `Painted.memories`.
    """
    drawn = list(memories)
    for painted in steady:
        if painted.source.index <= first - held:
            yield painted
            continue
        frame = shrink(painted.source)
        if drawn and is_cut(drawn[-1].frame, frame):
            drawn = []
        back = min(since_drawing(frame.index, held, given), len(drawn))  # fewer: the shot began after that drawing
        if back == 0:
            painting = redraw(frame, painted.painting)
        else:
            found = _carried(drawn[-back], frame, estimate_flow)
            if back > 1:  # the drawing itself is resampled once; what came into view since is held from frame to frame
                found = hold(found, _carried(drawn[-1], frame, estimate_flow))
            painting = hold(found, Prior(painted.painting, torch.ones_like(found.visibility))).image
        drawn = [*drawn, Memory(frame, painting)][-max(1, held - 1):]
        yield Painted(painted.source, (*painted.memories, *drawn))


def since_drawing(index: int, held: int, given: Sequence[KeyedShot] = ()) -> int:
    """Frames from the last drawing to frame `index`, 0 for a drawing, each of which is held for `held` frames.

    They are counted from the clip's first frame; after a given key frame, from the last one in the shot.
    """
    shot = shot_at(index, given)
    return (index - max((key for key in (() if shot is None else shot.keys) if key <= index), default=0)) % held


def _carried(memory: Memory, frame: Frame, estimate_flow: FlowEstimator) -> Prior:
    return carry(memory.painting, correspond(memory.frame, frame, estimate_flow))
