"""Mattes: grey images that say where the source is seen, and where which painting of the clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import repeat
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.core.choices import DETAIL
from vidstyle.core.errors import UsageError
from vidstyle.core.frame import Original
from vidstyle.core.images import resize_alpha
from vidstyle.core.parse import SOURCE, parse_matte
from vidstyle.ops.metrics import BT709
from vidstyle.painting.style_picture import Style, StylePicture, read_styles
from vidstyle.video import Clip, ReadSettings, Source, open_source, parse_pattern
from vidstyle.video.images import image_file
from vidstyle.video.images.pattern import IMAGE_SUFFIXES, PICTURE_SUFFIXES

LEVELS = 65535
"""Steps from black to white to which a matte is rounded: colours of a video come from sums of floats, and so do not reach 0
and 1 exactly, and where a matte is black the source is to stay as it is."""
_ROUNDING = 2.0  # pixels by which the height of a matte may differ from the clip's shape, at most a tenth: sizes are rounded to
# even numbers
_SAME_RATE = Fraction(1, 1000)  # rates that differ by less are the same, written with other roundings


@dataclass(frozen=True)
class Matte:
    """A matte that fits its clip, and what is seen where it is white."""

    path: Path
    files: tuple[Path, ...]
    layer: int | None
    """Number of the painting; None for the source."""
    style: StylePicture | None = None
    """The style of the region; None where none is named."""
    still: Tensor | None = field(default=None, repr=False, compare=False)
    """(1, h, w) in [0, 1]; None for a movie or a sequence."""
    source: Source | None = field(default=None, repr=False, compare=False)
    """The movie or sequence; None for an image."""
    first: int = 0
    """Index of the clip's frame to which the first frame of the matte belongs."""

    def at(self, index: int) -> Tensor:
        """The matte (1, h, w) in [0, 1] of the clip's frame `index`; beyond its ends its first or last frame holds."""
        last = index if self.source is None else self.first + self.source.clip.frames - 1
        return next(self.values(min(index, last), min(index, last)))

    def values(self, first: int, last: int) -> Iterator[Tensor]:
        """The matte (1, h, w) in [0, 1] of the clip's frames from index `first` to `last`, in order."""
        if self.still is not None:
            yield from repeat(self.still, last - first + 1)
            return
        assert self.source is not None, "a matte is an image or has frames"
        early = max(0, self.first - first)  # an estimate paints frames before the range, too: for them the first matte holds
        for frame in self.source.decode(max(0, first - self.first), max(0, last - self.first)):
            yield from repeat(to_grey(frame.image, frame.alpha, frame.original), 1 + early)
            early = 0


@dataclass(frozen=True)
class Mattes:
    """The mattes of a run; without any, its painting is seen everywhere.

    Of a run's paintings, called layers, number 0 is in the style of the run, and the others are in the styles of regions.
    """

    mattes: tuple[Matte, ...] = ()
    """Later ones lie over earlier ones."""
    styles: tuple[tuple[StylePicture, ...], ...] = ()
    """The styles of each layer from number 1 on."""
    on_source: bool = False
    """Whether the source is seen where no matte is white, and not layer 0."""
    warnings: tuple[str, ...] = ()

    def files(self) -> dict[str, Sequence[Path]]:
        """The files that are read, by a name for each region that says what is seen in it."""
        found = dict[str, Sequence[Path]]()
        for number, matte in enumerate(self.mattes, 1):
            if matte.style is not None:
                found[f"matte {number}=style"] = *matte.files, matte.style.path
            else:
                found[f"matte {number}" if matte.layer is not None else f"matte {number}={SOURCE}"] = matte.files
        return found

    def describe(self) -> list[dict[str, str]]:
        """The mattes in types that JSON has."""
        return [{"matte": str(matte.path), "shows": "the source" if matte.layer is None
                 else "the painting" if matte.style is None else str(matte.style.path)} for matte in self.mattes]

    def read(self, first: int, last: int) -> Iterator[tuple[Tensor, ...]]:
        """For each of the clip's frames from index `first` to `last`, in order, the values of all mattes."""
        values = [matte.values(first, last) for matte in self.mattes]
        return zip(*values, strict=True) if values else repeat((), last - first + 1)

    def compose(self, source: Tensor, layers: Sequence[Tensor], values: Sequence[Tensor]) -> Tensor:
        """A frame, of its source and its layers, each (3, H, W); values: each (1, h, w) in [0, 1], from `read`.

        Where a value is 0 or 1, the colours are those of one image, bit for bit; between, the mix is linear.
        """
        image = source if self.on_source else layers[0]
        height, width = source.shape[-2:]
        for matte, value in zip(self.mattes, values, strict=True):
            over = source if matte.layer is None else layers[matte.layer]
            image = torch.lerp(image, over, resize_alpha(value, (height, width)))
        return image


