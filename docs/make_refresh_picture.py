"""Make refresh.jpg, a picture of boil.md: frames in which paint stays, the same renewed slowly, and where the two differ.

    vidstyle run samples/harbour.mp4 --style samples/styles/night.jpg --frames 0-47 --size 480 -o stays.mp4
    vidstyle run samples/harbour.mp4 --style samples/styles/night.jpg --frames 0-47 --size 480 --refresh 2 -o renewed.mp4
    python docs/make_refresh_picture.py stays.mp4 renewed.mp4
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from make_rows import row, save
from torch.nn.functional import avg_pool2d

TARGET = Path(__file__).parent / "refresh.jpg"
DIFFERENT, AROUND = 0.06, 9  # of the colours, more than the encoder changes, and in how many pixels around most are to differ


def main() -> None:
    """Write the picture from the two paintings that the command line names."""
    stays, renewed = (row(Path(name)) for name in sys.argv[1:3])
    save(TARGET, [stays, renewed, differs(stays, renewed)])


def differs(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """(3, H, W): 1 where most of two images (3, H, W) differs, else 0; of other strokes, a pixel may be the same."""
    pixels = ((one - other).abs().amax(0, keepdim=True) > DIFFERENT).float()
    return (avg_pool2d(pixels, AROUND, stride=1, padding=AROUND // 2) > 0.5).float().expand(3, -1, -1)


if __name__ == "__main__":
    main()
