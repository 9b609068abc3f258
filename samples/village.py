"""The middle of the sample scene: a headland with a village, a lighthouse, trees and a harbour wall."""

from __future__ import annotations

import cv2
import numpy as np

from samples.textures import CANVAS_SCALE, Canvas, Colour, fbm
from samples.trees import cypress, leaves

WATERLINE = 214
"""Row where the headland meets the sea mid-clip, frame pixels."""


def _profile(x: np.ndarray) -> np.ndarray:
    """Row of the top of the land at column x (frame pixels): low at the left tip, a hill at the right."""
    knots = [372, 392, 404, 424, 470, 520, 560, 610, 660, 720, 800]
    rows = [215, 206, 198, 194, 190, 180, 166, 152, 145, 136, 126]
    return np.interp(x, knots, rows)


def house(
    canvas: Canvas,
    x: float,
    foot: float,
    wide: float,
    tall: float,
    wall: Colour,
    roof: Colour,
    rng: np.random.Generator,
) -> None:
    """A house seen from a corner: a narrow sunlit gable on the left, the long side in shade, a tiled roof."""
    gable, eaves, ridge = wide * 0.36, foot - tall, foot - tall - wide * 0.26
    sunny, shaded = np.minimum(np.array(wall) * [1.1, 1.0, 0.86], 255), np.array(wall) * [0.66, 0.64, 0.74]
    canvas.shade(
        [(x, foot), (x, eaves), (x + gable / 2, ridge), (x + gable, eaves), (x + gable, foot)],
        sunny,
        sunny * 0.88,
        ((x, eaves), (x + gable, foot)),
    )
    canvas.shade(
        [(x + gable, foot), (x + gable, eaves), (x + wide, eaves), (x + wide, foot)],
        shaded,
        shaded * 0.84,
        ((x, eaves), (x, foot)),
    )
    lean = [
        (x + gable / 2, ridge),
        (x + wide - gable / 2.4, ridge),
        (x + wide + 1, eaves + 0.8),
        (x + gable - 0.6, eaves + 0.8),
    ]
    canvas.shade(lean, np.array(roof) * 1.05, np.array(roof) * 0.78, ((x, ridge), (x, eaves)))
    for k in np.arange(0.08, 1, 1.5 / wide):
        a, b = np.array(lean[0]) * (1 - k) + np.array(lean[1]) * k, np.array(lean[3]) * (1 - k) + np.array(lean[2]) * k
        canvas.line([a, b], np.array(roof) * rng.uniform(0.62, 0.95), 0.3)
    canvas.line(
        [(x - 0.8, eaves + 0.9), (x + gable / 2, ridge - 0.2), (x + wide - gable / 2.4, ridge - 0.2)],
        np.minimum(np.array(roof) * 1.3, 255),
        0.7,
    )
    chimney = x + wide * rng.uniform(0.5, 0.7)
    canvas.fill(
        [(chimney, ridge + 1), (chimney, ridge - 3), (chimney + 2, ridge - 3), (chimney + 2, ridge + 1)], shaded
    )
    for column in np.arange(x + gable + 2.2, x + wide - 2, 4.6):
        for row in np.arange(eaves + 2.4, foot - 3.5, 5.2):
            glow = rng.uniform() < 0.34
            canvas.fill(
                [(column, row), (column + 1.9, row), (column + 1.9, row + 2.9), (column, row + 2.9)],
                (255, 206, 110) if glow else (52, 54, 74),
            )
            canvas.line([(column - 0.4, row + 3.2), (column + 2.3, row + 3.2)], np.minimum(shaded * 1.3, 255), 0.4)
    middle = x + gable / 2
    canvas.fill(
        [
            (middle - 0.9, eaves + 2.5),
            (middle + 0.9, eaves + 2.5),
            (middle + 0.9, eaves + 5.2),
            (middle - 0.9, eaves + 5.2),
        ],
        (96, 70, 66),
    )


