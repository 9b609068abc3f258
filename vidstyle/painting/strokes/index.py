"""The index of strokes: the patches of the style pictures, described by few whole numbers, built once for a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from vidstyle.painting.strokes.copies import SMALLEST, Copy, in_turns, turn_places
from vidstyle.painting.strokes.describe import LENGTH, LENGTH_BESIDE_WISHES, OWN_DIMENSIONS, STYLE_BLUR, Describer, blur
from vidstyle.painting.strokes.gamut import Gamut
from vidstyle.painting.strokes.levels import Box, Level, canvas_size
from vidstyle.painting.strokes.passes import GRID, OVERSIZE, PASSES, Pass
from vidstyle.painting.strokes.wishes import describe_copy

CORNER = (0.1, 0.25)
"""Height and width of the lower corners left out, as shares of the picture's: signatures are not to be copied."""
MOST_PLACES = 2_000_000
"""Of a level; with more, as of copies at 1080p, its places lie as far apart as the painting's patches. That is a quarter as
many, and at such sizes the distance is as small beside the picture."""
_CHUNK = 8192  # patches described at once: 28 MB


@dataclass(frozen=True)
class Patches:
    """The style patches of one pass. Places are numbered along the rows of the grid over `picture`."""

    one: Pass
    grid: int
    """Pixels between neighbouring places."""
    picture: Tensor
    """(3, H, W) uint8, the style pictures of this level and their copies, one below the other."""
    describer: Describer
    descriptions: Tensor
    """(rows * columns, D) int16, see `Describer`; with copies followed by those of `describe_copy`. 0 where none is allowed."""
    columns: int
    """Of the grid."""
    boxes: tuple[Box, ...]
    """Where each style picture lies."""
    shown: int
    """Number of the picture whose detail a search starts from."""
    allowed: Tensor
    """(rows * columns,) bool: the patch lies within one picture, not on its border and not on a signature."""
    drawn: Tensor
    """(n,) places that are searched, at most `Pass.searched`, in random order; each picture has its share."""
    pools: tuple[tuple[Tensor, ...], ...]
    """For each picture, for each of its copies, the places that may be drawn, in random order; int32."""
    shares: tuple[int, ...]
    """For each picture, how many places are drawn."""
    shift: tuple[float, float] = (0.0, 0.0)
    """Where in the box the detail begins that a painting starts from, in its heights and widths."""

    @cached_property
    def detail(self) -> Tensor:
        """(3, h, w) the fine detail of the picture that is `shown`, without its border: its difference from its blur."""
        box = self.boxes[self.shown]
        inner = slice(box.border, -box.border or None)
        picture = box.cut(self.picture)[:, inner, inner] / 255
        return picture - blur(picture, STYLE_BLUR)

    def weighted(self, weights: Sequence[float], searched: int, generator: torch.Generator) -> Patches:
        """The same patches, of which each picture's share is that of its weight; with 0 it has none.

        So many are drawn that no picture runs out of patches, which would give the others too large a share.
        """
        shares = [weight / sum(weights) for weight in weights]
        most = min(searched, *(sum(map(len, pool)) / share for pool, share in zip(self.pools, shares, strict=True) if share))
        counts = tuple(round(most * share) for share in shares)
        drawn = _shuffled(torch.cat([in_turns(pool)[:count] for pool, count in zip(self.pools, counts, strict=True)]).long(),
                          generator)
        return replace(self, drawn=drawn, shares=counts, shown=weights.index(max(weights)))

    def redrawn(self, shift: tuple[float, float], generator: torch.Generator) -> Patches:
        """The same, with other places drawn and another `shift`."""
        drawn = torch.cat([in_turns([_shuffled(places, generator) for places in pool])[:count]
                           for pool, count in zip(self.pools, self.shares, strict=True)])
        return replace(self, drawn=_shuffled(drawn.long(), generator), shift=shift)


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
    gamut: Gamut | None = None
    """What the tone of strokes is kept to; None: the colours of the guide."""

    @classmethod
    def build(cls, styles: Sequence[Tensor], weights: Sequence[float], height: int, scale: float = 1.0, *,
              seed: int = 0, guides: Sequence[Tensor] = (), copied: Sequence[Copy] = (Copy(),),
              gamut: Gamut | None = None) -> StrokeIndex:
        """The index of `styles`, each (3, H, W) in [0, 1].

        weights: above 0, the share of each picture in the patches that are searched. height: of the painting, in pixels.
        scale: height at which a picture is shown over the painting's; no picture is enlarged in the painting, see `shown`.
        seed: of the patches that are drawn. guides: one for each picture and of its size, (C, H, W) in [0, 1], such as a guide
        of the frame that the picture is a painting of; such a picture is used up to its edges, and has no copies. None: each
        picture is its own guide. copied: the copies of each picture, the first of them itself. gamut: see the field.
        Raises ValueError for no styles, or another number of weights or guides.
        """
        if not styles or len(styles) != len(weights) or len(guides) not in (0, len(styles)):
            raise ValueError(f"{len(styles)} style pictures, {len(weights)} weights and {len(guides)} guides; each picture "
                             "needs one weight, and all or none of them a guide")
        wanted = OVERSIZE * height * scale
        sizes = [canvas_size(style, wanted) for style in styles]
        generator, passes = torch.Generator().manual_seed(seed), list[Patches]()
        for shrink, here in groupby(PASSES, lambda one: one.shrink):
            level = Level.of(styles, guides, sizes, copied, shrink)
            passes += [_patches(level, weights, copied, one, generator, whole=bool(guides)) for one in here]
        return cls(tuple(passes), tuple(min(1.0, tall / wanted) for tall, _ in sizes), seed, bool(guides), len(copied) > 1,
                   gamut)

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


