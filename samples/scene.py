"""A sample scene whose every motion is known: an evening harbour, a passing boat, and a camera that glides by.

Flow says where things go: frame_i(x) shows the same surface point as frame_j(x + true_flow(i, j)(x)).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from samples import actors, backdrop, meadow, trees, village
from samples.layers import Layer, flow_from, nearest_layer, pixel_grid, render_layers

Motion = Callable[[int], np.ndarray]
"""Frame index -> (2, 3), plane to frame pixels."""
WIDTH, HEIGHT = 640, 360
FRAMES, RATE = 72, 24
"""Three seconds."""
TRAVEL = (-150.0, 9.0)
"""How far (x, y) px something at nearness 1 moves across the frame during the clip; the camera glides right and up."""
LAND_SHIFT = -30
"""How far right of where it was drawn the headland stands, px."""
NEARNESS = 250.0
"""Rows below the horizon at which the sea has nearness 1; nearness is proportional to 1 / distance."""


def progress(index: int) -> float:
    """Where the camera is on its way at frame `index`, from -0.5 to 0.5: it starts and stops gently."""
    t = index / (FRAMES - 1)
    return t - 0.5 - 0.55 * np.sin(2 * np.pi * t) / (2 * np.pi)


def nearness(row: float) -> float:
    """Nearness of a thing whose foot stands on the sea at `row` (mid-clip)."""
    return (row - backdrop.HORIZON) / NEARNESS


def _shifted(near: float, index: int) -> np.ndarray:
    """Plane to frame for something at rest at nearness `near`."""
    return np.array([[1, 0, TRAVEL[0] * near * progress(index)], [0, 1, TRAVEL[1] * near * progress(index)]], float)


def _sea(index: int) -> np.ndarray:
    """Plane to frame for the sea: the nearer the row, the farther it moves, which is a shear and a stretch."""
    x, y = np.array(TRAVEL) * progress(index) / NEARNESS
    return np.array([[1, x, -x * backdrop.HORIZON], [0, 1 + y, -y * backdrop.HORIZON]])


def _swell(points: np.ndarray, index: int) -> np.ndarray:
    """The sea's surface rocks by up to 2 px, less toward the horizon."""
    near = np.clip(points[..., 1] - backdrop.HORIZON, 0, None) / NEARNESS
    time = 2 * np.pi * index / RATE
    wave = 0.35 * time + 2 * np.pi * (points[..., 0] / 160 + 3.2 * np.sqrt(near + 0.02))
    return np.stack([1.4 * near * np.sin(0.8 * wave), 2.6 * near * np.sin(wave)], -1)


def _turned(scale: tuple[float, float], angle: float, x: float, y: float) -> np.ndarray:
    """Scale, then turn by `angle` radians, then put at (x, y)."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c * scale[0], -s * scale[1], x], [s * scale[0], c * scale[1], y]])


def _boat(index: int) -> np.ndarray:
    """The boat sails to the right, heeling and dipping a little."""
    t, foot = index / RATE, 256.0
    drift = _shifted(nearness(foot), index)[:, 2]
    heel = np.radians(2.2) * np.sin(2 * np.pi * t / 2.6) + np.radians(1.5)
    return _turned((1.0, 1.0), heel, 124 + 54 * t + drift[0], foot + 1.1 * np.sin(2 * np.pi * t / 1.7) + drift[1])


def _balloon(index: int) -> np.ndarray:
    """The balloon drifts left and rises, turning slightly and growing as it comes nearer."""
    t = index / RATE
    size = 0.98 + 0.03 * t
    return _turned((size, size), np.radians(2.5) * np.sin(1.3 * t), 536 - 17 * t, 76 - 6.5 * t)


def _gull(x: float, y: float, speed: tuple[float, float], size: float, beat: float) -> Motion:
    """A gull's motion: it flies straight and beats its wings, which here is a stretch of its height."""

    def move(index: int) -> np.ndarray:
        t = index / RATE
        flap = 0.66 + 0.34 * np.sin(2 * np.pi * (1.4 * t + beat))
        return _turned((size, size * flap), -0.12, x + speed[0] * t, y + speed[1] * t - 1.5 * flap)

    return move


