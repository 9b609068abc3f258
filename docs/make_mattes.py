"""Make mattes of the sample clip, one image a frame, and the picture of docs/mattes.md.

    python docs/make_mattes.py mattes
    vidstyle run samples/harbour.mp4 --style samples/styles/night.jpg --frames 0-11 -o painted.mp4 \\
        --matte mattes/sky.####.png=samples/styles/garden.jpg --matte mattes/boat.####.png=none
    python docs/make_mattes.py mattes painted.mp4

The sample is drawn in layers, so that what each of them covers is known exactly.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from samples import scene  # noqa: E402
from samples.layers import pixel_grid  # noqa: E402
from vidstyle.core.images import resize  # noqa: E402
from vidstyle.video import open_source  # noqa: E402

MATTES = {"sky": ("sky", "far hills"), "boat": ("boat",)}
FRAME = 8  # the frame shown
WIDTH, HEIGHT, GAP, QUALITY = 592, 333, 8, 74  # pixels of each quarter, and of the white between them; of JPEG


def mattes_of(index: int) -> np.ndarray:
    """(N, H, W) float32 in [0, 1]: how far frame `index` shows the layers of each of MATTES."""
    covered, grid = np.zeros((len(MATTES), scene.HEIGHT, scene.WIDTH), np.float32), pixel_grid(scene.HEIGHT, scene.WIDTH)
    for layer in scene.layers():
        if (box := layer.box(index, scene.HEIGHT, scene.WIDTH)) is not None:
            alpha = layer.sample(layer.to_plane(grid[box], index))[..., 3]
            for one, names in zip(covered, MATTES.values(), strict=True):
                one[box] += alpha * (np.float32(layer.name in names) - one[box])
    return covered


def write_mattes(folder: Path) -> None:
    """Write `sky.####.png` and `boat.####.png`, a grey image for each frame of the sample."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(scene.FRAMES):
        for name, matte in zip(MATTES, mattes_of(index), strict=True):
            Image.fromarray((matte * 255).round().astype(np.uint8)).save(folder / f"{name}.{index:04}.png")
    print(*(folder / f"{name}.####.png" for name in MATTES), sep="\n")


def write_picture(folder: Path, painted: Path) -> None:
    """Write docs/mattes.jpg: a frame of the sample and its painting above, its mattes below."""
    quarters = [next(open_source(path).decode(FRAME, FRAME)).image
                for path in (ROOT / "samples" / "harbour.mp4", painted, *(folder / f"{name}.####.png" for name in MATTES))]
    quarters = [resize(image, (HEIGHT, WIDTH)).clamp(0, 1) for image in quarters]
    rows = [torch.cat([left, torch.ones(3, HEIGHT, GAP), right], 2) for left, right in (quarters[:2], quarters[2:])]
    pixels = (torch.cat([rows[0], torch.ones(3, GAP, rows[0].shape[2]), rows[1]], 1) * 255).round().to(torch.uint8)
    target = ROOT / "docs" / "mattes.jpg"
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(target, quality=QUALITY)
    print(target, target.stat().st_size, "bytes")


if __name__ == "__main__":
    if len(sys.argv) == 2:
        write_mattes(Path(sys.argv[1]))
    else:
        write_picture(Path(sys.argv[1]), Path(sys.argv[2]))
