"""Layers with known motion between two frames: sampling, drawing, and which layer hides which."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from training.scene_shapes import FINE, Mask
from training.scene_textures import Image

Field = NDArray[np.float32]

ROUNDS = 10
"""Fixed-point steps that invert a bend. With slopes below STEEPEST each step leaves less than 0.4 of the error; 10 steps leave
less than 1e-3 px of a bend of 12 px."""
STEEPEST = 0.25
"""Pixels per pixel; the largest slope of a bend."""
LAST, THIS = 0, 1
"""The two frames. The coordinates of a layer's plane are those of the last frame."""


@dataclass(frozen=True)
class Layer:
    """A textured plane. Point x of this frame shows point `affine` (x, 1) + bend(x) of the plane; point x of the last, x."""

    image: Image
    """(n, n, 3) uint8 RGB, FINE pixels per plane pixel, reflected beyond its borders."""
    place: NDArray[np.float64]
    """(2, 3), plane pixels to those of `image`."""
    affine: NDArray[np.float64]
    """(2, 3), this frame's pixels to the plane's."""
    mask: Mask | None = None
    """(m, m) uint8, 255 = covered, FINE pixels per plane pixel; None covers everything."""
    corner: tuple[float, float] = (0.0, 0.0)
    """Plane coordinates (x, y) of the mask's first pixel."""
    bend: Field | None = None
    """(H, W, 2) px, x then y, on this frame's grid; between pixels bilinear, beyond the frame as at its border."""

    def to_plane(self, points: Field) -> Field:
        """The plane's points that this frame shows at `points` (h, w, 2)."""
        plane = cv2.transform(points, self.affine)
        return plane if self.bend is None else plane + self._bent(points)

    def to_frame(self, plane: Field) -> Field:
        """Where this frame shows the plane's points (h, w, 2): the inverse of `to_plane`."""
        inverse = cv2.invertAffineTransform(self.affine)
        points = cv2.transform(plane, inverse)
        if self.bend is not None:
            for _ in range(ROUNDS):
                points = cv2.transform(plane - self._bent(points), inverse)
        return points

    def _bent(self, points: Field) -> Field:
        return cv2.remap(self.bend, points, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def colour(self, plane: Field) -> Image:
        """(h, w, 3) uint8 RGB at these points. Bilinear, because OpenCV's bicubic shifts the image by up to 0.1 px."""
        return cv2.remap(self.image, cv2.transform(plane, self.place), None, cv2.INTER_LINEAR,
                         borderMode=cv2.BORDER_REFLECT_101)

    def cover(self, plane: Field) -> Mask:
        """(h, w) uint8, 255 = covered, at these points of the plane."""
        if self.mask is None:
            return np.full(plane.shape[:2], 255, np.uint8)
        place = (plane - np.array(self.corner, np.float32)) * np.float32(FINE)
        return cv2.remap(self.mask, place, None, cv2.INTER_LINEAR)

    def box(self, frame: int, size: tuple[int, int], shutter: float = 0.0) -> tuple[slice, slice]:
        """Rows and columns that the layer may touch in LAST or THIS frame, blurred over `shutter`; may be empty."""
        height, width = size
        if self.mask is None:
            return slice(0, height), slice(0, width)
        reach = (self.mask.shape[0] - 1) / FINE
        corners = np.array([[[x, y] for x in (0, reach) for y in (0, reach)]]) + np.array(self.corner)
        moved = cv2.transform(corners, cv2.invertAffineTransform(self.affine))
        bent = 0.0 if self.bend is None else 1.5 * float(np.abs(self.bend).max())
        pad = 2 + (bent if frame == THIS else 0) + shutter * (float(np.abs(moved - corners).max()) + bent)
        outline = (moved if frame == THIS else corners)[0]
        low, high = np.floor(outline.min(0) - pad).astype(int), np.ceil(outline.max(0) + pad).astype(int) + 1
        (left, top), (right, bottom) = (np.clip(end, 0, [width, height]).tolist() for end in (low, high))
        return slice(top, bottom), slice(left, right)


def pixel_grid(size: tuple[int, int]) -> Field:
    """(H, W, 2) float32: the coordinates (x, y) of every pixel's centre."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    return np.stack([x, y], 2)


def draw(layers: Sequence[Layer], frame: int, size: tuple[int, int], shutter: float = 0.0) -> Field:
    """(H, W, 3) float32 RGB in [0, 1]: the layers over one another, farthest first.

    shutter: exposure as a share of the time between the frames, centred on the frame's own moment.
    """
    grid, canvas = pixel_grid(size), np.zeros((*size, 3), np.float32)
    for layer in layers:
        part = layer.box(frame, size, shutter)
        points = grid[part]
        if not points.size:
            continue
        drift = layer.to_plane(points) - points
        length = shutter * float(np.abs(drift).max())
        count = 1 if length < 1 else min(11, 1 + math.ceil(length))
        colour, covered = np.zeros((*points.shape[:2], 3), np.float32), np.zeros((*points.shape[:2], 1), np.float32)
        for moment in (np.arange(count) - (count - 1) / 2) * (shutter / max(1, count - 1)):
            plane = points + drift * np.float32(frame + moment)
            cover = layer.cover(plane)[..., None].astype(np.float32)
            colour += layer.colour(plane) * cover
            covered += cover
        behind = 1 - covered / (255 * count)
        canvas[part] = canvas[part] * behind + colour / (255 * 255 * count)
    return canvas


def motion(layers: Sequence[Layer], frame: int, size: tuple[int, int]) -> tuple[Field, NDArray[np.uint8]]:
    """On the grid of LAST or THIS frame: the motion (H, W, 2) px to the other one, and the number of the layer shown.

    At an edge that mixes two layers it is the motion of the nearest layer that covers more than half of the pixel.
    """
    grid = pixel_grid(size)
    flow, owner = np.zeros_like(grid), np.zeros(size, np.uint8)
    for number, layer in enumerate(layers):
        part = layer.box(frame, size)
        points = grid[part]
        if not points.size:
            continue
        plane = layer.to_plane(points) if frame == THIS else points
        covered = layer.cover(plane) > 127
        there = plane if frame == THIS else layer.to_frame(points)
        flow[part][covered] = (there - points)[covered]
        owner[part][covered] = number
    return flow, owner


def visible_in_other(layers: Sequence[Layer], frame: int, flow: Field, owner: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(H, W) on the grid of `frame`: True where the other frame shows that point too, inside it and not covered."""
    height, width = owner.shape
    there = pixel_grid((height, width)) + flow
    # The tolerance keeps points on the frame's edge inside it despite rounding.
    visible = ((there >= -1e-3) & (there <= np.array([width - 1, height - 1], np.float32) + 1e-3)).all(2)
    for number, layer in enumerate(layers):
        behind = visible & (owner < number)
        rows, columns = layer.box(1 - frame, (height, width))
        x, y = there[..., 0], there[..., 1]
        behind &= (x >= columns.start - 1) & (x <= columns.stop) & (y >= rows.start - 1) & (y <= rows.stop)
        if not behind.any():
            continue
        ys, xs = (np.flatnonzero(behind.any(axis)) for axis in (1, 0))
        part = slice(ys[0], ys[-1] + 1), slice(xs[0], xs[-1] + 1)
        plane = layer.to_plane(there[part]) if frame == LAST else there[part]
        visible[part] &= ~(behind[part] & (layer.cover(plane) > 127))
    return visible


def invertible(bend: Field) -> Field:
    """`bend` (H, W, 2) scaled down until no slope is above STEEPEST, so that `Layer.to_frame` can invert it."""
    steps = [np.diff(bend, axis=axis) for axis in (0, 1)]
    steepest = math.hypot(*(float(np.linalg.norm(step, axis=2).max()) for step in steps))
    return bend if steepest <= STEEPEST else bend * np.float32(STEEPEST / steepest)


def chained(*affines: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, 3): the composition of affine maps (2, 3), applied in the order given."""
    whole = np.vstack([affines[0], [0, 0, 1]])
    for _, affine in pairwise(affines):
        whole = np.vstack([affine, [0, 0, 1]]) @ whole
    return whole[:2]
