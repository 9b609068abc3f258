"""A style picture: what a user names with `--style`, read once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from weakref import WeakValueDictionary

from torch import Tensor

from vidstyle.core.curve import Curve, value_at
from vidstyle.core.errors import InputError, UsageError, reason
from vidstyle.core.files import sha256
from vidstyle.core.images import read_image


@dataclass(frozen=True)
class Style:
    """The file and weight of a style picture, which is not read yet."""

    path: Path
    weight: float | Curve = 1.0
    """Share in the blend, above 0; the weights of several pictures are scaled to sum 1. A curve may be 0 at times."""


_images: WeakValueDictionary[str, Tensor] = WeakValueDictionary()
"""The images that are in use, by the hash of their file, so that the shots of a batch share the hundred megabytes of one."""


@dataclass(frozen=True)
class StylePicture:
    """A style picture that has been read."""

    path: Path
    weight: float | Curve
    sha256: str
    """Hash of the file, in hex; network files name their styles by it."""
    image: Tensor = field(repr=False, compare=False)
    """(3, H, W) float32 sRGB in [0, 1]."""

    @property
    def name(self) -> str:
        """File name."""
        return self.path.name


def read_styles(styles: Sequence[Style | StylePicture]) -> tuple[StylePicture, ...]:
    """The style pictures; each `Style` is read.

    Raises UsageError for none at all or a weight that is not above 0, InputError for a file that cannot be read.
    """
    if not styles:
        raise UsageError("No style is given; name a picture with --style.")
    if len(styles) == 1 and isinstance(styles[0].weight, Curve):
        raise UsageError(f"{styles[0].path}: its weight changes and there is no other style to change to; "
                         "name another --style, or give --strength a curve.")
    return tuple(style if isinstance(style, StylePicture) else _read(style) for style in styles)


def styles_at(styles: Sequence[StylePicture], seconds: float) -> tuple[StylePicture, ...]:
    """The styles with their weights for a frame that appears at `seconds`; some may be 0."""
    return tuple(replace(style, weight=value_at(style.weight, seconds)) for style in styles)


def weights_change(styles: Iterable[StylePicture]) -> bool:
    """Whether the weight of any style changes over the clip."""
    return any(isinstance(style.weight, Curve) for style in styles)


def _read(style: Style) -> StylePicture:
    path, weight = Path(style.path), style.weight
    if not isinstance(weight, Curve) and not 0 < weight < float("inf"):
        raise UsageError(f"{path}: its weight is {weight:g}; give a number above 0.")
    try:
        digest = sha256(path) if os.path.isfile(path) else ""  # `read_image` refuses what is no plain file
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason(error)}); check the path.") from error
    image = _images.get(digest)
    if image is None:
        _images[digest] = image = read_image(path)
    return StylePicture(path, weight, digest, image)
