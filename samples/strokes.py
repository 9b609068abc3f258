"""Painting by strokes: long or short curved brush marks with bristles, mixed colours and a relief that catches light.

After Hertzmann (1998), "Painterly rendering with curved brush strokes of multiple sizes": coarse strokes first, finer
ones where the painting still differs from the plan. Here the direction comes from a given field and each stroke is a
bundle of bristles that also leaves a height, as thick paint does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

FINER = 2
"""Canvas pixels per picture pixel; the finished painting is averaged down."""


@dataclass(frozen=True)
class Brush:
    """One pass over the picture."""

    width: float
    """Picture pixels across the mark."""
    length: float
    """Picture pixels along the mark."""
    spacing: float
    """Picture pixels between neighbouring marks."""
    tolerance: float = 0.0
    """Paint only where the painting differs from the plan by more than this (0 to 1); 0 paints everywhere."""
    jitter: float = 0.06
    """How far a stroke's colour strays from the plan; in brightness, and half as much in each of R, G, B."""
    bristle: float = 0.05
    """How far a bristle's colour strays from its stroke's."""
    wander: float = 0.15
    """Radians by which a stroke's direction strays."""
    mixing: float = 0.15
    """Share of the wet paint beneath that a stroke picks up."""
    load: float = 1.0
    """Paint height, 1 = thick."""


@dataclass(frozen=True)
class Plan:
    """What to paint."""

    colour: np.ndarray
    """(H, W, 3) float32 RGB in [0, 1]."""
    angle: np.ndarray
    """(H, W) float32 radians: which way strokes run (x right, y down)."""
    detail: np.ndarray | None = None
    """(H, W) float32 in [0, 1]: where strokes are shorter and thinner; None = nowhere."""


def _path(plan: Plan, x: float, y: float, length: float, wander: float, step: float = 2.5) -> np.ndarray:
    """Points (n, 2) of a stroke through (x, y), following the field both ways until the planned colour changes much."""
    h, w = plan.angle.shape
    here = plan.colour[int(y), int(x)]
    halves = []
    for sign in (1, -1):
        px, py, last, points = x, y, None, []
        for _ in range(int(length / 2 / step)):
            a = plan.angle[min(max(int(py), 0), h - 1), min(max(int(px), 0), w - 1)] + wander
            dx, dy = sign * np.cos(a), sign * np.sin(a)
            if last is not None and dx * last[0] + dy * last[1] < 0:
                dx, dy = -dx, -dy
            if last is not None:
                dx, dy = 0.6 * dx + 0.4 * last[0], 0.6 * dy + 0.4 * last[1]
            px, py, last = px + step * dx, py + step * dy, (dx, dy)
            if not (-8 < px < w + 8 and -8 < py < h + 8):
                break
            there = plan.colour[min(max(int(py), 0), h - 1), min(max(int(px), 0), w - 1)]
            if np.abs(there - here).max() > 0.20:
                break
            points.append((px, py))
        halves.append(points)
    return np.array(halves[1][::-1] + [(x, y)] + halves[0], np.float32)


