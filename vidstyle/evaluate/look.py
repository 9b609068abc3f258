"""How near a painted frame is to the style picture and to its source, as an encoder sees it, at several scales."""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor

from vidstyle.core.images import resize
from vidstyle.core.interfaces import Encoder
from vidstyle.ops.losses import CONTENT_LAYER, STYLE_LAYERS, content_loss, gram, style_loss
from vidstyle.ops.metrics import colour_distance

SCALES = {"1": 1, "1/2": 2, "1/4": 4}
"""Name and divisor: small scales see the large strokes. A scale that leaves less than 32 pixels is passed over."""
LEAST = 32


class Look:
    """Gathers, over a few frames, how far several clips are from one style picture.

    The picture is shown to the encoder as high as the frame, at every scale, so that numbers of different sizes compare.
    Everything is computed in float32, whatever the processor would like better: a yardstick must not differ by machine.
    """

    def __init__(self, style: Tensor, encoder: Encoder) -> None:
        self._style, self._encoder = style, encoder
        self._targets: dict[int, dict[str, Tensor]] = {}
        self._style_losses: dict[tuple[int, str, str], list[float]] = defaultdict(list)
        self._content: dict[int, list[float]] = defaultdict(list)
        self._colours: dict[int, list[float]] = defaultdict(list)

    @torch.no_grad()
    def see(self, pictures: Tensor, source: int) -> None:
        """Take in one frame of every clip: (clips, 3, H, W) in [0, 1]; `source` is the source's place among them."""
        height, width = pictures.shape[-2:]
        for scale, divisor in SCALES.items():
            if divisor > 1 and min(height, width) // divisor < LEAST:
                continue
            size = (height // divisor, width // divisor)
            target = self._target(size[0])
            found = [self._encoder(resize(picture, size)[None], (*STYLE_LAYERS, CONTENT_LAYER)) for picture in pictures]
            for clip, features in enumerate(found):
                for layer in STYLE_LAYERS:
                    loss = style_loss({layer: features[layer]}, {layer: target[layer]})
                    self._style_losses[clip, scale, layer].append(float(loss))
                if divisor == 1:
                    loss = content_loss(features[CONTENT_LAYER], found[source][CONTENT_LAYER])
                    self._content[clip].append(float(loss))
        for clip, picture in enumerate(pictures):
            self._colours[clip].append(colour_distance(picture, self._style))

    def numbers(self, clip: int) -> dict[str, float]:
        """`style_loss` (mean over layers, scales and frames), `content_loss` and `colour_distance` of one clip."""
        style = [_mean(losses) for (which, _, _), losses in self._style_losses.items() if which == clip]
        return {"style_loss": _mean(style), "content_loss": _mean(self._content[clip]),
                "colour_distance": _mean(self._colours[clip])}

    def layers(self, clip: int) -> dict[str, dict[str, float]]:
        """Style loss of one clip by scale, then by layer."""
        table: dict[str, dict[str, float]] = {}
        for (which, scale, layer), losses in self._style_losses.items():
            if which == clip:
                table.setdefault(scale, {})[layer] = _mean(losses)
        return table

    def _target(self, height: int) -> dict[str, Tensor]:
        if height not in self._targets:
            tall, wide = self._style.shape[-2:]
            factor = max(height / tall, LEAST / min(tall, wide))
            size = (max(LEAST, round(tall * factor)), max(LEAST, round(wide * factor)))
            features = self._encoder(resize(self._style, size)[None], STYLE_LAYERS)
            self._targets[height] = {layer: gram(value) for layer, value in features.items()}
        return self._targets[height]


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)
