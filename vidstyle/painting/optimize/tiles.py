"""The style and content loss of a large image and their gradient, computed tile by tile in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vidstyle.core.allocator import trim
from vidstyle.core.devices import precision
from vidstyle.core.interfaces import Encoder
from vidstyle.ops.losses import CONTENT_LAYER, Grams, gram, style_loss

HALO = 96
"""Pixels around a tile that are encoded with it and discarded. relu5_1 of VGG-19 sees 85 pixels to each side of its own 16x16,
less in the other encoders; a multiple of 16, so that every pooling keeps the grid that it has in the whole image."""
GRID = 16
"""Pixels of the coarsest pooling; tiles begin at its multiples."""
TILES = (1024, 512, 256)
"""Sides of tiles in pixels, which are tried one after another."""
STRIDES = {"1": 1, "2": 2, "3": 4, "4": 8, "5": 16}
"""Pixels of one position, by the block of a layer."""


@dataclass(frozen=True)
class Tile:
    """A part of an image."""

    begin: tuple[int, int]
    """First row and column, multiples of GRID."""
    end: tuple[int, int]
    """After the last row and column."""

    def region(self, image: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """The tile of (N, 3, H, W) with up to HALO pixels around it, and the region's first row and column."""
        first = max(0, self.begin[0] - HALO), max(0, self.begin[1] - HALO)
        return image[..., first[0]:self.end[0] + HALO, first[1]:self.end[1] + HALO], first

    def features(self, found: Tensor, layer: str, first: tuple[int, int], *, last: tuple[bool, bool]) -> Tensor:
        """The tile's part of features of its region; last: whether it ends where the image does, down and across."""
        stride = STRIDES[layer.removeprefix("relu")[0]]
        spans = []
        for axis in (0, 1):
            begin = (self.begin[axis] - first[axis]) // stride
            spans.append(slice(begin, None if last[axis] else begin + (self.end[axis] - self.begin[axis]) // stride))
        return found[..., spans[0], spans[1]]


def tiles_of(height: int, width: int, side: int) -> Iterator[Tile]:
    """The tiles of an image, each `side` pixels wide and high, a multiple of GRID; the last ones are what is left."""
    # A rest narrower than one position of the coarsest layer would have no features of its own.
    edges = [[*range(0, max(1, length - GRID + 1), side), length] for length in (height, width)]
    for top, bottom in zip(edges[0], edges[0][1:], strict=False):
        for left, right in zip(edges[1], edges[1][1:], strict=False):
            yield Tile((top, left), (bottom, right))


def encode_tiles(encoder: Encoder, image: Tensor, layers: Sequence[str], side: int) -> Iterator[tuple[Tile, dict[str, Tensor]]]:
    """Each tile of (1, 3, H, W) with its features by layer, the same as of the whole image but for rounding."""
    height, width = image.shape[-2:]
    for tile in tiles_of(height, width, side):
        region, first = tile.region(image)
        with precision(image.device):
            found = encoder(region.contiguous(memory_format=torch.channels_last), layers)
        last = tile.end[0] == height, tile.end[1] == width
        yield tile, {layer: tile.features(value, layer, first, last=last) for layer, value in found.items()}


@torch.no_grad()
def content_features(encoder: Encoder, image: Tensor, side: int | None) -> list[Tensor]:
    """Features of CONTENT_LAYER of (1, 3, H, W), of each tile of `side` pixels in turn; None: of the whole, as one."""
    sizes = side or GRID * max(image.shape[-2:])
    return [found[CONTENT_LAYER] for _, found in encode_tiles(encoder, image, [CONTENT_LAYER], sizes)]


@dataclass(frozen=True)
class TiledLoss:
    """`style_weight` · style loss with Gram matrices + `content_weight` · content loss of an image."""

    encoder: Encoder
    style: Grams
    layers: Mapping[str, float]
    """Weights of the layers that measure the style."""
    content: list[Tensor]
    """Features of CONTENT_LAYER that the content loss compares with, of each tile."""
    style_weight: float
    content_weight: float
    side: int

    def __call__(self, image: Tensor) -> Tensor:
        """The loss of (1, 3, H, W) in [0, 1]; its gradient is that of the whole image, but for rounding."""
        loss: Tensor = _WithGradient.apply(image, self._loss_and_gradient)
        return loss

    def _loss_and_gradient(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Two sweeps: the sums of the whole, then the gradient of each tile, given that of the whole's Gram matrices."""
        names = list(self.layers)
        sums, counts = dict[str, Tensor](), dict[str, int]()
        with torch.no_grad():
            for _, found in encode_tiles(self.encoder, image, names, self.side):
                for layer in names:
                    positions = found[layer].shape[-2] * found[layer].shape[-1]
                    sums[layer] = gram(found[layer]) * positions + sums.get(layer, 0)
                    counts[layer] = counts.get(layer, 0) + positions
        grams = {layer: (sums[layer] / counts[layer]).requires_grad_() for layer in names}
        style = self.style_weight * style_loss(grams, self.style, lambda matrix: matrix, self.layers)
        slopes = dict(zip(names, torch.autograd.grad(style, list(grams.values())), strict=True))
        size = sum(float(target.float().square().sum()) for target in self.content)
        loss, leaf = style.detach(), image.detach().requires_grad_()
        for target, (_, found) in zip(self.content, encode_tiles(self.encoder, leaf, [*names, CONTENT_LAYER], self.side),
                                      strict=True):
            content = self.content_weight * (found[CONTENT_LAYER] - target).float().square().sum() / max(size, 1e-12)
            part = content
            for layer in names:
                features = found[layer].float().flatten(2)
                part = part + (slopes[layer] * (features @ features.mT)).sum() / counts[layer]
            part.backward()  # type: ignore[no-untyped-call]
            loss = loss + content.detach()
            del found, part, content
        assert leaf.grad is not None
        return loss, leaf.grad


class _WithGradient(torch.autograd.Function):
    """A value whose gradient is known with it."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, image: Tensor,
                compute: Callable[[Tensor], tuple[Tensor, Tensor]]) -> Tensor:
        """The value; its gradient is kept."""
        with torch.enable_grad():
            loss, gradient = compute(image.detach())
        ctx.save_for_backward(gradient)
        return loss

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *outputs: Tensor) -> tuple[Tensor, None]:
        """The gradient times that of what follows."""
        [gradient] = ctx.saved_tensors  # type: ignore[attr-defined]
        return outputs[0] * gradient, None


def free_what_failed() -> None:
    """Free what a step that ran out of memory leaves behind, for the next try.

    Of a backward pass that failed, PyTorch keeps the part that was still to do, and with it most features of the image, until
    the next backward pass of the thread is done.
    """
    torch.zeros(1, requires_grad=True).sum().backward()  # type: ignore[no-untyped-call]
    trim(0)
