"""Contact sheets: frames and their paintings on one image, large enough to see the brush strokes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vidstyle.core.images import resize
from vidstyle.core.text import draw_text, wrap

LEAST_SIDE = 640
"""Pixels of the longest side of a frame at least; with one or two frames on the sheet it is larger."""
_ACROSS = 3  # pairs in a row at most
_MARGIN, _GAP = 12, 6  # pixels: between pairs, and between a source and its painting
_WIDTH = _ACROSS * LEAST_SIDE + (_ACROSS + 1) * _MARGIN
_BACKGROUND, _INK = 0.11, 0.85  # sRGB in [0, 1]
_TITLE, _LINE, _CAPTION, _SMALL = 30, 20, 18, 14  # sizes of the font in pixels
_STYLE_HEIGHT = 200  # pixels


def frame_side(count: int) -> int:
    """Longest side in pixels at most of each of `count` frames on a sheet."""
    across = _across(count)
    return (_WIDTH - (across + 1) * _MARGIN) // across


def contact_sheet(columns: Sequence[tuple[Tensor, Tensor]], captions: Sequence[str] = (), *, heading: Sequence[str] = (),
                  pictures: Sequence[Tensor] = ()) -> Tensor:
    """One image (3, H, W) in [0, 1] of several frames: each source above its painting, at most three pairs in a row.

    columns: pairs (source, painting), each (3, h, w) in [0, 1]; all are scaled to fit tiles of the first source's shape, whose
    longest side is `LEAST_SIDE` or more. captions: a short text above each pair, such as the frame's number. heading: lines
    at the top, the first one in large letters. pictures: the style pictures, (3, h, w), at the left of the heading. Raises
    ValueError if there are no pairs.
    """
    if not columns:
        raise ValueError("a contact sheet needs at least one pair of images")
    across = _across(len(columns))
    height, width = columns[0][0].shape[-2:]
    # Frames that are larger than their tile are reduced, smaller ones are enlarged no further than to LEAST_SIDE.
    factor = min(frame_side(len(columns)), max(LEAST_SIDE, height, width)) / max(height, width)
    tile = max(1, round(height * factor)), max(1, round(width * factor))
    wide = max(LEAST_SIDE + 2 * _MARGIN, _MARGIN + across * (tile[1] + _MARGIN))
    rows = [_row(columns[start:start + across], captions[start:start + across], tile, wide)
            for start in range(0, len(columns), across)]
    head = [_head(heading, pictures, wide)] if heading or pictures else []
    return torch.cat([*head, *rows, _blank(_MARGIN, wide)], dim=1)


@dataclass(frozen=True)
class Tile:
    """One image of a sheet of variants."""

    image: Tensor | None
    """(3, h, w) in [0, 1]; None where there is none."""
    caption: str
    """Above it, in one line."""
    text: str
    """Below it, in as many small lines as it needs; in place of an image that is not there, why it is not."""


def tile_side(across: int) -> int:
    """Longest side in pixels at most of a tile of a sheet with so many in a row."""
    return min(LEAST_SIDE, (_WIDTH - (across + 1) * _MARGIN) // across)


def variant_sheet(tiles: Sequence[Tile], shape: tuple[int, int], across: int, *, heading: Sequence[str] = (),
                  pictures: Sequence[Tensor] = ()) -> Tensor:
    """One image (3, H, W) in [0, 1] of `tiles`, `across` in a row, each with its caption above and its text below.

    shape: height and width of the images, of any size: they are scaled to a longest side of `tile_side`. heading, pictures: as
    in `contact_sheet`.
    """
    factor = tile_side(across) / max(shape)
    tile = max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor))
    column = max(tile[1], min(LEAST_SIDE // 2, tile_side(across)))  # room for the text under an upright frame
    wide = max(LEAST_SIDE + 2 * _MARGIN, _MARGIN + across * (column + _MARGIN))
    rows = [_variants(tiles[start:start + across], tile, column, wide) for start in range(0, len(tiles), across)]
    head = [_head(heading, pictures, wide)] if heading or pictures else []
    return torch.cat([*head, *rows, _blank(_MARGIN, wide)], dim=1)


def _variants(tiles: Sequence[Tile], shape: tuple[int, int], column: int, width: int) -> Tensor:
    """One row of tiles of this (height, width): (3, h, `width`)."""
    line, top = _line_height(_SMALL), _MARGIN + _line_height(_CAPTION) + _GAP
    texts = [wrap(tile.text, _SMALL, column) for tile in tiles]
    below = max((len(text) for text, tile in zip(texts, tiles, strict=True) if tile.image is not None), default=0)
    # Where a picture is not there, the text stands in its place.
    height = max(shape[0] + _GAP + below * line, *(len(text) * line for text in texts))
    row = _blank(top + height, width)
    for place, (tile, text) in enumerate(zip(tiles, texts, strict=True)):
        left, y = _MARGIN + place * (column + _MARGIN), top
        _write(row, tile.caption, _CAPTION, left, _MARGIN, column)
        if tile.image is not None:
            row[:, y:y + shape[0], left:left + shape[1]] = _fit(tile.image, shape)
            y += shape[0] + _GAP
        for words in text:
            _write(row, words, _SMALL, left, y, column)
            y += line
    return row


def _across(count: int) -> int:
    """Pairs in a row, so that `count` of them fill the rows evenly."""
    return -(-count // -(-count // _ACROSS))


def _row(pairs: Sequence[tuple[Tensor, Tensor]], captions: Sequence[str], tile: tuple[int, int], width: int) -> Tensor:
    """Some pairs beside each other: (3, h, `width`)."""
    top = _MARGIN + (_line_height(_CAPTION) + _GAP if captions else 0)
    row = _blank(top + 2 * tile[0] + _GAP, width)
    for place, pair in enumerate(pairs):
        left = _MARGIN + place * (tile[1] + _MARGIN)
        if captions:
            _write(row, captions[place], _CAPTION, left, _MARGIN, tile[1])
        for below, image in enumerate(pair):
            y = top + below * (tile[0] + _GAP)
            row[:, y:y + tile[0], left:left + tile[1]] = _fit(image, tile)
    return row


def _head(heading: Sequence[str], pictures: Sequence[Tensor], width: int) -> Tensor:
    """The style pictures, and the heading beside them: (3, h, `width`)."""
    share = (width // 2) // max(1, len(pictures)) - _MARGIN
    shown = []
    for picture in pictures:
        factor = min(_STYLE_HEIGHT / picture.shape[1], share / picture.shape[2])
        size = max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[2] * factor))
        shown.append(resize(picture.detach().float().cpu(), size))
    letters = [_TITLE, *[_LINE] * (len(heading) - 1)][:len(heading)]
    text = sum(map(_line_height, letters)) + _GAP * len(letters)
    head = _blank(_MARGIN + max([text, *(picture.shape[1] for picture in shown)]), width)
    left = _MARGIN
    for picture in shown:
        head[:, _MARGIN:_MARGIN + picture.shape[1], left:left + picture.shape[2]] = picture
        left += picture.shape[2] + _MARGIN
    y = _MARGIN
    for line, large in zip(heading, letters, strict=True):
        _write(head, line, large, left, y, width - left - _MARGIN)
        y += _line_height(large) + _GAP
    return head


def _write(sheet: Tensor, text: str, size: int, x: int, y: int, most: int) -> None:
    ink = draw_text(text, size, most)
    sheet[:, y:y + ink.shape[0], x:x + ink.shape[1]] += (_INK - _BACKGROUND) * ink


def _line_height(size: int) -> int:
    return draw_text("", size).shape[0]


def _blank(height: int, width: int) -> Tensor:
    return torch.full((3, height, width), _BACKGROUND)


def _fit(image: Tensor, tile: tuple[int, int]) -> Tensor:
    """`image` scaled to fit into the (height, width) `tile`, centred on the background."""
    scale = min(tile[0] / image.shape[1], tile[1] / image.shape[2])
    size = (min(tile[0], math.ceil(image.shape[1] * scale)), min(tile[1], math.ceil(image.shape[2] * scale)))
    fitted = _blank(*tile)
    y, x = (tile[0] - size[0]) // 2, (tile[1] - size[1]) // 2
    fitted[:, y:y + size[0], x:x + size[1]] = resize(image.detach().float().cpu(), size)
    return fitted