def _breeze(root: float, reach: float, strength: float, speed: float) -> Callable[[np.ndarray, int], np.ndarray]:
    """Bending by the wind: nothing at row `root`, `strength` px sideways `reach` rows above it."""

    def sway(points: np.ndarray, index: int) -> np.ndarray:
        up = np.clip((root - points[..., 1]) / reach, 0, 1.5)
        bend = strength * up**2 * np.sin(2 * np.pi * (speed * index / RATE - points[..., 0] / 400))
        return np.stack([bend, np.zeros_like(bend)], -1)

    return sway


@cache
def layers() -> tuple[Layer, ...]:
    """Everything in the scene, farthest first. Painted once, in a few seconds."""

    def rng(seed: int) -> np.random.Generator:
        return np.random.default_rng([2016, seed])

    def at(near: float, x: float = 0.0, y: float = 0.0) -> Motion:
        return lambda index: _shifted(near, index) + np.array([[0, 0, x], [0, 0, y]])

    gulls = [
        _gull(*g)
        for g in (
            (236, 92, (30, -5), 0.66, 0.1),
            (262, 78, (31, -6), 0.52, 0.5),
            (330, 70, (26, -3), 0.44, 0.8),
            (92, 196, (62, -16), 1.15, 0.3),
        )
    ]
    bird = actors.gull(rng(9))
    land = village.headland(rng(5))
    water = backdrop.sea(rng(4), -90, 730, land, (360 + LAND_SHIFT, 70), village.WATERLINE)
    return (
        Layer("sky", backdrop.sky(rng(1), -20, 680), (-20, -20), at(0.012)),
        Layer("far hills", backdrop.hills(rng(2), -20, 680, 172, 34, 0.15), (-20, 90), at(0.03)),
        Layer("near hills", backdrop.hills(rng(23), -20, 680, 180, 22, 0.75), (-20, 90), at(0.06)),
        Layer("sea", water, (-90, int(backdrop.HORIZON)), _sea, _swell),
        Layer("headland", land, (360, 70), at(nearness(village.WATERLINE), LAND_SHIFT)),
        Layer("balloon", actors.balloon(rng(6)), (-30, -36), _balloon),
        *(Layer(f"gull {k + 1}", bird, (-16, -12), gulls[k]) for k in range(3)),
        Layer("boat", actors.boat(rng(7)), (-50, -86), _boat),
        Layer("gull 4", bird, (-16, -12), gulls[3]),
        Layer("meadow", meadow.meadow(rng(10), -90, 740), (-90, 270), at(0.72), _breeze(400, 130, 2.0, 0.5)),
        Layer("pine", trees.pine(rng(11)), (-150, -40), at(0.95, 138, -6), _breeze(330, 360, 3.2, 0.3)),
        Layer("tall grass", meadow.tall_grass(rng(12), -130, 770), (-130, 280), at(1.3), _breeze(420, 90, 7.0, 0.6)),
    )


def render(index: int) -> np.ndarray:
    """Frame `index`: (H, W, 3) float32 sRGB in [0, 1]."""
    return render_layers(layers(), index, HEIGHT, WIDTH)


def owner_at(points: np.ndarray, index: int) -> np.ndarray:
    """(h, w) int16: the place in `layers()` of what frame `index` shows at the frame points (h, w, 2)."""
    return nearest_layer(layers(), points, index, HEIGHT, WIDTH)


def flow_at(points: np.ndarray, i: int, j: int) -> np.ndarray:
    """(h, w, 2) px: where what frame i shows at `points` (h, w, 2), which need not be pixel centres, is in frame j."""
    return flow_from(layers(), owner_at(points, i), points, i, j)


def true_flow(i: int, j: int) -> np.ndarray:
    """(2, H, W) float32 pixels, x then y, on frame i's grid: frame_i(x) = frame_j(x + flow(x))."""
    return flow_at(pixel_grid(HEIGHT, WIDTH), i, j).transpose(2, 0, 1).astype(np.float32)


def true_visibility(i: int, j: int) -> np.ndarray:
    """(1, H, W) float32 on frame i's grid: 1 where frame j shows that point too, inside it and not covered."""
    grid = pixel_grid(HEIGHT, WIDTH)
    owner = owner_at(grid, i)
    there = grid + flow_from(layers(), owner, grid, i, j)
    # Rounding must not put a point that stays on the frame's edge outside it.
    inside = (there >= -1e-4).all(-1) & (there[..., 0] <= WIDTH - 1 + 1e-4) & (there[..., 1] <= HEIGHT - 1 + 1e-4)
    return (inside & (owner_at(there.clip(0, [WIDTH - 1, HEIGHT - 1]), j) == owner))[None].astype(np.float32)
