"""Pairs of frames whose motion is known exactly: layered scenes made by chance, to train and to judge optical flow.

    python training/scene_sheet.py SHEET.png --data DATA      look at some

Flat layers with textures and outlines of their own move over one another, as in AutoFlow (Sun et al., CVPR 2021): by
affine maps, on which the camera's is laid, and by smooth bends; then light, lens, sensor and compression do theirs.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from training.scene_effects import filmed, log_uniform, to_bytes
from training.scene_layers import LAST, THIS, Field, Layer, chained, draw, gentle, motion, shown
from training.scene_shapes import FINE, shape
from training.scene_textures import list_pictures, texture

Affine = NDArray[np.float64]


class Pair(NamedTuple):
    """Two frames of a scene, and all that can be known of the motion between them."""

    last: Tensor
    """(3, H, W) uint8 sRGB."""
    this: Tensor
    """(3, H, W) uint8 sRGB."""
    to_last: Tensor
    """(2, H, W) float32 pixels, x then y, on this frame's grid: this(x) = last(x + to_last(x))."""
    to_this: Tensor
    """(2, H, W) float32 pixels on the last frame's grid."""
    seen_in_last: Tensor
    """(1, H, W) bool on this frame's grid: 1 where the last frame shows that point too."""
    seen_in_this: Tensor
    """(1, H, W) bool on the last frame's grid."""


class MovingScenes(Dataset[Pair]):
    """`scenes[i]` is a pair that depends on `seed` and i alone: whoever asks, in whatever order, gets the same.

    A DataLoader's workers therefore need no seeds of their own, and training goes on where it stopped.
    """

    def __init__(self, count: int, size: tuple[int, int], *, data: Path | None = None, seed: int = 0,
                 effects: bool = True) -> None:
        """data: a folder with `photos/` and `style_training/` for textures; without it all are procedural.

        size: (H, W). effects: motion blur, fog, noise and the like; without them pixels match to within interpolation.
        """
        self.count, self.size, self.seed, self.effects = count, size, seed, effects
        self.pictures = list_pictures(data)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Pair:
        rng = np.random.default_rng([self.seed, index])
        layers = scene(rng, self.size, self.pictures)
        shutter = rng.uniform(0.1, 0.6) if self.effects and rng.random() < 0.25 else 0.0
        frames = [draw(layers, frame, self.size, shutter) for frame in (LAST, THIS)]
        pictures = filmed(rng, frames) if self.effects else [to_bytes(frame) for frame in frames]
        sides = []
        for frame in (LAST, THIS):
            flow, owner = motion(layers, frame, self.size)
            seen = shown(layers, frame, flow, owner)
            sides.append((_tensor(pictures[frame]), _tensor(flow), torch.from_numpy(seen)[None]))
        # Only THIS frame is bent, the last is not: which of the two comes first is left to chance.
        (last, to_this, in_this), (this, to_last, in_last) = sides if rng.random() < 0.5 else sides[::-1]
        return Pair(last, this, to_last, to_this, in_last, in_this)


def _tensor(image: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def scene(rng: np.random.Generator, size: tuple[int, int], pictures: dict[str, list[Path]]) -> list[Layer]:
    """A background and 2 to 8 things before it, farthest first, all in motion."""
    height, width = size
    pace = _pace(rng)
    middle = np.array([width / 2, height / 2])
    turning = pace if rng.random() < 0.6 else 0.0
    lens = _moved(rng, middle, np.zeros(2), turning, max(size) / 2)
    travel = _direction(rng) * pace * rng.uniform(0.2, 1.2) * (rng.random() < 0.65)
    nearness = np.sort(rng.uniform(0.2, 1, int(rng.integers(3, 10))))
    layers = []
    for number, near in enumerate(nearness.tolist()):
        camera = chained(np.hstack([np.eye(2), (travel * near)[:, None]]), lens)
        if number == 0:
            side = round(1.1 * FINE * max(size))
            layers.append(_layer(rng, pictures, size, middle, side, camera, pace))
            continue
        # Many small things, few large: a scene that is all foreground would leave no background to see.
        radius = log_uniform(rng, 0.08, 0.8) * max(size) * (0.7 if len(nearness) > 6 else 1)
        centre = rng.uniform(-0.05, 1.05, 2) * (width, height)
        own = np.eye(2, 3)
        if rng.random() < 0.75:
            step = _direction(rng) * pace * math.exp(rng.normal(-0.2, 0.8))
            own = _moved(rng, centre, step, pace if rng.random() < 0.5 else 0.0, radius)
        mask = shape(rng, radius)
        corner = centre - (mask.shape[0] - 1) / 2 / FINE
        thing = _layer(rng, pictures, size, centre, mask.shape[0], chained(own, camera), pace)
        layers.append(Layer(thing.picture, thing.place, thing.affine, mask, (corner[0], corner[1]), thing.bend))
    return layers


def _pace(rng: np.random.Generator) -> float:
    """How far things typically move in this scene, px: nothing at all now and then, almost half of the time below 2."""
    return 0.0 if rng.random() < 0.06 else log_uniform(rng, 0.1, 2.5) if rng.random() < 0.45 else log_uniform(rng, 2, 30)


def _direction(rng: np.random.Generator) -> NDArray[np.float64]:
    angle = rng.uniform(0, 2 * math.pi)
    return np.array([math.cos(angle), math.sin(angle)])


def _moved(rng: np.random.Generator, centre: NDArray[np.float64], step: NDArray[np.float64], pace: float,
           radius: float) -> Affine:
    """(2, 3): turned, zoomed and sheared about `centre` so that points `radius` away move by about `pace`; then `step`."""
    most = min(pace * 0.6 / radius, 0.15)
    turn, zoom, across, along = np.clip(rng.normal(0, 1, 4), -2, 2) * most * (1, 0.7, 0.2, 0.2)
    linear = np.array([[1 + zoom + along, -turn + across], [turn + across, 1 + zoom - along]])
    step = step * min(1, 60 / max(1e-6, math.hypot(*step)))
    return np.hstack([linear, (centre - linear @ centre + step)[:, None]])


def _layer(rng: np.random.Generator, pictures: dict[str, list[Path]], size: tuple[int, int], centre: NDArray[np.float64],
           side: int, affine: Affine, pace: float) -> Layer:
    """A layer that covers everything, its texture of `side` pixels laid around `centre`."""
    turn = rng.normal(0, 0.1) if rng.random() < 0.6 else rng.uniform(0, 2 * math.pi)
    linear = FINE * np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    place = np.hstack([linear, (side / 2 + rng.uniform(0, 1, 2) - linear @ centre)[:, None]])
    # Blurred as by a lens: what is finer than the frame's own pixels would flicker when it moves.
    picture = cv2.GaussianBlur(texture(rng, pictures, side), (0, 0), FINE * rng.uniform(0.3, 0.6))
    bend: Field | None = None
    if pace and rng.random() < 0.3:
        knots = rng.normal(0, min(pace, 12) * rng.uniform(0.1, 0.6), (*rng.integers(3, 8, 2), 2)).astype(np.float32)
        bend = gentle(cv2.resize(knots, (size[1], size[0]), interpolation=cv2.INTER_CUBIC))
    return Layer(picture, place, affine, bend=bend)
