"""Stability of several clips at once, along the same motion and under the same visibility masks."""

from __future__ import annotations

import math
from collections import deque

from torch import Tensor

from vidstyle.core.frame import Frame
from vidstyle.evaluate.judge import Judge, JudgeMotion, chain
from vidstyle.evaluate.record import GAP
from vidstyle.ops.metrics import squared_error, squared_warp_error
from vidstyle.ops.warp import warp

Squares = list[list[float] | None]
"""For each frame, the squared error of every clip against an earlier frame; None where there is no earlier one."""


class StabilityMetrics:
    """`e_stab`, `e_stab_10` and `e_warp` of every clip; holds the last `GAP` frames, however long the clips are.

    The later frame is warped onto the grid of the earlier one; see `JudgeMotion`.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._squares: Squares = []
        self._long_squares: Squares = []
        self._warp_errors: list[list[float]] = []
        self._visible: tuple[list[float], list[float]] = ([], [])
        self._frames: deque[tuple[Frame, Tensor]] = deque(maxlen=GAP)
        self._motions: deque[JudgeMotion] = deque(maxlen=GAP)

    def add(self, source: Frame, images: Tensor, cut: bool) -> None:
        """Add the next frame of every clip: images (clips, 3, H, W) in [0, 1]; cut: whether it starts a new shot."""
        if cut:
            self._frames.clear()
            self._motions.clear()
        short = long = None
        if self._frames:
            last, earlier = self._frames[-1]
            motion = self._judge(last, source)
            self._motions.append(motion)
            warped = warp(images, motion.to_later)
            short = squared_error(earlier, warped, motion.visibility).tolist()
            self._warp_errors.append(squared_warp_error(earlier, warped, motion.visibility).tolist())
            self._visible[0].append(float(motion.visibility.mean()))
        if len(self._motions) == GAP:
            motion = chain(list(self._motions))
            long = squared_error(self._frames[0][1], warp(images, motion.to_later), motion.visibility).tolist()
            self._visible[1].append(float(motion.visibility.mean()))
        self._squares.append(short)
        self._long_squares.append(long)
        self._frames.append((source, images))

    def values(self, clip: int) -> dict[str, float]:
        """`e_stab`, `e_stab_10` and `e_warp` of the clip with that number; a metric without any pair is left out."""
        values = {}
        for name, squares in (("e_stab", self._squares), ("e_stab_10", self._long_squares)):
            if pairs := [pair[clip] for pair in squares if pair is not None]:
                values[name] = math.sqrt(sum(pairs) / len(pairs))
        if self._warp_errors:
            values["e_warp"] = sum(errors[clip] for errors in self._warp_errors) / len(self._warp_errors)
        return values

    def curves(self, clip: int) -> dict[str, list[float | None]]:
        """`e_stab` and `e_stab_10` of one clip frame by frame: the root of each squared error."""
        return {name: [None if pair is None else math.sqrt(pair[clip]) for pair in squares]
                for name, squares in (("e_stab", self._squares), ("e_stab_10", self._long_squares))}

    def last_error(self, clip: int) -> float | None:
        """e_stab between the frame added last and the one before it; None at the first frame of a shot."""
        pair = self._squares[-1]
        return None if pair is None else math.sqrt(pair[clip])

    def visible_share(self) -> dict[str, float]:
        """Mean share of visible pixels over all pairs, for `e_stab` and `e_stab_10`."""
        return {name: sum(shares) / len(shares)
                for name, shares in zip(("e_stab", "e_stab_10"), self._visible, strict=True) if shares}
