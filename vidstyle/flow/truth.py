"""True motion from files: Middlebury's `.flo` format, in the folder layout of MPI Sintel."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from vidstyle.core.errors import InputError, reason

_MAGIC = 202021.25
UNKNOWN = 1e9
"""Middlebury writes a larger number where the motion is not known."""


class Truth:
    """The true motion of a clip: the k-th file, in order of the names, holds the motion from frame k to frame k + 1.

    folder: holds `flow/*.flo`, `occlusions/*.png` and optionally `invalid/*.png`; or it is a folder of Sintel itself,
    `training/flow/SCENE`, with masks in `training/occlusions/SCENE` and `training/invalid/SCENE`.
    """

    def __init__(self, folder: Path) -> None:
        """Find the files. Raises InputError if there are none, or fewer masks than motions."""
        self.folder = folder
        own = folder / "flow"
        self._flows = sorted((own if os.path.isdir(own) else folder).glob("*.flo"))
        if not self._flows:
            raise InputError(f"{folder}: holds no true motion; name a folder with flow/*.flo and occlusions/*.png in it.")
        self._masks = []
        for kind in ("occlusions", "invalid"):
            masks = folder / kind if os.path.isdir(own) else folder.parent.parent / kind / folder.name
            files = sorted(masks.glob("*.png"))
            if len(files) < len(self._flows) and (files or kind == "occlusions"):
                raise InputError(f"{masks}: holds {len(files)} masks for {len(self._flows)} motions; give one for each.")
            self._masks.append(files)

    def __len__(self) -> int:
        return len(self._flows)

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        """(motion (2, H, W) px, visibility (1, H, W)) from frame `index` to the next, on the grid of frame `index`.

        Visibility is 0 where a mask is set, where the motion leads out of the frame, and where it is not known (there
        the motion is 0); else 1. Raises InputError if a file cannot be read.
        """
        flow = read_flo(self._flows[index])
        known = (flow.abs() < UNKNOWN).all(0, keepdim=True)  # False for NaN
        flow = torch.where(known, flow, torch.zeros(()))
        height, width = flow.shape[1:]
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        x, y = flow[0] + x, flow[1] + y
        # A tolerance of 1e-3 px keeps points on the edge of the frame inside it despite rounding.
        inside = (x >= -1e-3) & (x <= width - 1 + 1e-3) & (y >= -1e-3) & (y <= height - 1 + 1e-3)
        visible = known & inside
        for files in self._masks:
            if files:
                visible &= _read_mask(files[index], (height, width))
        return flow, visible.float()


def read_flo(path: Path) -> Tensor:
    """The motion (2, H, W) float32 px in a `.flo` file: the float 202021.25, width, height, then x and y of each pixel.

    Raises InputError if the file cannot be read or is not a `.flo` file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason(error)}); check the path.") from error
    if len(content) >= 12 and np.frombuffer(content, "<f4", 1)[0] == _MAGIC:
        width, height = (int(side) for side in np.frombuffer(content, "<i4", 2, 4))
        if width > 0 and height > 0 and len(content) == 12 + 8 * width * height:
            motion = np.frombuffer(content, "<f4", 2 * width * height, 12).reshape(height, width, 2)
            return torch.from_numpy(motion.transpose(2, 0, 1).astype(np.float32))
    raise InputError(f"{path}: is not a .flo file, or is cut off; copy it again.")


def _read_mask(path: Path, size: tuple[int, int]) -> Tensor:
    """(1, H, W) bool: True where the mask image is black, that is, not set."""
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None or mask.shape != size:
        raise InputError(f"{path}: is not a mask of {size[1]}x{size[0]} pixels; give one as large as the motion.")
    return torch.from_numpy(mask < 128)[None]
