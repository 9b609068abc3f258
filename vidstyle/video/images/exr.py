"""OpenEXR images: scene-linear light in half or full floats, read and written by the OpenEXR library."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vidstyle.core.errors import InputError, UsageError
from vidstyle.core.extras import pip_install

# Attributes that the library sets by itself, or that would be wrong for the image that is written.
_OWN = {"channels", "compression", "dataWindow", "displayWindow", "lineOrder", "type", "tiles", "version", "chunkCount",
        "preview", "multiView", "view", "name", "maxSamplesPerPixel"}
_REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)


def library() -> Any:
    """The module `OpenEXR`. Raises UsageError where it is not installed."""
    try:
        import OpenEXR  # only now: most clips need none of it
    except ImportError as error:
        raise UsageError(f"EXR images need the OpenEXR library; install it with: {pip_install('OpenEXR')}") from error
    return OpenEXR


def read_header(path: Path) -> dict[str, Any]:
    """The attributes of the first part, by name. Raises InputError where the file is no EXR."""
    try:
        with library().File(str(path), header_only=True) as file:
            return dict(file.header())
    except (RuntimeError, ValueError, OSError) as error:
        raise InputError(f"{path}: is not an EXR image that can be read; render or copy it again.") from error


def size_of(header: Mapping[str, Any]) -> tuple[int, int]:
    """Width and height of the display window, whatever part of it is stored."""
    (left, top), (right, bottom) = header["displayWindow"]
    return int(right - left + 1), int(bottom - top + 1)


def rate_of(header: Mapping[str, Any]) -> Fraction | None:
    """Frames a second, where the file states them."""
    rate = header.get("framesPerSecond")
    return rate if isinstance(rate, Fraction) and rate > 0 else None


def timecode_of(header: Mapping[str, Any]) -> str | None:
    """The timecode, where the file states it: `01:00:00:00`, with a semicolon if it counts drop-frame."""
    code = header.get("timeCode")
    if code is None:
        return None
    return f"{code.hours:02}:{code.minutes:02}:{code.seconds:02}{';' if code.dropFrame else ':'}{code.frame:02}"


def doubts(header: Mapping[str, Any]) -> list[str]:
    """What of the file is dropped or not interpreted, one sentence each."""
    found = []
    extra = [channel.name for channel in header["channels"] if channel.name not in ("R", "G", "B", "A", "Y")]
    if extra:
        names = ", ".join(extra[:8]) + (f" and {len(extra) - 8} more" if len(extra) > 8 else "")
        found.append(f"The images' other channels are dropped: {names}.")
    stored, displayed = (np.ravel(header[name]) for name in ("dataWindow", "displayWindow"))
    if (stored[:2] < displayed[:2]).any() or (stored[2:] > displayed[2:]).any():
        found.append("Pixels outside the images' display window (overscan) are dropped.")
    primaries = header.get("chromaticities")
    if primaries is not None and not np.allclose(np.ravel(primaries), _REC709, atol=0.002):
        found.append("The images state other primaries than Rec. 709; they are painted as if they had those, "
                     "and the output states the same primaries.")
    return found


def read(path: Path) -> tuple[Tensor, Tensor | None, dict[str, Any]]:
    """Light (3, H, W) float32 as stored, alpha (1, H, W) or None, and the attributes; H x W is the display window.

    Parts of the display window that are not stored are black and transparent. Raises InputError for damage, and for
    channels that are not red, green and blue or one luminance.
    """
    try:
        with library().File(str(path), separate_channels=True) as file:
            return _unpacked(path, dict(file.header()), file.channels())  # before the file closes, which empties both
    except (RuntimeError, ValueError, OSError) as error:
        raise InputError(f"{path}: cannot be read to its end; render or copy it again.") from error


def _unpacked(path: Path, header: dict[str, Any], channels: Mapping[str, Any]) -> tuple[Tensor, Tensor | None, dict[str, Any]]:
    names = ["R", "G", "B"] if {"R", "G", "B"} <= channels.keys() else ["Y"] * 3
    if not set(names) <= channels.keys() or {"RY", "BY"} & channels.keys():
        raise InputError(f"{path}: holds no channels R, G and B but {', '.join(channels)}; render the colour channels.")
    chosen = [*names, "A"] if "A" in channels else names
    width, height = size_of(header)
    planes = torch.zeros(len(chosen), height, width)
    (left, top), (x0, y0) = header["dataWindow"][0], header["displayWindow"][0]
    for plane, name in zip(planes, chosen, strict=True):
        pixels = channels[name].pixels
        if pixels.dtype not in (np.float16, np.float32) or pixels.ndim != 2:
            raise InputError(f"{path}: its channel {name} holds no half or full floats; render it as half.")
        _paste(plane.numpy(), pixels, int(left - x0), int(top - y0))
    return planes[:3], planes[3:] if len(chosen) == 4 else None, header


def _paste(onto: np.ndarray[Any, Any], pixels: np.ndarray[Any, Any], x: int, y: int) -> None:
    """Copy `pixels` to column `x` and row `y` of `onto`; what falls outside is left out."""
    height, width = onto.shape
    rows = slice(max(0, -y), max(0, min(pixels.shape[0], height - y)))
    columns = slice(max(0, -x), max(0, min(pixels.shape[1], width - x)))
    part = pixels[rows, columns]
    if part.size:
        onto[rows.start + y:rows.start + y + part.shape[0], columns.start + x:columns.start + x + part.shape[1]] = part


def write(path: Path, light: Tensor, alpha: Tensor | None, attributes: Mapping[str, Any], *, pixel_aspect: Fraction,
          rate: Fraction | None) -> None:
    """Write `light` (3, H, W) and `alpha` (1, H, W) as half floats, with the source's own `attributes`. Raises OSError.

    A number too large for a half becomes the largest there is. Compression is ZIP, which loses nothing.
    """
    exr = library()
    height, width = light.shape[1:]
    corner = np.asarray(attributes["displayWindow"][0] if "displayWindow" in attributes else (0, 0), np.int32)
    window = (corner, corner + np.array((width - 1, height - 1), np.int32))
    header = {name: value for name, value in attributes.items() if name not in _OWN}
    header |= {"compression": exr.ZIP_COMPRESSION, "type": exr.scanlineimage, "dataWindow": window,
               "displayWindow": window, "pixelAspectRatio": float(pixel_aspect)}
    if rate is not None:
        header["framesPerSecond"] = rate
    planes = light if alpha is None else torch.cat((light, alpha))
    halves = torch.where(planes.isinf(), planes, planes.clamp(-65504, 65504)).numpy().astype(np.float16)
    with exr.File(header, dict(zip("RGBA", halves, strict=False))) as file:
        try:
            file.write(str(path))
        except RuntimeError as error:
            raise OSError(str(error)) from error
