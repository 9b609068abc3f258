"""Cut detection: whether a new shot begins between two neighbouring frames."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect.detectors import HashDetector
from torch import Tensor
from torch.nn.functional import interpolate

from vidstyle.core.frame import Frame
from vidstyle.core.interfaces import CutDetector
from vidstyle.core.once import once_per_image

_WIDTH = 160  # pixels of a thumbnail, so that the result is about the same for a preview and for 4K
_HASH = 16  # bits on each side of the perceptual hash


def cut_detector(structure: float = 0.42, colour: float = 16.0) -> CutDetector:
    """A function of two neighbouring frames that says whether a cut lies between them; it depends on these two alone.

    A cut is where structure and colour both differ by more than their thresholds, also after the shift of the camera is
    compensated.
    structure: share of differing bits in PySceneDetect's perceptual hash of 16 x 16 bits; 0.5 for unrelated images. For
    images with twice the light, 99 % of the shares are below 0.28; for unrelated photographs, 99 % are above 0.43.
    colour: mean distance in CIE Lab; 99 % of unrelated photographs are above 25. PySceneDetect's own colour score uses
    hue, which is noise in dark images: a fade-in from black reached four times its threshold.
    The thresholds favour missed cuts over false ones: after a missed cut, `trust` hides most of the old painting; at a
    false one the painting changes visibly.
    """

    def is_cut(last: Frame, this: Frame) -> bool:
        before, now = _thumbnail(last.image), _thumbnail(this.image)
        if before.shape != now.shape:
            return True
        return _differ(before, now, structure, colour) and _differ(*_aligned(before, now), structure, colour)

    return is_cut


def _differ(one: NDArray[np.float32], other: NDArray[np.float32], structure: float, colour: float) -> bool:
    hashes: list[Any] = [HashDetector.hash_frame((image * 255).astype(np.uint8), _HASH, 2) for image in (one, other)]
    if np.count_nonzero(hashes[0] != hashes[1]) < structure * _HASH**2:
        return False
    lab = [cv2.cvtColor(image, cv2.COLOR_BGR2LAB) for image in (one, other)]
    return float(np.linalg.norm(lab[0] - lab[1], axis=-1).mean()) >= colour


def _aligned(one: NDArray[np.float32], other: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The overlapping parts of two images (H, W, 3) after the shift between them, found by phase correlation, is removed."""
    gray = [cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in (one, other)]
    height, width = gray[0].shape
    (dx, dy), _ = cv2.phaseCorrelate(gray[0], gray[1], cv2.createHanningWindow((width, height), cv2.CV_32F))
    x, y = (round(max(-limit / 3, min(limit / 3, shift))) for shift, limit in ((dx, width), (dy, height)))
    rows, columns = (max(0, -y), height - max(0, y)), (max(0, -x), width - max(0, x))
    return (one[rows[0]:rows[1], columns[0]:columns[1]],
            other[rows[0] + y:rows[1] + y, columns[0] + x:columns[1] + x])


@once_per_image
def _thumbnail(image: Tensor) -> NDArray[np.float32]:
    """(h, 160, 3) float32 BGR in [0, 1] of an image (3, H, W); each pixel is the mean of the pixels it covers."""
    height = max(16, round(_WIDTH * image.shape[-2] / image.shape[-1]))
    small = interpolate(image.detach().float()[None], size=(height, _WIDTH), mode="area")[0]
    bgr: NDArray[np.float32] = np.ascontiguousarray(small.clamp(0, 1).flip(0).permute(1, 2, 0).cpu().numpy())
    return bgr