def lighthouse(canvas: Canvas, x: float, foot: float, tall: float) -> None:
    """A white tower with red bands, shaded round, a gallery and a lamp."""
    strips = 28
    for k in range(strips):
        a, b = -1 + 2 * k / strips, -1 + 2 * (k + 1.15) / strips
        light = 0.52 + 0.55 * max(0.0, np.cos((a + 0.55) * 1.5)) ** 1.3
        for band in range(7):
            low, high = band / 7, (band + 1) / 7
            half_low, half_high = 6.2 - 2.4 * low, 6.2 - 2.4 * high
            paint = (206, 62, 48) if band % 2 else (250, 240, 224)
            cool = np.array([1.0, 0.97, 1.0]) * (1 - 0.12 * max(0.0, a))
            canvas.fill(
                [
                    (x + a * half_low, foot - low * tall),
                    (x + b * half_low, foot - low * tall),
                    (x + b * half_high, foot - high * tall),
                    (x + a * half_high, foot - high * tall),
                ],
                np.minimum(np.array(paint) * light * cool, 255),
            )
    top = foot - tall
    for row in (0.24, 0.52, 0.79):
        canvas.fill(
            [
                (x - 0.9, foot - row * tall),
                (x + 0.7, foot - row * tall),
                (x + 0.7, foot - row * tall - 3),
                (x - 0.9, foot - row * tall - 3),
            ],
            (60, 50, 60),
        )
    canvas.fill([(x - 6, top), (x + 6, top), (x + 5, top - 1.6), (x - 5, top - 1.6)], (70, 60, 70))
    canvas.line([(x - 6, top - 3.6), (x + 6, top - 3.6)], (70, 60, 70), 0.4)
    for k in np.linspace(-5.8, 5.8, 8):
        canvas.line([(x + k, top - 1), (x + k, top - 3.6)], (70, 60, 70), 0.3)
    canvas.shade(
        [(x - 2.9, top - 1.6), (x + 2.9, top - 1.6), (x + 2.9, top - 8), (x - 2.9, top - 8)],
        (255, 240, 176),
        (224, 168, 96),
        ((x - 3, top), (x + 3, top)),
    )
    for k in (-2.9, -1, 1, 2.9):
        canvas.line([(x + k, top - 1.6), (x + k, top - 8)], (76, 60, 66), 0.4)
    canvas.fill(
        [(x - 4, top - 7.8), (x + 4, top - 7.8), (x + 1, top - 11.5), (x, top - 14), (x - 1, top - 11.5)], (150, 48, 44)
    )


def _ground(canvas: Canvas, rng: np.random.Generator) -> None:
    """Rock below, turf above: the land's shape with lit, layered relief."""
    h, w = canvas.rgba.shape[:2]
    y, x = np.mgrid[:h, :w].astype(np.float32) / CANVAS_SCALE
    x, y = x + float(canvas.origin[0]), y + float(canvas.origin[1])
    rough = fbm(h, w, 46, rng, 6, gain=0.6)
    top = _profile(x[0]).astype(np.float32)[None] + 1.6 * fbm(4, w, 70, rng, 5)[1][None]
    below = y - top
    strata = np.sin(0.9 * y + 5 * rough + 0.05 * x)
    relief = cv2.GaussianBlur(fbm(h, w, 60, rng, 6, gain=0.6) + 0.16 * strata, None, 2.0)
    lit = np.clip(
        0.5
        - 4.0 * cv2.Sobel(relief, cv2.CV_32F, 1, 0, ksize=3)
        - 3 * cv2.Sobel(relief, cv2.CV_32F, 0, 1, ksize=3)
        + 0.25 * rough,
        0,
        1,
    )[..., None]
    rock = np.array([70, 62, 80]) * (1 - lit) + np.array([226, 166, 122]) * lit
    turf = np.array([38, 66, 54]) * (1 - lit) + np.array([168, 164, 84]) * lit
    depth = 5 + 7 * np.clip((x - 400) / 160, 0, 1) + 5 * rough
    grassy = np.clip((depth - below) / 3, 0, 1)[..., None]
    wet = np.clip((y - (WATERLINE - 3.5)) / 2, 0, 1)[..., None]
    colour = (rock * (1 - grassy) + turf * grassy) * (1 - 0.5 * wet)
    land = (below > 0) & (y < WATERLINE + 1.0 + 0.7 * np.sin(x * 0.9) + rough)
    canvas.rgba[land] = np.dstack([colour, np.full((h, w, 1), 255.0)])[land].clip(0, 255).astype(np.uint8)


