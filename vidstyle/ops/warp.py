"""Warp an image along a flow, and estimate which of the warped pixels can be trusted."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, pad

from vidstyle.core.devices import widest_float
from vidstyle.core.frame import FlowPair

TRUSTED = 0.5
"""Carried paint of at least this trust is kept, and what has less is painted anew. A threshold, for a blend of two paintings
is a ghost."""


def warp(image: Tensor, flow: Tensor, *, mode: Literal["bilinear", "bicubic"] = "bilinear", exact: bool = True) -> Tensor:
    """Warp `image` along `flow`: out(x) = image(x + flow(x)); beyond the border the border pixel is repeated.

    image: (C, H, W) or (N, C, H, W), any range. flow: (2, H, W) or (N, 2, H, W) pixels, x then y, on the grid of the
    result; one of the two may lack the batch dimension. Pixel (0, 0) is centred on coordinate (0, 0). mode: `bicubic`
    keeps fine texture sharper than `bilinear` when an image is warped again at every frame; it may overshoot the input's
    range. exact: computes in float64; without it the warp is several times as fast, and precise enough to compute
    visibility. Differentiable in both arguments. Returns the image's dtype. Raises ValueError if the sizes differ.
    """
    if flow.shape[-3] != 2 or image.shape[-2:] != flow.shape[-2:]:
        raise ValueError(f"image {tuple(image.shape)} and flow {tuple(flow.shape)} do not share one grid of pixels")
    images, flows = _batched(image), _batched(flow)
    count = max(len(images), len(flows))
    # grid_sample takes coordinates in [-1, 1], where float32 is off by 1e-4 px at HD. That blurs a still shot more with
    # every frame. In float64, motion by whole pixels copies values. MPS has no float64.
    precise = widest_float(image.device) if exact else torch.float32
    # Unknown motion (NaN) counts as zero; its visibility is 0.
    x = _positions(flows[:, 0].to(precise).nan_to_num(), -1)
    y = _positions(flows[:, 1].to(precise).nan_to_num(), -2)
    height, width = image.shape[-2:]
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1).expand(count, -1, -1, -1)
    out = grid_sample(images.to(precise).expand(count, -1, -1, -1), grid, mode, "border", align_corners=False)
    return (out if image.ndim == 4 or flow.ndim == 4 else out[0]).to(image.dtype)


def _batched(field: Tensor) -> Tensor:
    return field if field.ndim == 4 else field[None]


def _positions(motion: Tensor, axis: int) -> Tensor:
    """Each pixel's coordinate along `axis` plus its `motion` (..., H, W), in pixels."""
    steps = torch.arange(motion.shape[axis], device=motion.device, dtype=motion.dtype)
    return motion + (steps if axis == -1 else steps[:, None])


def visibility(to_last: Tensor, to_this: Tensor, *, edges: bool = True) -> Tensor:
    """Where the last frame warped along `to_last` can be trusted: (1, H, W) float32, 0 or 1, on this frame's grid.

    to_last, to_this: (2, H, W) pixels, or (N, 2, H, W) for a result (N, 1, H, W); see `FlowPair`. With w = to_last(x) and
    w' = to_this(x + w), a pixel is 0 where (Sundaram, Brox, Keutzer 2010; constants as in Ruder et al. 2016)
      it was hidden:            |w + w'|² ≥ 0.01 (|w|² + |w'|²) + 0.5
      the motion has an edge:   |∇u|² + |∇v|² > 0.01 |w|² + 0.002, w = (u, v); not tested without `edges`
      x + w lies outside the frame (more than half a pixel outside the outermost pixel centres), or is not a number.
    """
    to_last, to_this = to_last.float(), to_this.float()
    back = warp(to_this, to_last, exact=False)
    squared = _squared(to_last)
    consistent = _squared(to_last + back) < 0.01 * (squared + _squared(back)) + 0.5
    inside = _within(to_last[..., :1, :, :], -1) & _within(to_last[..., 1:, :, :], -2)
    visible = consistent & inside
    return (visible & (_squared_gradient(to_last) <= 0.01 * squared + 0.002) if edges else visible).float()


def likeness(warped: Tensor, image: Tensor) -> Tensor:
    """Similarity of the warped last frame and this one: exp(−60 |⟨I − W(I_last)⟩|²), (1, H, W) in [0, 1].

    warped, image: (3, H, W) in [0, 1]. ⟨⟩ is the mean over 3x3 pixels, taken twice: interpolation changes fine texture
    and sharp edges, with opposite signs at neighbouring pixels, and the means cancel that. After Lai et al. (2018)
    eq. 3, who use the difference of single pixels as a weight in training. In flat areas the two flows may be wrong
    and still agree, so that `visibility` is 1 and old paint would trail behind a moving object; `likeness` is low there.
    """
    return torch.exp(-60 * _squared(_mean(_mean(image - warped, 1), 1)))


