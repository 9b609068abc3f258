"""The things that move on their own in the sample scene: a sailing boat, a balloon, and gulls."""

from __future__ import annotations

import numpy as np

from samples.textures import Canvas, blend


def boat(rng: np.random.Generator) -> np.ndarray:
    """(h, w, 4) for the sheet from (-50, -86) to (50, 34): a boat, waterline at row 0, and its reflection."""
    canvas = Canvas(-50, -86, 50, 34)
    for row in np.arange(2, 31, 1.3):
        spread = 27 * (1 - row / 44) + rng.uniform(-4, 4)
        for _ in range(2):
            middle = rng.uniform(-1, 1) * spread * 0.7 - row * 0.1
            half = rng.uniform(0.2, 0.55) * spread * (1.2 - row / 34)
            pale = rng.uniform() < 0.35 and row > 7
            colour = (232, 202, 168) if pale else blend((66, 44, 46), (70, 80, 98), rng.uniform())
            canvas.ellipse(middle, row, half, 0.55, colour)
    # Main sail: cream, bellied, brighter where it faces the sun; seams and reef points across it.
    mast, boom = (1.0, -80.0), (-30.0, -13.0)
    t = np.linspace(0, 1, 24)
    leech = np.stack(
        [mast[0] + (boom[0] - mast[0]) * t - 7 * np.sin(np.pi * t) ** 0.9, mast[1] + (boom[1] - mast[1]) * t], -1
    )
    canvas.shade(np.concatenate([leech, [(0.2, -11.0)]]), (255, 240, 208), (232, 184, 148), ((-30, -30), (6, -36)))
    for k in np.linspace(0.12, 0.94, 9):
        edge = leech[int(k * 23)]
        bow = np.stack(
            [
                np.linspace(edge[0], 0.6, 8),
                np.linspace(edge[1], edge[1] + 3, 8) + 1.6 * np.sin(np.linspace(0, np.pi, 8)),
            ],
            -1,
        )
        canvas.line(bow, (196, 152, 130), 0.3)
    for x in np.linspace(-26, -4, 8):
        canvas.line([(x, -22 - x * 0.05), (x, -20.4 - x * 0.05)], (140, 100, 90), 0.35)
    # Jib: rust red.
    foot = np.stack([3 + 33 * t, -10 - 7 * t + 3.4 * np.sin(np.pi * t)], -1)
    luff = np.stack([2 + 34 * (1 - t), -74 + 57 * (1 - t) + 4.5 * np.sin(np.pi * t)], -1)
    canvas.shade(np.concatenate([foot, luff]), (222, 96, 58), (148, 48, 46), ((4, -40), (30, -20)))
    for k in (6, 11, 16):
        canvas.line([luff[k], (2.5, luff[k][1] + 6)], (150, 52, 44), 0.3)
    canvas.taper(np.array([(0.9, -84.0), (0.9, -40.0), (0.9, -5.0)]), [0.9, 1.4, 1.7], (92, 58, 44))
    canvas.line([(-31, -12.5), (2, -10.4)], (110, 70, 48), 1.1)
    canvas.line([(0.9, -82), (37, -9)], (70, 54, 56), 0.25)
    canvas.line([(0.9, -82), (-33, -7)], (70, 54, 56), 0.25)
    wave = np.linspace(0, 1, 8)
    flag = np.stack([1 - 11 * wave, -84 + 1.3 * np.sin(5 * wave)], -1)
    canvas.fill(np.concatenate([flag, flag[::-1] + np.array([0, 3.6])]), (226, 70, 52))
    # Hull: sheer line, a white strake, planks, a warm rim of light at the stern.
    s = np.linspace(0, 1, 20)
    sheer = np.stack([-34 + 74 * s, -7.0 - 5.5 * (2 * s - 0.9) ** 2], -1)
    keel = np.stack([-29 + 58 * s, 1.2 + 0.5 * np.sin(np.pi * s)], -1)
    canvas.shade(np.concatenate([sheer, keel[::-1]]), (140, 82, 56), (58, 36, 42), ((-20, -10), (8, 3)))
    for k in (0.32, 0.55, 0.78):
        canvas.line(sheer * (1 - k) + keel * k, (70, 42, 40), 0.3)
    canvas.line(sheer * 0.86 + keel * 0.14, (248, 232, 206), 1.3)
    canvas.line(sheer, (255, 214, 150), 0.6)
    canvas.line(keel[1:-1] - [0, 0.7], (176, 64, 50), 1.2)
    # Two people aboard.
    for x, coat in ((-21.0, (56, 84, 126)), (-14.5, (208, 160, 60))):
        canvas.ellipse(x, -13.5, 2.0, 4.4, coat)
        canvas.ellipse(x - 0.6, -14.0, 0.8, 3.4, np.minimum(np.array(coat) * 1.4, 255))
        canvas.ellipse(x + 0.3, -19.4, 1.5, 1.7, (214, 158, 122))
        canvas.ellipse(x + 0.2, -20.4, 1.7, 0.9, (112, 70, 48))
    # The bow wave and the wake.
    for _ in range(46):
        x = rng.uniform(-36, 38)
        canvas.ellipse(x, 1.6 + rng.normal(0, 0.5) + 0.03 * abs(x - 30), rng.uniform(1.2, 4.2), 0.4, (240, 228, 216))
    return canvas.finish(0.07, rng)


