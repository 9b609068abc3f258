"""Make painted_keys.jpg, the picture of painted_keys.md: two frames of the sample painted over, and what comes between them.

    python docs/make_painted_keys.py paint
    vidstyle run samples/harbour.mp4 --keys 'painted_keys/harbour_####.png' --frames 12-36 -o 'painted_keys/out.####.png'
    python docs/make_painted_keys.py picture

`paint` stands for the artist: it posterises and hatches two frames, each in other colours.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from vidstyle.core.images import encode_jpeg, read_image, resize, write_png
from vidstyle.video import open_source

ROOT, FOLDER = Path(__file__).parent.parent, Path("painted_keys")
TINTS = {12: (0.6, 0.85, 1.0), 36: (1.1, 0.8, 0.55)}
"""By the number of the frame: red, green and blue of its painting over those of the frame."""
SHOWN = (15, 18, 21, 24, 27, 33)
WIDTH, HEIGHT, GAP = 320, 180, 6  # pixels, of each frame and of the white between them


def hatched(image: NDArray[np.float32], tint: tuple[float, float, float]) -> NDArray[np.float32]:
    """A painting of `image` (H, W, 3) in [0, 1]: four tones, outlines, and lines where it is dark."""
    smooth = cv2.bilateralFilter(image, 9, 0.25, 7)
    grey = smooth.mean(2)
    y, x = np.mgrid[:grey.shape[0], :grey.shape[1]]
    painting = (np.floor(smooth * 3.99) + 0.5) / 4 * np.array(tint)
    for angle, darkest in ((0.8, 0.75), (-0.8, 0.5), (0.2, 0.3)):
        lines = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / 7) > 0.35
        painting[lines & (grey < darkest)] *= 0.6
    painting[cv2.Canny((smooth * 255).astype(np.uint8), 60, 140) > 0] = 0.08
    return painting.clip(0, 1).astype(np.float32)


def paint() -> None:
    """Write the painted key frames."""
    FOLDER.mkdir(exist_ok=True)
    for number, tint in TINTS.items():
        [frame] = open_source(ROOT / "samples" / "harbour.mp4").decode(number, number)
        painting = torch.from_numpy(hatched(frame.image.permute(1, 2, 0).contiguous().numpy(), tint))
        write_png(FOLDER / f"harbour_{number:04}.png", painting.permute(2, 0, 1))


def picture() -> None:
    """Write the picture: the source and its painted key frames above, frames between and behind them below."""
    [source] = open_source(ROOT / "samples" / "harbour.mp4").decode(12, 12)
    first, last = (read_image(FOLDER / f"harbour_{number:04}.png") for number in TINTS)
    between = [read_image(FOLDER / f"out.{number:04}.png") for number in SHOWN]
    tiles = [resize(image, (HEIGHT, WIDTH)) for image in (source.image, first, *between, last)]
    white = torch.ones(3, HEIGHT, GAP)
    tiles += [torch.ones(3, HEIGHT, WIDTH)] * (-len(tiles) % 3)
    rows = [torch.cat([tiles[k], white, tiles[k + 1], white, tiles[k + 2]], 2) for k in range(0, len(tiles), 3)]
    blank = torch.ones(3, GAP, rows[0].shape[2])
    target = ROOT / "docs" / "painted_keys.jpg"
    target.write_bytes(encode_jpeg(torch.cat([part for row in rows for part in (row, blank)][:-1], 1), 50))
    print(target, target.stat().st_size, "bytes")


if __name__ == "__main__":
    {"paint": paint, "picture": picture}[sys.argv[1]]()
