"""One image file, read and written: PNG through OpenCV, TIFF and DPX through FFmpeg, EXR through OpenEXR; JPEG is only read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from vidstyle.core.errors import InputError, reason
from vidstyle.core.files import check_plain
from vidstyle.core.frame import Original
from vidstyle.core.images import other_colours, read_pixels, resize_alpha
from vidstyle.video.images import dpx, exr, ffmpeg_image
from vidstyle.video.images.pattern import PICTURE_SUFFIXES
from vidstyle.video.pixels.light import light_from_log, light_from_srgb, log_from_light, srgb_from_light

_WHITE = 1.0001  # light above this is brighter than white; the step to it is far below one code of 10 bits


def read(path: Path) -> tuple[Tensor, Tensor | None, Original]:
    """The image at `path` for painting, (3, H, W) float32 sRGB in [0, 1]; its alpha, (1, H, W) in [0, 1], or None; and
    what the file holds beyond that.

    Light above 1 and below 0 is clipped; colours that are stored multiplied by their alpha are divided by it.
    Raises InputError for a file that is missing, damaged or of a kind that is not read.
    """
    suffix = path.suffix.lower()
    if suffix == ".exr":
        file_bytes(path, 4)
        return _from_light(*exr.read(path))
    if suffix == ".dpx":
        data = file_bytes(path)
        header = dpx_header(path, data)
        codes, _, _ = _decoded(path, "dpx", data)
        if header.is_log:
            return _from_light(light_from_log(codes), None, {"dpx": header})
        return codes, None, Original(codes, attributes={"dpx": header})
    if suffix in PICTURE_SUFFIXES:
        pixels = read_pixels(path)
        return pixels[:3], pixels[3:] if pixels.shape[0] == 4 else None, Original(pixels[:3])
    image, alpha, _ = decode_coded(path)
    return image, alpha, Original(image)


def _from_light(light: Tensor, alpha: Tensor | None, attributes: Mapping[str, Any]) -> tuple[Tensor, Tensor | None, Original]:
    """The image of scene-linear `light`, which is multiplied by `alpha`."""
    bare = light if alpha is None else torch.where(alpha > 0, light / alpha.clamp(min=1e-6), light)
    image = srgb_from_light(bare)
    return image, alpha, Original(image, light, attributes, int((bare > _WHITE).any(0).sum()))


@dataclass(frozen=True)
class ImageFormat:
    """How the images of an output are written."""

    suffix: str
    depth: int
    pixel_aspect: Fraction = Fraction(1)
    rate: Fraction | None = None
    """Frames a second, where it is known."""
    own: bool = False
    """Whether the source's images have the same format, so that attributes of their headers are copied."""

    def __str__(self) -> str:
        return f"{self.suffix[1:].upper()} images, 16-bit floats" if self.suffix == ".exr" else \
            f"{self.suffix[1:].upper()} images, {self.depth} bit"


def write(path: Path, image: Tensor, alpha: Tensor | None, original: Original | None, form: ImageFormat) -> None:
    """Write `image` (3, H, W) sRGB in [0, 1] and `alpha` (1, h, w) to `path`, whatever its extension. Raises OSError.

    An image that equals the one that was read is written with the values of the file that it was read from.
    """
    same = original is not None and original.image.shape == image.shape and torch.equal(original.image, image)
    light = original.light if original is not None and same else None
    if alpha is not None:
        alpha = resize_alpha(alpha, (image.shape[1], image.shape[2]))
    attributes = original.attributes if original is not None and form.own else {}
    if form.suffix == ".exr":
        if light is None:
            light = light_from_srgb(image) if alpha is None else light_from_srgb(image) * alpha
        exr.write(path, light, alpha, attributes, pixel_aspect=form.pixel_aspect, rate=form.rate)
        return
    if form.suffix == ".dpx":
        if alpha is not None:  # DPX is written without: over black, what is hidden does not come to light
            image = image * alpha
        header = attributes.get("dpx")
        if header is not None and header.is_log:
            image = log_from_light(light_from_srgb(image) if light is None else light)
        path.write_bytes(dpx.encode(image, form.depth, header, pixel_aspect=form.pixel_aspect, rate=form.rate))
        return
    if form.suffix == ".tif":
        path.write_bytes(ffmpeg_image.encode("tiff", image, alpha, 16, compression_algo="deflate"))
        return
    most, number = (255, np.uint8) if form.depth == 8 else (65535, np.uint16)
    planes = image.flip(0) if alpha is None else torch.cat((image.flip(0), alpha))
    pixels: np.ndarray[Any, np.dtype[Any]] = planes.permute(1, 2, 0).contiguous().numpy() * np.float32(most)
    done, data = cv2.imencode(".png", pixels.round().clip(0, most).astype(number))
    assert done, "8 and 16 bits can always be packed as PNG"
    path.write_bytes(data.tobytes())


def file_bytes(path: Path, count: int = -1) -> bytes:
    """The file, or its beginning. Raises InputError where it cannot be read, is empty or no plain file."""
    check_plain(path, "an image file")
    try:
        with path.open("rb") as file:
            return file.read(count)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason(error)}); check the path.") from error


def dpx_header(path: Path, data: bytes) -> dpx.DpxHeader:
    try:
        return dpx.parse_header(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _decoded(path: Path, codec: str, data: bytes) -> tuple[Tensor, Tensor | None, int]:
    try:
        return ffmpeg_image.decode(codec, data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def decode_coded(path: Path) -> tuple[Tensor, Tensor | None, int]:
    """Codes (3, H, W) of a PNG or TIFF divided by the highest code, alpha likewise if there is one, and the number of bits.

    Colours other than sRGB are converted, with 8 bits a sample.
    """
    if other_colours(path):
        converted = read_pixels(path, upright=False)
        return converted[:3], converted[3:] if converted.shape[0] == 4 else None, 8
    if path.suffix.lower() != ".png":
        return _decoded(path, "tiff", file_bytes(path))  # OpenCV multiplies the colours of an 8-bit TIFF by its alpha
    data = np.frombuffer(file_bytes(path), np.uint8)
    try:
        pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)  # FFmpeg gives half an image, and no error, for half a file
    except cv2.error:
        pixels = None
    if pixels is None:
        raise InputError(f"{path}: is damaged or no PNG; render or copy it again.")
    depth = 8 * pixels.dtype.itemsize
    image = torch.from_numpy(np.atleast_3d(pixels).astype(np.float32)).permute(2, 0, 1) / (2**depth - 1)
    colour = image[:3].flip(0) if image.shape[0] >= 3 else image.expand(3, -1, -1)  # OpenCV keeps blue first
    return colour.contiguous(), image[3:].contiguous() if image.shape[0] == 4 else None, depth
