"""Make colour.jpg, the picture of docs/colour.md: a frame of the sample, and its painting with each choice of --color.

    python docs/make_colour_picture.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from vidstyle.core.atomic import write_atomically
from vidstyle.core.choices import Color
from vidstyle.core.images import encode_jpeg, resize
from vidstyle.core.options import Options
from vidstyle.painting.style_picture import Style
from vidstyle.run.pipeline import stylize_video
from vidstyle.run.plan import Selection
from vidstyle.video import open_source

ROOT = Path(__file__).parent.parent
CLIP, FRAME = ROOT / "samples" / "harbour.mp4", 24
STYLE = ROOT / "samples" / "styles" / "night.jpg"
WIDTH, HEIGHT, GAP = 480, 270, 8  # pixels, of each picture and of the white between them
COLOURS: tuple[Color, ...] = ("style", "source", "match")


def main() -> None:
    """Paint the frame three times, and write the four pictures as one."""
    [[frame]] = open_source(CLIP).sample([FRAME], run=1)
    with tempfile.TemporaryDirectory() as folder:
        pictures = [frame.image, *(painted(color, Path(folder)) for color in COLOURS)]
    first, second, third, fourth = (resize(picture, (HEIGHT, WIDTH)) for picture in pictures)
    rows = [torch.cat([left, torch.ones(3, HEIGHT, GAP), right], 2) for left, right in ((first, second), (third, fourth))]
    target = ROOT / "docs" / "colour.jpg"
    write_atomically(target, encode_jpeg(torch.cat([rows[0], torch.ones(3, GAP, rows[0].shape[2]), rows[1]], 1), 62))
    print(target, target.stat().st_size, "bytes")


def painted(color: Color, folder: Path) -> torch.Tensor:
    """The painted frame (3, H, W)."""
    target = folder / f"{color}.mp4"
    stylize_video(CLIP, [Style(STYLE)], target, Options(color=color, crf=0, size=WIDTH), Selection(frames=(FRAME, FRAME)))
    return next(iter(open_source(target).decode())).image


if __name__ == "__main__":
    main()
