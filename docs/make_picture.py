"""Make harbour.webp, the moving picture of the README: the sample on the left, and painted on the right.

    vidstyle run samples/harbour.mp4 --style samples/styles/night.jpg -o painted.mp4
    python docs/make_picture.py painted.mp4

Every second frame is shown, at the pace of the clip.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from PIL import Image

from vidstyle.core.images import resize
from vidstyle.video import open_source

ROOT = Path(__file__).parent.parent
WIDTH, HEIGHT, GAP = 448, 252, 8  # pixels, of each half and of the white between them
QUALITY = 55  # of WebP; keeps the file under 1.5 MB


def main() -> None:
    """Write the picture from the sample and its painting, which the command line names."""
    painted, target = Path(sys.argv[1]), ROOT / "docs" / "harbour.webp"
    pairs = zip(open_source(ROOT / "samples" / "harbour.mp4").decode(), open_source(painted).decode(), strict=True)
    images = [side_by_side(before.image, after.image) for before, after in pairs if before.index % 2 == 0]
    images[0].save(target, save_all=True, append_images=images[1:], duration=1000 * 2 // 24, loop=0, quality=QUALITY, method=6)
    print(target, target.stat().st_size, "bytes")


def side_by_side(before: torch.Tensor, after: torch.Tensor) -> Image.Image:
    """Two images (3, H, W) in [0, 1] beside each other."""
    halves = [resize(image, (HEIGHT, WIDTH)).clamp(0, 1) for image in (before, after)]
    pixels = (torch.cat([halves[0], torch.ones(3, HEIGHT, GAP), halves[1]], 2) * 255).round().to(torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).numpy())


if __name__ == "__main__":
    main()
