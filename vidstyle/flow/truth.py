"""True motion from files: Middlebury's `.flo`, in the folders that MPI Sintel uses."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from vidstyle.core.errors import InputError

_MAGIC = 202021.25
_UNKNOWN = 1e9  # larger numbers say that the motion there is not known


class Truth:
    """The true motion of a clip: file k, in order of the names, from frame k to frame k + 1.

    folder: holds `flow/*.flo`, `occlusions/*.png` and, where it has some, `invalid/*.png`; or it is one of Sintel's own,
    `training/flow/SCENE`, whose masks lie in `training/occlusions/SCENE` and `training/invalid/SCENE`.
    """

    def __init__(self, folder: Path) -> None:
        """Find the files. Raises InputError where there are none, or not one mask for each."""
        self.folder = folder
        own = folder / "flow"
        self._flows = sorted((own if own.is_dir() else folder).glob("*.flo"))
        if not self._flows:
            raise InputError(f"{folder}: holds no true motion; name a folder with flow/*.flo and occlusions/*.png in it.")
        self._masks = []
        for kind in ("occlusions", "invalid"):
            place = folder / kind if own.is_dir() else folder.parent.parent / kind / folder.name
            files = sorted(place.glob("*.png"))
            if len(files) < len(self._flows) and (files or kind == "occlusions"):
                raise InputError(f"{place}: holds {len(files)} masks for {len(self._flows)} motions; give one for each.")
            self._masks.append(files)

    def __len__(self) -> int:
        return len(self._flows)

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        """(to_this (2, H, W) px, visibility (1, H, W)) from frame `index` to the next, on the grid of frame `index`.

        Hidden is what the masks mark, what moves out of the picture, and what is not known (there the motion is 0).
        Raises InputError for a file that cannot be read.
        """
        flow = read_flo(self._flows[index])
        known = (flow.abs() < _UNKNOWN).all(0, keepdim=True)  # false for NaN, too
        flow = torch.where(known, flow, torch.zeros(()))
        height, width = flow.shape[1:]
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        there_x, there_y = flow[0] + x, flow[1] + y
        # Rounding must not put a point that stays on the frame's edge outside it.
        inside = (there_x >= -1e-3) & (there_x <= width - 1 + 1e-3) & (there_y >= -1e-3) & (there_y <= height - 1 + 1e-3)
        visible = known & inside
        for files in self._masks:
            if files:
                visible &= _read_mask(files[index], (height, width))
        return flow, visible.float()


def read_flo(path: Path) -> Tensor:
    """(2, H, W) float32 px of a `.flo` file: the float 202021.25, width, height, then x and y of every pixel.

    Raises InputError for a file that cannot be read or is none.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()}); check the path.") from error
    if len(content) >= 12 and np.frombuffer(content, "<f4", 1)[0] == _MAGIC:
        width, height = (int(side) for side in np.frombuffer(content, "<i4", 2, 4))
        if width > 0 and height > 0 and len(content) == 12 + 8 * width * height:
            motion = np.frombuffer(content, "<f4", 2 * width * height, 12).reshape(height, width, 2)
            return torch.from_numpy(motion.transpose(2, 0, 1).astype(np.float32))
    raise InputError(f"{path}: is no .flo file, or is cut off; copy it again.")


def _read_mask(path: Path, size: tuple[int, int]) -> Tensor:
    """(1, H, W) bool: where the picture is black, that is, nothing is marked."""
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None or picture.shape != size:
        raise InputError(f"{path}: is no mask of {size[1]}x{size[0]} pixels; give one as large as the motion.")
    return torch.from_numpy(picture < 128)[None]
