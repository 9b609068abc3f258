"""Make stroke_direction.jpg, the picture of stroke_direction.md: a frame with strokes as they come, turned, and small.

The paintings are made by the commands of that page.

    python docs/make_direction_picture.py plain.mp4 edges.mp4 detail.mp4
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from PIL import Image

from vidstyle.video import open_source

TARGET = Path(__file__).parent / "stroke_direction.jpg"
PART = (slice(0, 270), slice(80, 460))
"""Rows and columns of the frames that are shown, in pixels."""
QUALITY = 55  # of JPEG; keeps the file under 120 KB


def main() -> None:
    """Write the picture from the paintings that the command line names, side by side."""
    frames = [next(iter(open_source(Path(name)).decode())).image[:, *PART] for name in sys.argv[1:4]]
    gap = torch.ones(3, frames[0].shape[1], 8)
    pixels = (torch.cat([frames[0], gap, frames[1], gap, frames[2]], 2).clamp(0, 1) * 255).round().to(torch.uint8)
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(TARGET, quality=QUALITY, optimize=True)
    print(TARGET, TARGET.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
