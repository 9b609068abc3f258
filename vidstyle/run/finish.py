"""From a painting to the frame that is written: its size, strength and colours."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from vidstyle.core.curve import value_at
from vidstyle.core.frame import Frame
from vidstyle.core.images import resize
from vidstyle.core.options import Options
from vidstyle.ops.metrics import BT709
from vidstyle.painting.colour_map import within_range
from vidstyle.painting.layers import split_layers
from vidstyle.run.mattes import Mattes


def finish(source: Frame, painting: Tensor | None, size: tuple[int, int], options: Options, mattes: Mattes,
           values: Sequence[Tensor]) -> Tensor:
    """The image (3, H, W) that is written, at `size` (width, height).

    source: the frame as decoded. painting: (3, h, w) in [0, 1], on any device, or several, see `painting.layers`; None where
    nothing is painted. With that, or strength 0 at this frame, the image is the source, bit for bit where `size` is its own.
    values: of `mattes` for this frame.
    """
    width, height = size
    strength = value_at(options.strength, source.seconds)
    layers = [] if painting is None else [resize(layer, (height, width)) for layer in split_layers(painting.cpu())]
    if strength == 1 and options.color != "source" and len(layers) == 1 and not mattes.mattes:
        return layers[0]  # nothing of the source is seen
    under = resize(source.image, (height, width))
    if not layers or strength == 0:
        return under
    if options.color == "source":
        layers = [with_colours_of(under, layer) for layer in layers]
    layers = [torch.lerp(under, layer, strength) for layer in layers]
    return mattes.compose(under, layers, values)


def with_colours_of(colours: Tensor, light: Tensor) -> Tensor:
    """The image with the BT.709 luma of `light`, and of `colours` the differences from its luma; all (3, H, W) in [0, 1].

    Luminance-only transfer (Gatys et al. 2016, Preserving Color, section 5). The luma is exact; where a channel would leave
    [0, 1], the differences are scaled down together, so that the hue stays.
    """
    weights = torch.tensor(BT709).view(3, 1, 1)
    colour_luma, light_luma = ((image * weights).sum(0, keepdim=True) for image in (colours, light))
    return within_range(colours + light_luma - colour_luma)


def frame_hash(image: Tensor) -> str:
    """SHA-256 of an image (3, H, W) in [0, 1] as 8-bit RGB, row by row."""
    rgb = image.clamp(0, 1).mul_(255).round_().to(torch.uint8).permute(1, 2, 0).contiguous()
    return hashlib.sha256(rgb.numpy().data).hexdigest()


def clipped_pixels(source: Frame, written: Tensor, *, same_format: bool) -> int:
    """How many pixels brighter than white are written as white.

    0 where the file's own values are written again: the image is the source's own and `same_format` holds.
    """
    if source.original is None or (written is source.image and same_format):
        return 0
    return source.original.clipped
