"""The motion along which a painting is judged: from one frame to the next, and chained over several frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from torch import Tensor

from vidstyle.core.errors import InputError, UsageError
from vidstyle.core.frame import Frame
from vidstyle.flow import KNOWN, load_flow
from vidstyle.flow.raft import OURS
from vidstyle.flow.truth import Truth
from vidstyle.ops.warp import compose, visibility, warp

TRUTH = "truth"
"""Value of `Evaluation.judge` if the true motion judged instead of a flow."""


@dataclass(frozen=True)
class JudgeMotion:
    """Motion between an earlier and a later frame of the source, on the earlier frame's grid.

    A painting is judged on the earlier frame's grid, as in Lai et al. (2018), because Sintel gives its truth there;
    painting itself uses `Correspondence`, on the later frame's grid.
    """

    to_later: Tensor
    """(2, H, W) px on the earlier frame's grid: earlier(x) = later(x + to_later(x))."""
    visibility: Tensor
    """(1, H, W) on the earlier frame's grid; 1 = the later frame shows that point too."""
    to_earlier: Tensor | None = None
    """(2, H, W) px on the later frame's grid; None where it is not known, as in Sintel's truth."""


Judge = Callable[[Frame, Frame], JudgeMotion]
"""Two neighbouring frames of the source, at the painting's size -> the motion between them."""


def load_judge(name: str, stabilised_by: str, truth: Path | None, size: tuple[int, int], pairs: int) -> Judge:
    """The judge: the flow `name`, or the true motion in the folder `truth`.

    stabilised_by: the flow that the clip was painted with, or `none`. size: (height, width) of the painting. pairs: the
    number of neighbouring pairs in the whole source; the truth holds one motion for each. Raises UsageError for an
    unknown flow or one of the family of `stabilised_by`, InputError if the truth does not fit the clip.
    """
    if truth is not None:
        return _true_judge(Truth(truth), size, pairs)
    if stabilised_by != "none" and stabilised_by.partition("=")[0] not in KNOWN:
        raise UsageError(f"There is no optical flow {stabilised_by!r}; choose one of {', '.join(KNOWN)}, or none.")
    if _families(name) & _families(stabilised_by):
        others = ", ".join(flow for flow in KNOWN if not _families(flow) & _families(stabilised_by))
        raise UsageError(f"{name} cannot judge what {stabilised_by} stabilised, because both make the same errors; "
                         f"choose one of {others}.")
    estimate = load_flow(name)

    def judge(last: Frame, this: Frame) -> JudgeMotion:
        pair = estimate(last.image, this.image)
        return JudgeMotion(pair.to_this, visibility(pair.to_this, pair.to_last), pair.to_last)

    return judge


def _families(flow: str) -> set[str]:
    """`dis` of `dis-fast`, `raft` of `raft-small=FILE`, and both of `raft`, which starts from what DIS finds."""
    name = flow.partition("=")[0]
    return {"dis", "raft"} if name == OURS else {name.partition("-")[0]}


def _true_judge(truth: Truth, size: tuple[int, int], pairs: int) -> Judge:
    if len(truth) != pairs:
        raise InputError(f"{truth.folder}: holds {len(truth)} motions, and the source has {pairs + 1} frames; "
                         f"give one for each pair of neighbouring frames, {pairs} in all.")
    found = tuple(truth.read(0)[0].shape[1:])
    if found != size:
        raise InputError(f"{truth.folder}: is {found[1]}x{found[0]} and the painting {size[1]}x{size[0]}; "
                         f"paint with --output-size {max(found)}.")

    def judge(last: Frame, this: Frame) -> JudgeMotion:
        return JudgeMotion(*truth.read(last.index))

    return judge


def chain(motions: Sequence[JudgeMotion]) -> JudgeMotion:
    """One motion over several neighbouring ones, earliest first: the flows are composed by `warp.compose`.

    Its visibility is computed from the composed flows if both directions are known; else a point is visible if it is visible
    in every motion.
    """
    to_later, visible = motions[0].to_later, motions[0].visibility
    for motion in motions[1:]:
        # A point whose four neighbours are not all visible counts as hidden.
        visible = visible * (warp(motion.visibility, to_later) > 0.999).float()
        to_later = compose(to_later, motion.to_later)
    backward = [motion.to_earlier for motion in reversed(motions) if motion.to_earlier is not None]
    if len(backward) < len(motions):
        return JudgeMotion(to_later, visible)
    to_earlier = reduce(compose, backward)
    return JudgeMotion(to_later, visibility(to_later, to_earlier), to_earlier)
