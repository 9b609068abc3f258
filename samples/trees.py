"""Trees for the sample scene: leafy crowns, cypresses, and the pine that stands before everything."""

from __future__ import annotations

import numpy as np

from samples.textures import Canvas, Colour, blend


def leaves(
    canvas: Canvas,
    x: float,
    y: float,
    rx: float,
    ry: float,
    rng: np.random.Generator,
    dark: Colour,
    light: Colour,
    count: int,
    size: float = 1.5,
) -> None:
    """A crown of leaves filling the ellipse (x, y, rx, ry): dark ones behind, lit ones toward the upper left."""
    turn, out = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.uniform(0, 1, count))
    lit = np.clip(0.48 + 0.5 * out * (-0.75 * np.cos(turn) - 0.66 * np.sin(turn)) + rng.normal(0, 0.13, count), 0, 1)
    ragged = 1 + 0.16 * np.sin(5 * turn + x) + 0.1 * np.sin(9 * turn + y)
    for k in np.argsort(lit + rng.normal(0, 0.12, count)):
        canvas.ellipse(
            x + rx * out[k] * ragged[k] * np.cos(turn[k]),
            y + ry * out[k] * ragged[k] * np.sin(turn[k]),
            size * rng.uniform(0.7, 1.5),
            size * rng.uniform(0.4, 0.8),
            blend(dark, light, lit[k]),
            rng.uniform(-0.9, 0.5),
        )


def cypress(canvas: Canvas, x: float, foot: float, tall: float, rng: np.random.Generator) -> None:
    """A dark slender tree with its foot at (x, foot)."""
    for _ in range(int(tall * 9)):
        up = rng.uniform(0, 1) ** 0.9
        wide = tall * 0.13 * np.sin(np.pi * min(1.0, up * 0.86 + 0.14)) ** 0.7
        side = rng.uniform(-1, 1)
        colour = blend((20, 40, 40), (112, 116, 66), np.clip(0.35 - 0.45 * side + rng.normal(0, 0.12), 0, 1))
        canvas.ellipse(x + side * wide, foot - up * tall, 0.5, rng.uniform(1.2, 2.6), colour, rng.uniform(-0.15, 0.15))


def _needles(canvas: Canvas, x: float, y: float, r: float, rng: np.random.Generator, count: int) -> None:
    """A tuft of pine needles about (x, y), lit from the right where the sun stands behind it."""
    for k in range(count):
        angle, long = rng.uniform(-np.pi, np.pi), r * rng.uniform(0.55, 1.15)
        lit = np.clip(0.32 + 0.28 * np.cos(angle) - 0.3 * np.sin(angle) + rng.normal(0, 0.14) + 0.2 * k / count, 0, 1)
        tip = (x + 1.25 * long * np.cos(angle), y + 0.62 * long * np.sin(angle))
        colour = blend((18, 38, 36), (150, 152, 66), lit**1.4)
        canvas.taper(np.array([(x, y), ((x + tip[0]) / 2, (y + tip[1]) / 2 - 0.6), tip]), [1.3, 1.1, 0.3], colour)


def pine(rng: np.random.Generator) -> np.ndarray:
    """(h, w, 4) for the sheet from (-150, -40) to (190, 400): a leaning pine, its foot at about (0, 360)."""
    canvas = Canvas(-150, -40, 190, 400)
    t = np.linspace(0, 1, 40)
    trunk = np.stack([30 * t**1.4 - 16 * np.sin(np.pi * t) + 4 * np.sin(7 * t), 372 - 372 * t], -1)
    boughs = [
        (0.60, (118, 62), 5.5),
        (0.70, (150, 40), 6.0),
        (0.80, (86, 8), 5.0),
        (0.66, (-104, 70), 5.0),
        (0.80, (-92, 26), 5.0),
        (0.92, (120, -8), 4.0),
        (0.9, (-60, -12), 4.0),
    ]
    limbs = []
    for at, tip, wide in boughs:
        root = trunk[int(at * 39)]
        s = np.linspace(0, 1, 16)[:, None]
        limb = (
            root * (1 - s)
            + np.array(tip, float) * s
            + np.array([0, 1]) * (14 * np.sin(np.pi * s) + 2.5 * np.sin(9 * s))
        )
        limbs.append(limb)
        canvas.taper(limb, wide * (1 - 0.86 * s[:, 0]), (52, 36, 38))
        canvas.taper(limb + np.array([0.4, -0.8]), wide * 0.3 * (1 - 0.8 * s[:, 0]), (156, 96, 68))
    wide = 21 - 12 * t + 9 * np.exp(-t * 18)
    canvas.taper(trunk, wide, (62, 42, 44))
    # Bark: long plates, brighter toward the sun at the right.
    for _ in range(900):
        at, side = rng.uniform(0, 0.97), rng.uniform(-0.94, 0.94)
        k = at * 39
        row = trunk[int(k)] + (trunk[min(int(k) + 1, 39)] - trunk[int(k)]) * (k % 1)
        long = rng.uniform(3, 10)
        tone = np.clip(0.34 + 0.42 * side + rng.normal(0, 0.2), 0, 1)
        x = row[0] + side * wide[int(k)] / 2
        canvas.taper(
            np.array([(x, row[1] - long / 2), (x + rng.normal(0, 0.5), row[1]), (x + 0.3, row[1] + long / 2)]),
            [0.2, rng.uniform(0.7, 1.9), 0.2],
            blend((40, 26, 32), (214, 132, 82), tone),
        )
    for limb in limbs:
        for s in np.linspace(0.30, 1.0, 11):
            spot = limb[int(s * 15)]
            for _ in range(4):
                _needles(canvas, spot[0] + rng.normal(0, 10), spot[1] + rng.normal(-4, 6), rng.uniform(8, 13), rng, 46)
    return canvas.finish(0.05, rng)
