"""How a frame is rotated and mirrored for viewing: the display matrix of a file, as a transposition and flips of the pixels."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from torch import Tensor

from vidstyle.core.errors import InputError


@dataclass(frozen=True)
class Orientation:
    """How coded pixels are moved for viewing: first transposed, then flipped."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @property
    def mirrored(self) -> bool:
        """Whether the coded frame is a mirror image of the viewed one."""
        return self.transpose ^ self.flip_x ^ self.flip_y

    @property
    def degrees(self) -> int:
        """The clockwise rotation, after a left-right mirroring if there is one: 0, 90, 180 or 270."""
        if self.transpose:
            return 270 if self.flip_y != self.mirrored else 90
        return 180 if self.flip_y else 0

    def apply(self, image: Tensor) -> Tensor:
        """`image` (C, H, W) as it is viewed; (C, W, H) if transposed."""
        if self.transpose:
            image = image.transpose(1, 2)
        axes = [axis for axis, flip in ((1, self.flip_y), (2, self.flip_x)) if flip]
        return (image.flip(axes) if axes else image).contiguous()


def read_matrix(matrix: bytes) -> Orientation:
    """The orientation in a display matrix: nine 32-bit integers a b u c d v x y w, with x' = ax + cy, y' = bx + dy.

    Raises InputError for a rotation by an angle that is not a multiple of 90 degrees.
    """
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix[:36])
    straight, turned = abs(a) + abs(d), abs(b) + abs(c)
    if min(straight, turned) > 0.01 * max(straight, turned):
        raise InputError("The video is rotated by an angle that is not a multiple of 90 degrees; rotate it upright first, "
                         "with any video editor.")
    if straight >= turned:
        return Orientation(False, flip_x=a < 0, flip_y=d < 0)
    return Orientation(True, flip_x=c < 0, flip_y=b < 0)
