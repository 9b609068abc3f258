"""Choice: of the style patches found for every patch, those that continue their neighbours' and are not overused.

Coherence as in Ashikhmin (2001) and k-coherence search (Tong et al. 2002): a neighbour's style patch, shifted as the neighbour
is, is a candidate too, so that whole strokes are copied.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vidstyle.ops.read_back import read_back
from vidstyle.painting.strokes.index import Patches
from vidstyle.painting.strokes.search import Targets

COHERENCE = 0.8
"""Share of its cost that a style patch loses if it continues the patches of all eight neighbours; at 0.6 strokes break up."""
REUSE = 2.0
"""Added share of its cost for each time that a style patch's place is laid in the neighbourhood already."""
CELL = 4
"""Side of the cells of the style picture whose uses are counted, in places of its grid."""
BLOCKS = 6
"""Uses are counted in blocks of the height over this, three by three. At 16 a speck came back every fifth of the height."""
_APART, _FEW, _FEW_APART = 4, 4096, 2
"""Patches chosen at the same time lie this many rows and columns apart: the others' choices are known to them. Of few patches,
as in a hole or on a coarse level, most of the time would go into steps that are many and tiny: these lie less far apart."""
_AT_ONCE = 2048  # patches that choose at once, without knowing each other's choice: 5 MB of descriptions
_AROUND = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right]


def choose(style: Patches, targets: Targets, places: Tensor, candidates: Tensor, spread: Tensor,
           start: Tensor, sweeps: int) -> tuple[Tensor, Tensor]:
    """The places of the style patches that are laid (rows, columns), -1 where none is; and their distances (n,).

    targets: the n patches at `places` (n,) of the painting's grid. candidates: (n, K) places of style patches. spread:
    (places,) the factor of each style patch's distances. start: (rows, columns) what lies there so far. sweeps: how often
    every patch chooses; from the second on it knows all its neighbours.
    """
    rows, columns = start.shape
    match = torch.full((rows + 2, columns + 2), -1, device=places.device)  # a margin of nothing around the grid
    match[1:-1, 1:-1] = start
    flat = match.view(-1)
    y, x = places // columns, places % columns
    here = (y + 1) * (columns + 2) + x + 1
    asked = torch.zeros_like(flat, dtype=torch.bool)
    asked[here] = True
    flat[~asked] = -1
    steps = torch.tensor([down * (columns + 2) + right for down, right in _AROUND], device=places.device)
    shift = style.one.stride // style.grid
    shifts = torch.tensor([(down * style.columns + right) * shift for down, right in _AROUND], device=places.device)
    uses = _Uses.empty(style, rows, columns, places.device)
    blocks = uses.blocks(y, x)
    uses.add(blocks, flat[here], 1)
    distance = spread.new_zeros(len(places))
    apart = _APART if len(places) >= _FEW else _FEW_APART
    for group in [some for each in _apart(y, x, apart) * sweeps for some in torch.split(each, _AT_ONCE)]:
        now, own = flat[here[group]], targets.at(group)
        beside = flat[here[group][:, None] + steps]
        continued = torch.where(beside >= 0, beside - shifts, -1)
        options = torch.cat([now[:, None], continued, candidates[group]], 1)
        inside = (options >= 0) & (options < len(style.allowed))
        options = options.clamp(0, len(style.allowed) - 1)
        valid = inside & style.allowed[options]
        away = style.descriptions[options].float().sub_(own.descriptions[:, None]).square_().mul_(own.weights()[:, None]).sum(2)
        agreeing = (options[:, :, None] == continued[:, None]).sum(2)
        around = blocks[group]
        uses.add(around, now, -1)
        cost = (away + 1) * spread[options] * (1 + REUSE * uses.count(around, options))
        cost = (cost * (1 - COHERENCE / 8 * agreeing)).masked_fill(~valid, torch.inf)
        best = cost.argmin(1, keepdim=True)
        flat[here[group]] = options.gather(1, best)[:, 0]
        distance[group] = away.gather(1, best)[:, 0]
        uses.add(around, flat[here[group]], 1)
    return match[1:-1, 1:-1].clone(), distance


