"""The nouns: a frame and its moment, the motion between two frames, a shot, and what a shot remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Original:
    """What the file of a picture holds beyond what is shown and painted."""

    image: Tensor
    """(3, H, W), the frame's image as it was read: a painting that equals it changes nothing of the file."""
    light: Tensor | None = None
    """(3, H, W) float32 scene-linear light as stored, multiplied by alpha; None where the file holds sRGB code values."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """What the file's header says, for an output of the same format."""
    clipped: int = 0
    """Pixels brighter than white, which the image shows as white."""


@dataclass(frozen=True)
class Frame:
    """One picture of a video and the moment it is shown."""

    image: Tensor
    """(3, H, W) float32 sRGB in [0, 1], upright as a viewer sees it (and beyond that where `decode` was not to clamp)."""
    pts: int
    """Presentation time in units of `time_base`, as the source states it."""
    time_base: Fraction
    """Seconds per unit of `pts`."""
    index: int
    """Position in the whole source in presentation order, counted from 0."""
    duration: int = 0
    """How long the frame is shown, in units of `time_base`; 0 where the source does not say."""
    damage: str = ""
    """`held` where the picture repeats another because its own is missing, `damaged` where it is shown as it came."""
    alpha: Tensor | None = None
    """(1, H, W) float32 in [0, 1], 1 = opaque; goes past the painting untouched. None where the source has none."""
    original: Original | None = None
    """What the file holds beyond the image, where the source is a sequence of pictures."""

    @property
    def seconds(self) -> float:
        """Presentation time in seconds."""
        return float(self.pts * self.time_base)


@dataclass(frozen=True)
class FlowPair:
    """Motion between the last frame and this one, in pixels, x then y.

    `to_last` lives on this frame's grid and says where each of its pixels was: this(x) = last(x + to_last(x)).
    `to_this` lives on the last frame's grid and says where each of its pixels went.
    """

    to_last: Tensor
    """(2, H, W) float32 pixels, on this frame's grid."""
    to_this: Tensor
    """(2, H, W) float32 pixels, on the last frame's grid."""


@dataclass(frozen=True)
class Shot:
    """The frames between two cuts, both ends included, by index in the whole source."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class Prior:
    """What an earlier painting says about this frame: that painting pulled to where things are now."""

    image: Tensor
    """(3, H, W) float32 sRGB in [0, 1], on this frame's grid."""
    visibility: Tensor
    """(1, H, W) float32 in [0, 1]; 1 = the warped pixel can be trusted."""


@dataclass(frozen=True)
class Memory:
    """One painted frame as the loop remembers it."""

    frame: Frame
    painting: Tensor
    """(3, H, W) float32 sRGB in [0, 1]."""
