"""Make refresh.jpg, a picture of boil.md: frames in which paint stays, the same renewed slowly, and where the two differ.

    vidstyle run samples/harbour.mp4 --style samples/styles/night.jpg --frames 0-47 --size 480 -o stays.mp4
    vidstyle run samples/harbour.mp4 --style samples/styles/night.jpg --frames 0-47 --size 480 --refresh 2 -o renewed.mp4
    python docs/make_refresh_picture.py stays.mp4 renewed.mp4
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from PIL import Image
from torch.nn.functional import avg_pool2d

from vidstyle.core.images import resize
from vidstyle.video import open_source

TARGET = Path(__file__).parent / "refresh.jpg"
SHOWN = (0, 15, 31, 47)
WIDTH, GAP = 298, 4  # pixels of each frame, and of the white between them
DIFFERENT, AROUND = 0.06, 9  # of the colours, more than the encoder changes, and in how many pixels around most are to differ
QUALITY = 50  # of JPEG; keeps the file under 120 KB


def main() -> None:
    """Write the picture from the two paintings that the command line names."""
    stays, renewed = (shown(Path(name)) for name in sys.argv[1:3])
    changed = [differs(one, other) for one, other in zip(stays, renewed, strict=True)]
    height = stays[0].shape[1]
    rows = [torch.cat([part for image in row for part in (image, torch.ones(3, height, GAP))][:-1], 2)
            for row in (stays, renewed, changed)]
    blank = torch.ones(3, GAP, rows[0].shape[2])
    pixels = (torch.cat([part for row in rows for part in (row, blank)][:-1], 1) * 255).round().to(torch.uint8)
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(TARGET, quality=QUALITY, optimize=True)
    print(TARGET, TARGET.stat().st_size, "bytes")


def differs(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """(3, H, W): 1 where most of two images (3, H, W) differs, else 0; of other strokes, a pixel may be the same."""
    pixels = ((one - other).abs().amax(0, keepdim=True) > DIFFERENT).float()
    return (avg_pool2d(pixels, AROUND, stride=1, padding=AROUND // 2) > 0.5).float().expand(3, -1, -1)


def shown(movie: Path) -> list[torch.Tensor]:
    """The frames (3, h, WIDTH) in [0, 1] of a movie that are shown."""
    source = open_source(movie)
    height = round(WIDTH * source.clip.height / source.clip.width)
    return [resize(frame.image, (height, WIDTH)).clamp(0, 1) for frame in source.decode() if frame.index in SHOWN]


if __name__ == "__main__":
    main()