def _mean(field: Tensor, radius: int) -> Tensor:
    """The mean of (C, H, W) over the square of `radius` pixels around each pixel, the border repeated."""
    around = pad(field[None], (radius, radius, radius, radius), mode="replicate")[0]
    side = 2 * radius + 1
    for axis in (-2, -1):  # sums of shifted copies: on the CPU many times as fast as avg_pool2d
        reach = around.shape[axis] - side + 1
        total = around.narrow(axis, 0, reach).clone()
        for shift in range(1, side):
            total += around.narrow(axis, shift, reach)
        around = total
    return around / side**2


def trust(last: Tensor, this: Tensor, flow: FlowPair) -> Tensor:
    """How far the painting of `last`, warped along `flow.to_last`, can be trusted on `this`: (1, H, W) in [0, 1].

    last, this: (3, H, W) in [0, 1]. `visibility` without its test for motion edges, times `likeness`: that test rejects
    all pixels next to a moving object, while `likeness` rejects only those that differ. The trust falls to 0 within
    three pixels of what is not trusted, so that no ragged edges and no specks of old paint remain.
    """
    visible = visibility(flow.to_last, flow.to_this, edges=False)
    return _faded(visible * likeness(warp(last, flow.to_last, exact=False), this))


def trusts(last: Tensor, this: Tensor, flow: FlowPair) -> tuple[Tensor, Tensor]:
    """`trust`, and how far the painting of `last`, warped along `flow.to_last`, may stay where no better paint is at hand.

    Arguments and both results as for `trust`. Where the image is flat, exp(−500 Var) near 1 with Var the variance over 7x7
    pixels summed over the channels, the two directions of motion contradict each other although nothing is hidden: what does
    not show cannot be followed. There `likeness` alone decides on what may stay. Measured on a still table under a moving
    shadow, that leaves 1.1 % of the frames to be mended instead of 2.6 %. Without the test of flatness it would be 0.5 %, and
    smears behind objects.
    """
    x, y = flow.to_last[:1], flow.to_last[1:]
    inside = _within(x, -1) & _within(y, -2)
    variance = _mean(this.square(), 3) - _mean(this, 3).square()
    flat = torch.exp(-500 * variance.clamp(min=0).sum(0, keepdim=True)) * inside
    visible = visibility(flow.to_last, flow.to_this, edges=False)
    alike = likeness(warp(last, flow.to_last, exact=False), this)
    return _faded(visible * alike), _faded(torch.maximum(visible, flat) * alike)


def _faded(trusted: Tensor) -> Tensor:
    """Trust (1, H, W) that falls to 0 within three pixels of what is not trusted."""
    return trusted * (2 * _mean(trusted, 3) - 1).clamp(min=0)


def _squared(field: Tensor) -> Tensor:
    return field.square().sum(-3, keepdim=True)


def _squared_gradient(flow: Tensor) -> Tensor:
    """|∇u|² + |∇v|² by central differences (f(x+1) − f(x−1)) / 2, the border repeated.

    Ruder's program uses this filter (CDerivative(3)). Lai et al. (2018) use forward differences, which shift the edge by
    half a pixel towards the origin. A central difference is the same on both sides of a jump.
    """
    flows = _batched(flow)
    across = pad(flows, (1, 1, 0, 0), mode="replicate")
    down = pad(flows, (0, 0, 1, 1), mode="replicate")
    along_x, along_y = (across[..., 2:] - across[..., :-2]) / 2, (down[..., 2:, :] - down[..., :-2, :]) / 2
    squares = _squared(along_x) + _squared(along_y)
    return squares if flow.ndim == 4 else squares[0]


def _within(motion: Tensor, axis: int) -> Tensor:
    """Whether each pixel's motion (..., H, W) along `axis` ends inside the frame, whose edge is half a pixel further out."""
    position = _positions(motion, axis)
    return (position >= -0.5) & (position <= motion.shape[axis] - 0.5)


def compose(flow: Tensor, further: Tensor, *, exact: bool = True) -> Tensor:
    """One flow for two steps: x ↦ flow(x) + further(x + flow(x)), on the grid of `flow`; shapes and `exact` as in `warp`.

    `to_last` of this frame composed with `to_last` of the last frame leads to the frame before that.
    """
    return flow + warp(further, flow, exact=exact)


def long_term_weights(visibilities: list[Tensor]) -> list[Tensor]:
    """Weights by which each pixel follows the nearest earlier painting that shows it (Ruder et al. 2016, long-term loss).

    visibilities: c(i−j), each (1, H, W) in [0, 1], nearest frame first. Returns c_long(i−j) in the same order:
    c_long(i−j) = max(c(i−j) − Σ_{k<j} c(i−k), 0), the sum over the nearer frames.
    """
    weights = []
    nearer: Tensor | float = 0.0
    for c in visibilities:
        weights.append((c - nearer).clamp(min=0))
        nearer = c + nearer
    return weights
