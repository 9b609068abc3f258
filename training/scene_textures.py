"""Textures for generated scenes: crops of photographs and paintings, and procedural ones that need no data."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

PICTURES = {"photos": 0.6, "style_training": 0.15}
"""Folder below the data -> share of the textures cut from its pictures; the rest is procedural."""
LONGEST = 512
"""Pixels; larger pictures are shrunk to this when read, so that many fit the cache and a crop shows something."""


def list_pictures(data: Path | None) -> dict[str, list[Path]]:
    """Folder name -> its pictures in a fixed order; empty without data."""
    if data is None:
        return {}
    return {name: sorted(path for path in (data / name).iterdir() if path.suffix in {".jpg", ".png"}) for name in PICTURES}


@lru_cache(maxsize=400)
def read(path: Path) -> Picture:
    """(h, w, 3) uint8 RGB, at most LONGEST pixels long. Cached: what is read depends on nothing but the path."""
    picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    factor = LONGEST / max(picture.shape[:2])
    return picture if factor >= 1 else cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def texture(rng: np.random.Generator, pictures: dict[str, list[Path]], size: int) -> Picture:
    """(size, size, 3) uint8 RGB of a random kind, its colours shifted at random."""
    draw = rng.random()
    for folder, share in PICTURES.items():
        if draw < share and pictures.get(folder):
            return shifted(rng, cut(rng, read(pictures[folder][rng.integers(len(pictures[folder]))]), size))
        draw -= share
    made = PROCEDURAL[rng.choice(len(PROCEDURAL), p=ODDS)](rng, size)
    return blended(rng, made, size) if rng.random() < 0.3 else made


def cut(rng: np.random.Generator, picture: Picture, size: int) -> Picture:
    """A random square of the picture, mirrored at random, brought to `size`; beyond its borders it is reflected."""
    # Half of the pixels of a scene's texture are interpolated on purpose: a scene reads it at half its resolution.
    side = round(size / 2 * math.exp(rng.uniform(math.log(0.6), math.log(1.5))))
    height, width = picture.shape[:2]
    y, x = (int(rng.integers(-(side // 8), max(1 - side // 8, length - side + side // 8))) for length in (height, width))
    rows, columns = (np.abs(np.arange(start, start + side)) for start in (y, x))
    rows, columns = (length - 1 - np.abs(length - 1 - places % (2 * length - 2))
                     for places, length in ((rows, height), (columns, width)))
    square = picture[rows][:, columns[::-1] if rng.random() < 0.5 else columns]
    return cv2.resize(square, (size, size), interpolation=cv2.INTER_CUBIC)


def shifted(rng: np.random.Generator, picture: Picture) -> Picture:
    """Contrast, brightness and gamma changed by channel a little, by one table."""
    if rng.random() < 0.4:
        return picture
    gain = np.exp(rng.normal(-0.05, 0.15) + rng.normal(0, 0.08, 3))
    ramp = np.linspace(0, 1, 256)[:, None] ** np.exp(rng.normal(0, 0.2)) * gain
    table = np.clip((ramp + rng.normal(0, 0.05)) * 255, 0, 255).astype(np.uint8)
    return cv2.LUT(picture, table[:, None])


def octaves(rng: np.random.Generator, size: int, coarsest: float, finest: float, persistence: float) -> NDArray[np.float32]:
    """(size, size) smooth noise stretched to [0, 1]: waves from `coarsest` to `finest` px, each next one half as long."""
    field, weight, period = np.zeros((size, size), np.float32), 1.0, coarsest
    stretch = math.exp(rng.normal(0, 0.4)) if rng.random() < 0.5 else 1.0  # grain along one axis, as wood and water have
    while period >= finest:
        across, down = (max(2, round(size / period * factor)) for factor in (stretch, 1 / stretch))
        noise = rng.random((min(down, size), min(across, size)), np.float32)
        field += weight * cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC)
        weight, period = weight * persistence, period / 2
    low, high = float(field.min()), float(field.max())
    return (field - low) / max(high - low, 1e-6)


def coloured(rng: np.random.Generator, field: NDArray[np.float32]) -> Picture:
    """(h, w, 3) uint8: `field` in [0, 1] through a gradient of 2 to 5 random colours."""
    stops = int(rng.integers(2, 6))
    colours = np.clip(rng.uniform(0, 255, 3) + rng.normal(0, rng.uniform(10, 110), (stops, 3)), 0, 255)
    ramp = np.stack([np.interp(np.linspace(0, stops - 1, 256), np.arange(stops), colours[:, c]) for c in range(3)], 1)
    return cv2.LUT(cv2.merge([(field * 255).astype(np.uint8)] * 3), ramp.astype(np.uint8)[:, None])


def noise(rng: np.random.Generator, size: int) -> Picture:
    return coloured(rng, octaves(rng, size, math.exp(rng.uniform(3, 5.5)), 4, rng.uniform(0.4, 0.9)))


def plain(rng: np.random.Generator, size: int) -> Picture:
    """A gradient with almost nothing on it: walls, sky. Only its faint grain moves visibly."""
    angle, grain = rng.uniform(0, 2 * math.pi), rng.choice([0.0, 0.02, 0.06])
    y, x = np.mgrid[:size, :size].astype(np.float32) / size - 0.5
    ramp = 0.5 + 0.6 * (math.cos(angle) * x + math.sin(angle) * y) + grain * (octaves(rng, size, 32, 4, 0.9) - 0.5)
    return coloured(rng, np.clip(ramp, 0, 1).astype(np.float32))


def stripes(rng: np.random.Generator, size: int) -> Picture:
    """Stripes or checks with soft edges, never quite even: where one is like the next, no motion could be told."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    period = math.exp(rng.uniform(math.log(16), math.log(120)))
    bend = octaves(rng, size, size / rng.uniform(1, 5), size / 6, 0.6) * rng.uniform(1, 4) * period
    sharp, duty = rng.uniform(1, 6), rng.uniform(-0.6, 0.6)
    wave = np.sin((x + bend) * (2 * math.pi / period)) + duty
    if rng.random() < 0.5:
        wave = wave * (np.sin((y + bend[::-1].T) * (2 * math.pi / period / rng.uniform(0.5, 1.5))) + duty)
    pattern = 0.5 + 0.5 * np.tanh(sharp * wave)
    wear = rng.uniform(0.1, 0.5) * octaves(rng, size, 200, 5, 0.7)
    return coloured(rng, np.clip(pattern * 0.55 + wear, 0, 1).astype(np.float32))


