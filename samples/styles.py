"""Three painted pictures, each a composition of our own laid down stroke by stroke: night, garden, wave."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from samples.strokes import Brush, Plan, paint
from samples.textures import fbm, mix, ramp, smoothstep
from samples.woodblock import wave

WIDTH, HEIGHT = 640, 512


def _grid() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    return x, y


def _along(field: np.ndarray, smooth: float = 3.0) -> np.ndarray:
    """Angle (H, W) of the level lines of `field`: strokes that follow them draw its shape."""
    soft = cv2.GaussianBlur(field.astype(np.float32), None, smooth)
    dx, dy = cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=5), cv2.Sobel(soft, cv2.CV_32F, 0, 1, ksize=5)
    return np.arctan2(dx, -dy).astype(np.float32)


def night() -> np.ndarray:
    """(H, W, 3) uint8: a whirling blue sky with yellow lights over hills and a river; long curved impasto strokes."""
    rng = np.random.default_rng([2016, 101])
    x, y = _grid()
    # Wind as a stream function: a drift to the right with whirls in it; strokes follow its level lines.
    stream = 1.0 * y + 26 * np.sin(x / 92 + 0.6) + 10 * fbm(HEIGHT, WIDTH, 150, rng, 2)
    for cx, cy, r, turn in ((214, 150, 96, -1), (398, 214, 66, 1), (566, 120, 74, -1), (52, 226, 50, 1)):
        d2 = ((x - cx) ** 2 + ((y - cy) * 1.15) ** 2) / r**2
        stream += turn * 122 * (r / 80) * np.exp(-d2 * 1.1)
    band = 0.5 + 0.5 * np.sin(stream / 11.5 + 1.4 * fbm(HEIGHT, WIDTH, 60, rng, 2))
    tone = np.clip(0.16 + 0.52 * band + 0.24 * (y / 330) + 0.16 * fbm(HEIGHT, WIDTH, 110, rng, 3), 0, 1)
    colour = ramp(
        tone,
        [
            (0, (14, 22, 74)),
            (0.25, (24, 52, 132)),
            (0.5, (46, 98, 178)),
            (0.72, (106, 164, 200)),
            (0.9, (196, 216, 190)),
            (1, (240, 226, 150)),
        ],
    )
    angle = _along(stream)
    # Lights: rings of yellow about a pale heart.
    for cx, cy, r in (
        (494, 66, 60),
        (98, 74, 36),
        (312, 58, 30),
        (296, 262, 24),
        (150, 236, 18),
        (600, 232, 28),
        (404, 124, 22),
        (28, 160, 20),
        (210, 30, 16),
        (498, 180, 15),
    ):
        d = np.hypot(x - cx, y - cy) / r
        ring = ramp(
            d + 0.10 * np.sin(d * 17),
            [
                (0, (255, 246, 196)),
                (0.3, (252, 214, 78)),
                (0.55, (238, 172, 44)),
                (0.8, (214, 206, 120)),
                (1.15, (110, 164, 176)),
                (1.6, (40, 88, 160)),
            ],
        )
        inside = smoothstep(1.65, 0.95, d)
        colour = mix(colour, ring, inside)
        angle = np.where(d < 1.5, np.arctan2(x - cx, -(y - cy)), angle)
    # Hills, one behind the other, their strokes running down the slopes; then a river with the lights in it.
    for crest, low, high, seed in (
        (322, (22, 48, 92), (64, 112, 134), 0.0),
        (356, (14, 36, 62), (52, 100, 88), 2.1),
        (398, (10, 26, 44), (74, 108, 60), 4.0),
    ):
        line = crest + 20 * np.sin(x / 84 + seed) + 12 * np.sin(x / 37 + 2 * seed)
        ground = y - line
        bands = 0.5 + 0.5 * np.sin(ground / 8 + 2.4 * np.sin(x / 46 + seed) + 1.5 * fbm(HEIGHT, WIDTH, 80, rng, 2))
        hill = mix(
            np.broadcast_to(np.array(low, np.float32) / 255, colour.shape), np.array(high, np.float32) / 255, bands
        )
        hill = mix(hill, np.array([0.03, 0.06, 0.14]), smoothstep(4.5, 1.0, np.abs(ground - 1)))
        colour = np.where((ground > 0)[..., None], hill, colour)
        angle = np.where(ground > 0, _along(ground + 14 * np.sin(x / 46 + seed)), angle)
    bank = 438 + 10 * np.sin(x / 70 + 1) - 0.04 * x
    water = y > bank
    ripple = 0.5 + 0.5 * np.sin(y / 4.6 + 2.2 * np.sin(x / 40 + y / 30))
    river = ramp(
        0.1 + 0.42 * ripple + 0.1 * fbm(HEIGHT, WIDTH, 50, rng, 3),
        [(0, (12, 24, 66)), (0.5, (34, 84, 150)), (1, (120, 176, 196))],
    )
    for cx, strength in ((494, 1.0), (98, 0.8), (312, 0.8), (600, 0.6), (204, 0.5)):
        glow = (
            strength
            * np.exp(-(((x - cx - 6 * np.sin(y / 7)) / (9 + np.maximum(y - 430, 0) * 0.10)) ** 2))
            * (0.35 + 0.65 * ripple)
        )
        river = mix(river, np.array([0.98, 0.80, 0.30]), np.clip(glow * 1.1, 0, 0.95))
    colour = np.where(water[..., None], river, colour)
    angle = np.where(water, 0.16 * np.sin(x / 40 + y / 30), angle)
    # Village windows at the foot of the hills, and dark poplars before them.
    for cx in (132, 168, 262, 292, 364, 428, 462):
        top = 414 + 5 * np.sin(cx)
        wall = (np.abs(x - cx) < 13) & (y > top) & (y < top + 24)
        colour = np.where(wall[..., None], np.array([0.26, 0.34, 0.52], np.float32), colour)
        roof = (np.abs(x - cx) < 16 - (top - y) * 1.1) & (y <= top) & (y > top - 14)
        colour = np.where(roof[..., None], np.array([0.46, 0.24, 0.24], np.float32), colour)
        colour = np.where(
            ((np.abs(np.abs(x - cx) - 5) < 3.2) & (np.abs(y - top - 9) < 4.6))[..., None],
            np.array([1.0, 0.82, 0.32], np.float32),
            colour,
        )
    for cx, foot, tall in ((560, 466, 200), (596, 474, 150), (526, 462, 118), (34, 470, 140)):
        up = (foot - y) / tall
        wide = 0.085 * tall * np.sin(np.pi * np.clip(up * 0.9 + 0.1, 0, 0.999)) ** 0.8 * (1 + 0.14 * np.sin(y / 9))
        tree = (up > 0) & (up < 1) & (np.abs(x - cx - 5 * np.sin(up * 5)) < wide)
        leaf = ramp(
            0.5 + 0.5 * np.sin((x - cx) / 3.2 + y / 17), [(0, (10, 20, 26)), (0.6, (22, 54, 46)), (1, (78, 100, 52))]
        )
        colour = np.where(tree[..., None], leaf, colour)
        angle = np.where(tree, np.pi / 2 + 0.35 * np.sin(y / 16 + cx), angle)
    detail = cv2.GaussianBlur((y > 402).astype(np.float32), None, 6) * 0.8
    brushes = (
        Brush(22, 110, 11, jitter=0.10, wander=0.05),
        Brush(11, 80, 7, 0.025, jitter=0.11, bristle=0.07, wander=0.07),
        Brush(7, 54, 5, 0.035, jitter=0.12, bristle=0.07, wander=0.08, mixing=0.08),
        Brush(4, 28, 3.5, 0.07, jitter=0.10, bristle=0.06, wander=0.1, mixing=0.05),
    )
    return paint(Plan(colour.astype(np.float32), angle.astype(np.float32), detail), (40, 46, 72), brushes, rng, 0.8)


def garden() -> np.ndarray:
    """(H, W, 3) uint8: a garden at sunset in unmixed orange, rose, violet and green; short broad dabs."""
    rng = np.random.default_rng([2016, 102])
    x, y = _grid()
    sun = np.hypot(x - 420, (y - 150) * 1.1)
    sky = ramp(
        (y + 16 * np.sin(x / 80) + 18 * fbm(HEIGHT, WIDTH, 90, rng, 2)) / 230,
        [
            (0, (88, 96, 190)),
            (0.22, (178, 110, 188)),
            (0.45, (244, 126, 132)),
            (0.7, (255, 160, 76)),
            (1, (255, 208, 92)),
        ],
    )
    sky = mix(sky, np.array([1.0, 0.86, 0.36]), 0.85 * np.exp(-((sun / 86) ** 2)))
    streak = smoothstep(0.25, 0.75, fbm(HEIGHT, WIDTH, 50, rng, 4, stretch=3.4))
    colour = mix(sky, np.array([0.98, 0.42, 0.36]), 0.75 * streak * smoothstep(215, 60, y))
    colour = mix(colour, np.array([1.0, 0.97, 0.74]), smoothstep(33, 28, sun))
    angle = np.where(sun < 120, np.arctan2(x - 420, -(y - 150)), 0.25 * np.sin(x / 70 + y / 60)).astype(np.float32)

    def region(mask: np.ndarray, paint_: np.ndarray, way: np.ndarray | float) -> None:
        nonlocal colour, angle
        colour = np.where(mask[..., None], paint_, colour)
        angle = np.where(mask, way, angle)

    for crest, low, high, seed in (
        (196, (92, 70, 160), (206, 110, 160), 0.3),
        (224, (40, 92, 140), (120, 110, 190), 2.0),
        (248, (18, 104, 104), (110, 170, 88), 3.6),
    ):
        line = crest + 15 * np.sin(x / 110 + seed) + 6 * np.sin(x / 41 + seed)
        tone = np.clip(0.5 + 0.7 * fbm(HEIGHT, WIDTH, 40, rng, 3), 0, 1)
        region(y > line, ramp(tone, [(0, low), (1, high)]), 0.5 * np.sin(x / 90 + seed) + 0.25)
    # Flower beds converge on the horizon; a path of pale rose and gold runs between them.
    depth = np.clip((y - 262) / 250, 0, 1)
    across = (x - 300) / (26 + 330 * depth)
    row = np.sin(across * 9 + 0.8 * fbm(HEIGHT, WIDTH, 70, rng, 2))
    hue = across * 2.2 + 0.9 * fbm(HEIGHT, WIDTH, 46, rng, 3)
    flowers = ramp(
        0.5 + 0.5 * np.sin(hue * 2.4),
        [(0, (214, 30, 62)), (0.28, (240, 88, 40)), (0.5, (252, 178, 48)), (0.72, (226, 70, 140)), (1, (120, 62, 176))],
    )
    greens = ramp(
        np.clip(0.5 + 0.8 * fbm(HEIGHT, WIDTH, 24, rng, 3), 0, 1),
        [(0, (8, 70, 76)), (0.5, (38, 134, 78)), (1, (168, 196, 66))],
    )
    bed = smoothstep(-0.25, 0.2, row + 0.7 * fbm(HEIGHT, WIDTH, 18, rng, 2))
    region(
        y > 262 + 5 * np.sin(x / 50),
        mix(greens, flowers, bed),
        np.arctan2(60 + 330 * depth, (x - 300) * 1.0) * 0.6 + 0.5,
    )
    way = np.abs(across + 0.25 * np.sin(depth * 5)) < 0.15
    region(
        way & (y > 268),
        ramp(
            np.clip(0.5 + 0.6 * fbm(HEIGHT, WIDTH, 30, rng, 3) + 0.2 * (depth - 0.5), 0, 1),
            [(0, (176, 120, 186)), (0.5, (250, 188, 150)), (1, (255, 232, 168))],
        ),
        0.12 * np.sin(x / 30),
    )
    # Trees: round crowns of dabs, orange where the sun comes through, blue-green away from it.
    for cx, cy, rx, ry in (
        (92, 150, 96, 84),
        (30, 226, 70, 50),
        (570, 204, 66, 58),
        (626, 160, 56, 80),
        (170, 236, 46, 30),
        (500, 246, 36, 24),
    ):
        trunk = (np.abs(x - cx - 6 * np.sin(y / 30)) < 6 + rx * 0.03) & (y > cy) & (y < cy + ry + 62)
        region(trunk, ramp(np.clip((x - cx) / 14 + 0.5, 0, 1), [(0, (60, 34, 96)), (1, (206, 78, 70))]), np.pi / 2)
        d = np.hypot((x - cx) / rx, (y - cy) / ry) + 0.16 * fbm(HEIGHT, WIDTH, 44, rng, 3)
        facing = np.clip(
            0.45
            + 0.4 * ((x - cx) / rx * np.sign(420 - cx) - 0.7 * (y - cy) / ry)
            + 0.36 * fbm(HEIGHT, WIDTH, 26, rng, 3),
            0,
            1,
        )
        region(
            d < 0.96,
            ramp(
                facing,
                [
                    (0, (24, 36, 110)),
                    (0.28, (10, 92, 104)),
                    (0.52, (48, 140, 66)),
                    (0.75, (206, 184, 50)),
                    (1, (255, 136, 44)),
                ],
            ),
            np.arctan2(x - cx, -(y - cy)) + 0.5 * fbm(HEIGHT, WIDTH, 50, rng, 2),
        )
    brushes = (
        Brush(30, 46, 14, jitter=0.07, wander=0.3),
        Brush(17, 30, 9, 0.02, jitter=0.085, bristle=0.06, wander=0.32, mixing=0.10),
        Brush(10, 19, 7, 0.045, jitter=0.09, bristle=0.06, wander=0.35, mixing=0.06),
        Brush(6, 12, 5, 0.085, jitter=0.08, wander=0.4, mixing=0.04),
    )
    return paint(Plan(colour.astype(np.float32), angle.astype(np.float32)), (226, 150, 96), brushes, rng, 0.75)


STYLES: dict[str, Callable[[], np.ndarray]] = {"night": night, "garden": garden, "wave": wave}
"""Style pictures by name: each call paints the same (H, W, 3) uint8 RGB picture."""
