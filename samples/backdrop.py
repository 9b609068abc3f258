"""The far half of the sample scene: an evening sky, two ranges of hills, and the sea with the sun in it."""

from __future__ import annotations

import math

import cv2
import numpy as np

from samples.textures import TEXTURE_SCALE, fbm, mix, opaque, ramp, smoothstep

HORIZON = 176.0
"""Row of the horizon at the middle of the clip, frame pixels."""
SUN = (236.0, 118.0)
"""Where the sun stands in the sky layer, frame pixels (x, y)."""

SKY = [
    (0.0, (255, 216, 150)),
    (0.10, (255, 190, 128)),
    (0.24, (246, 160, 128)),
    (0.42, (196, 146, 158)),
    (0.66, (112, 134, 176)),
    (1.0, (52, 92, 152)),
]
"""Colour of the clear sky by height over the horizon, 0 to 1."""


def _grid(left: int, top: int, right: int, bottom: int) -> tuple[np.ndarray, np.ndarray]:
    """Plane coordinates (x, y) of the texture pixels of a sheet from (left, top) to (right, bottom)."""
    s = TEXTURE_SCALE
    y, x = np.mgrid[: (bottom - top) * s, : (right - left) * s].astype(np.float32)
    return (x + 0.5) / s - 0.5 + left, (y + 0.5) / s - 0.5 + top


