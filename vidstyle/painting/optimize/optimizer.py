"""Paint by optimization: change the picture until content, style and the last painting agree (Gatys 2016, Ruder 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from vidstyle.core.frame import Prior
from vidstyle.core.interfaces import Encoder
from vidstyle.ops.losses import CONTENT_LAYER, STYLE_LAYERS, content_loss, style_loss, temporal_loss, total_variation
from vidstyle.ops.warp import long_term_weights
from vidstyle.painting.optimize.waves import WavePicture
from vidstyle.painting.style import POSES, Palette, StyleTarget, precision, resized

COARSEST = 160  # longest side of the pyramid's top at most, pixels: there a stroke of the encoder's reach spans the picture
STEP_SHARES = (1.0, 0.8, 0.5)  # steps by level, coarse to fine: what the coarse levels settle, the fine ones keep
MARGIN = 16  # pixels painted beyond each edge and cut off: next to the encoder's own padding, paint turns to noise
PLACES = 5  # the encoder's pooling grid is moved from step to step, else its grain shows in flat paint


@dataclass(frozen=True)
class Optimizer:
    """Paints one frame by gradient descent on the picture; a `Stylizer`."""

    encoder: Encoder
    style: StyleTarget
    palette: Palette
    """What makes the clip's colours the style's: the frame in these colours is where painting starts, and its content."""
    content_weight: float
    style_weight: float
    tv_weight: float
    temporal_weight: float
    """Weight of the temporal loss; with 0 the last painting is not looked at at all."""
    first_steps: int
    """Most Adam steps for a frame without priors, over all levels."""
    follow_steps: int
    """Most Adam steps for a frame with priors."""
    rate: float = 0.007
    """Adam's step; see `WavePicture`. At three times this, small things are lost, whatever the content weight."""

    def __call__(self, image: Tensor, priors: Sequence[Prior] = ()) -> Tensor:
        """(3, H, W) frame -> (3, H, W) painting in [0, 1]; priors as in `Stylizer`."""
        image = self.palette(image).clamp(0, 1)
        if not priors or self.temporal_weight == 0:
            return self._pyramid(image)
        # Start from the last painting where it can be seen, from the content elsewhere.
        nearest = priors[0]
        start = nearest.visibility * nearest.image + (1 - nearest.visibility) * image
        return self._descend(start, image, priors, self.follow_steps, self.rate / 2)

    def _pyramid(self, image: Tensor) -> Tensor:
        """Coarse to fine: each level starts from the last one's painting, with the frame's detail as drawn there."""
        sizes = pyramid_sizes(image.shape[-2], image.shape[-1])
        shares = [STEP_SHARES[min(level, 2)] for level in range(len(sizes))]
        painting = resized(image[None], sizes[0])[0]
        for size, share in zip(sizes, shares, strict=True):
            painting = resized(painting[None], size)[0]
            steps = max(1, round(self.first_steps * share / sum(shares)))
            painting = self._descend(painting, resized(image[None], size)[0], (), steps, self.rate)
        return painting

    def _descend(self, start: Tensor, image: Tensor, priors: Sequence[Prior], steps: int, rate: float) -> Tensor:
        """Adam on the pixels, from `start`, until the loss stops falling or `steps` are done."""
        height, width = image.shape[-2:]
        views = [(_window(height, width, k), POSES[k % len(POSES)]) for k in range(PLACES)]
        styles = [self.style.at(height, pose) for _, pose in views]
        framed = _framed(image)
        with torch.no_grad(), precision(image.device):
            content = [self.encoder(_seen(framed, *view), [CONTENT_LAYER])[CONTENT_LAYER] for view in views]
        weights = long_term_weights([prior.visibility for prior in priors])

        picture = WavePicture(_framed(start))
        adam = torch.optim.Adam([picture.amplitudes], lr=rate, betas=(0.9, 0.99))
        falling = Falling()
        for step in range(steps):
            place = step % PLACES
            adam.param_groups[0]["lr"] = rate * min(1.0, 2 * (1 - step / steps) + 0.1)  # settle in the second half
            painting = picture()
            with precision(image.device):
                found = self.encoder(_seen(painting, *views[place]), [*STYLE_LAYERS, CONTENT_LAYER])
            loss = (
                self.style_weight * style_loss({layer: found[layer] for layer in STYLE_LAYERS}, styles[place])
                + self.content_weight * content_loss(found[CONTENT_LAYER], content[place])
                + self.tv_weight * total_variation(painting)
            )
            for prior, weight in zip(priors, weights, strict=True):
                loss = loss + self.temporal_weight * temporal_loss(_unframed(painting), prior.image, weight)
            adam.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
            if not falling(float(loss.detach())):
                break
        return _unframed(picture().detach())


class Falling:
    """Says whether a loss still falls: its mean over the last `window` steps against the `window` before."""

    def __init__(self, window: int = 4 * PLACES, least: float = 0.01) -> None:
        self.window, self.least, self.losses = window, least, [0.0] * 0

    def __call__(self, loss: float) -> bool:
        self.losses.append(loss)
        if len(self.losses) < 2 * self.window or len(self.losses) % self.window:
            return True
        now, before = self.losses[-self.window :], self.losses[-2 * self.window : -self.window]
        return sum(now) < (1 - self.least) * sum(before)


def pyramid_sizes(height: int, width: int) -> list[tuple[int, int]]:
    """(height, width) of each level, coarse to fine, each about twice the one before, the last the full size."""
    sides = [max(height, width)]
    while sides[-1] > COARSEST:
        sides.append(round(sides[-1] / 1.8))
    full = sides[0]
    return [(max(16, round(height * side / full)), max(16, round(width * side / full))) for side in reversed(sides)]


def _framed(image: Tensor) -> Tensor:
    """(3, H, W) with MARGIN pixels more on each side, reflected as far as the picture reaches."""
    height, width = image.shape[-2:]
    reach = (min(MARGIN, width - 1), min(MARGIN, height - 1))
    mirrored = F.pad(image[None], (reach[0], reach[0], reach[1], reach[1]), mode="reflect")
    rest = (MARGIN - reach[0], MARGIN - reach[0], MARGIN - reach[1], MARGIN - reach[1])
    return F.pad(mirrored, rest, mode="replicate")[0].clone()


def _unframed(canvas: Tensor) -> Tensor:
    return canvas[:, MARGIN:-MARGIN, MARGIN:-MARGIN]


def _window(height: int, width: int, place: int) -> tuple[slice, slice]:
    """What the encoder sees of the framed canvas at one of PLACES steps: the picture and nearly all of the frame."""
    dy, dx = 3 * place, 3 * (2 * place % PLACES)
    return slice(dy, dy + height + MARGIN), slice(dx, dx + width + MARGIN)


def _seen(canvas: Tensor, window: tuple[slice, slice], pose: tuple[int, ...]) -> Tensor:
    return canvas[None, :, window[0], window[1]].flip(pose).contiguous(memory_format=torch.channels_last)
