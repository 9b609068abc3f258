"""The review movie: a source and its painting in one picture, with frame number and timecode burnt in."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.core.frame import Frame
from vidstyle.core.images import resize
from vidstyle.core.progress import Listener, Progress
from vidstyle.core.text import burn_in
from vidstyle.run.moment import moment
from vidstyle.run.plan import Plan
from vidstyle.run.settings import read_settings
from vidstyle.video import open_source

SWEEP, REACH = 8.0, 0.35
"""Of a wipe: seconds in which the line goes over the picture and back, and how far from the middle, in widths."""


def write_comparison(plan: Plan, painted: Path, listen: Listener = lambda progress: None) -> None:
    """Write the review movie of a finished output; it appears whole or not at all.

    painted: the output, which is only read; a movie may still have its temporary name. Raises InputError, OutputError.
    """
    assert plan.comparison is not None, "the plan was made without --compare"
    clip, options = plan.clip, plan.options
    with plan.comparison.open(overwrite=True) as sink:
        pairs = zip(plan.source.decode(*plan.frames), _decode(painted, plan), strict=True)
        for done, (source, painting) in enumerate(pairs, 1):
            image = compose(source.image, painting.image, options.compare, plan.comparison.size, source.seconds)
            burn_in(image, moment(clip, source.index), _letters(options.compare, plan.comparison.size), bottom=True)
            sink.write(replace(source, image=image, alpha=None, original=None))
            listen(Progress("compare", done, plan.count))


def lacks_comparison(plan: Plan) -> bool:
    """Whether a review movie is asked for that is not there; of a finished output it can still be made."""
    return plan.comparison is not None and not os.path.exists(plan.comparison.target)


def compose(source: Tensor, painting: Tensor, kind: str, size: tuple[int, int], seconds: float) -> Tensor:
    """One picture (3, H, W) of `size` (width, height) with a source frame and its painting, (3, h, w) in [0, 1] each.

    kind: `side` shows the source at the left and the painting at the right; `stack` shows the source above the painting;
    `wipe` the source left of a line that moves over the painting and back. seconds: time of the frame, for the line.
    """
    width, height = size
    letters = _letters(kind, size)
    if kind == "wipe":
        image = resize(painting, (height, width)).clone()
        line = round(width * (0.5 + REACH * math.sin(2 * math.pi * seconds / SWEEP)))
        image[..., :line] = resize(source, (height, width))[..., :line]
        image[..., line:line + max(2, width // 640)] = 1
        burn_in(image, "source", letters)
        burn_in(image, "painting", letters, right=True)
        return image
    part = (height, width // 2) if kind == "side" else (height // 2, width)
    parts = []
    for shown, name in ((source, "source"), (painting, "painting")):
        parts.append(resize(shown, part).clone())
        burn_in(parts[-1], name, letters)
    return torch.cat(parts, dim=2 if kind == "side" else 1)


def _decode(painted: Path, plan: Plan) -> Iterator[Frame]:
    """The frames of the output; of a sequence those that this run wrote, and not others of the same name."""
    opened = open_source(painted, replace(read_settings(plan.options), on_damage="fail", sound=None))
    return opened.decode(*opened.clip.select(plan.numbers if opened.images else None))


def _letters(kind: str, size: tuple[int, int]) -> int:
    """Size in pixels of the letters that are burnt into a picture of `size`: a part of the shorter side of one frame."""
    width, height = size[0] // (2 if kind == "side" else 1), size[1] // (2 if kind == "stack" else 1)
    return max(12, round(min(width, height) / 24))