def plan_mattes(texts: Sequence[str], styles: Sequence[StylePicture], clip: Clip, frames: tuple[int, int],
                settings: ReadSettings) -> Mattes:
    """The mattes of `Options.matte`, which are checked against the clip.

    styles: those of the run; none where an artist's painting takes their place, so that each region has a layer of its own.
    frames: indices of the first and last frame of the range; a matte has a frame for each frame of the clip or of the range.
    settings: how the clip is read. Raises UsageError or InputError, in one sentence.
    """
    layers, mattes, on_source, warnings = [tuple(styles)], list[Matte](), False, list[str]()
    for text in texts:
        file, named = parse_matte(text)
        style, layer = None, 0
        if named is None:
            on_source = True
        elif named != SOURCE:
            [style] = read_styles([Style(Path(named))])
            # Regions of one style are seen in one painting, and those in the style of the run in that of the run.
            layer = next((number for number, known in enumerate(layers) if [each.sha256 for each in known] == [style.sha256]),
                         len(layers))
            if layer == len(layers):
                layers.append((style,))
        matte = _open(Matte(file, (file,), None if named == SOURCE else layer, style), clip, frames, settings, "--matte")
        if matte.still is not None and not matte.still.any():
            raise UsageError(f"{file}: is black everywhere, and a matte is white where it holds; give another --matte.")
        warnings += _rate_warning(matte, clip)
        mattes.append(matte)
    if _hides_all(mattes, on_source=on_source):
        raise UsageError("--matte: the source is seen everywhere; leave out a FILE=none, or give --strength 0.")
    return Mattes(tuple(mattes), tuple(layers[1:]), on_source, tuple(warnings))


def _hides_all(mattes: Sequence[Matte], *, on_source: bool) -> bool:
    """Whether images show the source everywhere; of mattes that move, nobody knows it before they are read."""
    if not all(matte.still is not None for matte in mattes):
        return False
    height = max((matte.still.shape[1] for matte in mattes if matte.still is not None), default=1)
    width = max((matte.still.shape[2] for matte in mattes if matte.still is not None), default=1)
    seen = torch.full((1, height, width), 0.0 if on_source else 1.0)
    for matte in mattes:
        if matte.still is not None:
            over = torch.full_like(seen, 0.0 if matte.layer is None else 1.0)
            seen = torch.lerp(seen, over, resize_alpha(matte.still, (height, width)))
    return not seen.any()


def to_grey(image: Tensor, alpha: Tensor | None, original: Original | None = None) -> Tensor:
    """The matte (1, H, W) in [0, 1] that an image is, (3, H, W) in [0, 1]: its luma (BT.709), and black where it is
    transparent.

    Scene-linear images count as they are stored: half the light is half the paint.
    """
    light = None if original is None else original.light
    weights = torch.tensor(BT709, dtype=torch.float64).view(3, 1, 1)
    grey = ((image if light is None else light) * weights).sum(0, keepdim=True)
    if alpha is not None and light is None:  # light is multiplied by its alpha already
        grey = grey * alpha
    return (grey.clamp(0, 1) * LEVELS).round().div(LEVELS).float()


def plan_stroke_size(option: str | None, clip: Clip, frames: tuple[int, int], settings: ReadSettings) -> Matte | None:
    """The file of `Options.stroke_size`, checked as a matte is; None where it names none. Parameters as `plan_mattes`."""
    if option is None or option == DETAIL:
        return None
    return _open(Matte(Path(option), (Path(option),), None), clip, frames, settings, "--stroke-size")


def _open(matte: Matte, clip: Clip, frames: tuple[int, int], settings: ReadSettings, option: str) -> Matte:
    """The matte with its image, or its frames, which are checked against the clip. option: that it is given with."""
    file, settings = matte.path, replace(settings, hdr="passthrough", fps=None, sound=None)
    if parse_pattern(file) is None and file.suffix.lower() in (*IMAGE_SUFFIXES, *PICTURE_SUFFIXES):
        still = to_grey(*image_file.read(file))
        _check_shape(file, still.shape[2], still.shape[1], Fraction(1), clip, option)
        return replace(matte, still=still)
    source = open_source(file, settings)
    own = source.clip
    _check_shape(file, own.width, own.height, own.sample_aspect_ratio, clip, option)
    count = frames[1] - frames[0] + 1
    if own.frames not in (clip.frames, count):
        ranged = "" if count == clip.frames else f", of which {count} are painted"
        raise UsageError(f"{file}: has {own.frames} frames and the clip has {clip.frames}{ranged}; give {option} a "
                         "file with a frame for each of them, or one image for all.")
    return replace(matte, files=source.files, source=source, first=0 if own.frames == clip.frames else frames[0])


def _check_shape(file: Path, width: int, height: int, pixel: Fraction, clip: Clip, option: str) -> None:
    """Raise UsageError where a matte of this size, whose pixels have this aspect ratio, does not have the clip's shape."""
    shapes = [(Fraction(clip.width), clip.height), (clip.width * clip.sample_aspect_ratio, clip.height)]
    for wide in (Fraction(width), width * pixel):
        if any(abs(wide * down / across - height) <= min(_ROUNDING, height / 10) for across, down in shapes):
            return
    raise UsageError(f"{file}: is {width}x{height} and the clip is {clip.width}x{clip.height}, which is another shape; "
                     f"give {option} a file of the clip's shape, at any size.")


def _rate_warning(matte: Matte, clip: Clip) -> list[str]:
    if matte.source is None or not (matte.source.clip.timed and clip.timed):
        return []
    own, other = matte.source.clip.average_rate, clip.average_rate
    if abs(own - other) <= other * _SAME_RATE:
        return []
    return [f"{matte.path} has {float(own):.5g} frames a second and the clip {float(other):.5g}; their frames are matched one "
            "to one, in order."]
