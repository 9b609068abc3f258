"""Detail: where a frame has something to be recognised, strokes follow its forms closely; plain places leave them free."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from vidstyle.core.devices import widest_float
from vidstyle.core.images import resize, size_at_height
from vidstyle.painting.strokes.describe import MOST_GUIDE_WEIGHT, blur, whole
from vidstyle.painting.strokes.passes import Pass
from vidstyle.painting.strokes.patches import pad_to_grid

HEIGHT = 180
"""Height in pixels at which detail is measured, so that it is the same at every painted size."""
EDGE, FORM = 3.0, 8.0
"""σ in pixels at `HEIGHT`: contrast against the first blur is edges, between the two blurs it is the inside of small forms."""
SHRINK = 4
"""How much smaller the wide blur is computed."""
FORM_SHARE = 0.1
"""Weight of the squared contrast of forms beside that of edges. At 0 cups lost their inside, at 0.5 skies had no swirls."""
LEAST_CONTRAST = 0.1
"""Contrast, of sRGB in [0, 1], above which a place of a plain frame is all detail."""
STANDS_OUT = 2.0
"""The same over the mean contrast of a busy frame: a grid or grass all over it is no detail."""


def find_detail(image: Tensor) -> Tensor:
    """(1, H, W) in [0, 1]: how much there is to be recognised at each place of `image` (3, H, W) in [0, 1]."""
    height, width = image.shape[-2:]
    small = resize(image, size_at_height((height, width), HEIGHT, 32))
    forms = blur(small, EDGE)
    # What is blurred so widely is the same at a quarter of the size, and a fifth of the work.
    quarter = F.interpolate(forms[None], scale_factor=1 / SHRINK, mode="area")[0]
    wide = resize(blur(quarter, (FORM**2 - EDGE**2) ** 0.5 / SHRINK), (small.shape[-2], small.shape[-1]))
    edge, form = ((one - other).square().mean(0, keepdim=True) for one, other in ((small, forms), (forms, wide)))
    contrast = (blur(edge, EDGE * 2 / 3) + FORM_SHARE * form).sqrt()
    mean = whole(contrast).to(widest_float(image.device)).mean().float() / 255  # exact: whole numbers
    detail = (contrast / (STANDS_OUT * mean).clamp_min(LEAST_CONTRAST)).clamp(0, 1)
    return resize(detail, (height, width)).clamp(0, 1)


def guide_weights(detail: Tensor, one: Pass) -> Tensor:
    """(rows * columns,) whole numbers from 1 to `MOST_GUIDE_WEIGHT`: how closely each patch of a pass follows the guide.

    detail: (1, H, W) in [0, 1] at the level of the pass.
    """
    mean = F.avg_pool2d(pad_to_grid(detail, one.side, one.stride), one.side, one.stride)
    return (1 + (MOST_GUIDE_WEIGHT - 1) * mean).round().flatten()