def strokes(rng: np.random.Generator, size: int) -> Picture:
    """Short brush strokes of related colours along one bent direction: paint, grass, fur, gravel."""
    picture = np.full((size, size, 3), rng.uniform(0, 255, 3), np.uint8)
    count = int(rng.integers(60, 500))
    length, thick = size * rng.uniform(0.01, 0.2), int(rng.integers(2, 14))
    heading = rng.uniform(0, math.pi) + rng.normal(0, rng.choice([0.1, 0.4, 2]), count)
    centre, base, spread = rng.uniform(0, size, (count, 2)), rng.uniform(0, 255, 3), rng.uniform(10, 90)
    colours = np.clip(base + rng.normal(0, spread, (count, 3)), 0, 255)
    along = np.stack([np.cos(heading), np.sin(heading)], 1) * length / 2
    ends = np.round(np.stack([centre - along, centre + along], 1) * 8).astype(int).tolist()
    for (first, second), colour in zip(ends, colours.tolist(), strict=True):
        cv2.line(picture, first, second, colour, thick, cv2.LINE_AA, 3)
    return picture


def dots(rng: np.random.Generator, size: int) -> Picture:
    """Round spots of many sizes on a noisy ground."""
    picture = noise(rng, size)
    for _ in range(int(rng.integers(10, 150))):
        centre = rng.integers(0, size, 2).tolist()
        cv2.circle(picture, centre, int(math.exp(rng.uniform(0.7, 3.4))), rng.uniform(0, 255, 3).tolist(), -1, cv2.LINE_AA)
    return picture


def blended(rng: np.random.Generator, picture: Picture, size: int) -> Picture:
    """Uneven light over the picture, so that a repeating pattern has a place to hold on to."""
    light = (0.6 + 0.4 * octaves(rng, size, size / 2, size / 8, 0.6))[..., None]
    return (picture * light).astype(np.uint8)


PROCEDURAL = (noise, strokes, stripes, dots, plain)
ODDS = (0.37, 0.28, 0.1, 0.12, 0.13)
