"""One picture of a sequence, read and written: PNG through OpenCV, TIFF and DPX through FFmpeg, EXR through OpenEXR."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from vidstyle.core.errors import InputError
from vidstyle.core.files import check_plain
from vidstyle.core.frame import Original
from vidstyle.video.images import dpx, exr, single
from vidstyle.video.pixels.light import light_from_log, light_from_srgb, log_from_light, srgb_from_light
from vidstyle.video.read.container import MOST_PIXELS

_WHITE = 1.0001  # light above this is brighter than white; the step to it is far below one code of 10 bits


@dataclass(frozen=True)
class Facts:
    """What one picture says of itself."""

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
    """What of the picture is not kept, one sentence each."""


def look(path: Path, *, closely: bool = False) -> Facts:
    """Size and more of the picture at `path`; depth and alpha of a PNG or TIFF only `closely`. Raises InputError."""
    facts = _header(path)
    width, height = facts.size
    if width * height > MOST_PIXELS:
        raise InputError(f"{path}: states {width}x{height} pixels, more than the {MOST_PIXELS // 10**6} million that are read; "
                         "scale it down first.")
    if closely and path.suffix.lower() in (".png", ".tif", ".tiff"):
        image, alpha, depth = _coded(path)
        return Facts((image.shape[2], image.shape[1]), depth, alpha=alpha is not None)
    return facts


def _header(path: Path) -> Facts:
    """What the header says; of a PNG or TIFF only the size."""
    kind = path.suffix.lower()
    if kind == ".exr":
        _bytes(path, 4)
        header = exr.read_header(path)
        names = {channel.name for channel in header["channels"]}
        return Facts(exr.size_of(header), 16, True, "A" in names,
                     Fraction(float(header["pixelAspectRatio"])).limit_denominator(1000), exr.rate_of(header),
                     exr.timecode_of(header), tuple(exr.doubts(header)))
    if kind == ".dpx":
        found = _dpx_header(path, _bytes(path, 2048))
        return Facts((found.width, found.height), found.depth, found.is_log, False, found.pixel_aspect, found.rate,
                     found.address)
    size = _png_size(_bytes(path, 24)) if kind == ".png" else _tiff_size(path)
    if size is None:
        raise InputError(f"{path}: is damaged or no {kind[1:].upper()}; render or copy it again.")
    return Facts(size, 8)


def read(path: Path) -> tuple[Tensor, Tensor | None, Original]:
    """The picture at `path`: as it is shown and painted, (3, H, W) float32 sRGB in [0, 1]; its alpha, (1, H, W) in the
    same range, if it has one; and what the file holds beyond that.

    Light above 1 and below 0 is clipped; colours that are stored multiplied by their alpha are divided by it.
    Raises InputError for a file that is missing, damaged or of a kind that is not read.
    """
    kind = path.suffix.lower()
    if kind == ".exr":
        _bytes(path, 4)
        return _shown(*exr.read(path))
    if kind == ".dpx":
        data = _bytes(path)
        header = _dpx_header(path, data)
        codes, _, _ = _decoded(path, "dpx", data)
        if header.is_log:
            return _shown(light_from_log(codes), None, {"dpx": header})
        return codes, None, Original(codes, attributes={"dpx": header})
    image, alpha, _ = _coded(path)
    return image, alpha, Original(image)


def _shown(light: Tensor, alpha: Tensor | None, attributes: Mapping[str, Any]) -> tuple[Tensor, Tensor | None, Original]:
    """The picture of scene-linear `light` multiplied by `alpha`."""
    bare = light if alpha is None else torch.where(alpha > 0, light / alpha.clamp(min=1e-6), light)
    image = srgb_from_light(bare)
    return image, alpha, Original(image, light, attributes, int((bare > _WHITE).any(0).sum()))


@dataclass(frozen=True)
class Kind:
    """How the pictures of an output are written."""

    suffix: str
    depth: int
    pixel_aspect: Fraction = Fraction(1)
    rate: Fraction | None = None
    """Frames a second, where it is known."""
    own: bool = False
    """Whether the source's pictures are of the same format, so that what their headers say is said again."""

    def __str__(self) -> str:
        return f"{self.suffix[1:].upper()} pictures, 16-bit floats" if self.suffix == ".exr" else \
            f"{self.suffix[1:].upper()} pictures, {self.depth} bit"


