"""Paint a frame by optimization: descend on content, style and temporal loss (Gatys et al. 2016, Ruder et al. 2016)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from vidstyle.core.choices import FollowInit, Init, Optimizer
from vidstyle.core.devices import precision
from vidstyle.core.errors import out_of_memory
from vidstyle.core.frame import Prior
from vidstyle.core.images import resize
from vidstyle.core.interfaces import Encoder
from vidstyle.ops.losses import CONTENT_LAYER, STYLE_LAYERS, content_loss, gram, style_loss, temporal_loss, total_variation
from vidstyle.ops.warp import long_term_weights
from vidstyle.painting.optimize.descent import DESCENTS
from vidstyle.painting.optimize.fourier import FourierImage
from vidstyle.painting.optimize.tiles import TILES, TiledLoss, content_features, free_what_failed
from vidstyle.painting.palette import Palette
from vidstyle.painting.style import FLIPS, StyleTarget

COARSEST = 160  # pixels; the longest side of the coarsest level at most: the encoder's receptive field spans the image there
STEP_SHARES = (1.0, 0.8, 0.5)  # relative steps by level, coarse to fine: fine levels keep the forms of coarse ones
MARGIN = 16  # pixels painted beyond each edge and cut off, because paint beside the encoder's own padding turns to noise
OFFSETS = 5  # the canvas is shifted under the encoder's pooling grid in turn, because a fixed grid shows in flat paint


@dataclass(frozen=True)
class OptimizingStylizer:
    """Paints one image by gradient descent."""

    encoder: Encoder
    style: StyleTarget
    palette: Palette
    """The frame in this palette is both the start of the descent and the target of the content loss."""
    content_weight: float
    style_weight: float
    tv_weight: float
    temporal_weight: float
    """Weight of the temporal loss; with 0 the priors are ignored."""
    first_steps: int
    """Most steps for a frame without priors, over all levels together."""
    follow_steps: int
    """Most steps for a frame with priors; with `follow_init` pyramid over all levels together."""
    layers: Mapping[str, float] | None = None
    """Weights of the layers that measure the style; None: all five, equally."""
    init: Init = "source"
    """What a frame without priors is painted from."""
    follow_init: FollowInit = "warped"
    """What a frame with priors is painted from; `pyramid`: from the priors, coarse to fine."""
    optimizer: Optimizer = "adam"
    seed: int = 0
    """Of noise. All frames begin with the same noise: other noise at each frame would flicker."""
    rate: float = 0.007
    """Adam's learning rate on the amplitudes of `FourierImage`. At three times this rate small objects are lost, whatever the
    content weight."""

    def __call__(self, image: Tensor, priors: Sequence[Prior] = ()) -> Tensor:
        """(3, H, W) frame -> (3, H, W) painting, both in [0, 1]; priors as in `Stylizer`."""
        image = self.palette(image).clamp(0, 1)
        if not priors or self.temporal_weight == 0:
            return self._pyramid(image, (), self.first_steps)
        if self.follow_init == "pyramid":
            return self._pyramid(image, priors, self.follow_steps)
        start = self._noise(image.shape[-2:], image) if self.follow_init == "noise" else image
        if self.follow_init == "warped":
            start = _shown(image, priors)
        return self._descend(start, image, priors, self.follow_steps, self.rate / 2)

    def repaint(self, image: Tensor, start: Tensor, priors: Sequence[Prior]) -> Tensor:
        """(3, H, W) frame -> (3, H, W) painting, both in [0, 1], from `start`; see `Repainter`."""
        return self._descend(start, self.palette(image).clamp(0, 1), priors, self.follow_steps, self.rate / 2)

    def paint_key(self, image: Tensor, prior: Prior | None) -> Tensor:
        """(3, H, W) key frame -> (3, H, W) painting, both in [0, 1], coarse to fine also where there is a prior.

        Only the coarse levels paint what came into view: a descent at full size alone leaves it photographic.
        """
        priors = () if self.temporal_weight == 0 or prior is None else (prior,)
        return self._pyramid(self.palette(image).clamp(0, 1), priors, self.first_steps)

    def paint_half(self, image: Tensor, prior: Prior | None) -> Tensor:
        """`paint_key` at half the size, enlarged: under strokes it looks nearly the same, in a third of the time."""
        height, width = image.shape[-2:]
        size = (max(16, height // 2), max(16, width // 2))
        painted = self.paint_key(resize(image, size), None if prior is None else resize_prior(prior, size))
        return resize(painted, (height, width))

    def _pyramid(self, image: Tensor, priors: Sequence[Prior], most: int) -> Tensor:
        """Paint coarse to fine; each level starts from the enlarged painting of the level before, and from the priors.

        most: steps over all levels together.
        """
        sizes = pyramid_sizes(image.shape[-2], image.shape[-1])
        shares = [STEP_SHARES[min(level, 2)] for level in range(len(sizes))]
        painting = resize(image, sizes[0]) if self.init == "source" else self._noise(sizes[0], image)
        for size, share in zip(sizes, shares, strict=True):
            steps, small = max(1, round(most * share / sum(shares))), [resize_prior(prior, size) for prior in priors]
            painting = self._descend(_shown(resize(painting, size), small), resize(image, size), small, steps, self.rate)
        return painting

    def _noise(self, size: Sequence[int], like: Tensor) -> Tensor:
        """(3, *size) white noise in [0, 1], the same for the same seed and size."""
        return torch.rand(3, *size, generator=torch.Generator().manual_seed(self.seed)).to(like)

    def _descend(self, start: Tensor, image: Tensor, priors: Sequence[Prior], steps: int, rate: float) -> Tensor:
        """Descend from `start`, until the loss stops falling or `steps` are done.

        Where memory does not suffice for the whole image, again in tiles, each time smaller ones; Gram matrices alone are sums
        over an image, so that other style losses need it whole.
        """
        sides: list[int | None] = [None]
        if self.style.statistic is gram:
            sides += [side for side in TILES if side < max(image.shape[-2:])]
        for side in sides:
            try:
                return self._descend_by(side, start, image, priors, steps, rate)
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error) or side == sides[-1]:
                    raise
            free_what_failed()  # not earlier: until here, the error holds the tensors of the frames that it came through
        raise AssertionError("the last side returns or raises")

    def _descend_by(self, side: int | None, start: Tensor, image: Tensor, priors: Sequence[Prior], steps: int,
                    rate: float) -> Tensor:
        """`_descend` by tiles of `side` pixels; None: the whole image at once."""
        height, width = image.shape[-2:]
        views = [(_window(height, width, k), FLIPS[k % len(FLIPS)]) for k in range(OFFSETS)]
        styles = [self.style.grams(height, flip) for _, flip in views]
        padded = _pad(image)
        content = [content_features(self.encoder, _view(padded, *view), side) for view in views]
        weights = long_term_weights([prior.visibility for prior in priors])

        canvas = FourierImage(_pad(start), clamped=self.optimizer != "lbfgs")
        layers = list(self.layers or STYLE_LAYERS)

        def seen(view: int, shown: Tensor) -> Tensor:
            """The style and content loss of the canvas in a view."""
            if side is not None:
                return TiledLoss(self.encoder, styles[view], self.layers or dict.fromkeys(layers, 1.0), content[view],
                                 self.style_weight, self.content_weight, side)(shown)
            with precision(image.device):
                found = self.encoder(shown, [*layers, CONTENT_LAYER])
            found_style = {layer: found[layer] for layer in layers}
            return (self.style_weight * style_loss(found_style, styles[view], self.style.statistic, self.layers)
                    + self.content_weight * content_loss(found[CONTENT_LAYER], content[view][0]))

        def loss(view: int) -> Tensor:
            painting = canvas()
            total = seen(view, _view(painting, *views[view])) + self.tv_weight * total_variation(painting)
            for prior, weight in zip(priors, weights, strict=True):
                total = total + self.temporal_weight * temporal_loss(_unpad(painting), prior.image, weight)
            return total

        DESCENTS[self.optimizer](canvas.amplitudes, loss, OFFSETS, steps, rate)
        return _unpad(canvas().detach().clamp(0, 1))


def _shown(image: Tensor, priors: Sequence[Prior]) -> Tensor:
    """At each place the nearest painting that shows it, and `image` (3, H, W) where none does.

    Ruder et al. (2016) begin with the nearest painting alone: what comes back into view meets its old paint in the loss only.
    """
    weights = long_term_weights([prior.visibility for prior in priors])
    return image + sum(weight * (prior.image - image) for prior, weight in zip(priors, weights, strict=True))


def resize_prior(prior: Prior, size: tuple[int, int]) -> Prior:
    """`prior` at another (height, width)."""
    return Prior(resize(prior.image, size), F.interpolate(prior.visibility[None], size, mode="area")[0])


def pyramid_sizes(height: int, width: int) -> list[tuple[int, int]]:
    """(height, width) of each level in pixels, coarse to fine: 1.8 times the one before, at least 16, up to the full size."""
    sides = [max(height, width)]
    while sides[-1] > COARSEST:
        sides.append(round(sides[-1] / 1.8))
    full = sides[0]
    return [(max(16, round(height * side / full)), max(16, round(width * side / full))) for side in reversed(sides)]


def _pad(image: Tensor) -> Tensor:
    """(3, H, W) with MARGIN pixels more on each side, reflected as far as the image reaches and repeated beyond that."""
    height, width = image.shape[-2:]
    reach = (min(MARGIN, width - 1), min(MARGIN, height - 1))
    reflected = F.pad(image[None], (reach[0], reach[0], reach[1], reach[1]), mode="reflect")
    rest = (MARGIN - reach[0], MARGIN - reach[0], MARGIN - reach[1], MARGIN - reach[1])
    return F.pad(reflected, rest, mode="replicate")[0].clone()


def _unpad(canvas: Tensor) -> Tensor:
    return canvas[:, MARGIN:-MARGIN, MARGIN:-MARGIN]


def _window(height: int, width: int, offset: int) -> tuple[slice, slice]:
    """Rows and columns of the padded canvas that the encoder is given at one of OFFSETS steps."""
    dy, dx = 3 * offset, 3 * (2 * offset % OFFSETS)
    return slice(dy, dy + height + MARGIN), slice(dx, dx + width + MARGIN)


def _view(canvas: Tensor, window: tuple[slice, slice], flip: tuple[int, ...]) -> Tensor:
    """(1, 3, h, w): the window of the canvas, flipped along the axes `flip`."""
    return canvas[None, :, window[0], window[1]].flip(flip).contiguous(memory_format=torch.channels_last)
