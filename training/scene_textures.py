"""Textures for generated scenes: crops of photographs and paintings, and procedural ones that need no data."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

FOLDERS = {"photos": 0.6, "style_training": 0.15}
"""Folder of the data -> share of the textures that are cut from its images; the others are procedural."""
LONGEST = 512
"""Pixels; larger images are scaled down to this when read, so that many fit the cache and a crop has structure."""


def list_images(data: Path | None) -> dict[str, list[Path]]:
    """Folder name -> its images in a fixed order; empty without data."""
    if data is None:
        return {}
    return {name: sorted(path for path in (data / name).iterdir() if path.suffix in {".jpg", ".png"}) for name in FOLDERS}


@lru_cache(maxsize=400)
def read(path: Path) -> Image:
    """(h, w, 3) uint8 RGB of a file, at most LONGEST pixels a side; cached."""
    image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    factor = LONGEST / max(image.shape[:2])
    return image if factor >= 1 else cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def texture(rng: np.random.Generator, images: dict[str, list[Path]], size: int) -> Image:
    """(size, size, 3) uint8 RGB of a random kind with randomly changed colours."""
    draw = rng.random()
    for folder, share in FOLDERS.items():
        if draw < share and images.get(folder):
            return toned(rng, cut(rng, read(images[folder][rng.integers(len(images[folder]))]), size))
        draw -= share
    made = PROCEDURAL[rng.choice(len(PROCEDURAL), p=ODDS)](rng, size)
    return unevenly_lit(rng, made, size) if rng.random() < 0.3 else made


def cut(rng: np.random.Generator, image: Image, size: int) -> Image:
    """A random square of the image at `size` pixels, flipped at random; the image is reflected beyond its borders."""
    # Textures are enlarged about twice, because a scene samples them at half their resolution.
    side = round(size / 2 * math.exp(rng.uniform(math.log(0.6), math.log(1.5))))
    height, width = image.shape[:2]
    y, x = (int(rng.integers(-(side // 8), max(1 - side // 8, length - side + side // 8))) for length in (height, width))
    rows, columns = (np.abs(np.arange(start, start + side)) for start in (y, x))
    rows, columns = (length - 1 - np.abs(length - 1 - places % (2 * length - 2))
                     for places, length in ((rows, height), (columns, width)))
    square = image[rows][:, columns[::-1] if rng.random() < 0.5 else columns]
    return cv2.resize(square, (size, size), interpolation=cv2.INTER_CUBIC)


def toned(rng: np.random.Generator, image: Image) -> Image:
    """Small random changes of contrast, brightness and gamma by channel."""
    if rng.random() < 0.4:
        return image
    gain = np.exp(rng.normal(-0.05, 0.15) + rng.normal(0, 0.08, 3))
    ramp = np.linspace(0, 1, 256)[:, None] ** np.exp(rng.normal(0, 0.2)) * gain
    table = np.clip((ramp + rng.normal(0, 0.05)) * 255, 0, 255).astype(np.uint8)
    return cv2.LUT(image, table[:, None])


def octaves(rng: np.random.Generator, size: int, coarsest: float, finest: float, persistence: float) -> NDArray[np.float32]:
    """(size, size) noise stretched to [0, 1]: a sum of octaves with periods from `coarsest` down to `finest` px."""
    field, weight, period = np.zeros((size, size), np.float32), 1.0, coarsest
    stretch = math.exp(rng.normal(0, 0.4)) if rng.random() < 0.5 else 1.0  # stretched along one axis, as wood grain and water
    while period >= finest:
        across, down = (max(2, round(size / period * factor)) for factor in (stretch, 1 / stretch))
        noise = rng.random((min(down, size), min(across, size)), np.float32)
        field += weight * cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC)
        weight, period = weight * persistence, period / 2
    low, high = float(field.min()), float(field.max())
    return (field - low) / max(high - low, 1e-6)


def coloured(rng: np.random.Generator, field: NDArray[np.float32]) -> Image:
    """(h, w, 3) uint8: `field` in [0, 1] through a gradient of 2 to 5 random colours."""
    stops = int(rng.integers(2, 6))
    colours = np.clip(rng.uniform(0, 255, 3) + rng.normal(0, rng.uniform(10, 110), (stops, 3)), 0, 255)
    ramp = np.stack([np.interp(np.linspace(0, stops - 1, 256), np.arange(stops), colours[:, c]) for c in range(3)], 1)
    return cv2.LUT(cv2.merge([(field * 255).astype(np.uint8)] * 3), ramp.astype(np.uint8)[:, None])


def noise(rng: np.random.Generator, size: int) -> Image:
    return coloured(rng, octaves(rng, size, math.exp(rng.uniform(3, 5.5)), 4, rng.uniform(0.4, 0.9)))


def plain(rng: np.random.Generator, size: int) -> Image:
    """A gradient with faint grain, as walls and sky: only the grain shows the motion."""
    angle, grain = rng.uniform(0, 2 * math.pi), rng.choice([0.0, 0.02, 0.06])
    y, x = np.mgrid[:size, :size].astype(np.float32) / size - 0.5
    ramp = 0.5 + 0.6 * (math.cos(angle) * x + math.sin(angle) * y) + grain * (octaves(rng, size, 32, 4, 0.9) - 0.5)
    return coloured(rng, np.clip(ramp, 0, 1).astype(np.float32))


def stripes(rng: np.random.Generator, size: int) -> Image:
    """Stripes or checks with soft edges, irregular, because the motion of a regular pattern is ambiguous."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    period = math.exp(rng.uniform(math.log(16), math.log(120)))
    bend = octaves(rng, size, size / rng.uniform(1, 5), size / 6, 0.6) * rng.uniform(1, 4) * period
    sharp, duty = rng.uniform(1, 6), rng.uniform(-0.6, 0.6)
    wave = np.sin((x + bend) * (2 * math.pi / period)) + duty
    if rng.random() < 0.5:
        wave = wave * (np.sin((y + bend[::-1].T) * (2 * math.pi / period / rng.uniform(0.5, 1.5))) + duty)
    pattern = 0.5 + 0.5 * np.tanh(sharp * wave)
    stains = rng.uniform(0.1, 0.5) * octaves(rng, size, 200, 5, 0.7)
    return coloured(rng, np.clip(pattern * 0.55 + stains, 0, 1).astype(np.float32))


