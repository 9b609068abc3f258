"""Nearness of a painting to a style picture in features that it was not optimised for: feature match and Gram loss.

Feature match is the distance to the nearest neighbour in each direction, as in NNST (Kolkin et al. 2022, arXiv 2203.13215) and
ARF (Zhang et al. 2022). With s and p the features of style and painting at one position of one layer, both minus the style's
mean, and cos their cosine:

    precision = mean_p (1 − max_s cos(p, s))        what is painted that the style picture does not have
    coverage  = mean_s (1 − max_p cos(p, s))        what the style picture has that is not painted

Their sum, averaged over `SHALLOW_LAYERS`, is the feature match, at whichever of `HEIGHTS` is best: nobody said at which size a
style is to be shown. Read precision with coverage: plain places match plain places, so that an unpainted frame is precise.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from vidstyle.core.images import resize, size_at_height
from vidstyle.core.interfaces import Encoder
from vidstyle.ops.losses import gram, style_loss

SHALLOW_LAYERS = ("relu2_2", "relu3_1", "relu3_3")
"""Of the true VGG-19: strokes, cells and small forms. The features see 14, 24 and 40 pixels of the image."""
DEEP_LAYERS = ("relu4_1", "relu5_1")
"""Of the compressed VGG-19, for the Gram loss alone: large forms."""
HEIGHTS = (1.0, 1.4, 1.8)
"""Heights of the style picture over the painting's. Published networks fit it best at 1.4 to 1.8."""
LEAST = 64
"""Pixels on the short side of the smallest style picture that is encoded: relu5_1 then has 4 positions each way."""
MOST_QUERIES = 4096
"""Positions of one layer that are looked up, on a grid; each is compared with all positions of the other image. Of a frame at
320x180, that is 3,600 of 14,400 in relu2_2 and all in the others; the feature match was then off by 0.0001, and by 0.007 with
half as many. A sample of the positions that are searched, however, makes every value larger: 10,000 of each image, drawn at
random, 0.479 instead of 0.444 (cups at 640x360 in mosaic)."""
CHUNK = 1024
"""Positions in one matrix product: 0.5 GB of cosines with the largest style picture at 640x360."""


@dataclass(frozen=True)
class Match:
    """Feature match of one painting, and the height of the style picture at which it is best."""

    precision: float
    """0 (every feature is the style's) to 2."""
    coverage: float
    """0 (every feature of the style is painted) to 2."""
    height: float
    """One of `HEIGHTS`."""

    @property
    def total(self) -> float:
        """Precision plus coverage: the feature match."""
        return self.precision + self.coverage


class StyleJudge:
    """Judges paintings of one size by one style picture, whose features are computed once."""

    def __init__(self, style: Tensor, height: int, shallow: Encoder, deep: Encoder, most_queries: int = MOST_QUERIES) -> None:
        """style: (3, H, W) in [0, 1]. height: of the paintings, px. shallow gives SHALLOW_LAYERS, deep gives DEEP_LAYERS."""
        self._shallow, self._deep, self._most = shallow, deep, most_queries
        self._features, self._grams = dict[float, dict[str, Tensor]](), dict[float, dict[str, Tensor]]()
        for times in HEIGHTS:
            scaled = resize(style, size_at_height(style.shape[-2:], height * times, LEAST))
            found = self._encode(scaled)
            self._features[times] = {layer: found[layer] for layer in SHALLOW_LAYERS}
            self._grams[times] = {layer: gram(value) for layer, value in found.items()}

    @torch.no_grad()
    def _encode(self, image: Tensor) -> dict[str, Tensor]:
        return {**self._shallow(image[None], SHALLOW_LAYERS), **self._deep(image[None], DEEP_LAYERS)}

    def judge(self, painting: Tensor) -> tuple[Match, float]:
        """Feature match of a painting (3, H, W) in [0, 1], and its Gram loss over all layers at its best height."""
        found = self._encode(painting)
        matches, losses = list[Match](), list[float]()
        for times in HEIGHTS:
            pairs = [feature_match(found[layer], self._features[times][layer], self._most) for layer in SHALLOW_LAYERS]
            precision, coverage = (statistics.mean(values) for values in zip(*pairs, strict=True))
            matches.append(Match(precision, coverage, times))
            losses.append(float(style_loss(found, self._grams[times])))
        return min(matches, key=lambda match: match.total), min(losses)


def feature_match(painting: Tensor, style: Tensor, most_queries: int = MOST_QUERIES) -> tuple[float, float]:
    """Precision and coverage (see the module) of one layer; painting (1, C, h, w), style (1, C, h', w').

    most_queries: positions looked up in each direction at most, on a grid; the other image is always searched in full.
    """
    mean = style.mean((2, 3), keepdim=True)
    p, s = (normalize(features - mean, dim=1) for features in (painting, style))  # a feature equal to the mean stays 0
    return (float(1 - best_cosines(_queries(p, most_queries), _rows(s)).double().mean()),
            float(1 - best_cosines(_queries(s, most_queries), _rows(p)).double().mean()))


def best_cosines(queries: Tensor, candidates: Tensor) -> Tensor:
    """The largest product of each query (n, C) with any candidate (m, C), (n,), by exhaustive search; all of length 1."""
    return torch.cat([(part @ candidates.T).amax(1) for part in queries.split(CHUNK)])


def _rows(features: Tensor) -> Tensor:
    """(1, C, h, w) -> (h w, C)."""
    return features[0].flatten(1).T.contiguous()


def _queries(features: Tensor, most: int) -> Tensor:
    """At most `most` positions of (1, C, h, w) on a square grid, (n, C)."""
    step = 1
    while -(-features.shape[2] // step) * -(-features.shape[3] // step) > most:
        step += 1
    return _rows(features[:, :, step // 2::step, step // 2::step])