def _apart(y: Tensor, x: Tensor, apart: int) -> list[Tensor]:
    """The indices of the patches in rows `y` and columns `x`, in groups of patches that lie `apart` rows and columns apart."""
    group = y % apart * apart + x % apart
    sizes = read_back((group[:, None] == torch.arange(apart**2, device=y.device)).sum(0))
    return [*torch.split(group.argsort(stable=True), [*map(int, sizes)])]


@dataclass(frozen=True)
class _Uses:
    """How often each cell of the style picture is laid in the neighbourhood of each block of the painting."""

    table: Tensor
    """(blocks * cells,) int16: uses in the block and the eight around it."""
    block: int
    """Side of a block in patches."""
    across: int
    """Blocks in a row, with a margin of one on both sides."""
    cell: Tensor
    """(places,) int32: the cell of each style patch."""
    cells: int
    """Number of cells of the style picture."""
    once: int
    """Patches that lie in a cell when it is copied once, as a whole."""
    near: Tensor
    """(9,): from a place in the table to that of the same cell in the block itself and the eight around it."""

    @classmethod
    def empty(cls, style: Patches, rows: int, columns: int, device: torch.device) -> _Uses:
        block = max(1, -(-rows // BLOCKS))
        down, across = -(-rows // block) + 2, -(-columns // block) + 2
        tall, wide = len(style.allowed) // style.columns, -(-style.columns // CELL)
        row, column = (torch.arange(count, dtype=torch.int32, device=device) // CELL for count in (tall, style.columns))
        cells = -(-tall // CELL) * wide
        table = torch.zeros(down * across * cells, dtype=torch.int16, device=device)
        near = torch.tensor([0, *(down * across + right for down, right in _AROUND)], device=device) * cells
        return cls(table, block, across, (row[:, None] * wide + column).flatten(), cells,
                   max(1, CELL * style.grid // style.one.stride) ** 2, near)

    def blocks(self, y: Tensor, x: Tensor) -> Tensor:
        """Where in the table the block of the patches in rows `y` and columns `x` begins (n,)."""
        return ((y // self.block + 1) * self.across + x // self.block + 1) * self.cells

    def add(self, blocks: Tensor, places: Tensor, count: int) -> None:
        """Count the style patches at `places` (n,), laid in `blocks` (n,), `count` times; not where the place is -1."""
        index = (blocks + self.cell[places.clamp_min(0)])[:, None] + self.near
        counts = ((places >= 0) * count).short()[:, None].expand_as(index)
        self.table.index_add_(0, index.flatten(), counts.flatten())

    def count(self, blocks: Tensor, places: Tensor) -> Tensor:
        """How many times more than once the cells of `places` (n, K) are laid around `blocks` (n,)."""
        uses = self.table[blocks[:, None] + self.cell[places]]
        return (uses - (self.once - 1)).clamp_min(0) / self.once


def carry(match: Tensor, coarse: Patches, fine: Patches, grid: tuple[int, int]) -> Tensor:
    """What one pass laid (rows, columns) as the start of the next, on a grid of `grid` (rows, columns) patches.

    Where a patch begins between those that lie, it continues the nearest of them.
    """
    factor = coarse.one.shrink // fine.one.shrink
    apart, finer = coarse.one.stride * factor, coarse.grid * factor // fine.grid  # pixels and patches of the fine level
    rows, columns = match.shape
    y, x = (torch.arange(count, device=match.device) * fine.one.stride for count in grid)
    near_y, near_x = ((pixels / apart).round().long().clamp_max(count - 1) for pixels, count in ((y, rows), (x, columns)))
    beside_y, beside_x = ((pixels - apart * near).div(fine.grid, rounding_mode="floor")
                          for pixels, near in ((y, near_y), (x, near_x)))
    near = match[near_y[:, None], near_x]
    row = near // coarse.columns * finer + beside_y[:, None]
    column = near % coarse.columns * finer + beside_x
    place = row * fine.columns + column
    inside = (near >= 0) & (row >= 0) & (column >= 0) & (column < fine.columns) & (place < len(fine.allowed))
    place = place.clamp(0, len(fine.allowed) - 1)
    return torch.where(inside & fine.allowed[place], place, -1)
