"""A few frames, spread over the whole clip, at the painted size, for a fit and for the palette."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from vidstyle.core.frame import Frame
from vidstyle.core.images import resize
from vidstyle.core.interfaces import CutDetector, FlowEstimator
from vidstyle.core.progress import Listener, Progress
from vidstyle.painting.frame_pair import FramePair, frame_pair
from vidstyle.run.plan import Plan
from vidstyle.video import evenly_spaced

SAMPLES = 16  # places in the clip from which frames are taken


def at_paint_size(frame: Frame, plan: Plan) -> Frame:
    """The frame at the painted size, on the painting device, clamped to [0, 1]."""
    width, height = plan.paint_size
    return replace(frame, image=resize(frame.image.to(plan.device).clamp(0, 1), (height, width)))


def sample_frames(plan: Plan, listen: Listener) -> Iterator[Frame]:
    """Single frames, their images in [0, 1]."""
    positions = evenly_spaced(plan.clip.frames, SAMPLES)
    for done, [frame] in enumerate(plan.source.sample(positions, run=1), 1):
        yield at_paint_size(frame, plan)
        listen(Progress("analyse", done, len(positions)))


def sample_pairs(plan: Plan, estimate_flow: FlowEstimator, is_cut: CutDetector, listen: Listener) -> list[FramePair]:
    """Pairs of neighbouring frames; for a clip of one frame, that frame twice."""
    pairs, positions = list[FramePair](), evenly_spaced(plan.clip.frames, SAMPLES)
    for frames in plan.source.sample(positions, run=min(2, plan.clip.frames)):
        last, this = (at_paint_size(frame, plan) for frame in (frames[0], frames[-1]))
        pairs.append(frame_pair(last, this, estimate_flow, is_cut))
        listen(Progress("analyse", len(pairs), len(positions)))
    return pairs
