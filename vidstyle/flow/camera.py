"""Camera motion: an affine motion of the whole image replaces the flow wherever it fits the two images as well."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SPACING = 8  # pixels between the points that the affine motion is fitted to
NEAR = 0.15  # pixels of distance up to which a point counts as an inlier of an affine motion
FEWEST = 12  # points and inliers, below which there is no affine motion
WINDOW = 17  # pixels; side of the square over which the two motions are compared
ALLOWANCE = 0.1  # grey levels of 255 by which the camera motion may fit worse and still be chosen
WORST = 40.0  # grey levels; larger differences, as of hidden points, count as this


def with_camera(source: NDArray[np.uint8], target: NDArray[np.uint8], flow: NDArray[np.float32]) -> NDArray[np.float32]:
    """`flow` (H, W, 2) pixels, source(x) = target(x + flow(x)), replaced by the camera motion wherever that fits as well.

    source, target: (H, W) luma. In plain areas a local search drifts, and next to a moving object it moves the
    background along. Most of an image usually moves with the camera, and between two frames an affine map describes that
    well. RANSAC finds it from the flow on a sparse grid. If the camera stands still, so does the background.
    """
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    grid = (slice(SPACING // 2, None, SPACING), slice(SPACING // 2, None, SPACING))
    points = np.stack([x[grid].ravel(), y[grid].ravel()], 1)
    if len(points) < FEWEST:
        return flow
    moved = points + flow[grid].reshape(-1, 2)
    affine, inliers = cv2.estimateAffine2D(points, moved, method=cv2.RANSAC, ransacReprojThreshold=NEAR, maxIters=200)
    if affine is None or inliers.sum() < FEWEST:
        return flow
    a = affine.astype(np.float32)
    camera = np.stack([a[0, 0] * x + a[0, 1] * y + a[0, 2] - x, a[1, 0] * x + a[1, 1] * y + a[1, 2] - y], 2)
    mismatches = []
    for motion in (flow, camera):
        warped = cv2.remap(target, x + motion[..., 0], y + motion[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        difference = np.minimum(cv2.absdiff(warped, source).astype(np.float32), WORST)
        mismatches.append(cv2.boxFilter(difference, -1, (WINDOW, WINDOW)))
    better = mismatches[1] <= mismatches[0] + ALLOWANCE
    chosen: NDArray[np.float32] = np.where(better[..., None], camera, flow)
    return chosen
