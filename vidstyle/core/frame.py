"""The records that the rooms share: a frame, the motion between two frames, and the paintings that later frames refer to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Original:
    """What an image file of a sequence holds beyond the image that is painted."""

    image: Tensor
    """(3, H, W), the frame's image as it was read. If the output equals it, the file's own values are written again."""
    light: Tensor | None = None
    """(3, H, W) float32 scene-linear light as stored, multiplied by alpha; None if the file holds sRGB code values."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """What the file's header states, for an output of the same format."""
    clipped: int = 0
    """Number of pixels brighter than white; they are white in `Frame.image`."""


@dataclass(frozen=True)
class Frame:
    """One image of a video and its presentation time."""

    image: Tensor
    """(3, H, W) float32 sRGB in [0, 1], with the display rotation applied; beyond [0, 1] if `decode` does not clamp."""
    pts: int
    """Presentation time in units of `time_base`, as the source states it."""
    time_base: Fraction
    """Seconds per unit of `pts`."""
    index: int
    """Position in the whole source in presentation order, counted from 0."""
    duration: int = 0
    """Duration in units of `time_base`; 0 if the source does not state it."""
    damage: str = ""
    """`held` if the image repeats another because its own is missing, `damaged` if it is damaged and used as decoded."""
    alpha: Tensor | None = None
    """(1, H, W) float32 in [0, 1], 1 = opaque; written as it was read. None if the source has none."""
    original: Original | None = None
    """What the file holds beyond the image, if the source is an image sequence."""
    motion: Tensor | None = field(default=None, compare=False)
    """(2, H, W) float32 pixels, x then y, on the image's grid: to the last frame, or of a shot's first frame to the next one;
    None where no one has estimated it."""

    @property
    def seconds(self) -> float:
        """Presentation time in seconds."""
        return float(self.pts * self.time_base)


@dataclass(frozen=True)
class FlowPair:
    """Motion between the last frame and this one, in pixels, x then y.

    `to_last` lives on this frame's grid and says where each of its pixels was: this(x) = last(x + to_last(x)).
    `to_this` lives on the last frame's grid and says where each of its pixels went: last(x) = this(x + to_this(x)).
    """

    to_last: Tensor
    """(2, H, W) float32 pixels, on this frame's grid."""
    to_this: Tensor
    """(2, H, W) float32 pixels, on the last frame's grid."""


@dataclass(frozen=True)
class Correspondence:
    """A flow with its trust: where each pixel of a frame was in an earlier frame."""

    to_last: Tensor
    """(2, H, W) float32 pixels, x then y, on this frame's grid; see `FlowPair`, with the earlier frame in place of the last."""
    visibility: Tensor
    """(1, H, W) float32 in [0, 1], on this frame's grid; 1 = the warped pixel can be trusted."""


@dataclass(frozen=True)
class Prior:
    """An earlier painting, warped onto this frame's grid."""

    image: Tensor
    """(3, H, W) float32 sRGB in [0, 1]."""
    visibility: Tensor
    """(1, H, W) float32 in [0, 1]; 1 = the warped pixel can be trusted."""
    seconds: float | None = None
    """When the earlier frame appears, `Frame.seconds`; None where no one asks."""


@dataclass(frozen=True)
class Memory:
    """A frame and its painting, remembered for the frames that follow."""

    frame: Frame
    """At the painted size."""
    painting: Tensor
    """(3, H, W) float32 sRGB in [0, 1]."""
