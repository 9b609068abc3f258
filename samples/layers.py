"""Flat pictures one behind the other, each with an exactly known motion, and the flow and hiding that follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from samples.textures import TEXTURE_SCALE

SWAY_STEPS = 12
"""Fixed-point steps that undo a sway. Sways here stretch by less than 0.3, so 12 steps leave under 1e-5 px."""


@dataclass(frozen=True)
class Layer:
    """One picture on its own plane. A plane point p is shown in frame i at `affine(i) @ (p, 1) + sway(p, i)`."""

    name: str
    texture: np.ndarray
    """(h, w, 4) float32 premultiplied RGBA in [0, 1], TEXTURE_SCALE texture pixels per plane pixel."""
    origin: tuple[int, int]
    """Plane coordinate (x, y) of the texture's first pixel."""
    affine: Callable[[int], np.ndarray]
    """Frame index -> (2, 3), plane to frame pixels."""
    sway: Callable[[np.ndarray, int], np.ndarray] | None = None
    """Plane points (..., 2), frame index -> pixels (..., 2) added to where they are shown: water, grass."""

    def to_frame(self, points: np.ndarray, index: int) -> np.ndarray:
        """Where the plane points (..., 2) are shown in frame `index`."""
        matrix = self.affine(index)
        shown = points @ matrix[:, :2].T + matrix[:, 2]
        return shown if self.sway is None else shown + self.sway(points, index)

    def to_plane(self, shown: np.ndarray, index: int) -> np.ndarray:
        """The plane points that frame `index` shows at (..., 2): the inverse of `to_frame`."""
        matrix = self.affine(index)
        inverse = np.linalg.inv(matrix[:, :2]).T
        points = (shown - matrix[:, 2]) @ inverse
        if self.sway is not None:
            for _ in range(SWAY_STEPS):
                points = (shown - self.sway(points, index) - matrix[:, 2]) @ inverse
        return points

    def sample(self, points: np.ndarray) -> np.ndarray:
        """RGBA (h, w, 4) at the plane points (h, w, 2); transparent outside the texture."""
        place = (points - np.asarray(self.origin) + 0.5) * TEXTURE_SCALE - 0.5
        x, y = place[..., 0].astype(np.float32), place[..., 1].astype(np.float32)
        return cv2.remap(self.texture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)

    def box(self, index: int, height: int, width: int) -> tuple[slice, slice] | None:
        """Rows and columns of the frame this layer may touch in frame `index`, or None."""
        h, w = self.texture.shape[:2]
        x, y = np.meshgrid(np.linspace(0, w / TEXTURE_SCALE, 9), np.linspace(0, h / TEXTURE_SCALE, 9))
        corners = self.to_frame(np.stack([x, y], -1) + np.asarray(self.origin), index).reshape(-1, 2)
        left, top = np.maximum(np.floor(corners.min(0)) - 4, 0).astype(int)
        right, bottom = np.minimum(np.ceil(corners.max(0)) + 5, [width, height]).astype(int)
        return (slice(top, bottom), slice(left, right)) if right > left and bottom > top else None


def pixel_grid(height: int, width: int, finer: int = 1) -> np.ndarray:
    """Frame coordinates (x, y) of pixel centres (height*finer, width*finer, 2), each pixel cut into finer x finer."""
    y, x = np.mgrid[: height * finer, : width * finer].astype(np.float64)
    return (np.stack([x, y], -1) + 0.5) / finer - 0.5


def render_layers(layers: Sequence[Layer], index: int, height: int, width: int) -> np.ndarray:
    """(H, W, 3) float32 RGB in [0, 1]: the layers of frame `index` laid over one another, farthest first."""
    fine = TEXTURE_SCALE
    grid = pixel_grid(height, width, fine)
    picture = np.zeros((height * fine, width * fine, 3), np.float32)
    for layer in layers:
        box = layer.box(index, height, width)
        if box is None:
            continue
        part = tuple(slice(s.start * fine, s.stop * fine) for s in box)
        colour = layer.sample(layer.to_plane(grid[part], index))
        picture[part] = picture[part] * (1 - colour[..., 3:]) + colour[..., :3]
    return np.clip(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), 0, 1)


def nearest_layer(layers: Sequence[Layer], points: np.ndarray, index: int, height: int, width: int) -> np.ndarray:
    """Which layer (its place in `layers`, int16 (h, w)) frame `index` shows at the frame points (h, w, 2).

    A layer counts where it covers more than half; the farthest must cover everything. Outside the frame: the farthest.
    """
    owner = np.zeros(points.shape[:2], np.int16)
    for number, layer in enumerate(layers):
        box = layer.box(index, height, width)
        if box is None:
            continue
        low, high = (np.array([getattr(s, end) for s in box[::-1]]) for end in ("start", "stop"))
        reached = ((points >= low - 1) & (points <= high)).all(-1)
        if not reached.any():
            continue
        rows, columns = np.flatnonzero(reached.any(1)), np.flatnonzero(reached.any(0))
        part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        covers = layer.sample(layer.to_plane(points[part], index))[..., 3] > 0.5
        owner[part][covers & reached[part]] = number
    return owner


def flow_from(layers: Sequence[Layer], owner: np.ndarray, points: np.ndarray, i: int, j: int) -> np.ndarray:
    """Exact motion (h, w, 2) px, to frame j, of the points of the layers `owner` that frame i shows at `points`."""
    flow = np.zeros_like(points)
    for number, layer in enumerate(layers):
        mine = owner == number
        if mine.any():
            flow[mine] = layer.to_frame(layer.to_plane(points[mine], i), j) - points[mine]
    return flow
