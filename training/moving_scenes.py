"""Pairs of frames whose motion is known exactly: random layered scenes, to train and to measure optical flow.

    python training/scene_sheet.py SHEET.png --data DATA      writes some to an image

Flat layers, each with a texture and an outline, move over one another, as in AutoFlow (Sun et al., CVPR 2021): by affine maps
of their own and of the camera, and by smooth bends. Then effects of light, lens, sensor and compression are added.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from training.scene_effects import add_effects, log_uniform, to_bytes
from training.scene_layers import LAST, THIS, Field, Layer, chained, draw, invertible, motion, visible_in_other
from training.scene_shapes import FINE, shape
from training.scene_textures import list_images, texture

Affine = NDArray[np.float64]


class Pair(NamedTuple):
    """Two frames of a scene, the motion between them in both directions, and where it is visible."""

    last: Tensor
    """(3, H, W) uint8 sRGB."""
    this: Tensor
    """(3, H, W) uint8 sRGB."""
    to_last: Tensor
    """(2, H, W) float32 pixels, x then y, on this frame's grid: this(x) = last(x + to_last(x))."""
    to_this: Tensor
    """(2, H, W) float32 pixels on the last frame's grid."""
    visible_in_last: Tensor
    """(1, H, W) bool on this frame's grid: True where the last frame shows that point too."""
    visible_in_this: Tensor
    """(1, H, W) bool on the last frame's grid: True where this frame shows that point too."""


class MovingScenes(Dataset[Pair]):
    """`scenes[i]` is a pair that depends on `seed` and i alone, in any order and in any process.

    A DataLoader's workers therefore need no seeds, and a stopped training can go on at any pair.
    """

    def __init__(self, count: int, size: tuple[int, int], *, data: Path | None = None, seed: int = 0,
                 effects: bool = True) -> None:
        """data: a folder with `photos/` and `style_training/` for textures; without it all are procedural.

        size: (H, W) px. effects: motion blur, fog, noise and others; without them matching pixels differ by interpolation only.
        """
        self.count, self.size, self.seed, self.effects = count, size, seed, effects
        self.images = list_images(data)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Pair:
        rng = np.random.default_rng([self.seed, index])
        layers = scene(rng, self.size, self.images)
        shutter = rng.uniform(0.1, 0.6) if self.effects and rng.random() < 0.25 else 0.0
        frames = [draw(layers, frame, self.size, shutter) for frame in (LAST, THIS)]
        images = add_effects(rng, frames) if self.effects else [to_bytes(frame) for frame in frames]
        sides = []
        for frame in (LAST, THIS):
            flow, owner = motion(layers, frame, self.size)
            visible = visible_in_other(layers, frame, flow, owner)
            sides.append((_tensor(images[frame]), _tensor(flow), torch.from_numpy(visible)[None]))
        # Only layers of THIS frame are bent; which of the two frames comes first is random.
        (last, to_this, in_this), (this, to_last, in_last) = sides if rng.random() < 0.5 else sides[::-1]
        return Pair(last, this, to_last, to_this, in_last, in_this)


def _tensor(image: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def scene(rng: np.random.Generator, size: tuple[int, int], images: dict[str, list[Path]]) -> list[Layer]:
    """A background and 2 to 8 moving objects in front of it, farthest first."""
    height, width = size
    pace = _pace(rng)
    middle = np.array([width / 2, height / 2])
    turning = pace if rng.random() < 0.6 else 0.0
    lens = _random_affine(rng, middle, np.zeros(2), turning, max(size) / 2)
    travel = _direction(rng) * pace * rng.uniform(0.2, 1.2) * (rng.random() < 0.65)
    nearness = np.sort(rng.uniform(0.2, 1, int(rng.integers(3, 10))))
    layers = []
    for number, near in enumerate(nearness.tolist()):
        camera = chained(np.hstack([np.eye(2), (travel * near)[:, None]]), lens)
        if number == 0:
            side = round(1.1 * FINE * max(size))
            layers.append(_layer(rng, images, size, middle, side, camera, pace))
            continue
        # Many small objects and few large ones, so that some background stays visible.
        radius = log_uniform(rng, 0.08, 0.8) * max(size) * (0.7 if len(nearness) > 6 else 1)
        centre = rng.uniform(-0.05, 1.05, 2) * (width, height)
        own = np.eye(2, 3)
        if rng.random() < 0.75:
            step = _direction(rng) * pace * math.exp(rng.normal(-0.2, 0.8))
            own = _random_affine(rng, centre, step, pace if rng.random() < 0.5 else 0.0, radius)
        mask = shape(rng, radius)
        corner = centre - (mask.shape[0] - 1) / 2 / FINE
        covering = _layer(rng, images, size, centre, mask.shape[0], chained(own, camera), pace)
        layers.append(replace(covering, mask=mask, corner=(corner[0], corner[1])))
    return layers


def _pace(rng: np.random.Generator) -> float:
    """Typical motion in a scene, px: 0 in 6 % of all scenes, below 2.5 in 42 %, 2 to 30 in the others."""
    return 0.0 if rng.random() < 0.06 else log_uniform(rng, 0.1, 2.5) if rng.random() < 0.45 else log_uniform(rng, 2, 30)


def _direction(rng: np.random.Generator) -> NDArray[np.float64]:
    angle = rng.uniform(0, 2 * math.pi)
    return np.array([math.cos(angle), math.sin(angle)])


def _random_affine(rng: np.random.Generator, centre: NDArray[np.float64], step: NDArray[np.float64], pace: float,
                   radius: float) -> Affine:
    """(2, 3): rotate, zoom, shear about `centre` so that points `radius` px away move by about `pace` px; then add `step`."""
    most = min(pace * 0.6 / radius, 0.15)
    turn, zoom, across, along = np.clip(rng.normal(0, 1, 4), -2, 2) * most * (1, 0.7, 0.2, 0.2)
    linear = np.array([[1 + zoom + along, -turn + across], [turn + across, 1 + zoom - along]])
    step = step * min(1, 60 / max(1e-6, math.hypot(*step)))
    return np.hstack([linear, (centre - linear @ centre + step)[:, None]])


def _layer(rng: np.random.Generator, images: dict[str, list[Path]], size: tuple[int, int], centre: NDArray[np.float64],
           side: int, affine: Affine, pace: float) -> Layer:
    """A layer without an outline, its texture of `side` pixels placed around `centre`."""
    turn = rng.normal(0, 0.1) if rng.random() < 0.6 else rng.uniform(0, 2 * math.pi)
    linear = FINE * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    place = np.hstack([linear, (side / 2 + rng.uniform(0, 1, 2) - linear @ centre)[:, None]])
    # Blurred as by a lens: detail finer than the frame's pixels would flicker when it moves.
    image = cv2.GaussianBlur(texture(rng, images, side), (0, 0), FINE * rng.uniform(0.3, 0.6))
    bend: Field | None = None
    if pace and rng.random() < 0.3:
        knots = rng.normal(0, min(pace, 12) * rng.uniform(0.1, 0.6), (*rng.integers(3, 8, 2), 2)).astype(np.float32)
        bend = invertible(cv2.resize(knots, (size[1], size[0]), interpolation=cv2.INTER_CUBIC))
    return Layer(image, place, affine, bend=bend)
