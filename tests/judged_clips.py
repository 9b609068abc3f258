"""Losslessly coded clips, and their true motion, for the tests of the evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter
from video_clips import make_clip

Array = np.ndarray[Any, Any]
HEIGHT, WIDTH = 48, 64


def write(path: Path, images: Sequence[Array]) -> Path:
    """A losslessly coded clip of 25 frames a second: images (H, W, 3) uint8 RGB."""
    height, width = images[0].shape[:2]
    return make_clip(path, frames=len(images), size=(width, height), codec="ffv1", pix_fmt="bgr0", format="matroska",
                     picture=lambda index, *size: np.ascontiguousarray(images[index]))


def texture(height: int, width: int, seed: int = 0) -> Array:
    """Smooth noise between 60 and 200, (H, W, 3) uint8: texture for the flow, and a margin to black and white."""
    noise = gaussian_filter(np.random.default_rng(seed).standard_normal((height, width, 3)), (2, 2, 0))
    return np.round(130 + 70 * noise / np.abs(noise).max()).astype(np.uint8)


def write_truth(folder: Path, flows: Sequence[Array], hidden: Sequence[Array]) -> Path:
    """Write flows (2, H, W) px from each frame to the next, on the earlier one's grid; hidden: (H, W), 1 = not in the next."""
    for name in ("flow", "occlusions"):
        (folder / name).mkdir(parents=True)
    for index, (flow, mask) in enumerate(zip(flows, hidden, strict=True)):
        head = np.float32(202021.25).tobytes() + np.array(flow.shape[:0:-1], "<i4").tobytes()
        (folder / "flow" / f"{index:04}.flo").write_bytes(head + flow.transpose(1, 2, 0).astype("<f4").tobytes())
        cv2.imwrite(str(folder / "occlusions" / f"{index:04}.png"), np.uint8(255) * mask.astype(np.uint8))
    return folder


def uniform_truth(folder: Path, steps: int, x: float, y: float = 0.0) -> Path:
    """The truth of a clip of `steps` + 1 frames in which everything moves by (x, y) pixels a frame."""
    flow = np.broadcast_to(np.float32([x, y])[:, None, None], (2, HEIGHT, WIDTH))
    return write_truth(folder, [flow] * steps, [np.zeros((HEIGHT, WIDTH))] * steps)