def write(path: Path, image: Tensor, alpha: Tensor | None, original: Original | None, kind: Kind) -> None:
    """Write `image` (3, H, W) sRGB in [0, 1] and `alpha` (1, h, w) to `path`, whose own name says nothing. Raises OSError.

    A picture that is still the one that was read is written with the values of the file that it was read from.
    """
    same = original is not None and original.image.shape == image.shape and torch.equal(original.image, image)
    light = original.light if original is not None and same else None
    if alpha is not None and alpha.shape[1:] != image.shape[1:]:
        alpha = torch.nn.functional.interpolate(alpha[None], size=image.shape[1:], mode="bilinear", antialias=True)[0]
    attributes = original.attributes if original is not None and kind.own else {}
    if kind.suffix == ".exr":
        if light is None:
            light = light_from_srgb(image) if alpha is None else light_from_srgb(image) * alpha
        exr.write(path, light, alpha, attributes, pixel_aspect=kind.pixel_aspect, rate=kind.rate)
        return
    if kind.suffix == ".dpx":
        header = attributes.get("dpx")
        if header is not None and header.is_log:
            image = log_from_light(light_from_srgb(image) if light is None else light)
        path.write_bytes(dpx.encode(image, kind.depth, header, pixel_aspect=kind.pixel_aspect, rate=kind.rate))
        return
    if kind.suffix == ".tif":
        path.write_bytes(single.encode("tiff", image, alpha, 16, compression_algo="deflate"))
        return
    most, number = (255, np.uint8) if kind.depth == 8 else (65535, np.uint16)
    planes = image.flip(0) if alpha is None else torch.cat((image.flip(0), alpha))
    pixels: np.ndarray[Any, np.dtype[Any]] = planes.permute(1, 2, 0).contiguous().numpy() * np.float32(most)
    done, data = cv2.imencode(".png", pixels.round().clip(0, most).astype(number))
    assert done, "8 and 16 bits can always be packed as PNG"
    path.write_bytes(data.tobytes())


def _bytes(path: Path, count: int = -1) -> bytes:
    """The file, or its beginning. Raises InputError where it cannot be read, is empty or no plain file."""
    check_plain(path, "a picture")
    try:
        with path.open("rb") as file:
            return file.read(count)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()}); check the path.") from error


def _dpx_header(path: Path, data: bytes) -> dpx.Header:
    try:
        return dpx.parse_header(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _decoded(path: Path, codec: str, data: bytes) -> tuple[Tensor, Tensor | None, int]:
    try:
        return single.decode(codec, data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _coded(path: Path) -> tuple[Tensor, Tensor | None, int]:
    """Codes (3, H, W) of a PNG or TIFF as shares of the highest one, alpha alike if there is one, and bits."""
    if path.suffix.lower() != ".png":
        return _decoded(path, "tiff", _bytes(path))  # OpenCV multiplies the colours of an 8-bit TIFF by its alpha
    data = np.frombuffer(_bytes(path), np.uint8)
    try:
        pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)  # FFmpeg gives half a picture, and no error, for half a file
    except cv2.error:
        pixels = None
    if pixels is None:
        raise InputError(f"{path}: is damaged or no PNG; render or copy it again.")
    depth = 8 * pixels.dtype.itemsize
    image = torch.from_numpy(np.atleast_3d(pixels).astype(np.float32)).permute(2, 0, 1) / (2**depth - 1)
    colour = image[:3].flip(0) if image.shape[0] >= 3 else image.expand(3, -1, -1)  # OpenCV keeps blue first
    return colour.contiguous(), image[3:].contiguous() if image.shape[0] == 4 else None, depth


def _png_size(head: bytes) -> tuple[int, int] | None:
    return struct.unpack_from(">II", head, 16) if head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) >= 24 else None


def _tiff_size(path: Path) -> tuple[int, int] | None:
    """Width and height of the first picture; None where it does not say."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(_bytes(path, 4))
    if order is None:
        return None
    found = {}
    try:
        with path.open("rb") as file:
            file.seek(4)
            file.seek(*struct.unpack(order + "I", file.read(4)))  # the table lies at the end as often as not
            [count] = struct.unpack(order + "H", file.read(2))
            for tag, kind, _, value in struct.iter_unpack(order + "HHI4s", file.read(12 * count)):
                if tag in (256, 257):
                    [found[tag]] = struct.unpack_from(order + ("H" if kind == 3 else "I"), value)
        return found[256], found[257]
    except (struct.error, KeyError, OSError):
        return None
