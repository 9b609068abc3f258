"""Layers: several paintings of one clip, painted and carried together, so that mattes can choose between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from vidstyle.core.frame import Frame, Prior
from vidstyle.painting.job import KeyFrames, Painter, Passes


def stack_painters(painters: Sequence[Painter]) -> Painter:
    """One painter whose paintings (3 L, H, W) are those of L painters of one method, one after another along the channels.

    The flow, the cuts and the key frames belong to the frames, so that all layers are carried along the same motion. Each
    painter is given its own layer of what was painted before, and paints as it would alone.
    """
    if len(painters) == 1:
        return painters[0]
    count = len(painters)

    def stylize(frame: Frame, priors: Sequence[Prior]) -> Tensor:
        return torch.cat([painter.stylize(frame, [part_of(prior, 3 * number, 3) for prior in priors])
                          for number, painter in enumerate(painters)])

    losses = {name if number == 0 else f"{name} of layer {number + 1}": loss
              for number, painter in enumerate(painters) for name, loss in painter.losses.items()}
    keys = [painter.key_frames for painter in painters if painter.key_frames is not None]
    passes = [painter.passes for painter in painters if painter.passes is not None]
    assert {len(keys), len(passes)} <= {0, count}, "all are of one method, with the same options"
    return Painter(stylize, losses, _stack_key_frames(keys) if keys else None, _stack_passes(passes) if passes else None)


def _stack_key_frames(layers: Sequence[KeyFrames]) -> KeyFrames:
    sizes = [keys.channels for keys in layers]

    def parts(painting: Tensor) -> tuple[Tensor, ...]:
        return torch.split(painting, sizes)

    def paint(frame: Frame, prior: Prior | None) -> Tensor:
        return torch.cat([keys.paint(frame, None if prior is None else part_of(prior, sum(sizes[:number]), keys.channels))
                          for number, keys in enumerate(layers)])

    def mend(frame: Frame, painting: Tensor, known: Tensor) -> Tensor:
        return torch.cat([keys.mend(frame, image, known) for keys, image in zip(layers, parts(painting), strict=True)])

    def show(frame: Frame, painting: Tensor) -> Tensor:
        return torch.cat([keys.show(frame, image) for keys, image in zip(layers, parts(painting), strict=True)])

    redraws = [keys.redraw for keys in layers if keys.redraw is not None]

    def redraw(frame: Frame, painting: Tensor) -> Tensor:
        return torch.cat([draw(frame, image) for draw, image in zip(redraws, parts(painting), strict=True)])

    return replace(layers[0], paint=paint, mend=mend, show=show, redraw=redraw if redraws else None, channels=sum(sizes))


def _stack_passes(layers: Sequence[Passes]) -> Passes:
    count = len(layers)

    def repaint(frame: Frame, start: Tensor, priors: Sequence[Prior]) -> Tensor:
        return torch.cat([passes.repaint(frame, image, [part_of(prior, 3 * number, 3) for prior in priors])
                          for number, (passes, image) in enumerate(zip(layers, start.chunk(count), strict=True))])

    return Passes(repaint, layers[0].count)


def split_layers(painting: Tensor) -> list[Tensor]:
    """The layers, each (3, H, W), of a painting (3 L, H, W)."""
    return [painting[at:at + 3] for at in range(0, len(painting), 3)]


def part_of(prior: Prior, first: int, count: int) -> Prior:
    """`prior` with `count` channels from number `first` on."""
    return replace(prior, image=prior.image[first:first + count])