def strokes(rng: np.random.Generator, size: int) -> Image:
    """Short strokes of similar colours in similar directions, as paint, grass, fur and gravel."""
    image = np.full((size, size, 3), rng.uniform(0, 255, 3), np.uint8)
    count = int(rng.integers(60, 500))
    length, thick = size * rng.uniform(0.01, 0.2), int(rng.integers(2, 14))
    heading = rng.uniform(0, math.pi) + rng.normal(0, rng.choice([0.1, 0.4, 2]), count)
    centre, base, spread = rng.uniform(0, size, (count, 2)), rng.uniform(0, 255, 3), rng.uniform(10, 90)
    colours = np.clip(base + rng.normal(0, spread, (count, 3)), 0, 255)
    along = np.stack([np.cos(heading), np.sin(heading)], 1) * length / 2
    ends = np.round(np.stack([centre - along, centre + along], 1) * 8).astype(int).tolist()
    for (first, second), colour in zip(ends, colours.tolist(), strict=True):
        cv2.line(image, first, second, colour, thick, cv2.LINE_AA, 3)
    return image


def dots(rng: np.random.Generator, size: int) -> Image:
    """Discs of many sizes on noise."""
    image = noise(rng, size)
    for _ in range(int(rng.integers(10, 150))):
        centre = rng.integers(0, size, 2).tolist()
        cv2.circle(image, centre, int(math.exp(rng.uniform(0.7, 3.4))), rng.uniform(0, 255, 3).tolist(), -1, cv2.LINE_AA)
    return image


def unevenly_lit(rng: np.random.Generator, image: Image, size: int) -> Image:
    """The image under smooth uneven light, which makes repeating patterns distinguishable."""
    light = (0.6 + 0.4 * octaves(rng, size, size / 2, size / 8, 0.6))[..., None]
    return (image * light).astype(np.uint8)


PROCEDURAL = (noise, strokes, stripes, dots, plain)
ODDS = (0.37, 0.28, 0.1, 0.12, 0.13)
