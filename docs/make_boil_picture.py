"""Make boil.jpg, the picture of boil.md: four frames in a row, above with paint that stays and below on twos.

    vidstyle run samples/harbour.mp4 --style samples/styles/night.jpg --frames 0-3 --size 640 -o held.mp4
    vidstyle run samples/harbour.mp4 --style samples/styles/night.jpg --frames 0-3 --size 640 --boil twos -o twos.mp4
    python docs/make_boil_picture.py held.mp4 twos.mp4
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from PIL import Image

from vidstyle.video import open_source

TARGET = Path(__file__).parent / "boil.jpg"
PART = (slice(60, 260), slice(60, 340))
"""Rows and columns of the frames that are shown, in pixels."""
QUALITY = 60  # of JPEG; keeps the file under 120 KB


def main() -> None:
    """Write the picture from the two paintings that the command line names."""
    rows = [torch.cat([frame.image[:, *PART] for frame in open_source(Path(name)).decode()], 2) for name in sys.argv[1:3]]
    gap = torch.ones(3, 8, rows[0].shape[2])
    pixels = (torch.cat([rows[0], gap, rows[1]], 1).clamp(0, 1) * 255).round().to(torch.uint8)
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(TARGET, quality=QUALITY, optimize=True)
    print(TARGET, TARGET.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
