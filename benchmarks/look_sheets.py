"""Pictures for the eye: contact sheets at full size, and unlabelled pairs for judges who do not know the methods."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from vidstyle.core.images import resize, write_png

CROP = 360  # pixels, on each side, of a cell of a contact sheet
CELL = (270, 480)  # pixels, height and width of a cell of a grid
GAP = 8  # pixels between pictures
GROUND, INK = 0.11, 0.85  # sRGB in [0, 1]
LABEL = 24  # pixels, height of a line of text


def sheet(rows: Sequence[tuple[str, Tensor, Mapping[str, Tensor]]]) -> Tensor:
    """One image of several rows: the style picture, reduced to fit, then the middle of each painting at 100 %, labelled.

    rows: label, style picture (3, H, W) in [0, 1], and pictures of one size by label, the source first.
    """
    lines = []
    for label, style, pictures in rows:
        size = min(CROP, *(min(image.shape[1:]) for image in pictures.values()))
        cells = [_labelled(label, fitted(style, (size, size)))]
        cells += [_labelled(name, _middle(image, size)) for name, image in pictures.items()]
        lines.append(_beside(cells))
    return _below(lines)


def grid(paintings: Sequence[Tensor], columns: int) -> Tensor:
    """One image (3, H, W) of paintings (3, h, w) in [0, 1], `columns` in a row, each fitted into `CELL`."""
    cells = [fitted(image, CELL) for image in paintings]
    cells += [torch.full_like(cells[0], GROUND)] * (-len(cells) % columns)
    return torch.cat([torch.cat(cells[start:start + columns], 2) for start in range(0, len(cells), columns)], 1)


def write_blind(folder: Path, rows: Sequence[tuple[str, Tensor, Mapping[str, Tensor]]], seed: int = 0) -> Path:
    """Write every two paintings of each row into `folder`, 001.png and so on, and return the path of the key.

    Each picture has the style picture on the left and the two paintings, A above B, on the right; which is A, and the order
    of the pictures, are random. The key is `FOLDER-key.json` beside the folder, so that the folder can be handed on alone.
    rows as in `sheet`, without the sources.
    """
    chance, folder = random.Random(seed), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    pairs = [(row, chance.sample(two, 2)) for row in rows for two in combinations(row[2], 2)]
    chance.shuffle(pairs)
    key = {}
    for number, ((label, style, pictures), (a, b)) in enumerate(pairs, 1):
        two = _below([_labelled("A", pictures[a]), _labelled("B", pictures[b])])
        height = two.shape[1]
        write_png(folder / f"{number:03}.png", _beside([fitted(style, (height, round(height * 0.7))), two]))
        key[f"{number:03}.png"] = {"pair": label, "A": a, "B": b}
    path = folder.with_name(f"{folder.name}-key.json")
    path.write_text(json.dumps(key, indent=1))
    return path


def fitted(image: Tensor, size: tuple[int, int]) -> Tensor:
    """`image` (3, H, W) reduced or enlarged to fit (height, width), in the middle of a dark ground."""
    scale = min(size[0] / image.shape[1], size[1] / image.shape[2])
    small = resize(image, (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[2] * scale))))
    return _centred(small, size)


def _centred(image: Tensor, size: tuple[int, int]) -> Tensor:
    out = torch.full((3, *size), GROUND)
    top, left = (size[0] - image.shape[1]) // 2, (size[1] - image.shape[2]) // 2
    out[:, top:top + image.shape[1], left:left + image.shape[2]] = image
    return out


def _middle(image: Tensor, size: int) -> Tensor:
    top, left = (image.shape[1] - size) // 2, (image.shape[2] - size) // 2
    return image[:, top:top + size, left:left + size]


def _labelled(text: str, image: Tensor) -> Tensor:
    canvas = np.zeros((LABEL, image.shape[2]), np.uint8)
    cv2.putText(canvas, text, (2, LABEL - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255,), 1, cv2.LINE_AA)
    ink = torch.from_numpy(canvas).float() / 255
    return torch.cat([(GROUND + (INK - GROUND) * ink).expand(3, -1, -1), image], 1)


def _beside(images: Sequence[Tensor]) -> Tensor:
    height = max(image.shape[1] for image in images)
    return torch.cat([_padded(image, height, image.shape[2] + GAP) for image in images], 2)


def _below(images: Sequence[Tensor]) -> Tensor:
    width = max(image.shape[2] for image in images)
    return torch.cat([_padded(image, image.shape[1] + GAP, width) for image in images], 1)


def _padded(image: Tensor, height: int, width: int) -> Tensor:
    out = torch.full((3, height, width), GROUND)
    out[:, :image.shape[1], :image.shape[2]] = image
    return out
