"""Text drawn into images, in the font that Pillow carries: ASCII only, so that no font has to be installed."""

from __future__ import annotations

import functools
import unicodedata

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

_BOX = 0.55
"""Share of the image that the dark box behind burnt-in text hides."""


def draw_text(text: str, size: int, most: int | None = None) -> Tensor:
    """`text` as (h, w) float32 coverage in [0, 1], 1 = ink; h is the height of a line of the font at `size` pixels.

    most: largest w; a longer text ends with dots. Accents are left out, other characters the font lacks are drawn as `?`.
    """
    font = _font(size)
    text = _plain(text)
    if most is not None and font.getlength(text) > most:
        while text and font.getlength(text + "...") > most:
            text = text[:-1]
        text += "..."
    above, below = font.getmetrics()
    canvas = Image.new("L", (max(1, round(font.getlength(text))), above + below))
    ImageDraw.Draw(canvas).text((0, 0), text, fill=255, font=font)
    return torch.from_numpy(np.asarray(canvas, np.float32) / 255)


def wrap(text: str, size: int, most: int) -> list[str]:
    """`text` in lines of at most `most` pixels at `size`, broken at spaces; a longer word is broken where the line ends."""
    font, lines = _font(size), [""]
    for word in _plain(text).split():
        longer = f"{lines[-1]} {word}".lstrip()
        if font.getlength(longer) <= most:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if lines[-1] and font.getlength(lines[-1] + letter) > most:
                lines.append("")
            lines[-1] += letter
    return lines


def burn_in(image: Tensor, text: str, size: int, *, right: bool = False, bottom: bool = False) -> None:
    """Draw `text` in white on a dark box into a corner of `image` (3, H, W) in [0, 1]: the upper left one, or as named."""
    height, width = image.shape[-2:]
    pad = max(2, size // 4)
    ink = draw_text(text, size, width - 4 * pad)
    tall, wide = min(height, ink.shape[0] + 2 * pad), min(width, ink.shape[1] + 2 * pad)
    y = max(0, height - tall - pad) if bottom else min(pad, height - tall)
    x = max(0, width - wide - pad) if right else min(pad, width - wide)
    box = image[:, y:y + tall, x:x + wide]
    box *= 1 - _BOX
    inner = box[:, pad:pad + ink.shape[0], pad:pad + ink.shape[1]]
    inner += (1 - inner) * ink[:inner.shape[1], :inner.shape[2]]


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont), "Pillow's wheels are built with FreeType"
    return font


def _plain(text: str) -> str:
    """`text` in the characters that the font has."""
    split = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in split if not unicodedata.combining(letter)).encode("ascii", "replace").decode()