def headland(rng: np.random.Generator) -> np.ndarray:
    """(h, w, 4) for the sheet from (360, 70) to (800, 226): everything that stands on the far shore."""
    canvas = Canvas(360, 70, 800, 226)
    for x, tall in [(600, 30), (612, 36), (690, 34), (702, 28)]:
        cypress(canvas, x, float(_profile(x)) + 4, tall, rng)
    _ground(canvas, rng)
    walls = [(246, 226, 196), (240, 206, 160), (232, 190, 160), (250, 238, 220), (226, 170, 132), (236, 214, 150)]
    roofs = [(196, 92, 62), (178, 78, 58), (206, 112, 70), (164, 84, 74)]
    places = [
        (628, 158, 25),
        (660, 152, 28),
        (706, 146, 30),
        (742, 142, 28),
        (560, 176, 24),
        (590, 172, 26),
        (640, 172, 24),
        (676, 168, 27),
        (716, 166, 30),
        (752, 164, 28),
        (500, 194, 22),
        (527, 191, 26),
        (572, 192, 24),
        (604, 190, 28),
        (648, 190, 26),
        (684, 188, 30),
        (726, 188, 27),
        (760, 186, 28),
        (478, 205, 19),
        (545, 206, 24),
        (622, 206, 25),
        (665, 207, 26),
        (706, 207, 24),
        (742, 207, 28),
    ]
    for number, (x, foot, wide) in enumerate(places):
        if number % 3 == 1:
            leaves(
                canvas, x - 4, foot - 4, rng.uniform(6, 10), rng.uniform(4, 7), rng, (28, 50, 46), (166, 160, 76), 150
            )
        if number in (5, 9, 13, 17):
            cypress(canvas, x - 3, foot + 1, rng.uniform(24, 32), rng)
        house(canvas, x, foot, wide, rng.uniform(8, 13), walls[number % 6], roofs[(number * 7 + 1) % 4], rng)
    for x, foot, r in [
        (520, 196, 7),
        (556, 208, 5),
        (596, 207, 7),
        (652, 208, 6),
        (694, 208, 6),
        (640, 178, 8),
        (736, 178, 8),
        (470, 201, 6),
        (446, 198, 4),
        (780, 200, 12),
    ]:
        leaves(canvas, x, foot - r * 0.6, r * 1.3, r * 0.9, rng, (26, 48, 44), (180, 166, 78), int(r * 24))
    lighthouse(canvas, 418, 198, 62)
    house(canvas, 428, 199, 17, 7, (250, 236, 214), (190, 86, 60), rng)
    # The harbour wall, with bollards and two moored boats.
    canvas.shade(
        [(486, 216), (488, 209), (800, 209), (800, 216)], (196, 160, 136), (88, 74, 84), ((500, 208), (500, 216))
    )
    for x in np.arange(492, 800, 3.4):
        canvas.line([(x, 210.2), (x + rng.uniform(-0.4, 0.4), 215)], (84, 70, 78), 0.3)
    for x in (508, 566, 628):
        canvas.fill(
            [(x, 213), (x + 15, 213), (x + 13, 217), (x + 2, 217)], (58, 84, 110) if x != 566 else (150, 58, 50)
        )
        canvas.line([(x, 213), (x + 15, 213)], (244, 220, 180), 0.6)
        canvas.line([(x + 7, 213), (x + 7, 192)], (70, 54, 54), 0.6)
        canvas.line([(x + 7, 193), (x + 14, 211)], (120, 104, 100), 0.25)
    return canvas.finish(0.09, rng)
