"""Image files: style images are read; PNG files and JPEG bytes are written."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageCms, ImageOps
from torch import Tensor

from vidstyle.core.atomic import write_atomically
from vidstyle.core.errors import InputError, OutputError, reason
from vidstyle.core.files import check_plain

MOST_PIXELS = 2**27
"""Largest image that is read: 134 million pixels, 1.6 GB as floats, more than any camera takes in one exposure."""
MOST_BYTES = 2**30
"""Largest image file that is read: more than `MOST_PIXELS` need with 16 bits a sample and without compression."""
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "AVIF", "JPEG2000", "TGA")  # well tested decoders only
_UNREADABLE = (OSError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, SyntaxError, EOFError,
               struct.error)
"""What Pillow raises for damaged files; of the kinds of damage it checks only some."""
_ORIENTATION = 0x0112  # tag of EXIF
_PHOTOMETRIC, _YCBCR = 262, 6  # tag of TIFF, and one of its values
_GRAY = ("L", "LA", "I;16", "I;16B")
_FLIPS = {2: (2,), 3: (1, 2), 4: (1,), 6: (2,), 7: (1, 2), 8: (1,)}
"""Axes that are flipped for each orientation of EXIF; from 5 on, rows and columns are exchanged before."""


def read_image(path: Path) -> Tensor:
    """Read an image file as (3, H, W) float32 sRGB in [0, 1], its alpha composited over white; see `read_pixels`."""
    image = read_pixels(path)
    colour = image[:3] * image[3] + (1 - image[3]) if image.shape[0] == 4 else image
    return colour.contiguous()


def read_pixels(path: Path, *, upright: bool = True) -> Tensor:
    """Read an image file as (3, H, W) float32 sRGB in [0, 1], turned as its EXIF says; (4, H, W) where it has alpha.

    upright: without it, an image that has to be converted is not turned.
    Colours of another space are converted by the file's ICC profile, with 8 bits a sample. Raises InputError if the file is
    missing, is of another kind than `_FORMATS`, is cut off, or is larger than `MOST_PIXELS` or `MOST_BYTES`.
    """
    path = Path(path)
    if check_plain(path, "an image file") > MOST_BYTES:
        raise InputError(f"{path}: has more than {MOST_BYTES >> 20} MB; save it as JPEG, or scale it down.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason(error)}); check the path.") from error
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:  # a small file may unpack to more than memory holds
                raise Image.DecompressionBombError
            managed = _other_colours(picture) or picture.format in ("AVIF", "JPEG2000", "TGA")
            image = _by_pillow(picture, upright) if managed else _by_opencv(content, picture.getexif().get(_ORIENTATION, 1))
    except Image.DecompressionBombError as error:
        raise InputError(f"{path}: has more than {MOST_PIXELS // 10**6} million pixels; scale it down.") from error
    except cv2.error as error:
        raise InputError(f"{path}: cannot be read as an image ({error.err}); save it as PNG or JPEG.") from error
    except _UNREADABLE as error:
        raise InputError(f"{path}: is not an image that can be read; save it as PNG or JPEG.") from error
    return image


def other_colours(path: Path) -> str:
    """The name of the colours of an image file, such as `Adobe RGB (1998)`, where `read_pixels` converts them to sRGB.

    Empty where it does not, and where the file cannot be read.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=_FORMATS) as picture:
            return _other_colours(picture)
    except (Image.DecompressionBombError, *_UNREADABLE):
        return ""


def _other_colours(picture: Image.Image) -> str:
    if picture.mode == "CMYK":
        return "CMYK"
    if getattr(picture, "tag_v2", {}).get(_PHOTOMETRIC) == _YCBCR:
        return "YCbCr"
    profile = picture.info.get("icc_profile")
    return _described(profile, picture.mode in _GRAY) if profile and picture.mode not in ("F", "LAB", "I") else ""


@lru_cache(maxsize=8)
def _described(profile: bytes, gray: bool) -> str:
    """The name of an ICC profile; empty where it changes no colour by more than a code, as that of sRGB itself."""
    steps = np.arange(0, 256, 15).astype(np.uint8)
    colours = steps[None] if gray else np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3)
    chart = Image.fromarray(colours)
    converted = np.asarray(_to_srgb(chart, profile).convert("RGB"), np.int16)
    if abs(converted - np.asarray(chart.convert("RGB"), np.int16)).max() <= 1:
        return ""
    name = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip()
    return "".join(letter for letter in name if letter.isprintable()) or "an ICC profile"


def read_size(path: Path) -> tuple[int, int]:
    """Width and height of an image file, upright, from its header. Raises InputError as `read_pixels` does."""
    check_plain(path, "an image file")
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=_FORMATS) as picture:
            width, height = picture.size
            return (height, width) if picture.getexif().get(_ORIENTATION, 1) >= 5 else (width, height)
    except Image.DecompressionBombError as error:
        raise InputError(f"{path}: has more than {MOST_PIXELS // 10**6} million pixels; scale it down.") from error
    except _UNREADABLE as error:
        raise InputError(f"{path}: is not an image that can be read; render or copy it again.") from error


