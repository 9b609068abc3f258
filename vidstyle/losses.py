"""The losses, each an equation: style, content, smoothness and holding still."""

from __future__ import annotations

from torch import Tensor


def temporal_loss(painting: Tensor, prior_image: Tensor, visibility: Tensor) -> Tensor:
    """How far the painting moved from what was there: 1/D Σ_k c_k (x_k − ω_k)², D = W·H·C (Ruder et al. 2016).

    painting x, prior_image ω: (C, H, W) in [0, 1], ω on the painting's grid. visibility c: (1, H, W) in [0, 1], or a
    long-term weight. D counts all pixels, not only the visible ones, so what shows little weighs little. With a leading
    batch dimension this is the mean over the batch. The gradient reaches x wherever c > 0, and ω where it asks for one.
    """
    return (visibility * (painting - prior_image).square()).mean()
