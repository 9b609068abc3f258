"""The palette: a linear map that gives the colours of a clip the mean and covariance of a style image's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True)
class Palette:
    """The map c ↦ P c + l of a clip's colours to a style's, and the range of the style's colours.

    Stacked palettes have a leading dimension N: one palette for each of N images. The fields' names are those of tensors in
    network files.
    """

    matrix: Tensor
    """P, (3, 3)."""
    light: Tensor
    """l, (3,)."""
    darkest: Tensor
    """(3,) the style's 2nd percentile of each channel, in [0.02, 0.98]."""
    lightest: Tensor
    """(3,) the style's 98th percentile of each channel, in [0.02, 0.98]."""

    @classmethod
    def between(cls, clip: Tensor, style: Tensor) -> Palette:
        """The palette that takes the colours of a clip (3, n) to those of a style (3, m), both in [0, 1]."""
        limits = torch.quantile(style, torch.tensor([0.02, 0.98]), dim=1).clamp(0.02, 0.98)
        return cls(*palette_map(clip, style), limits[0], limits[1])

    def __call__(self, image: Tensor) -> Tensor:
        """Map the colours of (3, H, W) or (N, 3, H, W); the result is not clamped to [0, 1]."""
        return map_colours(image, self.matrix, self.light)

    @classmethod
    def stacked(cls, palettes: Sequence[Palette]) -> Palette:
        """N palettes as one record with a leading dimension N."""
        return cls(*(torch.stack([getattr(one, part.name) for one in palettes]) for part in fields(cls)))

    def mixed(self, weights: Tensor) -> Palette:
        """The weighted mean of stacked palettes; weights (N,) of sum 1."""
        return Palette(*(torch.tensordot(weights, getattr(self, part.name), 1) for part in fields(self)))


def map_colours(image: Tensor, matrix: Tensor, light: Tensor) -> Tensor:
    """P c + l for every colour c of (3, H, W) or (N, 3, H, W); P `matrix` (3, 3) or (N, 3, 3), l `light` (3,) or (N, 3)."""
    mapped: Tensor = matrix.to(image) @ image.flatten(-2) + light.to(image).unsqueeze(-1)
    return mapped.view_as(image)


def sample_colours(image: Tensor) -> Tensor:
    """Colours (3, n) float32 in [0, 1], on the CPU, of every fourth pixel of every fourth row of (3, H, W).

    image: float32 in [0, 1], or uint8.
    """
    sampled = image[:, ::4, ::4].cpu().flatten(1)
    return sampled if sampled.is_floating_point() else sampled / 255


def palette_map(clip: Tensor, style: Tensor, floor: float = 1e-3) -> tuple[Tensor, Tensor]:
    """P (3, 3) and l (3,) of the linear map that gives `clip` (3, n) the mean and covariance of `style` (3, m), in [0, 1].

    The Monge-Kantorovitch map of Pitié & Kokaram (2007): of all linear maps that reach this covariance, the one that changes
    colours least. With covariances A of the clip and B of the style, P = A^-½ (A^½ B A^½)^½ A^-½. floor: variance that is
    added to both; 1e-3 is 0.03 under the deviations, because the colours of a grey clip cannot be stretched to a painting's.
    """
    means = [colours.mean(1) for colours in (clip, style)]
    a, b = (covariance(colours) + floor * torch.eye(3, dtype=torch.float64) for colours in (clip, style))
    root = _square_root(a)
    inverse = torch.linalg.inv(root)
    matrix = (inverse @ _square_root(root @ b @ root) @ inverse).float()
    return matrix, means[1] - matrix @ means[0]


def covariance(colours: Tensor) -> Tensor:
    """(3, 3) float64 of `colours` (3, n); 0 for a single colour."""
    return torch.cov(colours.double(), correction=min(1, colours.shape[1] - 1))


def _square_root(matrix: Tensor) -> Tensor:
    """The square root of a symmetric positive matrix (3, 3)."""
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = vectors @ torch.diag(values.clamp_min(0).sqrt()) @ vectors.T
    return root
