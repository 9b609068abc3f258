"""Style pictures in, PNG and JPEG pictures and contact sheets out."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from vidstyle.core.atomic import write_atomically
from vidstyle.core.errors import InputError, OutputError
from vidstyle.core.files import check_plain

_BACKGROUND, _INK = 0.11, 0.85
MOST_PIXELS = 2**27
"""Of a picture that is read: 134 million, 1.6 GB as floats; more than any camera takes in one shot."""
MOST_BYTES = 2**30
"""Of a picture file: above the size of such a picture with 16 bits and without compression."""
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")  # one decoder each, of those that everybody tests
_MARGIN, _CAPTION, _COLUMNS = 12, 26, 6  # pixels, pixels, pictures side by side at most


def read_picture(path: Path) -> Tensor:
    """(3, H, W) float32 sRGB in [0, 1] of a picture file, upright as its EXIF says; alpha lies on white.

    Raises InputError for a file that is missing, is no PNG, JPEG, WebP, TIFF or BMP, is cut off, or is too large.
    """
    path = Path(path)
    if check_plain(path, "a picture file") > MOST_BYTES:
        raise InputError(f"{path}: has more than {MOST_BYTES >> 20} MB; save it as JPEG, or scale it down.")
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: cannot be read ({reason}); check the path.") from error
    _check_size(path, content)
    data = np.frombuffer(content, np.uint8)
    try:
        # UNCHANGED keeps alpha and 16 bits but ignores EXIF; pictures that carry EXIF turns have no alpha.
        pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
        if pixels is not None and (pixels.ndim == 2 or pixels.shape[2] == 3):
            pixels = cv2.imdecode(data, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise InputError(f"{path}: cannot be read as a picture ({error.err}); save it as PNG or JPEG.") from error
    if pixels is None:
        raise InputError(f"{path}: is not a picture that can be read; save it as PNG or JPEG.")
    scale = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}.get(pixels.dtype)
    if scale is None:
        raise InputError(f"{path}: holds {pixels.dtype} samples, not 8 or 16 bits; save it as PNG or JPEG.")
    image = torch.from_numpy(pixels.astype(np.float32) / scale).permute(2, 0, 1)
    colour = image[:3].flip(0)  # OpenCV keeps blue first
    if image.shape[0] == 4:
        colour = colour * image[3] + (1 - image[3])
    return colour.contiguous()


def _check_size(path: Path, content: bytes) -> None:
    """Look at the header alone: a file of a few kilobytes may unpack to more than the memory holds."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
            width, height = picture.size
    except Image.DecompressionBombError:
        width = height = MOST_PIXELS
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise InputError(f"{path}: is not a picture that can be read; save it as PNG or JPEG.") from error
    if width * height > MOST_PIXELS:
        raise InputError(f"{path}: has more than {MOST_PIXELS // 10**6} million pixels; scale it down.")


def write_png(path: Path, image: Tensor) -> None:
    """Write `image` (3, H, W) sRGB in [0, 1] as an 8-bit PNG that appears whole or not at all.

    Raises OutputError where the file cannot be written.
    """
    path = Path(path)
    pixels = (image.detach().cpu().clamp(0, 1) * 255).round().to(torch.uint8).flip(0).permute(1, 2, 0).numpy()
    done, data = cv2.imencode(".png", np.ascontiguousarray(pixels))
    assert done, "an 8-bit picture can always be packed as PNG"
    try:
        write_atomically(path, data.tobytes())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"{path}: cannot be written ({reason}); check the folder and the disk.") from error


def jpeg(image: Tensor, quality: int = 82) -> bytes:
    """`image` (3, H, W) sRGB in [0, 1] as the bytes of a JPEG file."""
    pixels = (image.detach().cpu().clamp(0, 1) * 255).round().to(torch.uint8).flip(0).permute(1, 2, 0).numpy()
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(pixels), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done, "an 8-bit picture can always be packed as JPEG"
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


def size_at_height(shape: tuple[int, ...], height: float, least: int) -> tuple[int, int]:
    """(height, width) of an image of `shape` (H, W) scaled to `height` pixels, or larger so that no side is below `least`."""
    tall, wide = shape
    factor = max(height / tall, least / min(tall, wide))
    return max(least, round(tall * factor)), max(least, round(wide * factor))


def contact_sheet(columns: list[tuple[Tensor, Tensor]], caption: list[str] | None = None, width: int = 1920) -> Tensor:
    """One picture (3, H, `width`) of several frames: each source above its painting, at most six pairs in a row.

    columns: pairs (source, painting), each (3, H, W) in [0, 1]; a painting of another size is fitted to its source.
    caption: a short text above each pair, such as the frame's number. Raises ValueError for no pairs at all.
    """
    if not columns:
        raise ValueError("a contact sheet needs at least one pair of pictures")
    rows = -(-len(columns) // _COLUMNS)
    across = -(-len(columns) // rows)
    tile_width = (width - _MARGIN * (across + 1)) // across
    tile_height = max(1, round(tile_width * columns[0][0].shape[1] / columns[0][0].shape[2]))
    head = _CAPTION if caption else 0
    row_height = head + 2 * tile_height + _MARGIN // 2 + _MARGIN
    sheet = torch.full((3, _MARGIN + rows * row_height, width), _BACKGROUND)
    for number, pair in enumerate(columns):
        left = _MARGIN + number % across * (tile_width + _MARGIN)
        top = _MARGIN + number // across * row_height
        if caption:
            sheet[:, top:top + head, left:left + tile_width] = _text(caption[number], head, tile_width)
        for place, picture in enumerate(pair):
            y = top + head + place * (tile_height + _MARGIN // 2)
            sheet[:, y:y + tile_height, left:left + tile_width] = _fit(picture, tile_height, tile_width)
    return sheet


def _fit(picture: Tensor, height: int, width: int) -> Tensor:
    """`picture` as large as fits into (height, width), in the middle of the background."""
    scale = min(height / picture.shape[1], width / picture.shape[2])
    size = (min(height, max(1, round(picture.shape[1] * scale))), min(width, max(1, round(picture.shape[2] * scale))))
    tile = torch.full((3, height, width), _BACKGROUND)
    y, x = (height - size[0]) // 2, (width - size[1]) // 2
    tile[:, y:y + size[0], x:x + size[1]] = resize(picture.detach().float().cpu(), size)
    return tile


def _text(words: str, height: int, width: int) -> Tensor:
    canvas = np.zeros((height, width), np.uint8)
    cv2.putText(canvas, words, (1, height - 9), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255,), 1, cv2.LINE_AA)
    ink = torch.from_numpy(canvas).float() / 255
    return (_BACKGROUND + (_INK - _BACKGROUND) * ink).expand(3, height, width)
