"""The index of strokes: the patches of the style pictures, described by few whole numbers, built once for a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from vidstyle.core.images import resize, size_at_height
from vidstyle.painting.strokes.copies import SMALLEST, Copy, in_turns, turn
from vidstyle.painting.strokes.describe import LENGTH, LENGTH_BESIDE_WISHES, OWN_DIMENSIONS, Describer, whole
from vidstyle.painting.strokes.passes import GRID, OVERSIZE, PASSES, Pass
from vidstyle.painting.strokes.wishes import describe_copy

BORDER = 0.03
"""Share of a style picture's shorter side left out along each edge: frames, and where scans end."""
CORNER = (0.1, 0.25)
"""Height and width of the lower corners left out, as shares of the picture's: signatures are not to be copied."""
_STEP = max(one.shrink for one in PASSES) * GRID  # a picture's sides are multiples of it: its grids fit at every level
_LEAST = 2 * max(one.side * one.shrink for one in PASSES)  # pixels; leaves patches inside the border of the coarsest level
_LEAST_COPY = max(one.side * one.shrink for one in PASSES)  # pixels; a small copy may have no patches at coarse levels
_CHUNK = 8192  # patches described at once: 28 MB


@dataclass(frozen=True)
class Patches:
    """The style patches of one pass. Places are numbered along the rows of the grid of `GRID` pixels over `picture`."""

    picture: Tensor
    """(3, H, W) in [0, 1], the style pictures of this level and their copies, one below the other."""
    describer: Describer
    descriptions: Tensor
    """(rows * columns, D) whole numbers, see `Describer`; with copies followed by those of `describe_copy`.
    0 where no patch is allowed."""
    columns: int
    """Of the grid."""
    boxes: tuple[tuple[int, int, int, int], ...]
    """Top, bottom, left and right of each picture without its border, in pixels."""
    shown: int
    """Number of the picture whose detail a search starts from."""
    allowed: Tensor
    """(rows * columns,) bool: the patch lies within one picture, not on its border and not on a signature."""
    drawn: Tensor
    """(n,) places that are searched, at most `Pass.searched`, in random order; each picture has its share."""
    pools: tuple[tuple[Tensor, ...], ...]
    """For each picture, for each of its copies, the places that may be drawn, in random order."""
    shares: tuple[int, ...]
    """For each picture, how many places are drawn."""
    shift: tuple[float, float] = (0.0, 0.0)
    """Where in the box the detail begins that a painting starts from, in its heights and widths."""

    def weighted(self, weights: Sequence[float], searched: int, generator: torch.Generator) -> Patches:
        """The same patches, of which each picture's share is that of its weight; with 0 it has none.

        So many are drawn that no picture runs out of patches, which would give the others too large a share.
        """
        shares = [weight / sum(weights) for weight in weights]
        most = min(searched, *(sum(map(len, pool)) / share for pool, share in zip(self.pools, shares, strict=True) if share))
        counts = tuple(round(most * share) for share in shares)
        drawn = _shuffled(torch.cat([in_turns(pool)[:count] for pool, count in zip(self.pools, counts, strict=True)]),
                          generator)
        return replace(self, drawn=drawn, shares=counts, shown=weights.index(max(weights)))

    def redrawn(self, shift: tuple[float, float], generator: torch.Generator) -> Patches:
        """The same, with other places drawn and another `shift`."""
        drawn = torch.cat([in_turns([_shuffled(places, generator) for places in pool])[:count]
                           for pool, count in zip(self.pools, self.shares, strict=True)])
        return replace(self, drawn=_shuffled(drawn, generator), shift=shift)


@dataclass(frozen=True)
class StrokeIndex:
    """Where strokes are found: the style pictures at every level, and what describes their patches."""

    passes: tuple[Patches, ...]
    """One for each of `PASSES`."""
    shown: tuple[float, ...]
    """For each picture its height over the height asked for; below 1, it is too small to be shown larger without blur."""
    seed: int = 0
    """Of the patches that are drawn."""
    guided: bool = False
    """Whether the pictures have guides of their own, which a guide of the painting is compared with."""
    copied: bool = False
    """Whether it has copies, among which wishes choose."""

    @classmethod
    def build(cls, styles: Sequence[Tensor], weights: Sequence[float], height: int, scale: float = 1.0, *,
              seed: int = 0, guides: Sequence[Tensor] = (), copied: Sequence[Copy] = (Copy(),)) -> StrokeIndex:
        """The index of `styles`, each (3, H, W) in [0, 1].

        weights: above 0, the share of each picture in the patches that are searched. height: of the painting, in pixels.
        scale: height at which a picture is shown over the painting's; no picture is enlarged in the painting, see `shown`.
        seed: of the patches that are drawn. guides: one for each picture and of its size, (C, H, W) in [0, 1], such as a guide
        of the frame that the picture is a painting of; such a picture is used up to its edges, and has no copies. None: each
        picture is its own guide. copied: the copies of each picture, the first of them itself. Raises ValueError for no styles,
        or another number of weights or guides.
        """
        if not styles or len(styles) != len(weights) or len(guides) not in (0, len(styles)):
            raise ValueError(f"{len(styles)} style pictures, {len(weights)} weights and {len(guides)} guides; each picture "
                             "needs one weight, and all or none of them a guide")
        wanted = OVERSIZE * height * scale
        sizes = [_size(style, wanted) for style in styles]
        generator = torch.Generator().manual_seed(seed)
        passes = tuple(_patches(styles, guides, weights, sizes, copied, one, generator) for one in PASSES)
        return cls(passes, tuple(min(1.0, tall / wanted) for tall, _ in sizes), seed, bool(guides), len(copied) > 1)

    def redrawn(self, number: int) -> StrokeIndex:
        """The index for drawing `number`: the same style pictures, other strokes of them.

        Other patches are searched, and a painting starts from the style's detail elsewhere: alone, either leaves most strokes
        of plain places as they were. Depends on `seed` and `number` alone.
        """
        mixed = int(np.random.SeedSequence((self.seed, number)).generate_state(1, np.uint64)[0])
        generator = torch.Generator().manual_seed(mixed >> 1)
        down, across = torch.rand(2, generator=generator).tolist()
        return replace(self, passes=tuple(one.redrawn((down, across), generator) for one in self.passes))

    def weighted(self, weights: Sequence[float], *, seed: int = 0) -> StrokeIndex:
        """The index for other `weights`, of which some may be 0. As they change little by little, so do the patches drawn."""
        generator = torch.Generator().manual_seed(seed)
        return replace(self, passes=tuple(style.weighted(weights, one.searched, generator)
                                          for style, one in zip(self.passes, PASSES, strict=True)))


