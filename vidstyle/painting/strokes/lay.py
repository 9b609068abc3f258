"""Laying strokes: guided patch synthesis over a pyramid, for a whole painting or only where paint is missing.

After Texler et al. (2019), with the energy of StyLit (Fišer et al. 2016): for every patch T of the painting the style patch S
that minimises ‖S - T‖² + w_g ‖G_S - G_T‖², then a vote of the overlapping patches, in turn.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.core.devices import widest_float
from vidstyle.core.frame import Prior
from vidstyle.core.images import resize
from vidstyle.ops.read_back import places as true_places
from vidstyle.ops.read_back import read_back
from vidstyle.ops.warp import TRUSTED
from vidstyle.painting.strokes.choose import carry, choose
from vidstyle.painting.strokes.describe import GUIDE_BLUR, blur, whole
from vidstyle.painting.strokes.detail import find_detail, guide_weights
from vidstyle.painting.strokes.index import Patches, StrokeIndex
from vidstyle.painting.strokes.passes import OVERSIZE, PASSES, Pass
from vidstyle.painting.strokes.patches import grid_size, pad_to_grid, vote, window
from vidstyle.painting.strokes.search import Targets, carry_spread, even_spread, measure_spread, nearest
from vidstyle.painting.strokes.tone import take_tone
from vidstyle.painting.strokes.wishes import Wishes

MENDING = (2, 4)
"""Numbers of the passes that mend: holes are small, so that coarser patches would cover them whole."""
SWEEPS, MENDING_SWEEPS = 2, 1
"""How often each patch chooses: in a hole of a few patches most neighbours lie fixed around it, or are chosen before it."""
NONE = Wishes()
_CHUNK = 8192  # patches described at once
_MARGIN = 16  # pixels around the holes: a patch of 8 at half size that touches a hole reaches 11 of them


def lay_strokes(index: StrokeIndex, guide: Tensor, prior: Prior | None = None, start: Tensor | None = None,
                wishes: Wishes = NONE) -> Tensor:
    """A painting (3, H, W) in [0, 1] of strokes from the style pictures, in the forms of `guide` (C, H, W) in [0, 1].

    prior: carried paint. Where its visibility is `TRUSTED` it stays, bit for bit, and only patches that touch other places are
    searched. start: (3, H, W) in [0, 1], a first guess of the painting; None: the guide, which has three channels then,
    with the style's detail. wishes: have an effect if the index has copies.
    """
    painting, fixed = guide if start is None else start, torch.zeros_like(guide[:1], dtype=torch.bool)
    if prior is not None:
        painting, fixed = prior.image, prior.visibility >= TRUSTED
    detail = _weight(index, guide)
    laid = _lay(index, range(len(PASSES)), guide, detail, painting, fixed, wishes, start=start)
    return _toned(index, laid, guide, detail, fixed, guide.shape[1])


def mend(index: StrokeIndex, guide: Tensor, painting: Tensor, known: Tensor, start: Tensor | None = None,
         wishes: Wishes = NONE) -> Tensor:
    """`painting` (3, H, W) in [0, 1] with new strokes where `known` (1, H, W) in [0, 1] is below `TRUSTED`.

    The rest stays, bit for bit. guide, start: as for `lay_strokes`; as far as paint is known, strokes follow that. The cost
    follows the holes: the painting is cropped to them, and only patches that touch them are searched.
    """
    fixed = known >= TRUSTED
    crop = _box(~fixed[0])
    if crop is None:
        return painting
    mended, height = painting.clone(), guide.shape[1]
    followed = guide if index.guided else torch.lerp(guide, painting, known)
    detail = _weight(index, followed)
    guide, followed, detail, within, kept = (image[:, *crop] for image in (guide, followed, detail, painting, fixed))
    begun = None if start is None else start[:, *crop]
    laid = _lay(index, MENDING, followed, detail, within, kept, wishes.crop(crop), start=begun)
    # The tone is that of the frame alone: to its filter, painted strokes in a guide would be edges.
    mended[:, *crop] = _toned(index, laid, guide, detail, kept, height)
    return mended


def _weight(index: StrokeIndex, guide: Tensor) -> Tensor:
    """(1, H, W) in [0, 1]: how closely the guide is followed at each place."""
    # The frame that a picture was painted over says exactly what belongs where.
    return torch.ones_like(guide[:1]) if index.guided else find_detail(guide)


def redraw(index: StrokeIndex, guide: Tensor, painting: Tensor, wishes: Wishes = NONE) -> Tensor:
    """Other strokes of the style in place of those of `painting` (3, H, W) in [0, 1], in the same forms.

    index: a redrawn one, see `StrokeIndex.redrawn`; with that of the painting most strokes would come back. guide: (3, H, W)
    in [0, 1], the forms that small things are drawn from anew; elsewhere the painting is its own guide, and is where the search
    starts, so that large strokes stay where they are: laid from `guide` alone, whole stars jump from drawing to drawing.
    """
    detail, nothing = find_detail(guide), torch.zeros_like(guide[:1], dtype=torch.bool)
    forms = torch.lerp(painting, guide, detail)
    laid = _lay(index, range(len(PASSES)), forms, detail, painting, nothing, wishes, start=painting)
    return _toned(index, laid, guide, detail, nothing, guide.shape[1])


def _box(holes: Tensor) -> tuple[slice, slice] | None:
    """The rows and columns of the box around all `holes` (H, W), with a margin; None where there are none."""
    down, across = holes.any(1), holes.any(0)
    ends = [end for line in (down, across) for end in (line.byte().argmax(), len(line) - line.flip(0).byte().argmax())]
    found, top, bottom, left, right = map(int, read_back(torch.stack([down.any().long(), *ends])))
    if not found:
        return None
    return (slice(max(0, top - _MARGIN), min(len(down), bottom + _MARGIN)),
            slice(max(0, left - _MARGIN), min(len(across), right + _MARGIN)))


def _lay(index: StrokeIndex, passes: Sequence[int], guide: Tensor, detail: Tensor, painting: Tensor, fixed: Tensor,
         wishes: Wishes, *, start: Tensor | None = None) -> Tensor:
    """The painting after the passes of the numbers `passes`; `painting` (3, H, W) stays where `fixed` (1, H, W) is true.

    detail: (1, H, W), see `find_detail`. start: what the first search starts from; None: the guide with the style's detail.
    """
    canvas, laid, spread, last = guide if start is None else start, None, None, None
    for one, style in ((PASSES[number], index.passes[number]) for number in passes):
        size = _level(guide, one)
        kept = F.interpolate(fixed[None].float(), size, mode="area")[0] >= 0.5
        grid = grid_size(size, one.side, one.stride)
        touched = F.max_pool2d(pad_to_grid((~kept).float(), one.side, one.stride), one.side, one.stride)
        places = true_places(touched.flatten() > 0)
        canvas = torch.where(kept, resize(painting, size), resize(canvas, size))
        if last is None or laid is None or spread is None:
            laid = torch.full(grid, -1, device=guide.device)
            if start is None:
                canvas = torch.where(kept, canvas, (canvas + _detail(style, size)).clamp(0, 1))
        else:
            laid, spread = carry(laid, last, style, grid), carry_spread(spread, last, style)
            there = true_places((laid >= 0).flatten())
            canvas = torch.where(kept, canvas, _vote(canvas, style, one, laid, there, spread.new_zeros(len(there))))
        blurred = whole(pad_to_grid(blur(resize(guide, size), GUIDE_BLUR), one.side, one.stride))
        weights = guide_weights(resize(detail, size), one)
        wished = wishes.describe(one, size, guide.device) if index.copied else None
        for _ in range(one.rounds if len(places) else 0):
            padded = whole(pad_to_grid(canvas, one.side, one.stride))
            targets = _describe(style, one, blurred, padded, weights, wished, places)
            if passes is MENDING or index.guided:  # a hole is no sample of the whole painting, and a guide asks for its match
                spread = even_spread(style)
            elif last is None or spread is None:
                everywhere = torch.arange(laid.numel(), device=guide.device)
                spread = measure_spread(style, _describe(style, one, blurred, padded, weights, wished, everywhere))
            del padded
            laid, distance = choose(style, targets, places, nearest(style, targets, spread), spread, laid,
                                    MENDING_SWEEPS if passes is MENDING else SWEEPS)
            del targets
            canvas = torch.where(kept, canvas, _vote(canvas, style, one, laid, places, distance))
        last = style
    return torch.where(fixed, painting, resize(canvas, _size(guide)))


def _toned(index: StrokeIndex, laid: Tensor, guide: Tensor, detail: Tensor, fixed: Tensor, height: int) -> Tensor:
    """`laid` (3, H, W) with the tone of `guide` (3, H, W), not where `fixed` (1, H, W) is true; height: see `take_tone`."""
    if index.guided:  # an artist's painting has the colours that its frame is to have
        return laid
    toned = take_tone(laid, guide if index.gamut is None else index.gamut(guide), detail, height)
    return torch.where(fixed, laid, toned)


def _describe(style: Patches, one: Pass, guide: Tensor, painting: Tensor, weights: Tensor, wished: tuple[Tensor, ...] | None,
              places: Tensor) -> Targets:
    """The patches at `places` (n,) of `guide` and `painting`, each (3, H, W) uint8.

    weights: of the guide (grid,). wished: see `Wishes.describe`; None where the index has no copies.
    """
    described = [style.describer.describe(guide, painting, one.stride, some) for some in torch.split(places, _CHUNK)]
    if wished is None:
        return Targets(torch.cat(described), weights[places], torch.zeros_like(weights[places]))
    asked, direction_weights = wished
    return Targets(torch.cat([torch.cat(described), asked[places]], 1), weights[places], direction_weights[places])


def _size(image: Tensor) -> tuple[int, int]:
    """(height, width) of an image (C, H, W)."""
    return image.shape[-2], image.shape[-1]


def _level(guide: Tensor, one: Pass) -> tuple[int, int]:
    """(height, width) of the canvas at the level of a pass."""
    height, width = (max(1, round(OVERSIZE * pixels / one.shrink)) for pixels in _size(guide))
    return height, width


def _detail(style: Patches, size: tuple[int, int]) -> Tensor:
    """(3, height, width) of `size`: the fine detail of the style pictures, repeated as a wallpaper that begins at its `shift`.

    The first search starts from the guide with this detail: a smooth start finds the plainest style patches only.
    """
    detail = style.detail
    detail = detail.roll([-int(share * side) for share, side in zip(style.shift, _size(detail), strict=True)], (1, 2))
    times = [-(-wanted // there) for wanted, there in zip(size, _size(detail), strict=True)]
    return detail.repeat(1, *times)[:, :size[0], :size[1]]


def _vote(canvas: Tensor, style: Patches, one: Pass, laid: Tensor, places: Tensor, distance: Tensor) -> Tensor:
    """`canvas` with what the style patches that are `laid` at `places` (n,) vote for, near ones more."""
    mean = distance.to(widest_float(distance.device)).mean().float()  # exact: whole numbers
    weights = 1 / (distance / mean.clamp_min(1) + 0.1)
    shape = window(one.side, one.sharpness).to(canvas)
    onto = pad_to_grid(canvas, one.side, one.stride)
    voted = vote(onto, style.picture, laid.flatten()[places], weights, places, one.stride, shape, style.grid)
    return voted[:, :canvas.shape[1], :canvas.shape[2]]
