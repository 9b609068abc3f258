"""How steady several clips are at once, along the same motion and under the same masks."""

from __future__ import annotations

import math
from collections import deque

from torch import Tensor

from vidstyle.core.frame import Frame
from vidstyle.evaluate.judge import Judge, Link, join
from vidstyle.evaluate.record import GAP
from vidstyle.ops.metrics import squared_error, squared_warp_error
from vidstyle.ops.warp import warp


class Steadiness:
    """Errors of all clips, frame by frame; the last ten frames are the only pictures it holds, however long the clips.

    The later frame is pulled back onto the earlier one's grid, as in Lai et al. (2018), because Sintel's truth is given
    on that grid.
    """

    def __init__(self, judge: Judge) -> None:
        self.squares: list[list[float] | None] = []
        """For each frame, the squared error of every clip against the frame before; None for the first of a shot."""
        self.long_squares: list[list[float] | None] = []
        """The same against the frame `GAP` before."""
        self._judge = judge
        self._warp_errors: list[list[float]] = []
        self._shown: tuple[list[float], list[float]] = ([], [])
        self._frames: deque[tuple[Frame, Tensor]] = deque(maxlen=GAP)
        self._links: deque[Link] = deque(maxlen=GAP)

    def see(self, source: Frame, pictures: Tensor, cut: bool) -> None:
        """Take in the next frame. pictures: (clips, 3, H, W) in [0, 1]; cut: whether it begins a new shot."""
        if cut:
            self._frames.clear()
            self._links.clear()
        short = long = None
        if self._frames:
            last, before = self._frames[-1]
            link = self._judge(last, source)
            self._links.append(link)
            carried = warp(pictures, link.ahead)
            short = squared_error(before, carried, link.visible).tolist()
            self._warp_errors.append(squared_warp_error(before, carried, link.visible).tolist())
            self._shown[0].append(float(link.visible.mean()))
        if len(self._links) == GAP:
            link = join(list(self._links))
            long = squared_error(self._frames[0][1], warp(pictures, link.ahead), link.visible).tolist()
            self._shown[1].append(float(link.visible.mean()))
        self.squares.append(short)
        self.long_squares.append(long)
        self._frames.append((source, pictures))

    def numbers(self, clip: int) -> dict[str, float]:
        """`e_stab`, `e_stab_10` and `e_warp` of one clip; those without a single pair are left out."""
        found = {}
        for name, squares in (("e_stab", self.squares), ("e_stab_10", self.long_squares)):
            if pairs := [pair[clip] for pair in squares if pair is not None]:
                found[name] = math.sqrt(sum(pairs) / len(pairs))
        if self._warp_errors:
            found["e_warp"] = sum(errors[clip] for errors in self._warp_errors) / len(self._warp_errors)
        return found

    def visible(self) -> dict[str, float]:
        """Mean share of pixels that both frames of a pair show, for `e_stab` and `e_stab_10`."""
        return {name: sum(shown) / len(shown) for name, shown in zip(("e_stab", "e_stab_10"), self._shown, strict=True)
                if shown}


def curve(squares: list[list[float] | None], clip: int) -> list[float | None]:
    """The error of one clip, frame by frame: the root of each pair's squared error."""
    return [None if pair is None else math.sqrt(pair[clip]) for pair in squares]
