"""Printing as from wood blocks: paper, washes that show the grain, and ink lines drawn with a brush."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from samples.textures import Colour, fbm

WIDTH, HEIGHT = 640, 512
FINER = 3
"""Sheet pixels per picture pixel while printing."""
INK = (26, 34, 58)
Points = np.ndarray | Sequence[Sequence[float]]


def bezier(*knots: Sequence[float], count: int = 60) -> np.ndarray:
    """Points (count, 2) of the cubic curve with these four knots."""
    t = np.linspace(0, 1, count)[:, None]
    a, b, c, d = (np.asarray(k, float) for k in knots)
    return a * (1 - t) ** 3 + 3 * b * t * (1 - t) ** 2 + 3 * c * t**2 * (1 - t) + d * t**3


class Sheet:
    """A sheet of paper that takes one colour block after another."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.shape = (HEIGHT * FINER, WIDTH * FINER)
        h, w = self.shape
        fibre = 0.014 * fbm(h, w, 5, rng, 2) + 0.020 * fbm(h, w, 240, rng, 4) + 0.010 * fbm(h, w, 3, rng, 1, stretch=9)
        self.rgb = (np.array([240, 226, 196], np.float32) / 255) * (1 + fibre[..., None])
        # Wood grain: long bands bent by knots, printed through every wash.
        bend = 22 * fbm(h, w, 500, rng, 3)
        rows = np.mgrid[:h, :w][0].astype(np.float32) + bend
        lines = fbm(h, w, 12, rng, 3, stretch=60)
        self.grain = 0.5 * np.sin(rows / 4.2 + 5 * fbm(h, w, 300, rng, 2, stretch=4)) + 0.9 * lines
        self.mottle = fbm(h, w, 36, rng, 5, gain=0.6)

    def mask(self, points: Points, shift: float = 0.0) -> np.ndarray:
        """Coverage (h, w) in [0, 1] of a polygon, moved by `shift` px: the blocks never meet quite exactly."""
        mask = np.zeros(self.shape, np.uint8)
        placed = np.round((np.asarray(points) + shift) * FINER * 16).astype(np.int32)
        cv2.fillPoly(mask, [placed], 255, cv2.LINE_AA, shift=4)
        return mask.astype(np.float32) / 255

    def print(
        self,
        cover: np.ndarray,
        colour: Colour,
        to: Colour | None = None,
        rows: tuple[float, float] = (0, 1),
        grain: float = 0.055,
    ) -> None:
        """Press a colour through `cover` (h, w); it fades to `to` between two picture rows, as wiped pigment does."""
        spots = np.flatnonzero(cover.max(1) > 0)
        if not len(spots):
            return
        part = slice(spots[0], spots[-1] + 1)
        y = np.arange(self.shape[0])[part, None] / FINER
        t = np.clip((y - rows[0]) / (rows[1] - rows[0]) + 0.06 * self.mottle[part], 0, 1)[..., None]
        a, b = np.asarray(colour, np.float32) / 255, np.asarray(colour if to is None else to, np.float32) / 255
        tone = 1 + grain * self.grain[part] + 0.07 * self.mottle[part]
        pigment = (a * (1 - t) + b * t) * tone[..., None]
        thick = cover[part] * np.clip(0.95 + 0.10 * self.mottle[part] - 0.5 * grain * self.grain[part], 0, 1)
        self.rgb[part] = self.rgb[part] * (1 - thick[..., None]) + pigment * thick[..., None]

    def ribbon(self, points: Points, width: float, ends: tuple[float, float] = (0.25, 0.15)) -> np.ndarray:
        """Outline (n, 2) of a brush line: it swells and thins with the hand's pressure and narrows at its ends."""
        path = np.asarray(points, float)
        t = np.linspace(0, 1, len(path))
        press = np.interp(np.linspace(0, 5, len(path)), np.arange(6), self.rng.uniform(0.65, 1.25, 6))
        press = press * np.clip(ends[0] + t / 0.18, 0, 1) * np.clip(ends[1] + (1 - t) / 0.25, 0, 1)
        along = np.gradient(path, axis=0)
        normal = np.stack([-along[:, 1], along[:, 0]], -1) / (np.linalg.norm(along, axis=1, keepdims=True) + 1e-9)
        half = normal * (press * width / 2)[:, None]
        return np.concatenate([path + half, (path - half)[::-1]])

    def ink(self, points: Points, width: float = 2.2, colour: Colour = INK) -> None:
        """A contour drawn with a brush."""
        self.print(self.mask(self.ribbon(points, width)), colour, grain=0.10)

    def finish(self) -> np.ndarray:
        """(H, W, 3) uint8 at picture size."""
        small = cv2.resize(self.rgb, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        return np.round(np.clip(small, 0, 1) * 255).astype(np.uint8)
