"""The near end of the sample scene: a flowering cliff top, and tall grass close to the lens."""

from __future__ import annotations

import numpy as np

from samples.textures import CANVAS_SCALE, Canvas, Colour, blend, fbm


def slope_row(x: np.ndarray | float) -> np.ndarray:
    """Row where the cliff-top meadow begins at column x, frame pixels."""
    return 304 + 16 * np.sin((np.asarray(x) - 60) / 150) + 8 * np.sin(np.asarray(x) / 57)


def blade(canvas: Canvas, x: float, foot: float, tall: float, lean: float, wide: float, colour: Colour) -> None:
    """One blade of grass, bent by `lean` pixels at its tip."""
    t = np.linspace(0, 1, 6)
    canvas.taper(
        np.stack([x + lean * t**1.8, foot - tall * t * (1 - 0.12 * abs(lean) / tall * t)], -1),
        wide * (1 - t**1.6) + 0.12,
        colour,
    )


def poppy(canvas: Canvas, x: float, y: float, r: float, rng: np.random.Generator) -> None:
    """A red flower of four petals, lit from the upper left."""
    red = blend((206, 34, 30), (244, 92, 40), rng.uniform())
    for angle in (0.4, 2.6, 4.2, 5.6):
        canvas.ellipse(
            x + r * 0.5 * np.cos(angle),
            y + r * 0.36 * np.sin(angle),
            r * 0.75,
            r * 0.55,
            red * (1.08 - 0.22 * (np.cos(angle) + np.sin(angle)) / 1.4),
            angle,
        )
    canvas.ellipse(x - r * 0.3, y - r * 0.28, r * 0.42, r * 0.24, np.minimum(red * 1.2 + [20, 40, 24], 255), -0.5)
    canvas.ellipse(x + 0.1 * r, y + 0.05 * r, r * 0.24, r * 0.18, (50, 24, 34))


def _field(
    canvas: Canvas,
    rng: np.random.Generator,
    rows: tuple[float, float],
    density: float,
    tall: tuple[float, float],
    lift: float,
    flowers: float,
) -> None:
    """Blades and flowers from the far edge of a slope to its near one, the near ones larger and brighter."""
    left, right = canvas.origin[0], canvas.origin[0] + canvas.rgba.shape[1] / CANVAS_SCALE
    count = int((right - left) * density)
    depth = np.sort(rng.uniform(0, 1, count) ** 1.05)
    x = rng.uniform(left, right, count)
    patch = fbm(64, 1024, 90, rng, 3)
    for k in range(count):
        foot = slope_row(x[k]) + rows[0] + (rows[1] - rows[0]) * depth[k]
        size = tall[0] + (tall[1] - tall[0]) * depth[k]
        here = patch[int(depth[k] * 63), int((x[k] - left) / (right - left) * 1023)]
        sun = np.clip(0.55 + 0.34 * here + rng.normal(0, 0.22), 0, 1)
        colour = blend(
            blend((24, 48, 40), (62, 92, 44), depth[k]), blend((160, 150, 70), (226, 198, 96), depth[k]), sun**1.3
        )
        if rng.uniform() < flowers * np.clip(0.4 + here, 0, 1):
            kind, up, r = rng.uniform(), size * rng.uniform(0.7, 1.15), 0.9 + 0.16 * size * rng.uniform(0.7, 1.2)
            lean = rng.normal(0, size * 0.14)
            blade(canvas, x[k], foot, up, lean, 0.6 + size * 0.02, (70, 100, 50))
            if kind < 0.52:
                poppy(canvas, x[k] + lean, foot - up * 0.97, r, rng)
            elif kind < 0.8:
                for angle in np.arange(0, 6.28, 0.9):
                    canvas.ellipse(
                        x[k] + lean + 0.45 * r * np.cos(angle),
                        foot - up + 0.36 * r * np.sin(angle),
                        r * 0.36,
                        r * 0.2,
                        (250, 240, 226),
                        angle,
                    )
                canvas.ellipse(x[k] + lean, foot - up, r * 0.24, r * 0.2, (244, 186, 58))
            else:
                for step in np.linspace(0, 1, 7):
                    canvas.ellipse(
                        x[k] + lean * (1 - 0.3 * step) + rng.normal(0, 0.2),
                        foot - up * (1.05 - 0.34 * step),
                        r * 0.26 + 0.2,
                        r * 0.22,
                        blend((128, 92, 176), (184, 132, 200), rng.uniform()),
                    )
        else:
            blade(
                canvas,
                x[k],
                foot,
                size * rng.uniform(0.6, 1.25),
                rng.normal(lift, 0.3) * size,
                0.7 + size * 0.045,
                colour,
            )


def meadow(rng: np.random.Generator, left: int, right: int) -> np.ndarray:
    """(h, w, 4) from row 270 to row 400: the cliff top with its grass and flowers."""
    canvas = Canvas(left, 270, right, 400)
    h, w = canvas.rgba.shape[:2]
    y, x = np.mgrid[:h, :w].astype(np.float32) / CANVAS_SCALE
    x, y = x + left, y + 270
    ground = y > slope_row(x) + 1.5 * fbm(h, w, 30, rng, 4)
    tone = np.clip(0.4 + 0.5 * fbm(h, w, 60, rng, 6), 0, 1)[..., None]
    colour = np.array([26, 46, 38]) * (1 - tone) + np.array([104, 108, 52]) * tone
    canvas.rgba[ground] = np.dstack([colour, np.full((h, w, 1), 255.0)])[ground].astype(np.uint8)
    _field(canvas, rng, (1, 92), 11.0, (7, 24), 0.10, 0.15)
    return canvas.finish(0.06, rng)


def tall_grass(rng: np.random.Generator, left: int, right: int) -> np.ndarray:
    """(h, w, 4) from row 280 to row 430: the blades and flowers nearest to the lens."""
    canvas = Canvas(left, 280, right, 430)
    _field(canvas, rng, (84, 112), 1.5, (36, 62), 0.12, 0.16)
    return canvas.finish(0.05, rng)
