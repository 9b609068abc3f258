"""Wishes: the direction and the size that strokes are asked to have at each place, and which style patches have them.

Directions are double angles, (cos 2a, sin 2a): a stroke has no front. Strokes lie along the forms as in painterly rendering
(Hertzmann 1998; Hays & Essa 2004), whose direction is that of the smoothed structure tensor (Kyprianidis & Kang 2011).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.core.images import resize, resize_alpha, size_at_height
from vidstyle.painting.strokes.describe import blur
from vidstyle.painting.strokes.passes import Pass
from vidstyle.painting.strokes.patches import pad_to_grid

HEIGHT = 180
"""Height in pixels at which the direction of forms is measured."""
SMOOTH = (2.0, 6.0, 18.0)
"""σ in pixels at `HEIGHT` of the structure tensors that are added: near an edge the first one prevails, and in plain places
the others, which bring the direction of the nearest edges."""
NOISE = 2e-5
"""Squared gradient, of sRGB in [0, 1] per pixel, below which there is no direction."""
STILL = 1 / 720
"""Motion from frame to frame, in heights, at which half of the direction is that of the motion, and half that of the forms."""
DIRECTION_LENGTH, SIZE_LENGTH = 190.0, 600.0
"""Of the direction of a wholly parallel patch, and from the smallest size to the full one, in a description: over its length
they say how much direction and size count beside colours and forms."""
MOST_DIRECTION_WEIGHT = 9
"""Weight of squared distances of directions where there is a clear one; where there is none, that is 0."""
_LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Wishes:
    """What strokes are asked for at each place of a painting."""

    direction: Tensor | None = None
    """(2, H, W): the double angle of the direction, of a length in [0, 1] that says how clear it is; None: any direction."""
    size: Tensor | None = None
    """(1, H, W) in [0, 1], from the smallest size to that of the style; None: the style's own."""

    def crop(self, box: tuple[slice, slice]) -> Wishes:
        """Those in the rows and columns of `box`."""
        return Wishes(*(None if image is None else image[:, *box] for image in (self.direction, self.size)))

    def describe(self, one: Pass, size: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
        """For every patch of a pass, at the level of (height, width) `size`: (n, 3) int16 and (n,) weights.

        They are the size and the direction, as in `describe_copy`, and the weight of the direction's squared distance.
        """
        wanted = torch.ones(1, *size, device=device) if self.size is None else resize_alpha(self.size, size)
        double = torch.zeros(2, *size, device=device) if self.direction is None else _resize(self.direction, size)
        patches = F.avg_pool2d(pad_to_grid(torch.cat([wanted, double]), one.side, one.stride), one.side, one.stride)
        patches = patches.flatten(1).T
        length = patches[:, 1:].square().sum(1).sqrt()
        unit = patches[:, 1:] / length.clamp_min(1e-6)[:, None]
        described = torch.cat([SIZE_LENGTH * patches[:, :1], DIRECTION_LENGTH * unit], 1).round()
        return described.to(torch.int16), (MOST_DIRECTION_WEIGHT * length.clamp_max(1)).round()


def direction_of_forms(guide: Tensor) -> Tensor:
    """(2, H, W), see `Wishes.direction`: along the edges of `guide` (3, H, W) in [0, 1], also in the plain places near them."""
    size = (guide.shape[-2], guide.shape[-1])
    small = resize(guide, size_at_height(size, HEIGHT, 32))
    tensor = _structure(small)
    total = sum((blur(tensor, sigma) for sigma in SMOOTH), torch.zeros_like(tensor))
    return _resize(_along(total), size)


def direction_of_motion(guide: Tensor, motion: Tensor) -> Tensor:
    """(2, H, W), see `Wishes.direction`: along `motion` (2, H, W), pixels to the next frame, and along the forms where it is
    still."""
    height, width = guide.shape[-2:]
    small = size_at_height((height, width), HEIGHT, 32)
    flow = F.interpolate(motion[None], small, mode="bilinear", antialias=True)[0] / height
    flow = blur(flow, SMOOTH[0])
    squared = flow.square().sum(0, keepdim=True)
    double = torch.stack([flow[0].square() - flow[1].square(), 2 * flow[0] * flow[1]]) / squared.clamp_min(1e-12)
    moving = squared / (squared + STILL**2)
    return _resize(torch.lerp(_resize(direction_of_forms(guide), small), double, moving), (height, width))


def describe_copy(picture: Tensor, size: float, side: int, grid: int) -> Tensor:
    """(rows * columns, 3) int16 for the patches of a style picture (3, H, W) in [0, 1]: its size, and their direction.

    size: of the copy over the style's own strokes, in [0, 1] from the smallest to the full one.
    """
    means = F.avg_pool2d(_structure(picture), side, grid)
    direction = _along(means).flatten(1).T * DIRECTION_LENGTH
    return torch.cat([torch.full_like(direction[:, :1], size * SIZE_LENGTH), direction], 1).round().to(torch.int16)


def _resize(direction: Tensor, size: tuple[int, int]) -> Tensor:
    """Directions (2, H, W) in [-1, 1] at (height, width) `size`."""
    return F.interpolate(direction[None], size, mode="bilinear", antialias=True)[0]


def _structure(image: Tensor) -> Tensor:
    """(3, H, W) of `image` (3, H, W): Jxx - Jyy, 2 Jxy and Jxx + Jyy of the gradient of its luma."""
    luma = _LUMA[0] * image[0] + _LUMA[1] * image[1] + _LUMA[2] * image[2]
    padded = F.pad(luma[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    # Scharr's derivative: its direction is off by less than 0.1 degrees.
    down = (padded[2:] - padded[:-2]) / 2
    across = (padded[:, 2:] - padded[:, :-2]) / 2
    y = (3 * down[:, :-2] + 10 * down[:, 1:-1] + 3 * down[:, 2:]) / 16
    x = (3 * across[:-2] + 10 * across[1:-1] + 3 * across[2:]) / 16
    return torch.stack([x * x - y * y, 2 * x * y, x * x + y * y])


def _along(tensor: Tensor) -> Tensor:
    """(2, H, W): the double angle of what is at right angles to the gradients, as long as they agree.

    Divisions and roots are rounded exactly, unlike angles: the bits do not depend on the number of threads.
    """
    return -tensor[:2] / (tensor[2:] + NOISE)