def _mark(
    canvas: np.ndarray, path: np.ndarray, colour: np.ndarray, width: float, brush: Brush, rng: np.random.Generator
) -> None:
    """Lay one stroke on the (h, w, 4) uint8 canvas: RGB and paint height."""
    if len(path) < 3:
        a = rng.uniform(0, np.pi)
        path = path[0] + np.outer(np.linspace(-0.5, 0.5, 4), [np.cos(a), np.sin(a)]).astype(np.float32) * width
    along = np.gradient(path, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], -1) / (np.linalg.norm(along, axis=1, keepdims=True) + 1e-6)
    count = max(3, round(width * FINER / 2.1))
    t = np.linspace(0, 1, len(path))[:, None]
    # A brush lands round, holds its width, and lifts off.
    profile = np.clip(np.minimum(t / 0.12, (1 - t) / 0.2), 0, 1) ** 0.5 * 0.75 + 0.25
    h, w = canvas.shape[:2]
    off = -1 + 2 * (rng.permutation(count) + 0.5) / count + rng.normal(0, 0.06, count)
    tones = rng.normal(0, brush.bristle, (count, 1)) + rng.normal(0, brush.bristle * 0.45, (count, 3))
    # Paint is pushed out of the middle and stands in two ridges; each bristle leaves a furrow of its own.
    heights = np.clip(brush.load * (0.50 + 0.26 * np.abs(off) ** 1.5 + rng.normal(0, 0.12, count)) + 0.10, 0, 1) * 255
    # Outer bristles touch later and lift sooner, so the ends are ragged.
    first = ((0.10 * off**2 + 0.10 * rng.uniform(size=count)) * len(path)).astype(int)
    last = np.maximum(len(path) - (first * rng.uniform(0.6, 1.8, count)).astype(int), first + 2)
    thick = rng.integers(2, 4, count)
    spread = normal * profile * width / 2
    lines = np.round((path[None] + spread[None] * off[:, None, None]) * FINER * 16).astype(np.int32)
    begin = np.clip(lines[np.arange(count), first] // 16, 0, [w - 1, h - 1])
    under = canvas[begin[:, 1], begin[:, 0], :3] / 255.0
    paint = np.clip((colour * (1 - brush.mixing) + under * brush.mixing + tones) * 255, 0, 255)
    for k in range(count):
        value = (*paint[k].tolist(), float(heights[k]))
        cv2.polylines(canvas, [lines[k, first[k] : last[k]]], False, value, int(thick[k]), cv2.LINE_AA, shift=4)


def lay(
    canvas: np.ndarray, plan: Plan, brush: Brush, rng: np.random.Generator, where: np.ndarray | None = None
) -> None:
    """One pass of `brush` over the canvas (H*FINER, W*FINER, 4) uint8; `where` (H, W) bool: where strokes may start."""
    h, w = plan.angle.shape
    now = cv2.resize(canvas[..., :3], (w, h), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    blur = max(brush.width * 0.35, 0.6)
    wanted = cv2.GaussianBlur(plan.colour, None, blur)
    differs = cv2.GaussianBlur(np.abs(now - wanted).mean(-1), None, blur)
    y, x = np.mgrid[brush.spacing / 2 : h : brush.spacing, brush.spacing / 2 : w : brush.spacing]
    spots = np.stack([x.ravel(), y.ravel()], -1) + rng.uniform(-0.7, 0.7, (x.size, 2)) * brush.spacing
    spots = rng.permutation(np.clip(spots, 0, [w - 1, h - 1]))
    # Each stroke has its own dice: one stroke more or less on another machine must not change all that follow.
    for (px, py), seed in zip(spots, rng.integers(0, 2**62, len(spots)), strict=True):
        row, column = int(py), int(px)
        if (where is not None and not where[row, column]) or differs[row, column] < brush.tolerance:
            continue
        rng = np.random.default_rng(seed)
        fine = 0.0 if plan.detail is None else 0.5 * float(plan.detail[row, column])
        path = _path(plan, px, py, brush.length * (1 - fine) * rng.uniform(0.6, 1.25), rng.normal(0, brush.wander))
        colour = plan.colour[row, column] * (1 + rng.normal(0, brush.jitter * 1.6)) + rng.normal(0, brush.jitter / 2, 3)
        _mark(canvas, path, colour, brush.width * (1 - fine) * rng.uniform(0.75, 1.2), brush, rng)


def light_relief(canvas: np.ndarray, strength: float = 1.0, gloss: float = 0.25) -> np.ndarray:
    """(H, W, 3) uint8: the painting (H*FINER, W*FINER, 4) seen under light from the upper left, at picture size."""
    height = cv2.GaussianBlur(canvas[..., 3].astype(np.float32) / 255, None, 0.9)
    dx, dy = (cv2.Sobel(height, cv2.CV_32F, *order, ksize=3) for order in ((1, 0), (0, 1)))
    slope = (dx + 1.2 * dy) * strength
    shade = 1 + 0.42 * np.tanh(0.9 * slope)
    shine = gloss * np.clip(np.tanh(1.4 * slope) - 0.45, 0, 1) ** 1.5
    lit = canvas[..., :3].astype(np.float32) / 255 * shade[..., None] + shine[..., None]
    small = cv2.resize(lit, None, fx=1 / FINER, fy=1 / FINER, interpolation=cv2.INTER_AREA)
    return np.round(np.clip(small, 0, 1) * 255).astype(np.uint8)


def paint(
    plan: Plan, ground: Sequence[float], brushes: Sequence[Brush], rng: np.random.Generator, relief: float = 1.0
) -> np.ndarray:
    """(H, W, 3) uint8: the plan painted on a toned ground (RGB 0 to 255), brush after brush."""
    h, w = plan.angle.shape
    canvas = np.empty((h * FINER, w * FINER, 4), np.uint8)
    canvas[:] = (*ground, 40)
    for brush in brushes:
        lay(canvas, plan, brush, rng)
    return light_relief(canvas, relief)