def balloon(rng: np.random.Generator) -> np.ndarray:
    """(h, w, 4) for the sheet from (-30, -36) to (30, 50): a striped hot-air balloon with its basket."""
    canvas = Canvas(-30, -36, 30, 50)
    paints = [(214, 66, 50), (246, 190, 74), (238, 232, 214), (40, 112, 128)]
    gores, rows = 22, 40
    for row in range(rows):
        v0, v1 = row / rows, (row + 1.1) / rows
        y0, y1 = -33 + 64 * v0, -33 + 64 * v1
        # A sphere above that narrows to a mouth below.
        wide = [27.5 * np.sin(np.pi * min(1.0, 0.98 * v**0.86)) ** 0.74 * (1 - 0.04 * v) + 3.4 * v**3 for v in (v0, v1)]
        for gore in range(gores):
            a0, a1 = np.pi * (gore / gores), np.pi * ((gore + 1.15) / gores)
            x0, x1 = -np.cos(a0), -np.cos(min(a1, np.pi))
            light = 0.56 + 0.58 * max(0.0, np.cos(a0 - 0.85)) ** 1.1 * (1.08 - 0.5 * v0)
            pattern = (gore // 2 + (2 if 0.42 < v0 < 0.60 and gore % 2 else 0)) % 4
            colour = np.minimum(np.array(paints[pattern]) * light * (1 - 0.12 * (gore % 2)), 255)
            canvas.fill([(x0 * wide[0], y0), (x1 * wide[0], y0), (x1 * wide[1], y1), (x0 * wide[1], y1)], colour)
    for x in (-3.4, -1.2, 1.2, 3.4):
        canvas.line([(x, 30.5), (x * 0.9, 40)], (70, 54, 52), 0.35)
    canvas.shade([(-3.8, 39.5), (3.8, 39.5), (3.2, 46), (-3.2, 46)], (204, 146, 84), (96, 62, 48), ((-3, 40), (4, 44)))
    for y in (41, 42.7, 44.4):
        canvas.line([(-3.5, y), (3.5, y)], (104, 68, 48), 0.3)
    canvas.ellipse(-1.2, 38.2, 1.0, 1.9, (66, 70, 104))
    canvas.ellipse(-1.1, 35.8, 0.8, 0.9, (206, 152, 120))
    return canvas.finish(0.05, rng)


def gull(rng: np.random.Generator) -> np.ndarray:
    """(h, w, 4) for the sheet from (-16, -12) to (16, 8): a gull seen from the side and below, wings raised."""
    canvas = Canvas(-16, -12, 16, 8)
    t = np.linspace(0, 1, 14)
    for side in (-1, 1):
        spine = np.stack([side * 14 * t, -8.5 * np.sin(np.pi * t * 0.62) + 3.6 * t**2.2], -1)
        wide = 3.1 * (1 - t) ** 0.75 + 0.25
        canvas.taper(spine + np.array([0, 0.5]), wide, (96, 90, 112))
        canvas.taper(spine, wide * 0.6, (252, 236, 216) if side < 0 else (206, 192, 196))
        canvas.taper(spine[9:], wide[9:] + 0.3, (48, 44, 58))
    canvas.ellipse(0.4, 0.6, 4.2, 1.5, (120, 112, 130), 0.12)
    canvas.ellipse(0.2, 0.1, 3.9, 1.1, (250, 238, 222), 0.12)
    canvas.ellipse(4.2, 0.4, 1.3, 1.1, (252, 242, 228))
    canvas.fill([(5.2, 0.2), (6.8, 0.7), (5.2, 0.9)], (236, 160, 60))
    return canvas.finish(0.04, rng)
