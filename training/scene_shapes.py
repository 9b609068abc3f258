"""Outlines for generated scenes: blobs, polygons, and thin shapes, on which motion is hardest to estimate."""

from __future__ import annotations

import math
import string
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from training.scene_textures import octaves

Mask = NDArray[np.uint8]

FINE = 2
"""Mask and texture pixels per frame pixel, along each axis."""
SUBPIXEL = 4
"""Fractional bits of the coordinates given to OpenCV's drawing functions."""


def shape(rng: np.random.Generator, radius: float) -> Mask:
    """(n, n) uint8, 255 = covered: a random shape of about `radius` frame pixels around the middle, with a soft edge."""
    side = FINE * 2 * (math.ceil(radius) + 3)
    mask = np.zeros((side, side), np.uint8)
    SHAPES[rng.choice(len(SHAPES), p=ODDS)](rng, mask, FINE * radius)
    mask[:2], mask[-2:], mask[:, :2], mask[:, -2:] = 0, 0, 0, 0
    # Edges are blurred over about a pixel, as by a lens; one in ten over more, as out of focus.
    soft = rng.uniform(1.5, 4) if rng.random() < 0.1 else rng.uniform(0.5, 0.9)
    return cv2.GaussianBlur(mask, (0, 0), soft * FINE / 2)


def _fill(mask: Mask, points: NDArray[np.float64], value: int = 255) -> None:
    """Fill the polygon `points` (n, 2), in mask pixels from the mask's middle."""
    placed = np.round((points + mask.shape[0] / 2) * 2**SUBPIXEL).astype(np.int32)
    cv2.fillPoly(mask, [placed], value, cv2.LINE_AA, SUBPIXEL)


def _line(mask: Mask, first: NDArray[np.float64], second: NDArray[np.float64], thick: float) -> None:
    ends = (np.round((point + mask.shape[0] / 2) * 2**SUBPIXEL).astype(int).tolist() for point in (first, second))
    cv2.line(mask, *ends, 255, max(1, round(thick)), cv2.LINE_AA, SUBPIXEL)


def _outline(rng: np.random.Generator, radius: float) -> NDArray[np.float64]:
    """(96, 2): a closed smooth curve whose farthest point is `radius` away."""
    angle = np.linspace(0, 2 * math.pi, 96, endpoint=False)
    waves = np.arange(1, 8)
    size = rng.normal(0, rng.uniform(0.1, 0.6), len(waves)) / waves
    reach = np.exp((size[:, None] * np.cos(waves[:, None] * angle + rng.uniform(0, 6.3, len(waves))[:, None])).sum(0))
    points = reach[:, None] * np.stack([np.cos(angle), np.sin(angle) * rng.uniform(0.3, 1)], 1)
    turn = rng.uniform(0, 2 * math.pi)
    points = points @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    return points * radius / np.linalg.norm(points, axis=1).max()


def blob(rng: np.random.Generator, mask: Mask, radius: float) -> None:
    _fill(mask, _outline(rng, radius))


def ring(rng: np.random.Generator, mask: Mask, radius: float) -> None:
    outline = _outline(rng, radius)
    _fill(mask, outline)
    _fill(mask, outline * rng.uniform(0.4, 0.9) + rng.normal(0, radius * 0.04, 2), 0)


def polygon(rng: np.random.Generator, mask: Mask, radius: float) -> None:
    count = int(rng.integers(3, 10))
    angle = np.sort(rng.uniform(0, 2 * math.pi, count))
    reach = radius * rng.uniform(rng.uniform(0.2, 0.8), 1, count)
    _fill(mask, reach[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1))


def box(rng: np.random.Generator, mask: Mask, radius: float) -> None:
    """A rotated rectangle of any aspect: poles, planks, walls."""
    half = radius * 0.7 * np.array([1, rng.uniform(0.05, 1)])
    turn = rng.uniform(0, math.pi)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    _fill(mask, corners @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]]))


def lines(rng: np.random.Generator, mask: Mask, radius: float) -> None:
    """A chain of straight lines: wires, stalks, masts."""
    points = rng.uniform(-0.7, 0.7, (int(rng.integers(2, 9)), 2)) * radius
    for first, second in pairwise(points):
        _line(mask, first, second, FINE * rng.uniform(1, 5))


def branches(rng: np.random.Generator, mask: Mask, radius: float) -> None:
    """A branch that forks four times and becomes thinner each time."""
    heading, thick = rng.uniform(0, 2 * math.pi), FINE * rng.uniform(2, 7)
    tips = [(-0.8 * radius * np.array([math.cos(heading), math.sin(heading)]), heading)]
    for level in range(5):
        forked = []
        for root, angle in tips:
            for _ in range(1 if level == 0 else int(rng.integers(1, 4))):
                turned = angle + rng.normal(0, 0.1 if level == 0 else 0.5)
                tip = root + radius * 0.45 * rng.uniform(0.6, 1) * 0.8**level * np.array([math.cos(turned), math.sin(turned)])
                _line(mask, root, tip, thick * 0.7**level)
                forked.append((tip, turned))
        tips = forked[:24]


def grid(rng: np.random.Generator, mask: Mask, radius: float) -> None:
    """Bars in one direction or two: fences, windows, nets."""
    turn, gap = rng.choice([0.0, rng.uniform(0, math.pi)]), FINE * rng.uniform(8, 30)
    thick = FINE * rng.uniform(1, 4)
    for angle in (turn, turn + math.pi / 2)[: int(rng.integers(1, 3))]:
        along, across = np.array([math.cos(angle), math.sin(angle)]), np.array([-math.sin(angle), math.cos(angle)])
        for place in np.arange(-0.7 * radius, 0.7 * radius, gap * rng.uniform(0.8, 1.2)):
            _line(mask, across * place - along * 0.7 * radius, across * place + along * 0.7 * radius, thick)


def letters(rng: np.random.Generator, mask: Mask, radius: float) -> None:
    """Rows of letters, as on signs and in subtitles."""
    font, scale = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_TRIPLEX])), rng.uniform(0.5, 2.2)
    thick, step = int(rng.integers(2, 6)), int(36 * scale)
    start, end = round(mask.shape[0] / 2 - 0.65 * radius), round(mask.shape[0] / 2 + 0.65 * radius)
    for row in list(range(start + step, end, step))[: int(rng.integers(1, 6))]:
        words = "".join(rng.choice(list(string.ascii_letters + string.digits + "   "), max(1, int((end - start) / 20 / scale))))
        cv2.putText(mask, words, (start, row), font, scale, 255, thick, cv2.LINE_AA)


def spots(rng: np.random.Generator, mask: Mask, radius: float) -> None:
    """Scattered patches and holes with smooth outlines: foliage, foam."""
    field = octaves(rng, mask.shape[0], radius * rng.uniform(0.1, 0.5), 8, 0.5)
    covered = np.clip((field - rng.uniform(0.45, 0.6)) * 12 * 255 + 128, 0, 255).astype(np.uint8)
    _fill(mask, _outline(rng, radius))
    np.minimum(mask, covered, out=mask)


SHAPES = (blob, polygon, box, ring, lines, branches, grid, letters, spots)
ODDS = (0.26, 0.2, 0.13, 0.07, 0.07, 0.08, 0.06, 0.05, 0.08)
