"""Laying strokes: guided patch synthesis over a pyramid, for a whole painting or only where paint is missing.

After Texler et al. (2019), with the energy of StyLit (Fišer et al. 2016): for every patch T of the painting the style patch S that
minimises ‖S - T‖² + w_g ‖G_S - G_T‖², then a vote of the overlapping patches, in turn.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vidstyle.core.frame import Prior
from vidstyle.core.images import resize
from vidstyle.painting.strokes.choose import Field, carry, choose
from vidstyle.painting.strokes.describe import blur, whole
from vidstyle.painting.strokes.index import Patches, StrokeIndex
from vidstyle.painting.strokes.passes import GRID, OVERSIZE, PASSES, Pass
from vidstyle.painting.strokes.patches import grid_size, pad_to_grid, take, vote, window
from vidstyle.painting.strokes.search import carry_spread, even_spread, measure_spread, nearest

GUIDE_BLUR = 1.6
"""σ in pixels of each level: strokes follow forms, not the guide's own texture."""
TRUSTED = 0.5
"""Paint of at least this trust stays. A threshold, for a blend of two paintings is a ghost."""
_CHUNK = 8192  # patches described or voted at once


def lay_strokes(index: StrokeIndex, guide: Tensor, prior: Prior | None = None) -> Tensor:
    """A painting (3, H, W) in [0, 1] of strokes from the style pictures, in the forms of `guide` (3, H, W) in [0, 1].

    prior: carried paint. Where its visibility is `TRUSTED` it stays, bit for bit, and only patches that touch other places are
    searched.
    """
    if prior is None:
        return _lay(index, guide, guide, torch.zeros_like(guide[:1], dtype=torch.bool), 0)
    return _lay(index, guide, prior.image, prior.visibility >= TRUSTED, 0)


def mend(index: StrokeIndex, guide: Tensor, painting: Tensor, known: Tensor) -> Tensor:
    """`painting` (3, H, W) in [0, 1] with new strokes where `known` (1, H, W) in [0, 1] is below `TRUSTED`; the rest stays, bit for bit.

    guide: (3, H, W) in [0, 1], its forms. The cost follows the holes: the painting is cropped to them, and only patches that touch them
    are searched.
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


_MARGIN = 16  # pixels around the holes: a patch at half size that touches a hole reaches 11 of them


def _lay(index: StrokeIndex, guide: Tensor, painting: Tensor, fixed: Tensor, first: int) -> Tensor:
    """The painting after all passes from `first` on; `painting` (3, H, W) stays where `fixed` (1, H, W) is true."""
    height, width = guide.shape[-2:]
    canvas: Tensor | None = None
    field: Field | None = None
    spread: Tensor | None = None
    last: Patches | None = None
    for one, style in list(zip(PASSES, index.passes, strict=True))[first:]:
        size = tuple(max(1, round(OVERSIZE * pixels / one.shrink)) for pixels in (height, width))
        level = (size[0], size[1])
        kept = F.interpolate(fixed[None].float(), level, mode="area")[0] >= 0.5
        forms = resize(guide, level)
        canvas = torch.where(kept, resize(painting, level), resize(forms if canvas is None else canvas, level))
        grid = grid_size(level, one.side, one.stride)
        unknown = pad_to_grid((~kept).float(), one.side, one.stride)
        places = F.max_pool2d(unknown, one.side, one.stride).flatten().nonzero()[:, 0]
        if last is None or field is None:
            field = Field(torch.full(grid, -1, device=guide.device), one.stride)
        else:
            field = carry(field, last, style, grid, one.stride)
            spread = carry_spread(spread, last, style) if spread is not None else None
        if not len(places):
            last = style
            continue
        blurred = whole(pad_to_grid(blur(forms, GUIDE_BLUR), one.side, one.stride))
        for _ in range(one.rounds):
            padded = pad_to_grid(canvas, one.side, one.stride)
            targets = torch.cat([style.describer.describe(blurred, whole(padded), one.stride, some)
                                 for some in places.split(_CHUNK)])
            if first > 0:
                spread = even_spread(style)  # a hole is no sample of the whole painting
            elif last is None:
                spread = measure_spread(style, targets)
            candidates = nearest(style, targets, spread)
            field, distance = choose(style, targets, places, candidates, spread, field)
            voted = _vote(style, one, field, places, distance)[:, :level[0], :level[1]]
            canvas = torch.where(kept, canvas, voted)
        last = style
    laid = resize(canvas, (height, width))
    return torch.where(fixed, painting, laid)


def _vote(style: Patches, one: Pass, field: Field, places: Tensor, distance: Tensor) -> Tensor:
    """The image that the style patches of `field` at `places` (n,) vote for; near ones count more."""
    patches = take(style.picture, one.side, GRID, field.match.flatten()[places])
    mean = distance.double().mean().float()  # exact: whole numbers
    weights = 1 / (distance / mean.clamp_min(1) + 0.1)
    shape = window(one.side, one.sharpness).to(patches)
    return vote(patches.view(-1, 3, one.side, one.side), weights, places, tuple(field.match.shape), one.stride, shape)