def _size(style: Tensor, wanted: float) -> tuple[int, int]:
    """(height, width) of a style picture on the canvas: `wanted` pixels high, or less if the painting would be blurred."""
    own = tuple(style.shape[-2:])
    tall, wide = size_at_height(own, min(wanted, OVERSIZE * own[0]), _LEAST)
    return max(1, round(tall / _STEP)) * _STEP, max(1, round(wide / _STEP)) * _STEP


def _patches(styles: Sequence[Tensor], guides: Sequence[Tensor], weights: Sequence[float], sizes: list[tuple[int, int]],
             made: Sequence[Copy], one: Pass, generator: torch.Generator) -> Patches:
    """The style patches of one pass. made: the copies of each style picture, the first of them itself."""
    level = [[_copy_size(size, copy.size, one) for copy in made] for size in sizes]
    # The gap on the right keeps a shift along a row from reaching the other end of the picture.
    width = max(wide for each in level for _, wide in each) + one.side
    width += -width % GRID
    picture = styles[0].new_zeros(3, sum(tall for each in level for tall, _ in each) + one.side, width)
    guide = picture.new_zeros(len(guides[0]), *picture.shape[1:]) if guides else None
    columns = (width - one.side) // GRID + 1
    allowed = torch.zeros((picture.shape[1] - one.side) // GRID + 1, columns, dtype=torch.bool)
    wished = picture.new_zeros(*allowed.shape, 3)
    pools, boxes, top = list[tuple[Tensor, ...]](), list[tuple[int, int, int, int]](), 0
    for number, (style, each) in enumerate(zip(styles, level, strict=True)):
        border = round(BORDER * min(each[0]))
        boxes.append((top + border, top + each[0][0] - border, border, each[0][1] - border))
        pool = list[Tensor]()
        for copy, (tall, wide) in zip(made, each, strict=True):
            inner = _inner(tall, wide, one.side, whole=guide is not None)
            shown, inner = turn(resize(style, (tall, wide)), inner, copy.turn, one.side)
            picture[:, top:top + tall, :wide] = shown
            if guide is not None:
                guide[:, top:top + tall, :wide] = resize(guides[number], (tall, wide))
            mine = torch.zeros_like(allowed)
            mine[top // GRID:top // GRID + inner.shape[0], :inner.shape[1]] = inner
            allowed |= mine
            pool.append(_shuffled(mine.flatten().nonzero()[:, 0], generator))
            if len(made) > 1:
                share = (copy.size - SMALLEST) / (1 - SMALLEST)
                wished[top // GRID:top // GRID + inner.shape[0], :inner.shape[1]] = describe_copy(
                    shown, share, one.side).view(*inner.shape, 3)
            top += tall
        pools.append(tuple(pool))
    shares = tuple(max(1, round(one.searched * weight / sum(weights))) for weight in weights)
    places = torch.cat([in_turns(pool)[:share] for pool, share in zip(pools, shares, strict=True)])
    places = _shuffled(places, generator).to(picture.device)
    describer = Describer.learn(picture, one.side, places, guide, LENGTH_BESIDE_WISHES if len(made) > 1 else LENGTH)
    pixels, inside = whole(picture), allowed.flatten().to(picture.device)
    descriptions = picture.new_zeros(allowed.numel(), OWN_DIMENSIONS + (wished.shape[2] if len(made) > 1 else 0))
    for part in torch.split(inside.nonzero()[:, 0], _CHUNK):
        descriptions[part, :OWN_DIMENSIONS] = describer.describe(describer.guide, pixels, GRID, part)
    descriptions[:, OWN_DIMENSIONS:] = wished.flatten(0, 1)[:, :descriptions.shape[1] - OWN_DIMENSIONS]
    return Patches(picture, describer, descriptions, columns, tuple(boxes), 0, inside, places,
                   tuple(tuple(places.to(picture.device) for places in pool) for pool in pools), shares)


def _copy_size(size: tuple[int, int], share: float, one: Pass) -> tuple[int, int]:
    """(height, width) at the level of a pass of a copy that is `share` as large as a style picture on the canvas."""
    tall, wide = (max(math.ceil(_LEAST_COPY / _STEP), round(pixels * share / _STEP)) * _STEP for pixels in size)
    return tall // one.shrink, wide // one.shrink


def _shuffled(places: Tensor, generator: torch.Generator) -> Tensor:
    """`places` (n,) in random order."""
    return places[torch.randperm(len(places), generator=generator).to(places.device)]


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