def count_pictures(path: Path) -> int:
    """How many pictures an image file holds: those of an animation, or the pages of a TIFF; 1 where it cannot be read."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=("PNG", "WEBP", "TIFF", "AVIF")) as picture:
            return getattr(picture, "n_frames", 1)
    except (Image.DecompressionBombError, *_UNREADABLE):
        return 1


def _by_opencv(content: bytes, orientation: int) -> Tensor:
    """(3 or 4, H, W) in [0, 1] as the file holds it, upright: up to 16 bits. Raises cv2.error or ValueError."""
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is not None and (pixels.ndim == 2 or pixels.shape[2] == 3):
        flags = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    if pixels is None:
        raise ValueError("no pixels")
    scale = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}.get(pixels.dtype)
    if scale is None:
        raise ValueError(f"{pixels.dtype} samples")
    image = torch.from_numpy(pixels.astype(np.float32) / scale).permute(2, 0, 1)
    image = torch.cat([image[:3].flip(0), image[3:]])  # OpenCV's channels are blue, green, red
    upright = image.transpose(1, 2) if 5 <= orientation <= 8 else image
    return upright.flip(_FLIPS.get(orientation, ()))


def _by_pillow(picture: Image.Image, upright: bool) -> Tensor:
    """(3 or 4, H, W) in [0, 1], its colours converted to sRGB, turned if `upright`. Raises OSError or ValueError."""
    profile = picture.info.get("icc_profile")
    turned = ImageOps.exif_transpose(picture) if upright else picture
    alpha = None
    if turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info:
        alpha = turned.convert("RGBA").getchannel("A")
    if turned.mode.startswith("I;16"):  # Pillow would clip to 8 bits
        turned = Image.fromarray((np.asarray(turned) / 257).round().astype(np.uint8))
    colour = turned if turned.mode in ("RGB", "L", "CMYK") else turned.convert("L" if turned.mode == "LA" else "RGB")
    if profile:
        colour = _to_srgb(colour, profile)
    bands = [*colour.convert("RGB").split(), *([] if alpha is None else [alpha])]
    return torch.stack([torch.from_numpy(np.array(band)) for band in bands]).float() / 255


def _to_srgb(colour: Image.Image, profile: bytes) -> Image.Image:
    """`colour` in sRGB; as it is where its ICC profile is broken or is for other colours than it has."""
    try:
        ours = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(colour, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ours, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return colour
    return colour if converted is None else converted


def write_png(path: Path, image: Tensor) -> None:
    """Write `image` (3, H, W) sRGB in [0, 1] as an 8-bit PNG file that appears whole or not at all.

    Raises OutputError if the file cannot be written.
    """
    path = Path(path)
    try:
        write_atomically(path, _encode(".png", image))
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({reason(error)}); check the folder and the disk.") from error


def encode_jpeg(image: Tensor, quality: int = 82) -> bytes:
    """The bytes of a JPEG file; image (3, H, W) sRGB in [0, 1], quality 0 to 100."""
    return _encode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])


def _encode(suffix: str, image: Tensor, parameters: Sequence[int] = ()) -> bytes:
    """The bytes of an 8-bit image file in the format of `suffix`; image (3, H, W) sRGB in [0, 1]."""
    pixels = (image.detach().cpu().clamp(0, 1) * 255).round().to(torch.uint8).flip(0).permute(1, 2, 0).numpy()
    encoded, data = cv2.imencode(suffix, np.ascontiguousarray(pixels), parameters)
    assert encoded, "every 8-bit image can be encoded"
    return data.tobytes()


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """`image` (C, H, W) or (N, C, H, W) at (height, width) `size`: averaged when it shrinks, bicubic when it grows, in [0, 1].

    An image that has this size already is returned as it is, without clamping.
    """
    if tuple(image.shape[-2:]) == tuple(size):
        return image
    images = image if image.ndim == 4 else image[None]
    resized = F.interpolate(images, size=size, mode="bicubic", align_corners=False, antialias=True).clamp(0, 1)
    return resized if image.ndim == 4 else resized[0]


def resize_alpha(alpha: Tensor, size: tuple[int, int]) -> Tensor:
    """`alpha` (1, H, W) in [0, 1] at (height, width) `size`, bilinear; of this size already, it is returned as it is."""
    if tuple(alpha.shape[1:]) == tuple(size):
        return alpha
    return F.interpolate(alpha[None], size=size, mode="bilinear", antialias=True)[0]


def size_at_height(shape: tuple[int, ...], height: float, least: int) -> tuple[int, int]:
    """(height, width) of an image of `shape` (H, W) scaled to `height` pixels, or larger so that no side is below `least`."""
    tall, wide = shape
    factor = max(height / tall, least / min(tall, wide))
    return max(least, round(tall * factor)), max(least, round(wide * factor))
