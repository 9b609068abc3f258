"""The camera's own motion: where it explains a place as well as the flow does, it is the better guess."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SPARSE = 8  # pixels between the places that vote
NEAR = 0.15  # pixels of disagreement up to which a place votes for a motion
WINDOW = 17  # pixels; side of the square over which the two are compared
ALLOWANCE = 0.1  # grey levels of 255 by which the camera's motion may fit worse and still be taken
WORST = 40.0  # grey levels; a place that fits worse, hidden perhaps, counts as this


def with_camera(source: NDArray[np.uint8], target: NDArray[np.uint8], flow: NDArray[np.float32]) -> NDArray[np.float32]:
    """`flow` (H, W, 2), source(x) = target(x + flow(x)), with the camera's motion wherever that fits as well.

    source, target: (H, W) luma. In plain areas nothing holds a local search: it drifts, and around what moves it drags
    the background along. Most of a picture usually moves as the camera does, which an affine map says well between two
    frames: it is found by RANSAC on a grid of places. A still camera then leaves its background perfectly still.
    """
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    grid = (slice(SPARSE // 2, None, SPARSE), slice(SPARSE // 2, None, SPARSE))
    places = np.stack([x[grid].ravel(), y[grid].ravel()], 1)
    if len(places) < 12:
        return flow
    led = places + flow[grid].reshape(-1, 2)
    affine, votes = cv2.estimateAffine2D(places, led, method=cv2.RANSAC, ransacReprojThreshold=NEAR, maxIters=200)
    if affine is None or votes.sum() < 12:
        return flow
    a = affine.astype(np.float32)
    camera = np.stack([a[0, 0] * x + a[0, 1] * y + a[0, 2] - x, a[1, 0] * x + a[1, 1] * y + a[1, 2] - y], 2)
    mismatches = []
    for motion in (flow, camera):
        found = cv2.remap(target, x + motion[..., 0], y + motion[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        away = np.minimum(cv2.absdiff(found, source).astype(np.float32), WORST)
        mismatches.append(cv2.boxFilter(away, -1, (WINDOW, WINDOW)))
    better = mismatches[1] <= mismatches[0] + ALLOWANCE
    chosen: NDArray[np.float32] = np.where(better[..., None], camera, flow)
    return chosen