def _look_up(tile: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The noise `tile` at (u, v) pixels, repeated by mirroring."""
    return cv2.remap(tile, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def sky(rng: np.random.Generator, left: int, right: int) -> np.ndarray:
    """(h, w, 4) from row -20 to row 200: a clear evening gradient, a low sun, and lit clouds."""
    x, y = _grid(left, -20, right, 200)
    height = np.clip((HORIZON - y) / HORIZON, 0, 1.1)
    away = np.hypot(x - SUN[0], (y - SUN[1]) * 1.25)
    colour = ramp(height, SKY)
    colour = mix(colour, ramp(height, [(0, (255, 196, 110)), (1, (255, 170, 120))]), 0.65 * np.exp(-away / 110))
    # Clouds lie on a ceiling: toward the horizon they crowd together and flatten.
    tile = fbm(900, 1800, 210, rng, 7, gain=0.54)
    billow = fbm(900, 1800, 60, rng, 4)
    depth = 62.0 / (np.maximum(HORIZON + 14 - y, 0) + 40)
    u, v = 700 + (x - 320) * (0.45 + depth * 1.15), 300 + 520 * depth
    u, v = u + 14 * _look_up(billow, u, v), v + 10 * _look_up(billow, u + 300, v + 200)
    density = _look_up(tile, u, v) + 0.10 * _look_up(billow, u * 2, v * 2)
    toward = _look_up(tile, u + (SUN[0] - x) * 0.06, v + 13)
    cover = smoothstep(-0.12, 0.5, density + 0.10 * np.sin(height * 9)) * smoothstep(-0.02, 0.12, height)
    light = np.clip(0.5 + 1.5 * (density - toward) + 0.35 * np.exp(-away / 130), 0, 1)
    cloud = ramp(
        light,
        [
            (0, (126, 106, 142)),
            (0.35, (184, 138, 150)),
            (0.6, (244, 178, 146)),
            (0.85, (255, 222, 178)),
            (1, (255, 244, 216)),
        ],
    )
    cloud = mix(cloud, ramp(height, SKY), 0.35 * (1 - height))
    colour = mix(colour, cloud, 0.92 * cover)
    colour = mix(colour, np.array([1.0, 0.93, 0.72]), 0.9 * np.exp(-((away / 30) ** 1.4)))
    colour = mix(colour, np.array([1.0, 0.985, 0.9]), smoothstep(12.5, 11.0, away))
    return opaque(colour + 0.010 * fbm(*x.shape, 4, rng, 2)[..., None])


def hills(rng: np.random.Generator, left: int, right: int, crest: float, rise: float, near: float) -> np.ndarray:
    """(h, w, 4) from row 90 to row 186: a ridge about `rise` px over row `crest`; `near` 0 = hazy, 1 = close."""
    x, y = _grid(left, 90, right, 186)
    line = fbm(4, x.shape[1], 330, rng, 7, gain=0.52)[1]
    top = crest - rise * (0.55 + 0.65 * line) * (0.75 + 0.5 * np.sin(x[0] / 170 + 3.1 * near))
    below = y - top[None]
    # Relief: noise stretched down the slope, lit from where the sun stands.
    relief = fbm(*x.shape, 64, rng, 6, gain=0.42)
    dx = cv2.Sobel(relief, cv2.CV_32F, 1, 0, ksize=5) / 8
    lit = np.clip(0.5 + 2.2 * dx * np.clip((SUN[0] - x) / 60, -1, 1) + 0.25 * relief, 0, 1)
    shade = ramp(lit, [(0, (58, 66, 104)), (0.5, (110, 98, 120)), (1, (222, 160, 126))])
    haze = ramp(np.abs(x - SUN[0]) / 420, [(0, (255, 190, 140)), (0.4, (226, 158, 146)), (1, (150, 140, 172))])
    mist = np.clip(0.72 - 0.36 * near + 0.30 * smoothstep(crest - 30, 178, y), 0, 1)
    colour = mix(shade, haze, mist)
    colour = mix(colour, np.array([0.13, 0.24, 0.22]), near * 0.55 * smoothstep(-0.1, 0.5, relief) * (1 - mist))
    return opaque(colour, smoothstep(-0.35, 0.35, below))


def _slopes(
    across: np.ndarray, ahead: np.ndarray, dy: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Slopes of the sea toward the viewer and sideways, a sum of sine waves on the plane (across, ahead) in metres."""
    toward, side = np.zeros_like(across), np.zeros_like(across)
    for length in np.geomspace(0.12, 9, 72).tolist():
        heading = float(rng.normal(0, 0.55))
        kx, kz = 2 * math.pi / length * math.sin(heading), 2 * math.pi / length * math.cos(heading)
        phase = kx * across + kz * ahead + rng.uniform(0, 2 * np.pi)
        # A wave finer than the texture's pixels would only alias: fade it before it does.
        per_pixel = np.hypot(kz * ahead / dy, kx * ahead / 300) / TEXTURE_SCALE
        height = 0.135 * np.exp(-((per_pixel / 1.1) ** 2))
        toward += height * np.cos(phase) * math.cos(heading)
        side += height * np.cos(phase) * math.sin(heading)
    return toward, side


def sea(
    rng: np.random.Generator,
    left: int,
    right: int,
    land: np.ndarray,
    land_origin: tuple[float, float],
    shore_row: float,
) -> np.ndarray:
    """(h, w, 4) from the horizon to row 380.

    land: (h, w, 4) the texture that is mirrored in the water; its first pixel is at `land_origin` (x, y) and its
    waterline at row `shore_row`, frame pixels.
    """
    top = int(HORIZON)
    x, y = _grid(left, top, right, 380)
    dy = y - HORIZON + 1.5
    ahead = 300 * 2.6 / dy
    toward, side = _slopes((x - 320) * ahead / 300, ahead, dy, rng)
    # Where the waves are finer than pixels their streaks still show.
    toward += 0.42 * np.exp(-dy / 75) * fbm(*x.shape, 3.2, rng, 3, stretch=6)
    far = np.clip(dy / 190, 0, 1)
    # A tilted wave mirrors a higher or lower piece of the sky, and the nearer it is the more one sees into it.
    mirrored = ramp(np.clip(0.06 + 0.42 * far + 0.34 * toward, 0, 1), SKY)
    deep = ramp(far + 0.1 * toward, [(0, (120, 132, 150)), (0.35, (40, 98, 122)), (1, (10, 58, 84))])
    colour = mix(mirrored, deep, np.clip(0.12 + 0.72 * far**0.6 - 0.34 * toward, 0, 0.9))
    # The land's mirror image, foreshortened and broken up by the waves.
    below = y - shore_row + (2 + 26 * far) * toward
    u = (x + 5 * side - land_origin[0] + 0.5) * TEXTURE_SCALE - 0.5
    v = (shore_row - below / 0.62 - land_origin[1] + 0.5) * TEXTURE_SCALE - 0.5
    mirrored = cv2.remap(land, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR)
    cover = mirrored[..., 3] * smoothstep(0, 2, below)
    image = mix(mirrored[..., :3] / np.maximum(mirrored[..., 3:], 1e-3), np.array([0.12, 0.24, 0.32]), 0.32)
    colour = mix(colour, image, 0.78 * cover * np.exp(-np.maximum(below, 0) / 80))
    # The sun's road: wave faces tilted just so.
    road = np.exp(-(((x - SUN[0]) / (13 + 0.42 * dy)) ** 2))
    glint = np.clip(road * 1.2 + 0.9 * toward - 0.42, 0, 1) ** 1.2 * road**0.35
    colour = mix(colour, np.array([1.0, 0.80, 0.47]), np.clip(1.25 * glint, 0, 0.95))
    colour = mix(colour, np.array([1.0, 0.95, 0.78]), np.clip(2.2 * glint - 1.0, 0, 1))
    foam = smoothstep(1.0, 1.4, toward + 0.5 * side) * smoothstep(0.12, 0.5, far)
    colour = mix(colour, np.array([0.86, 0.90, 0.92]), 0.5 * foam)
    haze = np.exp(-dy / 7)
    return opaque(mix(colour, np.array([1.0, 0.80, 0.60]), 0.55 * haze))
