"""The index of strokes: the patches of the style pictures, described by few whole numbers, built once for a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vidstyle.core.images import resize, size_at_height
from vidstyle.painting.strokes.describe import Describer
from vidstyle.painting.strokes.passes import GRID, OVERSIZE, PASSES, Pass

BORDER = 0.03
"""Share of a style picture's shorter side left out along each edge: frames, and where scans end."""
CORNER = (0.1, 0.25)
"""Height and width of the lower corners left out, as shares of the picture's: signatures are not to be copied."""
_STEP = max(one.shrink for one in PASSES) * GRID  # a picture's sides are multiples of it: its grids fit at every level
_LEAST = 2 * max(one.side * one.shrink for one in PASSES)  # pixels; leaves patches inside the border of the coarsest level
_CHUNK = 8192  # patches described at once: 28 MB


@dataclass(frozen=True)
class Patches:
    """The style patches of one pass. Places are numbered along the rows of the grid of `GRID` pixels over `picture`."""

    picture: Tensor
    """(3, H, W) in [0, 1], the style pictures of this level, one below the other."""
    describer: Describer
    descriptions: Tensor
    """(rows * columns, D) whole numbers, see `Describer`."""
    columns: int
    """Of the grid."""
    box: tuple[int, int, int, int]
    """Top, bottom, left and right of the first picture without its border, in pixels."""
    allowed: Tensor
    """(rows * columns,) bool: the patch lies within one picture, not on its border and not on a signature."""
    drawn: Tensor
    """(n,) places that are searched, at most `Pass.searched`, in random order; each picture has its share."""


@dataclass(frozen=True)
class StrokeIndex:
    """Where strokes are found: the style pictures at every level, and what describes their patches."""

    passes: tuple[Patches, ...]
    """One for each of `PASSES`."""
    shown: tuple[float, ...]
    """For each picture its height over the height asked for; below 1, it is too small to be shown larger without blur."""
    guided: bool = False
    """Whether the pictures have guides of their own, which a guide of the painting is compared with."""

    @classmethod
    def build(cls, styles: Sequence[Tensor], weights: Sequence[float], height: int, scale: float = 1.0, *,
              seed: int = 0, guides: Sequence[Tensor] = ()) -> StrokeIndex:
        """The index of `styles`, each (3, H, W) in [0, 1].

        weights: above 0, the share of each picture in the patches that are searched. height: of the painting, in pixels.
        scale: height at which a picture is shown over the painting's; no picture is enlarged in the painting, see `shown`.
        seed: of the patches that are drawn. guides: one for each picture and of its size, (C, H, W) in [0, 1], such as a guide
        of the frame that the picture is a painting of; such a picture is used up to its edges. None: each picture is its own
        guide. Raises ValueError for no styles, or another number of weights or guides.
        """
        if not styles or len(styles) != len(weights) or len(guides) not in (0, len(styles)):
            raise ValueError(f"{len(styles)} style pictures, {len(weights)} weights and {len(guides)} guides; each picture "
                             "needs one weight, and all or none of them a guide")
        wanted = OVERSIZE * height * scale
        sizes = [_size(style, wanted) for style in styles]
        generator = torch.Generator().manual_seed(seed)
        passes = tuple(_patches(styles, guides, weights, sizes, one, generator) for one in PASSES)
        return cls(passes, tuple(min(1.0, tall / wanted) for tall, _ in sizes), bool(guides))


def _size(style: Tensor, wanted: float) -> tuple[int, int]:
    """(height, width) of a style picture on the canvas: `wanted` pixels high, or less if the painting would be blurred."""
    own = tuple(style.shape[-2:])
    tall, wide = size_at_height(own, min(wanted, OVERSIZE * own[0]), _LEAST)
    return max(1, round(tall / _STEP)) * _STEP, max(1, round(wide / _STEP)) * _STEP


def _patches(styles: Sequence[Tensor], guides: Sequence[Tensor], weights: Sequence[float], sizes: list[tuple[int, int]],
             one: Pass, generator: torch.Generator) -> Patches:
    """The style patches of one pass."""
    level = [(tall // one.shrink, wide // one.shrink) for tall, wide in sizes]
    # The gap on the right keeps a shift along a row from reaching the other end of the picture.
    width = max(wide for _, wide in level) + one.side
    width += -width % GRID
    picture = styles[0].new_zeros(3, sum(tall for tall, _ in level) + one.side, width)
    guide = picture.new_zeros(len(guides[0]), *picture.shape[1:]) if guides else None
    columns = (width - one.side) // GRID + 1
    allowed = torch.zeros((picture.shape[1] - one.side) // GRID + 1, columns, dtype=torch.bool)
    drawn, top = [], 0
    for number, (style, (tall, wide), weight) in enumerate(zip(styles, level, weights, strict=True)):
        picture[:, top:top + tall, :wide] = resize(style, (tall, wide))
        if guide is not None:
            guide[:, top:top + tall, :wide] = resize(guides[number], (tall, wide))
        inner = _inner(tall, wide, one.side, whole=guide is not None)
        mine = torch.zeros_like(allowed)
        mine[top // GRID:top // GRID + inner.shape[0], :inner.shape[1]] = inner
        allowed |= mine
        places = mine.flatten().nonzero()[:, 0]
        share = max(1, round(one.searched * weight / sum(weights)))
        drawn.append(places[torch.randperm(len(places), generator=generator)[:share]])
        top += tall
    places = torch.cat(drawn)
    places = places[torch.randperm(len(places), generator=generator)].to(picture.device)
    describer = Describer.learn(picture, one.side, places, guide)
    every = torch.arange(allowed.numel(), device=picture.device)
    descriptions = torch.cat([describer.describe_style(picture, part) for part in torch.split(every, _CHUNK)])
    tall, wide = level[0]
    border = round(BORDER * min(tall, wide))
    box = (border, tall - border, border, wide - border)
    return Patches(picture, describer, descriptions, columns, box, allowed.flatten().to(picture.device), places)


def _inner(tall: int, wide: int, side: int, *, whole: bool) -> Tensor:
    """(rows, columns) bool, over the grid of a picture of `tall` by `wide` pixels: may a patch of `side` pixels lie there?

    whole: with its border and its lower corners.
    """
    border = 0 if whole else round(BORDER * min(tall, wide))
    y, x = (torch.arange(0, pixels - side + 1, GRID) for pixels in (tall, wide))
    down = ((y >= border) & (y + side <= tall - border))[:, None]
    across = ((x >= border) & (x + side <= wide - border))[None]
    if whole:
        return down & across
    low = (y + side > (1 - CORNER[0]) * tall)[:, None]
    outer = ((x < CORNER[1] * wide) | (x + side > (1 - CORNER[1]) * wide))[None]
    return down & across & ~(low & outer)
