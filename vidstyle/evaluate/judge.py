"""The motion a painting is judged along: from one frame to the next, and joined up over ten."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from torch import Tensor

from vidstyle.core.errors import InputError, UsageError
from vidstyle.core.frame import Frame
from vidstyle.flow import KNOWN, load_flow
from vidstyle.flow.truth import Truth
from vidstyle.ops.warp import compose, visibility, warp

TRUTH = "truth"


@dataclass(frozen=True)
class Link:
    """Where things go between an earlier frame and a later one, and which of them both show."""

    ahead: Tensor
    """(2, H, W) px on the earlier frame's grid: earlier(x) = later(x + ahead(x))."""
    visible: Tensor
    """(1, H, W) on the earlier frame's grid, 1 = the later frame shows that point too."""
    back: Tensor | None = None
    """(2, H, W) px on the later frame's grid, or None where it is not known, as in Sintel's truth."""


Judge = Callable[[Frame, Frame], Link]
"""Two neighbouring frames of the source, at the painting's size -> the link between them."""


def load_judge(name: str, stabilised_by: str, truth: Path | None, size: tuple[int, int], pairs: int) -> Judge:
    """The judge called `name`, a flow that did not steady the paint, or the true motion in the folder `truth`.

    size: (height, width) of the painting; pairs: how many there are in the whole source, one motion each. Raises
    UsageError for an unknown flow or one of the family that stabilised, InputError where the truth does not fit.
    """
    if truth is not None:
        return _true_judge(Truth(truth), size, pairs)
    if stabilised_by != "none" and stabilised_by.partition("=")[0] not in KNOWN:
        raise UsageError(f"There is no optical flow {stabilised_by!r}; choose one of {', '.join(KNOWN)}, or none.")
    if _family(name) == _family(stabilised_by):
        others = ", ".join(flow for flow in KNOWN if _family(flow) != _family(name))
        raise UsageError(f"{name} cannot judge what {stabilised_by} steadied, for it would not see its own errors; "
                         f"choose one of {others}.")
    estimate = load_flow(name)

    def judge(last: Frame, this: Frame) -> Link:
        pair = estimate(last.image, this.image)
        return Link(pair.to_this, visibility(pair.to_this, pair.to_last), pair.to_last)

    return judge


def _family(flow: str) -> str:
    return flow.partition("=")[0].partition("-")[0]


def _true_judge(truth: Truth, size: tuple[int, int], pairs: int) -> Judge:
    if len(truth) != pairs:
        raise InputError(f"{truth.folder}: holds {len(truth)} motions, and the source has {pairs + 1} frames; "
                         f"give one for each step, {pairs} in all.")
    found = tuple(truth.read(0)[0].shape[1:])
    if found != size:
        raise InputError(f"{truth.folder}: is {found[1]}x{found[0]} and the painting {size[1]}x{size[0]}; "
                         f"paint with --output-size {max(found)}.")

    def judge(last: Frame, this: Frame) -> Link:
        return Link(*truth.read(last.index))

    return judge


def join(links: Sequence[Link]) -> Link:
    """One link over several neighbouring ones, earliest first: flows chained by `warp.compose`, each sampled once.

    What is visible is found on the chained flows where both directions are known; else it is what every link shows.
    """
    ahead, visible = links[0].ahead, links[0].visible
    for link in links[1:]:
        # A point between a visible and a hidden pixel is not seen for certain.
        visible = visible * (warp(link.visible, ahead) > 0.999).float()
        ahead = compose(ahead, link.ahead)
    backs = [link.back for link in reversed(links) if link.back is not None]
    if len(backs) < len(links):
        return Link(ahead, visible)
    back = reduce(compose, backs)
    return Link(ahead, visibility(ahead, back), back)
