"""Effects of light, camera and compression on two frames; none of them changes the motion."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from training.scene_textures import octaves

Image = NDArray[np.float32]


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A random number whose logarithm is uniform between those of `low` and `high`."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def drifting(rng: np.random.Generator, size: tuple[int, int], field: NDArray[np.float32], pace: float) -> list[Image]:
    """Two windows (H, W, 1) of the square `field`, the second shifted by about `pace` pixels."""
    (height, width), spare = size, field.shape[0] - max(size)
    starts = rng.uniform(0, spare, 2)
    windows = []
    for start in (starts, np.clip(starts + rng.normal(0, pace, 2), 0, spare)):
        place = np.array([[1, 0, -start[0]], [0, 1, -start[1]]])
        windows.append(cv2.warpAffine(field, place, (width, height), borderMode=cv2.BORDER_REPLICATE)[..., None])
    return windows


def fogged(rng: np.random.Generator, frames: list[Image]) -> list[Image]:
    """Smoke, haze or mist over the whole frame that drifts independently of the scene."""
    size = (frames[0].shape[0], frames[0].shape[1])
    side = max(size) + 40
    field = octaves(rng, side, side / rng.uniform(1, 4), side / 16, 0.4)
    least, most = np.sort(rng.uniform(0, 0.5, 2))
    colour = np.clip(rng.normal(rng.uniform(0.2, 1), 0.06, 3), 0, 1).astype(np.float32)
    thick = drifting(rng, size, (least + (most - least) * field).astype(np.float32), 5)
    return [frame + fog * (colour - frame) for frame, fog in zip(frames, thick, strict=True)]


def shaded(rng: np.random.Generator, frames: list[Image]) -> list[Image]:
    """Patches of shadow or light that move over the scene."""
    size = (frames[0].shape[0], frames[0].shape[1])
    side = max(size) + 80
    field = np.tanh((octaves(rng, side, side / rng.uniform(1, 5), side / 10, 0.3) - 0.5) * rng.uniform(2, 20)) * 0.5 + 0.5
    depth = rng.uniform(-0.5, 0.3)
    return [frame * (1 + depth * shade) for frame, shade in zip(frames, drifting(rng, size, field, 12), strict=True)]


def toned(rng: np.random.Generator, frames: list[Image], amount: float) -> list[Image]:
    """One random change of exposure, gamma, brightness and white balance, the same for all frames given."""
    gamma, gain = np.exp(rng.normal(0, amount, 2))
    balance, lift = np.exp(rng.normal(0, amount / 3, 3)), rng.normal(0, amount / 4)
    table = np.linspace(0, 1, 1024)[:, None] ** gamma * gain * balance + lift
    table = np.clip(table, 0, 1).astype(np.float32)
    places = [(np.clip(frame, 0, 1) * 1023).astype(np.int32) for frame in frames]
    return [np.stack([table[place[..., c], c] for c in range(3)], 2) for place in places]


def defocused(rng: np.random.Generator, frames: list[Image]) -> list[Image]:
    """Defocus, in 40 % of all cases by different amounts in both frames."""
    sigmas = log_uniform(rng, 0.4, 1.6) * np.exp(rng.normal(0, 0.25, 2) * (rng.random() < 0.4))
    return [cv2.GaussianBlur(frame, (0, 0), sigma) for frame, sigma in zip(frames, sigmas.tolist(), strict=True)]


def grainy(rng: np.random.Generator, frames: list[Image]) -> list[Image]:
    """Sensor noise, independent in every frame; coarse in 30 % of all cases, as on film or after a denoiser."""
    strength, coarse = log_uniform(rng, 0.002, 0.05), rng.random() < 0.3
    grown = []
    for frame in frames:
        grain = rng.standard_normal(frame.shape, np.float32)
        if rng.random() < 0.3:
            grain[:] = grain[..., :1]
        grown.append(frame + strength * (cv2.GaussianBlur(grain, (0, 0), 1) * 2.5 if coarse else grain))
    return grown


def compressed(rng: np.random.Generator, frames: list[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """JPEG compression, whose blocks and ringing resemble a video's."""
    quality = int(rng.integers(20, 90))
    return [cv2.imdecode(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
            for frame in frames]


def add_effects(rng: np.random.Generator, frames: list[Image]) -> list[NDArray[np.uint8]]:
    """Two frames (H, W, 3) float32 in [0, 1] as uint8, after a random choice of these effects."""
    if rng.random() < 0.15:
        frames = shaded(rng, frames)
    if rng.random() < 0.15:
        frames = fogged(rng, frames)
    if rng.random() < 0.5:
        frames = toned(rng, frames, 0.15)
    if rng.random() < 0.3:
        frames = [toned(rng, [frame], log_uniform(rng, 0.01, 0.1))[0] for frame in frames]
    if rng.random() < 0.2:
        frames = defocused(rng, frames)
    if rng.random() < 0.5:
        frames = grainy(rng, frames)
    finished = [to_bytes(frame) for frame in frames]
    return compressed(rng, finished) if rng.random() < 0.3 else finished


def to_bytes(frame: Image) -> NDArray[np.uint8]:
    """Clamped to [0, 1] and rounded to 8 bits."""
    return np.round(np.clip(frame, 0, 1) * 255).astype(np.uint8)
