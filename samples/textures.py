"""Drawing tools for the samples: smooth noise, colour ramps, and a canvas for fine shapes with soft edges."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

TEXTURE_SCALE = 2
"""Texture pixels per frame pixel; the scene is rendered this much finer and averaged down, so edges are soft."""
CANVAS_SCALE = 4
"""Canvas pixels per frame pixel while drawing; `Canvas.finish` averages down to TEXTURE_SCALE."""

Colour = Sequence[float] | np.ndarray
"""RGB, 0 to 255."""


def fbm(
    height: int,
    width: int,
    cell: float,
    rng: np.random.Generator,
    octaves: int = 5,
    stretch: float = 1.0,
    gain: float = 0.5,
) -> np.ndarray:
    """Fractal noise (height, width) float32 in about [-1, 1].

    cell: the largest feature in pixels. stretch: how much wider than high features are.
    """
    total = np.zeros((height, width), np.float32)
    weight, norm = 1.0, 0.0
    for octave in range(octaves):
        size = max(cell / 2**octave, 1.0)
        rows, columns = int(height / size) + 4, int(width / (size * stretch)) + 4
        grid = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
        x = (np.arange(width, dtype=np.float32) / (size * stretch) + 1)[None].repeat(height, 0)
        y = (np.arange(height, dtype=np.float32) / size + 1)[:, None].repeat(width, 1)
        total += weight * cv2.remap(grid, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        norm += weight
        weight *= gain
    return total * (1.6 / norm)


def smoothstep(low: float, high: float, value: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def ramp(value: np.ndarray, stops: Sequence[tuple[float, Colour]]) -> np.ndarray:
    """Colours (..., 3) float32 in [0, 1] for `value`, straight between the (position, RGB) stops."""
    positions = [p for p, _ in stops]
    channels = [np.interp(value, positions, [c[k] / 255 for _, c in stops]) for k in range(3)]
    return np.stack(channels, -1).astype(np.float32)


def mix(a: np.ndarray, b: np.ndarray | Colour, amount: np.ndarray | float) -> np.ndarray:
    """`a` where `amount` (...,) is 0, `b` where it is 1; both (..., 3)."""
    weight = np.asarray(amount, np.float32)[..., None]
    return a * (1 - weight) + np.asarray(b, np.float32) * weight


def blend(a: Colour, b: Colour, t: float) -> np.ndarray:
    """One colour on the way from `a` to `b`."""
    return np.asarray(a, float) * (1 - t) + np.asarray(b, float) * t


def opaque(rgb: np.ndarray, alpha: np.ndarray | None = None) -> np.ndarray:
    """Premultiplied RGBA (h, w, 4) float32 from RGB in [0, 1] and a coverage in [0, 1] (all covered where None)."""
    cover = np.ones(rgb.shape[:2], np.float32) if alpha is None else alpha.astype(np.float32)
    return np.dstack([np.clip(rgb, 0, 1) * cover[..., None], cover]).astype(np.float32)


class Canvas:
    """A transparent sheet from frame coordinate (left, top) to (right, bottom), drawn on in frame pixels."""

    def __init__(self, left: int, top: int, right: int, bottom: int) -> None:
        self.origin = np.array([left, top], float)
        self.rgba = np.zeros(((bottom - top) * CANVAS_SCALE, (right - left) * CANVAS_SCALE, 4), np.uint8)

    def _place(self, points: np.ndarray | Sequence[Sequence[float]]) -> np.ndarray:
        """Frame coordinates (n, 2) to canvas pixels with four fractional bits, as OpenCV's `shift=4` wants them."""
        inside = (np.asarray(points, float) - self.origin + 0.5) * CANVAS_SCALE - 0.5
        return np.round(inside * 16).astype(np.int32)

    def fill(self, points: np.ndarray | Sequence[Sequence[float]], colour: Colour) -> None:
        """A filled polygon."""
        cv2.fillPoly(self.rgba, [self._place(points)], (*map(float, colour), 255), shift=4)

    def shade(
        self,
        points: np.ndarray | Sequence[Sequence[float]],
        start: Colour,
        end: Colour,
        axis: tuple[Sequence[float], Sequence[float]],
    ) -> None:
        """A filled polygon whose colour runs from `start` at axis[0] to `end` at axis[1]."""
        placed = self._place(points)
        left, top = np.maximum(placed.min(0) // 16, 0)
        right, bottom = placed.max(0) // 16 + 2
        patch = self.rgba[top:bottom, left:right]
        mask = np.zeros(patch.shape[:2], np.uint8)
        cv2.fillPoly(mask, [placed - np.array([left, top]) * 16], 1, shift=4)
        a, b = self._place(axis) / 16 - [left, top]
        grid_y, grid_x = np.mgrid[: patch.shape[0], : patch.shape[1]]
        t = ((grid_x - a[0]) * (b - a)[0] + (grid_y - a[1]) * (b - a)[1]) / max(float((b - a) @ (b - a)), 1e-6)
        colours = mix(np.broadcast_to(np.asarray(start, np.float32), (*mask.shape, 3)), end, np.clip(t, 0, 1))
        patch[mask > 0] = np.dstack([colours, np.full(mask.shape, 255.0)])[mask > 0].round().astype(np.uint8)

    def line(self, points: np.ndarray | Sequence[Sequence[float]], colour: Colour, width: float = 1.0) -> None:
        """A polyline `width` frame pixels thick."""
        thick = max(1, round(width * CANVAS_SCALE))
        cv2.polylines(self.rgba, [self._place(points)], False, (*map(float, colour), 255), thick, shift=4)

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour, angle: float = 0.0) -> None:
        """A filled ellipse; `angle` in radians."""
        turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
        c, s = np.cos(angle), np.sin(angle)
        u, v = rx * np.cos(turn), ry * np.sin(turn)
        self.fill(np.stack([x + c * u - s * v, y + s * u + c * v], -1), colour)

    def taper(self, points: np.ndarray, widths: Sequence[float] | np.ndarray, colour: Colour) -> None:
        """A ribbon along `points` (n, 2) whose full width at each point is `widths`: a blade, a branch, a mast."""
        path = np.asarray(points, float)
        along = np.gradient(path, axis=0)
        normal = np.stack([-along[:, 1], along[:, 0]], -1) / (np.linalg.norm(along, axis=1, keepdims=True) + 1e-9)
        half = np.asarray(widths, float)[:, None] / 2
        self.fill(np.concatenate([path + normal * half, (path - normal * half)[::-1]]), colour)

    def finish(self, grain: float = 0.0, rng: np.random.Generator | None = None, cell: float = 6.0) -> np.ndarray:
        """Premultiplied RGBA (h, w, 4) float32 at TEXTURE_SCALE; `grain` roughens the colours by that share."""
        sheet = self.rgba.astype(np.float32) / 255
        sheet[..., :3] *= sheet[..., 3:]
        factor = TEXTURE_SCALE / CANVAS_SCALE
        small = cv2.resize(sheet, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        if grain and rng is not None:
            rough = 1 + grain * fbm(*small.shape[:2], cell * TEXTURE_SCALE, rng, 4)
            small[..., :3] = np.clip(small[..., :3] * rough[..., None], 0, small[..., 3:])
        return small
