"""The losses, each an equation: style, content, total variation and temporal consistency."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from vidstyle.core.choices import STYLE_LAYERS as STYLE_LAYERS  # declared there, where torch is not loaded

CONTENT_LAYER = "relu4_2"

Grams = Mapping[str, Tensor]
"""Gram matrices (N, C, C) by layer, or what another `Statistic` gives."""

Statistic = Callable[[Tensor], Tensor]
"""Features (N, C, H, W) -> what of them is compared with the style's, (N, A, B), the same size for images of every size."""


def gram(features: Tensor) -> Tensor:
    """Gram matrix G_ij = mean_x F_i(x) F_j(x) of features (N, C, H, W) -> (N, C, C), in float32.

    Gatys et al. (2016) sum over positions; the mean makes images of different sizes comparable.
    """
    flat = features.float().flatten(2)
    return flat @ flat.mT / flat.shape[-1]


def covariance(features: Tensor) -> Tensor:
    """Covariance matrix and mean of features (N, C, H, W) -> (N, C, C + 1), in float32.

    A Gram matrix is the covariance plus the products of the means. Apart, the means do not outweigh what varies.
    """
    flat = features.float().flatten(2)
    mean = flat.mean(2, keepdim=True)
    centred = flat - mean
    return torch.cat([centred @ centred.mT / flat.shape[-1], mean], 2)


STATISTICS: dict[str, Statistic] = {"gram": gram, "covariance": covariance}
"""By the names of `Options.style_loss`."""


def blend_grams(grams: Sequence[Grams], weights: Sequence[float]) -> dict[str, Tensor]:
    """The weighted mean of the Gram matrices of several styles, by layer; the weights are scaled to sum 1."""
    total = sum(weights)
    return {layer: torch.stack([g[layer] * (w / total) for g, w in zip(grams, weights, strict=True)]).sum(0)
            for layer in grams[0]}


def style_loss(found: Mapping[str, Tensor], style: Grams, statistic: Statistic = gram,
               weights: Mapping[str, float] | None = None) -> Tensor:
    """Mean over layers and images of |G - A|² / |A|²: about 1 for an unpainted frame, 0 for the style itself.

    found: features (N, C, H, W) by layer. style: A by layer, (1, C, C) or (N, C, C). Gatys et al. (2016) eq. 4-5, but each
    layer is divided by |A|² instead of 4 N² M², so that one weight serves every style, encoder and size.

    statistic: what G and A are. weights: of the layers that count, in their mean; None: all those of `style`, equally.
    """
    return style_losses(found, style, statistic, weights).mean()


def style_losses(found: Mapping[str, Tensor], style: Grams, statistic: Statistic = gram,
                 weights: Mapping[str, float] | None = None) -> Tensor:
    """`style_loss` of each image, (N,); each may have its own style."""
    losses = [
        (statistic(found[layer]) - style[layer]).square().sum((1, 2)) / style[layer].square().sum((1, 2)).clamp_min(1e-12)
        for layer in weights or style
    ]
    if weights is None:
        return torch.stack(losses).mean(0)
    shares = torch.tensor(list(weights.values()), device=losses[0].device)[:, None]
    return (torch.stack(losses) * shares).sum(0) / shares.sum()


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Mean over images of |F - P|² / |P|²; F, P: features (N, C, H, W) of one layer. Gatys et al. (2016) eq. 1, normalised.

    The loss of a batch is the mean of the losses of its images.
    """
    error, size = (values.float().square().mean((1, 2, 3)) for values in (features - target, target))
    return (error / size.clamp_min(1e-12)).mean()


def total_variation(image: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels of (N, 3, H, W) in [0, 1], the sum over both directions."""
    return (image[..., 1:, :] - image[..., :-1, :]).square().mean() + (image[..., 1:] - image[..., :-1]).square().mean()


def temporal_loss(painting: Tensor, prior_image: Tensor, visibility: Tensor) -> Tensor:
    """Distance of a painting from the warped earlier one: 1/D Σ_k c_k (x_k − ω_k)², D = W·H·C (Ruder et al. 2016).

    painting x, prior_image ω: (C, H, W) in [0, 1], ω on the painting's grid. visibility c: (1, H, W) in [0, 1], or a
    long-term weight. D counts all pixels, also the invisible ones. With a leading batch dimension this is the mean over
    the batch. The gradient with respect to x is non-zero where c > 0 and x differs from ω.
    """
    return (visibility * (painting - prior_image).square()).mean()
