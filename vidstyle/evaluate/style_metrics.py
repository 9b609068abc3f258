"""Distance of painted frames to the style image and to their source, in the features of an encoder, at several scales."""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor

from vidstyle.core.images import resize, size_at_height
from vidstyle.core.interfaces import SMALLEST_ENCODED, Encoder
from vidstyle.ops.losses import CONTENT_LAYER, STYLE_LAYERS, content_loss, gram, style_loss
from vidstyle.ops.metrics import colour_distance

SCALES = {"1": 1, "1/2": 2, "1/4": 4}
"""Name and divisor of the image size. Small scales measure large strokes; smaller ones than SMALLEST_ENCODED are left out."""


class StyleMetrics:
    """`style_loss`, `content_loss` and `colour_distance` of several clips, averaged over a few frames.

    At every scale the style image is as high as the frame, so that values of different sizes are comparable. All is
    computed in float32, so that values of different machines are comparable.
    """

    def __init__(self, style: Tensor, encoder: Encoder) -> None:
        """style: the style image, (3, H, W) in [0, 1]."""
        self._style, self._encoder = style, encoder
        self._targets: dict[int, dict[str, Tensor]] = {}
        self._style_losses: dict[tuple[int, str, str], list[float]] = defaultdict(list)
        self._content_losses: dict[int, list[float]] = defaultdict(list)
        self._colour_distances: dict[int, list[float]] = defaultdict(list)

    @torch.no_grad()
    def add(self, images: Tensor, source: int) -> None:
        """Add one frame of every clip: images (clips, 3, H, W) in [0, 1]; `source`: which of the clips is the source."""
        height, width = images.shape[-2:]
        for scale, divisor in SCALES.items():
            if divisor > 1 and min(height, width) // divisor < SMALLEST_ENCODED:
                continue
            size = (height // divisor, width // divisor)
            target = self._target(size[0])
            encoded = [self._encoder(resize(image, size)[None], (*STYLE_LAYERS, CONTENT_LAYER)) for image in images]
            for clip, features in enumerate(encoded):
                for layer in STYLE_LAYERS:
                    loss = style_loss({layer: features[layer]}, {layer: target[layer]})
                    self._style_losses[clip, scale, layer].append(float(loss))
                if divisor == 1:
                    loss = content_loss(features[CONTENT_LAYER], encoded[source][CONTENT_LAYER])
                    self._content_losses[clip].append(float(loss))
        for clip, image in enumerate(images):
            self._colour_distances[clip].append(colour_distance(image, self._style))

    def values(self, clip: int) -> dict[str, float]:
        """The metrics of one clip; `style_loss` is the mean over layers, scales and frames."""
        style = [_mean(losses) for (which, _, _), losses in self._style_losses.items() if which == clip]
        return {"style_loss": _mean(style), "content_loss": _mean(self._content_losses[clip]),
                "colour_distance": _mean(self._colour_distances[clip])}

    def layers(self, clip: int) -> dict[str, dict[str, float]]:
        """Style loss of one clip by scale, then by layer."""
        table: dict[str, dict[str, float]] = {}
        for (which, scale, layer), losses in self._style_losses.items():
            if which == clip:
                table.setdefault(scale, {})[layer] = _mean(losses)
        return table

    def _target(self, height: int) -> dict[str, Tensor]:
        """Gram matrices of the style image at that height, by layer."""
        if height not in self._targets:
            size = size_at_height(self._style.shape[-2:], height, SMALLEST_ENCODED)
            features = self._encoder(resize(self._style, size)[None], STYLE_LAYERS)
            self._targets[height] = {layer: gram(value) for layer, value in features.items()}
        return self._targets[height]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
