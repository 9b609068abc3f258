"""What the header of an image states, without decoding its pixels."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from vidstyle.core.errors import InputError
from vidstyle.core.images import other_colours, read_pixels, read_size
from vidstyle.video import limits
from vidstyle.video.images import exr
from vidstyle.video.images.image_file import decode_coded, dpx_header, file_bytes
from vidstyle.video.images.pattern import PICTURE_SUFFIXES


@dataclass(frozen=True)
class ImageFacts:
    """What the header of one image states."""

    size: tuple[int, int]
    """Width and height, in pixels."""
    depth: int
    """Bits of one sample; 16 for half floats."""
    linear: bool = False
    """Whether samples are scene-linear light, or turn into it when read; other samples are sRGB code values."""
    alpha: bool = False
    pixel_aspect: Fraction = Fraction(1)
    rate: Fraction | None = None
    timecode: str | None = None
    doubts: tuple[str, ...] = ()
    """What of the image is not used, one sentence each."""


def read_facts(path: Path, *, closely: bool = False) -> ImageFacts:
    """The facts of the image at `path`; closely: also depth and alpha of a PNG or TIFF, which takes decoding it.

    Raises InputError.
    """
    facts = _header(path)
    width, height = facts.size
    if width * height > limits.MOST_PIXELS:
        raise InputError(f"{path}: states {width}x{height} pixels, more than the {limits.MOST_PIXELS // 10**6} million that "
                         "are read; scale it down first.")
    if not closely or path.suffix.lower() in (".exr", ".dpx"):
        return facts
    colours = other_colours(path)
    facts = replace(facts, doubts=(f"The colours ({colours}) are converted to sRGB, with 8 bits a sample.",) if colours else ())
    if path.suffix.lower() in PICTURE_SUFFIXES:
        return replace(facts, alpha=read_pixels(path).shape[0] == 4)
    image, alpha, depth = decode_coded(path)
    return replace(facts, size=(image.shape[2], image.shape[1]), depth=depth, alpha=alpha is not None)


def _header(path: Path) -> ImageFacts:
    """What the header states; of a PNG or TIFF only the size."""
    kind = path.suffix.lower()
    if kind == ".exr":
        file_bytes(path, 4)
        header = exr.read_header(path)
        names = {channel.name for channel in header["channels"]}
        return ImageFacts(exr.size_of(header), 16, True, "A" in names,
                     Fraction(float(header["pixelAspectRatio"])).limit_denominator(1000), exr.rate_of(header),
                     exr.timecode_of(header), tuple(exr.doubts(header)))
    if kind == ".dpx":
        found = dpx_header(path, file_bytes(path, 2048))
        return ImageFacts((found.width, found.height), found.depth, found.is_log, False, found.pixel_aspect, found.rate,
                     found.timecode_text)
    if kind in PICTURE_SUFFIXES:
        return ImageFacts(read_size(path), 8)
    size = _png_size(file_bytes(path, 24)) if kind == ".png" else _tiff_size(path)
    if size is None:
        raise InputError(f"{path}: is damaged or no {kind[1:].upper()}; render or copy it again.")
    return ImageFacts(size, 8)


def _png_size(head: bytes) -> tuple[int, int] | None:
    return struct.unpack_from(">II", head, 16) if head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) >= 24 else None


def _tiff_size(path: Path) -> tuple[int, int] | None:
    """Width and height of the first image; None where the header does not state them."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(file_bytes(path, 4))
    if order is None:
        return None
    found = {}
    try:
        with path.open("rb") as file:
            file.seek(4)
            file.seek(*struct.unpack(order + "I", file.read(4)))  # the table may lie at the end of the file
            [count] = struct.unpack(order + "H", file.read(2))
            for tag, kind, _, value in struct.iter_unpack(order + "HHI4s", file.read(12 * count)):
                if tag in (256, 257):
                    [found[tag]] = struct.unpack_from(order + ("H" if kind == 3 else "I"), value)
        return found[256], found[257]
    except (struct.error, KeyError, OSError):
        return None
