"""Laying strokes: guided patch synthesis over a pyramid, for a whole painting or only where paint is missing.

After Texler et al. (2019), with the energy of StyLit (Fišer et al. 2016): for every patch T of the painting the style patch S
that minimises ‖S - T‖² + w_g ‖G_S - G_T‖², then a vote of the overlapping patches, in turn.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.core.frame import Prior
from vidstyle.core.images import resize
from vidstyle.ops.warp import TRUSTED
from vidstyle.painting.strokes.choose import Field, carry, choose
from vidstyle.painting.strokes.describe import STYLE_BLUR, blur, whole
from vidstyle.painting.strokes.index import Patches, StrokeIndex
from vidstyle.painting.strokes.passes import OVERSIZE, PASSES, Pass
from vidstyle.painting.strokes.patches import grid_size, pad_to_grid, vote, window
from vidstyle.painting.strokes.search import carry_spread, even_spread, measure_spread, nearest

GUIDE_BLUR = 1.6
"""σ in pixels of each level: strokes follow forms, not the guide's own texture."""
_CHUNK = 8192  # patches described at once
_MARGIN = 16  # pixels around the holes: a patch of 8 at half size that touches a hole reaches 11 of them


def lay_strokes(index: StrokeIndex, guide: Tensor, prior: Prior | None = None) -> Tensor:
    """A painting (3, H, W) in [0, 1] of strokes from the style pictures, in the forms of `guide` (3, H, W) in [0, 1].

    prior: carried paint. Where its visibility is `TRUSTED` it stays, bit for bit, and only patches that touch other places are
    searched.
    """
    if prior is None:
        return _lay(index, guide, guide, torch.zeros_like(guide[:1], dtype=torch.bool), 0)
    return _lay(index, guide, prior.image, prior.visibility >= TRUSTED, 0)


def mend(index: StrokeIndex, guide: Tensor, painting: Tensor, known: Tensor) -> Tensor:
    """`painting` (3, H, W) in [0, 1] with new strokes where `known` (1, H, W) in [0, 1] is below `TRUSTED`.

    The rest stays, bit for bit. guide: (3, H, W) in [0, 1], the forms. The cost follows the holes: the painting is cropped to
    them, and only patches that touch them are searched.
    """
    fixed = known >= TRUSTED
    holes = (~fixed[0]).nonzero()
    if not len(holes):
        return painting
    height, width = fixed.shape[-2:]
    (top, left), (bottom, right) = holes.amin(0).tolist(), holes.amax(0).tolist()
    crop = (slice(max(0, top - _MARGIN), min(height, bottom + 1 + _MARGIN)),
            slice(max(0, left - _MARGIN), min(width, right + 1 + _MARGIN)))
    mended = painting.clone()
    mended[:, *crop] = _lay(index, guide[:, *crop], painting[:, *crop], fixed[:, *crop], 1)
    return mended


def _lay(index: StrokeIndex, guide: Tensor, painting: Tensor, fixed: Tensor, first: int) -> Tensor:
    """The painting after all passes from `first` on; `painting` (3, H, W) stays where `fixed` (1, H, W) is true."""
    canvas, field, spread, last = guide, None, None, None
    for one, style in list(zip(PASSES, index.passes, strict=True))[first:]:
        size = _level(guide, one)
        kept = F.interpolate(fixed[None].float(), size, mode="area")[0] >= 0.5
        grid = grid_size(size, one.side, one.stride)
        touched = F.max_pool2d(pad_to_grid((~kept).float(), one.side, one.stride), one.side, one.stride)
        places = touched.flatten().nonzero()[:, 0]
        canvas = torch.where(kept, resize(painting, size), resize(canvas, size))
        if last is None or field is None or spread is None:
            field = Field(torch.full(grid, -1, device=guide.device), one.stride)
            canvas = torch.where(kept, canvas, (canvas + _detail(style, size)).clamp(0, 1))
        else:
            field, spread = carry(field, last, style, grid, one.stride), carry_spread(spread, last, style)
            laid = (field.match >= 0).flatten().nonzero()[:, 0]
            voted, covered = _vote(style, one, field, laid, torch.zeros(len(laid), device=guide.device))
            canvas = torch.where(kept | ~covered[:, :size[0], :size[1]], canvas, voted[:, :size[0], :size[1]])
            del voted, covered
        blurred = whole(pad_to_grid(blur(resize(guide, size), GUIDE_BLUR), one.side, one.stride))
        for _ in range(one.rounds if len(places) else 0):
            padded = whole(pad_to_grid(canvas, one.side, one.stride))
            targets = _describe(style, one, blurred, padded, places)
            if first > 0:
                spread = even_spread(style)  # a hole is no sample of the whole painting
            elif last is None or spread is None:
                everywhere = torch.arange(field.match.numel(), device=guide.device)
                spread = measure_spread(style, _describe(style, one, blurred, padded, everywhere))
            del padded
            field, distance = choose(style, targets, places, nearest(style, targets, spread), spread, field)
            del targets
            voted, _ = _vote(style, one, field, places, distance)
            canvas = torch.where(kept, canvas, voted[:, :size[0], :size[1]])
            del voted
        last = style
    return torch.where(fixed, painting, resize(canvas, _size(guide)))


def _describe(style: Patches, one: Pass, guide: Tensor, painting: Tensor, places: Tensor) -> Tensor:
    """Descriptions (n, D) of the patches at `places` (n,) of `guide` and `painting`, each (3, H, W) uint8."""
    return torch.cat([style.describer.describe(guide, painting, one.stride, some) for some in torch.split(places, _CHUNK)])


def _size(image: Tensor) -> tuple[int, int]:
    """(height, width) of an image (C, H, W)."""
    return image.shape[-2], image.shape[-1]


def _level(guide: Tensor, one: Pass) -> tuple[int, int]:
    """(height, width) of the canvas at the level of a pass."""
    height, width = (max(1, round(OVERSIZE * pixels / one.shrink)) for pixels in _size(guide))
    return height, width


def _detail(style: Patches, size: tuple[int, int]) -> Tensor:
    """(3, height, width) of `size`: the fine detail of the style pictures, repeated as a wallpaper.

    The first search starts from the guide with this detail: a smooth start finds the plainest style patches only.
    """
    top, bottom, left, right = style.box
    detail = (style.picture - blur(style.picture, STYLE_BLUR))[:, top:bottom, left:right]
    times = [-(-wanted // there) for wanted, there in zip(size, _size(detail), strict=True)]
    return detail.repeat(1, *times)[:, :size[0], :size[1]]


def _vote(style: Patches, one: Pass, field: Field, places: Tensor, distance: Tensor) -> tuple[Tensor, Tensor]:
    """The image that the style patches of `field` at `places` (n,) vote for, near ones more, and where any does, (1, H, W)."""
    mean = distance.double().mean().float()  # exact: whole numbers
    weights = 1 / (distance / mean.clamp_min(1) + 0.1)
    shape = window(one.side, one.sharpness).to(style.picture)
    rows, columns = field.match.shape
    return vote(style.picture, field.match.flatten()[places], weights, places, (rows, columns), one.stride, shape)
