"""The losses, each an equation: style, content, smoothness and holding still."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYER = "relu4_2"

Grams = Mapping[str, Tensor]
"""Gram matrices (N, C, C) by layer."""


def gram(features: Tensor) -> Tensor:
    """Gram matrix G_ij = mean_x F_i(x) F_j(x) of features (N, C, H, W) -> (N, C, C), in float32.

    Gatys et al. (2016) sum over positions; the mean makes pictures of different sizes comparable.
    """
    flat = features.float().flatten(2)
    return flat @ flat.mT / flat.shape[-1]


def blend_grams(grams: Sequence[Grams], weights: Sequence[float]) -> dict[str, Tensor]:
    """The Gram matrices of several styles at once: their weighted mean, weights scaled to sum 1."""
    total = sum(weights)
    return {layer: torch.stack([g[layer] * (w / total) for g, w in zip(grams, weights, strict=True)]).sum(0)
            for layer in grams[0]}


def style_loss(found: Mapping[str, Tensor], style: Grams) -> Tensor:
    """Mean over layers and pictures of |G - A|² / |A|²: about 1 for an unpainted frame, 0 for the style itself.

    Gatys et al. (2016) eq. 4-5, with each layer divided by the size of the style's own matrix instead of by 4 N² M², so
    that one weight serves every style, encoder and size.
    """
    return style_losses(found, style).mean()


def style_losses(found: Mapping[str, Tensor], style: Grams) -> Tensor:
    """`style_loss` of each picture, (N,); each may have a style of its own."""
    losses = [
        (gram(found[layer]) - target).square().sum((1, 2)) / target.square().sum((1, 2)).clamp_min(1e-12)
        for layer, target in style.items()
    ]
    return torch.stack(losses).mean(0)


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Mean over pictures of |F - P|² / |P|², features (N, C, H, W) of one layer: Gatys et al. (2016) eq. 1, without scale.

    Each picture counts alike, so that the loss of a batch is the mean of those of its parts.
    """
    differ, whole = ((values.float().square().mean((1, 2, 3))) for values in (features - target, target))
    return (differ / whole.clamp_min(1e-12)).mean()


def total_variation(image: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels of (N, 3, H, W) in [0, 1], both directions added."""
    return (image[..., 1:, :] - image[..., :-1, :]).square().mean() + (image[..., 1:] - image[..., :-1]).square().mean()


def temporal_loss(painting: Tensor, prior_image: Tensor, visibility: Tensor) -> Tensor:
    """How far the painting moved from what was there: 1/D Σ_k c_k (x_k − ω_k)², D = W·H·C (Ruder et al. 2016).

    painting x, prior_image ω: (C, H, W) in [0, 1], ω on the painting's grid. visibility c: (1, H, W) in [0, 1], or a
    long-term weight. D counts all pixels, not only the visible ones, so what shows little weighs little. With a leading
    batch dimension this is the mean over the batch. The gradient reaches x wherever c > 0, and ω where it asks for one.
    """
    return (visibility * (painting - prior_image).square()).mean()
