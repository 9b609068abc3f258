"""Carry the paintings of two key frames to a frame between them, and choose between them without ghosts."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from vidstyle.core.frame import Correspondence, FlowPair, Prior
from vidstyle.ops.metrics import BT709
from vidstyle.ops.warp import TRUSTED, compose

PATCH = 1 / 12
"""Mean size of the patches that pass from one key frame to the next together, in heights of the frame."""
SPREAD = 1.4
"""Patches pass at closenesses 0.2 to 0.8: the logarithm of the bias is ±SPREAD, and log(0.8 / 0.2) = 1.4."""


CELL = 1 / 24
"""Size of the cells whose mean colours glide from one painted key frame to the next, in heights of the frame: strokes are
smaller, and things mostly larger."""
COARSE = (1, 2, 4)
"""Cells in a height of the frame, from which a change of colours is continued to where it is not known."""
ENOUGH = 0.25
"""Mean trust of a cell that counts alone."""
FLAT = 1e-3
"""Variance of the luma, σ = 0.03, below which a cell has no slope of its own."""


@dataclass(frozen=True)
class Packed:
    """A correspondence in 5 bytes a pixel instead of 12, while it waits for its turn."""

    to_last: Tensor
    """(2, H, W) float16 pixels: to 0.03 px at a motion of 100 px, to 0.004 px at 10 px."""
    visibility: Tensor
    """(1, H, W) uint8, 255 = can be trusted."""

    @staticmethod
    def of(to_last: Tensor, visibility: Tensor) -> Packed:
        """Pack a flow (2, H, W) and its trust (1, H, W) in [0, 1]."""
        return Packed(to_last.half(), to_bytes(visibility))

    def unpack(self) -> Correspondence:
        """The correspondence, as exact as it was kept."""
        return Correspondence(self.to_last.float(), from_bytes(self.visibility))


def to_bytes(values: Tensor) -> Tensor:
    """Values in [0, 1] as uint8."""
    return (values.clamp(0, 1) * 255).round_().to(torch.uint8)


def from_bytes(values: Tensor) -> Tensor:
    """uint8 as float32 in [0, 1]."""
    return values.float() / 255


def extend(path: FlowPair | None, step: FlowPair) -> FlowPair:
    """The motion from a key frame to the next frame: that to the frame before, `path`, and one `step` more.

    Both as if the key frame were the last one and the frame this one. path: None for the key frame itself.
    """
    if path is None:
        return step
    # float32 is off by 1e-4 px at each step, far less than the flow itself, and twice as fast.
    return FlowPair(to_last=compose(step.to_last, path.to_last, exact=False),
                    to_this=compose(path.to_this, step.to_this, exact=False))


def reverse(step: FlowPair) -> FlowPair:
    """The same motion seen from the other frame, for a walk against time."""
    return FlowPair(to_last=step.to_this, to_this=step.to_last)


def patch_bias(painting: Tensor) -> Tensor:
    """How much longer than others each place keeps the key frame behind, `painting` (3, H, W): (1, H, W), a factor around 1.

    Smooth noise, the same for every pair of key frames. With it the patches pass to the next key frame one after another
    instead of all in the middle of the interval, which would be seen as a pulse.
    """
    height, width = painting.shape[-2:]
    cells = max(2, round(1 / PATCH)), max(2, round(width / (height * PATCH)))
    noise = 2 * torch.rand(1, 1, *cells, generator=torch.Generator().manual_seed(0)) - 1
    smooth = interpolate(noise, size=(height, width), mode="bicubic", align_corners=False)[0]
    return (SPREAD * smooth).exp().to(painting.device)


def choose(behind: Prior, ahead: Prior, closeness: float, bias: Tensor) -> Prior:
    """The painting of a frame from the key frames behind and ahead of it, each warped onto its grid.

    closeness: 0 at the key frame behind, 1 at the one ahead. bias: `patch_bias`, warped with the key frame behind. Each
    pixel follows the key frame with the larger trust x closeness in time, in patches with soft borders. An average of two
    paintings whose strokes differ would show both at half strength: a ghost. Where neither is trusted, the nearer one.
    """
    # A little trust everywhere makes closeness decide where neither is trusted.
    from_behind = (behind.visibility + 1e-3) * (1 - closeness) * bias
    from_ahead = (ahead.visibility + 1e-3) * closeness
    return _mix(behind, ahead, _steep(from_ahead / (from_behind + from_ahead)))


def colour_change(behind: Prior, ahead: Prior, image: Tensor) -> Tensor:
    """(C, H, W): by how much the colours change from the key frame behind to the one ahead, without their strokes.

    behind, ahead: both warped onto one frame's grid. image: (3, H, W) in [0, 1], the frame. The difference of the two, averaged
    over cells of `CELL` where both are trusted. Where they are not, it follows the light of the frame as in the trusted places
    around, which may be things of other colours: a + b · luma, fitted over larger cells (as the guided filter, He et al. 2010).
    """
    height, width = ahead.visibility.shape[-2:]
    trusted = torch.minimum(behind.visibility, ahead.visibility)
    weights = torch.tensor(BT709, device=image.device).view(3, 1, 1)
    luma = (image * weights).sum(0, keepdim=True)
    change = ahead.image - behind.image
    sums = torch.cat([trusted, luma * trusted, luma * luma * trusted, change * trusted, change * luma * trusted])[None]

    def cells(count: int) -> tuple[int, int]:
        return min(height, count), min(width, max(1, round(count * width / height)))

    slope = torch.zeros_like(change[None, :, :1, :1])
    level = slope
    for count in COARSE:  # where a cell has too little trust, the coarser one counts
        mean = interpolate(sums, size=cells(count), mode="area")
        share = (mean[:, :1] / ENOUGH).clamp(0, 1)
        means = mean[:, 1:] / mean[:, :1].clamp_min(1e-3)
        light, square, found, product = torch.split(means, [1, 1, len(change), len(change)], 1)
        slope, level = (interpolate(each, size=cells(count), mode="bilinear") for each in (slope, level))
        variance = (square - light * light).clamp_min(0)
        own = (product - found * light + FLAT * slope) / (variance + FLAT)  # where all is alike, the coarser slope
        slope, level = torch.lerp(slope, own, share), torch.lerp(level, found - own * light, share)
    mean = interpolate(sums, size=cells(round(1 / CELL)), mode="area")
    share = (mean[:, :1] / ENOUGH).clamp(0, 1)
    fine = torch.cat([mean[:, 3:3 + len(change)] / mean[:, :1].clamp_min(1e-3) * share, share], 1)
    slope, level, fine = (interpolate(each, size=(height, width), mode="bilinear")[0] for each in (slope, level, fine))
    return fine[:-1] + (1 - fine[-1:]) * (level + slope * luma)


def glide(prior: Prior, change: Tensor, share: float) -> Prior:
    """`prior` with `share` of a `colour_change`; a negative share takes it back."""
    return Prior((prior.image + share * change).clamp_(0, 1), prior.visibility)


def hold(keys: Prior, last: Prior) -> Prior:
    """`keys`, and the last finished frame `last` where the keys' trust is below `TRUSTED` and less than the last frame's.

    What was mended in the last frame is held by this. Elsewhere the last frame does not count: it has been resampled at
    every frame since its key.
    """
    held = TRUSTED * last.visibility
    return _mix(keys, last, _steep(held / (keys.visibility + held).clamp(min=1e-6)))


def _mix(one: Prior, other: Prior, share: Tensor) -> Prior:
    """`share` (1, H, W) in [0, 1] of `other`, the rest of `one`."""
    return Prior(torch.lerp(one.image, other.image, share), torch.lerp(one.visibility, other.visibility, share))


def _steep(share: Tensor) -> Tensor:
    """p⁸ / (p⁸ + (1 − p)⁸): a choice with a soft border.

    Between key frames 24 apart, a patch passes from one to the other in 3 frames (from 10 % to 90 %).
    """
    one, other = (p.square().square().square() for p in (share, 1 - share))
    return one / (one + other)
