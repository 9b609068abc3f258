"""Make a picture of movies, a row for each, from frames at even distances.

    python docs/make_rows.py OUT.jpg MOVIE...
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from PIL import Image

from vidstyle.core.images import resize
from vidstyle.video import open_source

COLUMNS, WIDTH, GAP = 4, 296, 5  # frames of a row; pixels of each, and of the white between them: 1200 in all
QUALITY = 50  # of JPEG; keeps three rows under 125 KB


def main() -> None:
    """Write the picture that the command line names."""
    target, *movies = map(Path, sys.argv[1:])
    save(target, [row(movie) for movie in movies])


def save(target: Path, rows: list[torch.Tensor]) -> None:
    """Write rows (3, H, W), one below the other, as a JPEG file."""
    space = torch.ones(3, GAP, rows[0].shape[2])
    lines = [part for one in rows for part in (one, space)][:-1]
    pixels = (torch.cat(lines, 1) * 255).round().to(torch.uint8)
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(target, quality=QUALITY)
    print(target, target.stat().st_size, "bytes")


def row(movie: Path) -> torch.Tensor:
    """(3, H, W): frames from the first to the last beside each other."""
    source = open_source(movie)
    last, height = source.clip.frames - 1, round(WIDTH * source.clip.height / source.clip.width)
    wanted = [round(last * column / (COLUMNS - 1)) for column in range(COLUMNS)]
    frames = [resize(frame.image, (height, WIDTH)) for frame in source.decode() if frame.index in wanted]
    space = torch.ones(3, height, GAP)
    return torch.cat([part for frame in frames for part in (frame, space)][:-1], 2).clamp(0, 1)


if __name__ == "__main__":
    main()
