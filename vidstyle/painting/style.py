"""The style to reach: Gram matrices of the style pictures at the size that the painting has."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import torch
from torch import Tensor
from torch.nn import functional as F

from vidstyle.core.interfaces import Encoder
from vidstyle.ops.losses import STYLE_LAYERS, Grams, blend_grams, gram

# A painter shows the painting and the style in the mirror, too: what an encoder is blind to one way round, it mostly sees
# another. Axes to flip.
POSES: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))


@dataclass
class StyleTarget:
    """The look of one or more style pictures, measured at any painted height."""

    pictures: Sequence[Tensor]
    """Each (3, H, W) float32 sRGB in [0, 1]."""
    weights: Sequence[float]
    """Share of each picture in the look."""
    encoder: Encoder
    scale: float = 1.0
    """Height of the style picture over the height of the painted one: 2 gives strokes twice as large."""
    _known: dict[tuple[int, tuple[int, ...]], dict[str, Tensor]] = field(default_factory=dict, init=False, repr=False)

    @torch.no_grad()
    def at(self, height: int, flipped: tuple[int, ...] = ()) -> Grams:
        """Gram matrices (1, C, C) by layer for a painting `height` pixels high, both seen `flipped` along these axes.

        The style picture is shown to the encoder as high as the painting (times `scale`), so that a small preview and
        the full size get strokes of the same size in the picture.
        """
        if (height, flipped) not in self._known:
            grams = []
            for picture in self.pictures:
                tall, wide = picture.shape[-2:]
                factor = max(height * self.scale / tall, 32 / min(tall, wide))
                size = (max(32, round(tall * factor)), max(32, round(wide * factor)))
                shown = resized(picture[None], size).flip(flipped)
                with precision(shown.device):
                    found = self.encoder(shown.contiguous(memory_format=torch.channels_last), STYLE_LAYERS)
                grams.append({layer: gram(value) for layer, value in found.items()})
            self._known[height, flipped] = blend_grams(grams, self.weights)
        return self._known[height, flipped]

    def palette(self, frames: Sequence[Tensor]) -> Palette:
        """What gives a clip, of which these are some frames (3, H, W) in [0, 1] or uint8, the colours of the style."""
        shown = torch.cat([colours(frame) for frame in frames], 1)
        palettes = Palette.stacked([Palette.of(shown, colours(picture)) for picture in self.pictures])
        shares = torch.tensor(list(self.weights))
        return palettes.mixed(shares / shares.sum())


@dataclass(frozen=True)
class Palette:
    """How the colours of a clip become those of a style; see `PaintNetwork.mapped`. May be stacked, one for each picture."""

    matrix: Tensor
    """(3, 3)"""
    light: Tensor
    """(3,)"""
    darkest: Tensor
    """(3,), and `lightest`: nearly the style's own least and greatest of each channel."""
    lightest: Tensor

    @classmethod
    def of(cls, shown: Tensor, painted: Tensor) -> Palette:
        """From the colours (3, any number) in [0, 1] of a clip and of a style."""
        limits = torch.quantile(painted, torch.tensor([0.02, 0.98]), dim=1).clamp(0.02, 0.98)
        return cls(*palette_map(shown, painted), limits[0], limits[1])

    def __call__(self, image: Tensor) -> Tensor:
        """(3, H, W) or (N, 3, H, W) in these colours; not yet held to [0, 1]."""
        return recoloured(image, self.matrix, self.light)

    @classmethod
    def stacked(cls, palettes: Sequence[Palette]) -> Palette:
        """Several as one, a picture each."""
        return cls(*(torch.stack([getattr(one, part.name) for one in palettes]) for part in fields(cls)))

    def mixed(self, weights: Tensor) -> Palette:
        """One out of stacked ones, by `weights` (N,) of sum 1."""
        return Palette(*(torch.tensordot(weights, getattr(self, part.name), 1) for part in fields(self)))


def recoloured(image: Tensor, matrix: Tensor, light: Tensor) -> Tensor:
    """P c + l of every colour c of (3, H, W) or (N, 3, H, W); matrix P (3, 3) and light l (3,), or one for each picture."""
    mapped: Tensor = matrix.to(image) @ image.flatten(-2) + light.to(image).unsqueeze(-1)
    return mapped.view_as(image)


def colours(picture: Tensor) -> Tensor:
    """(3, any number) in [0, 1]: colours of a picture (3, H, W) in [0, 1] or uint8, a sixteenth of its pixels, on the CPU."""
    shown = picture[:, ::4, ::4].cpu().flatten(1)
    return shown if shown.is_floating_point() else shown / 255


def palette_map(frames: Tensor, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """The linear change of colour P c + l that gives `frames` the mean and covariance of `pictures`; (3, 3) and (3,).

    Both (3, any number of pixels) in [0, 1]. Of all such maps this one moves colours least, so that light stays light
    and red stays nearest to red: the Monge-Kantorovitch map of Pitié & Kokaram (2007).
    """
    means = [colours.mean(1) for colours in (frames, pictures)]
    # A floor under the deviations, 0.03: a grey clip has no colours that could be stretched to a painting's.
    a, b = (torch.cov(colours.double()) + 1e-3 * torch.eye(3, dtype=torch.float64) for colours in (frames, pictures))
    root = _root(a)
    back = torch.linalg.inv(root)
    matrix = (back @ _root(root @ b @ root) @ back).float()
    return matrix, means[1] - matrix @ means[0]


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = vectors @ torch.diag(values.clamp_min(0).sqrt()) @ vectors.T
    return root


def resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, 3, H, W) at another (height, width), without aliasing when it gets smaller."""
    if images.shape[-2:] == size:
        return images
    return F.interpolate(images, size, mode="bicubic", antialias=True).clamp(0, 1)


def precision(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """bfloat16 for the convolutions where it is faster than float32: on CUDA, and on processors with matrix tiles (AMX).

    AVX-512's own bfloat16 is slower here: 0.6 times the speed of float32, convolution by convolution.
    """
    native = device.type == "cuda" or (device.type == "cpu" and torch.cpu._is_amx_tile_supported())
    return torch.autocast(device.type, torch.bfloat16, enabled=native)
