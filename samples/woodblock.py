"""A picture of waves as a woodblock print: flat washes with wood grain, ink contours of living width, foam in claws."""

from __future__ import annotations

import cv2
import numpy as np

from samples.sheet import FINER, HEIGHT, INK, Sheet, bezier
from samples.textures import Colour, blend


def _foam(sheet: Sheet, edge: np.ndarray, size: float, reach: float, out: float) -> None:
    """White foam along `edge` (n, 2): scallops, and claws of length `reach` on the side `out` (+1 or -1) of its way."""
    rng, cover = sheet.rng, np.zeros(sheet.shape, np.uint8)
    along = np.gradient(edge, axis=0)
    normal = out * np.stack([-along[:, 1], along[:, 0]], -1) / (np.linalg.norm(along, axis=1, keepdims=True) + 1e-9)
    travelled = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(edge, axis=0), axis=1))])
    hearts = []
    for place in np.arange(0, travelled[-1], size * 0.62):
        k = int(np.searchsorted(travelled, place).clip(0, len(edge) - 1))
        r = size * rng.uniform(0.55, 1.1) * (0.55 + 0.45 * np.sin(np.pi * (place / travelled[-1]) ** 0.8))
        spot = edge[k] + normal[k] * rng.uniform(-0.3, 0.35) * size
        hearts.append((spot, r))
        cv2.circle(cover, tuple(np.round(spot * FINER).astype(int).tolist()), round(r * FINER), 255, -1, cv2.LINE_AA)
        for _ in range(2 if reach else 0):
            # A claw: a finger that leaves the lip and hooks downward.
            aim = np.arctan2(normal[k, 1], normal[k, 0]) + rng.normal(0, 0.5)
            long = reach * rng.uniform(0.5, 1.15)
            side = 1.0 if np.cos(aim) > 0 else -1.0
            turn = aim + side * np.linspace(-0.3, 1.5, 12)
            step = np.stack([np.cos(turn), np.sin(turn)], -1) * long / 12
            finger = spot + np.cumsum(step, axis=0)
            outline = sheet.ribbon(finger, size * 0.62, (1.0, 0.05))
            cv2.fillPoly(cover, [np.round(outline * FINER * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    ring = cv2.dilate(cover, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
    sheet.print(ring.astype(np.float32) / 255, INK, grain=0.08)
    sheet.print(cover.astype(np.float32) / 255, (246, 240, 224), (228, 234, 228), (150, 430), grain=0.02)
    for spot, r in hearts:
        start = rng.uniform(0, 6.3)
        turn = start + np.linspace(0, rng.uniform(1.6, 3.4), 14)
        sheet.ink(spot + np.stack([np.cos(turn), np.sin(turn)], -1) * r * 0.5, 1.5, (120, 166, 190))


def _swell(
    sheet: Sheet, back: np.ndarray, front: np.ndarray, colours: tuple[Colour, Colour, Colour], bands: int
) -> None:
    """A wave between its back and its hollow front (both from the foot up to the tip), striped along its flow."""
    foot = max(back[0, 1], front[0, 1])
    body = np.concatenate([back, front[::-1]])
    sheet.print(
        sheet.mask(body, 0.8), colours[0], blend(colours[0], colours[1], 0.6), (float(body[:, 1].min()), float(foot))
    )
    for k in range(bands):
        a, b = (k + 0.18) / bands, (k + 0.18 + sheet.rng.uniform(0.34, 0.56)) / bands
        t = np.linspace(0, 1, len(back))[:, None]
        waver = 0.018 * np.sin(9 * t + k)
        one, two = back * (1 - a - waver) + front * (a + waver), back * (1 - b - waver) + front * (b + waver)
        start, stop = int(sheet.rng.uniform(0, 0.1) * len(back)), int(sheet.rng.uniform(0.8, 1.0) * len(back))
        stripe = np.concatenate([one[start:stop], two[start:stop][::-1]])
        tone = colours[1] if k % 3 else colours[2]
        sheet.print(
            sheet.mask(stripe, 0.5), tone, blend(tone, colours[0], 0.35), (float(stripe[:, 1].min()), float(foot))
        )
        sheet.ink(two[start:stop], 1.5, blend(INK, colours[0], 0.25))
    sheet.ink(back, 2.6)
    sheet.ink(front, 2.6)


def wave() -> np.ndarray:
    """(H, W, 3) uint8: two rising waves, a red sun and a far blue peak; ink lines and flat washes on paper."""
    sheet = Sheet(np.random.default_rng([2016, 103]))
    rng = sheet.rng
    everywhere = np.ones(sheet.shape, np.float32)
    sheet.print(everywhere * 0.9, (44, 76, 118), (238, 222, 188), (-6, 120))
    sheet.print(
        everywhere * np.clip((np.arange(HEIGHT * FINER) / FINER - 170) / 150, 0, 0.85)[:, None].astype(np.float32),
        (238, 214, 170),
        (230, 150, 112),
        (180, 320),
    )
    turn = np.linspace(0, 2 * np.pi, 80)
    disc = np.stack([452 + 58 * np.cos(turn), 150 + 58 * np.sin(turn)], -1)
    sheet.print(sheet.mask(disc), (206, 58, 40), (232, 116, 66), (110, 215), grain=0.08)
    sheet.ink(disc, 1.7, (120, 40, 40))
    # Clouds: long flat tongues with rounded ends.
    for x, y, long, tall, tone in (
        (330, 118, 250, 15, (232, 222, 204)),
        (420, 172, 240, 13, (240, 228, 204)),
        (60, 70, 190, 14, (206, 206, 206)),
        (520, 84, 150, 12, (216, 212, 208)),
        (250, 208, 170, 10, (240, 222, 196)),
    ):
        top = np.stack(
            [
                np.linspace(x, x + long, 50),
                y - tall * (0.55 + 0.45 * np.abs(np.sin(np.linspace(0.2, 3 * np.pi - 0.2, 50)))),
            ],
            -1,
        )
        round_ = np.linspace(-np.pi / 2, np.pi / 2, 12)
        right = np.stack([x + long + tall * 0.6 * np.cos(round_), y - tall * 0.1 + tall * 0.6 * np.sin(round_)], -1)
        left = np.stack([x - tall * 0.6 * np.cos(round_), y - tall * 0.1 - tall * 0.6 * np.sin(round_)], -1)
        shape = np.concatenate([top, right, left])
        sheet.print(sheet.mask(shape, 0.5), tone, blend(tone, (150, 164, 180), 0.6), (y - tall, y + tall))
        sheet.ink(np.concatenate([shape, shape[:1]]), 1.6)
        sheet.ink(top[6:-9] + np.array([8, tall * 0.55]), 1.2, (110, 126, 150))
    # A far peak with snow.
    ridge = np.concatenate(
        [
            bezier((190, 336), (250, 318), (292, 262), (322, 240)),
            bezier((322, 240), (334, 236), (340, 240), (352, 244)),
            bezier((352, 244), (388, 276), (440, 322), (520, 336)),
        ]
    )
    sheet.print(sheet.mask(ridge), (38, 82, 142), (158, 182, 196), (236, 338))
    snow = [(p[0], p[1]) for p in ridge if p[1] < 272]
    drip = [(x, 268 + 9 * np.sin(x * 0.42) + 4 * np.sin(x * 1.1)) for x in np.linspace(snow[-1][0], snow[0][0], 40)]
    sheet.print(sheet.mask(snow + drip), (246, 240, 226), grain=0.02)
    sheet.ink(ridge, 2.2)
    for x in np.linspace(240, 450, 16):
        y0 = 282 + abs(x - 338) * 0.36
        sheet.ink(
            bezier(
                (x, y0),
                (x + (x - 338) * 0.10, y0 + 10),
                (x + (x - 338) * 0.16, y0 + 20),
                (x + (x - 338) * 0.3, y0 + 30),
            ),
            1.2,
            (48, 76, 116),
        )
    navy, blue, pale = (28, 58, 112), (62, 118, 164), (168, 204, 206)
    teal, jade, mint = (30, 88, 112), (88, 156, 160), (196, 218, 200)
    # The open sea behind, in low swells.
    for row, tones in ((330, (teal, jade, mint)), (352, (navy, blue, pale)), (378, (teal, jade, mint))):
        x = np.linspace(-20, 660, 160)
        top = row + 7 * np.sin(x / 38 + row) + 4 * np.sin(x / 17 + 2 * row)
        sheet.print(
            sheet.mask(np.concatenate([np.stack([x, top], -1), [(660, 520), (-20, 520)]])),
            tones[1],
            tones[0],
            (row - 6, row + 50),
        )
        for k in range(1, 5):
            for start in np.arange(rng.integers(0, 20), 150, 26):
                part = slice(int(start), int(start) + rng.integers(12, 24))
                line = np.stack([x, top + 5.4 * k + 2 * np.sin(x / 30 + k)], -1)[part]
                sheet.print(sheet.mask(sheet.ribbon(line, 2.6)), tones[2])
        sheet.ink(np.stack([x, top], -1), 2.0)
    # The right-hand wave, then the great one at the left, each curling to the middle.
    back, front = (
        bezier((700, 470), (640, 420), (640, 286), (536, 262)),
        bezier((440, 480), (560, 470), (604, 330), (536, 262)),
    )
    _swell(sheet, back, front, (teal, jade, mint), 8)
    _foam(sheet, back[26:], 10, 0, -1)
    _foam(sheet, front[38:], 9, 20, 1)
    # Its lip overhangs: up the back, over the crest, and down again to a hooked tip.
    crest = bezier((36, 214), (74, 96), (190, 24), (284, 92), count=50)
    back = np.concatenate(
        [
            bezier((-110, 470), (-60, 400), (0, 320), (36, 214), count=40)[:-1],
            crest,
            bezier((284, 92), (304, 108), (312, 136), (306, 164), count=16)[1:],
        ]
    )
    front = bezier((352, 500), (40, 470), (96, 120), (306, 164), count=len(back))
    _swell(sheet, back, front, (navy, blue, pale), 12)
    _foam(sheet, back[44:], 15, 24, -1)
    _foam(sheet, front[46:], 12, 34, 1)
    for _ in range(120):
        spot = np.array([318, 150]) + rng.normal(0, 1, 2) * [46, 52]
        r = rng.uniform(0.8, 2.8)
        ring = np.stack([np.cos(turn), np.sin(turn)], -1)
        sheet.print(sheet.mask(spot + ring * (r + 0.8)), INK)
        sheet.print(sheet.mask(spot + ring * r), (246, 240, 224), grain=0.0)
    # The near swell across the bottom.
    x = np.linspace(-20, 660, 120)
    back = np.stack([x, 462 + 24 * np.sin(x / 96 + 2.0) + 7 * np.sin(x / 31)], -1)
    _swell(sheet, back, np.stack([x, np.full_like(x, 548) + 10 * np.sin(x / 70)], -1), (navy, blue, pale), 6)
    _foam(sheet, back, 11, 0, -1)
    return sheet.finish()