def _patches(level: Level, weights: Sequence[float], copied: Sequence[Copy], one: Pass, generator: torch.Generator, *,
             whole: bool) -> Patches:
    """The style patches of one pass. copied: as for `StrokeIndex.build`. whole: see `_inner`."""
    picture, side = level.picture, one.side
    grid = GRID if level.picture[0].numel() <= MOST_PLACES * GRID**2 else one.stride
    rows, columns = ((pixels - side) // grid + 1 for pixels in picture.shape[1:])
    allowed = torch.zeros(rows, columns, dtype=torch.bool)
    wished = torch.zeros(rows, columns, 3, dtype=torch.int16, device=picture.device)
    pools = list[tuple[Tensor, ...]]()
    for boxes in level.boxes:
        pool = list[Tensor]()
        for copy, box in zip(copied, boxes, strict=True):
            inner = turn_places(_inner(box, side, grid, whole=whole), copy.turn, side, grid)
            here = (slice(box.top // grid, box.top // grid + inner.shape[0]), slice(inner.shape[1]))
            allowed[here] = inner
            down, across = inner.nonzero(as_tuple=True)
            pool.append(_shuffled((down + here[0].start) * columns + across, generator).int())
            if len(copied) > 1:
                share = (copy.size - SMALLEST) / (1 - SMALLEST)
                wished[here] = describe_copy(box.cut(picture) / 255, share, side, grid).view(*inner.shape, 3)
        pools.append(tuple(pool))
    shares = tuple(max(1, round(one.searched * weight / sum(weights))) for weight in weights)
    drawn = torch.cat([in_turns(pool)[:share] for pool, share in zip(pools, shares, strict=True)])
    drawn = _shuffled(drawn, generator).long().to(picture.device)
    describer = Describer.learn(level.guide, picture, side, grid, drawn,
                                LENGTH_BESIDE_WISHES if len(copied) > 1 else LENGTH)
    inside = allowed.flatten().to(picture.device)
    descriptions = picture.new_zeros(allowed.numel(), OWN_DIMENSIONS + (3 if len(copied) > 1 else 0), dtype=torch.int16)
    for part in torch.split(inside.nonzero()[:, 0], _CHUNK):
        descriptions[part, :OWN_DIMENSIONS] = describer.describe(level.guide, picture, grid, part)
    descriptions[:, OWN_DIMENSIONS:] = wished.flatten(0, 1)[:, :descriptions.shape[1] - OWN_DIMENSIONS]
    return Patches(one, grid, picture, describer, descriptions, columns, tuple(boxes[0] for boxes in level.boxes), 0, inside,
                   drawn, tuple(tuple(places.to(picture.device) for places in pool) for pool in pools), shares)


def _shuffled(places: Tensor, generator: torch.Generator) -> Tensor:
    """`places` (n,) in random order."""
    return places[torch.randperm(len(places), generator=generator).to(places.device)]


def _inner(box: Box, side: int, grid: int, *, whole: bool) -> Tensor:
    """(rows, columns) bool, over the grid of a picture: may a patch of `side` pixels lie there?

    whole: with its border and its lower corners.
    """
    tall, wide, border = box.height, box.width, 0 if whole else box.border
    y, x = (torch.arange(0, pixels - side + 1, grid) for pixels in (tall, wide))
    down = ((y >= border) & (y + side <= tall - border))[:, None]
    across = ((x >= border) & (x + side <= wide - border))[None]
    if whole:
        return down & across
    low = (y + side > (1 - CORNER[0]) * tall)[:, None]
    outer = ((x < CORNER[1] * wide) | (x + side > (1 - CORNER[1]) * wide))[None]
    return down & across & ~(low & outer)
