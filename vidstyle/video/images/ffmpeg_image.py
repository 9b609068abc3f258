"""One image through FFmpeg's coders, without a container around it: TIFF and DPX."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
import torch
from av import VideoFrame
from av.video.codeccontext import VideoCodecContext
from torch import Tensor

from vidstyle.core.errors import InputError
from vidstyle.video.pixels.colour import Colour
from vidstyle.video.pixels.planes import depth_of, has_alpha, is_rgb, read_image

RGB = Colour(0, 2, 2, 2, "rgb", True)
_LAYOUTS = {10: "gbrp10be", 12: "gbrp12be"}


def decode(codec: str, data: bytes) -> tuple[Tensor, Tensor | None, int]:
    """Codes (3, H, W) divided by the highest code, alpha (1, H, W) likewise if there is one, and the number of bits.

    Raises InputError, without the file's name.
    """
    decoder = av.CodecContext.create(codec, "r")
    assert isinstance(decoder, VideoCodecContext), "TIFF and DPX are video codecs to FFmpeg"
    try:
        frames = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]
    except (av.FFmpegError, ValueError) as error:
        raise InputError("is damaged or of a kind that is not read; render or copy it again.") from error
    if len(frames) != 1 or not isinstance(frames[0], VideoFrame) or frames[0].is_corrupt:
        raise InputError("is damaged; render or copy it again.")
    [frame] = frames
    layout, depth = frame.format, depth_of(frame.format)
    if "f16" in layout.name or "f32" in layout.name:
        raise InputError("holds floating-point samples, not 8 or 16 bits; render it as EXR.")
    if not is_rgb(layout) and not layout.name.startswith(("gray", "ya")):
        raise InputError(f"holds {layout.name} samples; render it as RGB.")
    alpha = None
    if has_alpha(layout) and not layout.has_palette:
        packed = frame.reformat(format="rgba" if depth == 8 else "rgba64le").to_ndarray()
        alpha = torch.from_numpy(packed[..., 3].astype(np.float32))[None] / (2**depth - 1)
    return read_image(frame, RGB), alpha, depth


def encode(codec: str, image: Tensor, alpha: Tensor | None, depth: int, **options: str) -> bytes:
    """The whole file of `image` (3, H, W) in [0, 1] with 10, 12 or 16 bits, and `alpha` (1, H, W) where there are 16."""
    planes = image if alpha is None else torch.cat((image, alpha))
    pixels: np.ndarray[Any, Any] = planes.permute(1, 2, 0).contiguous().numpy() * np.float32(2**depth - 1)
    pixels = pixels.round().clip(0, 2**depth - 1).astype(np.uint16)
    if depth == 16:
        frame = VideoFrame.from_ndarray(pixels, format="rgb48le" if alpha is None else "rgba64le")
    else:
        frame = VideoFrame.from_ndarray(pixels, format=_LAYOUTS[depth].replace("be", "le"))
    layout = _LAYOUTS.get(depth) or frame.format.name.replace("le", "be" if codec == "dpx" else "le")
    if layout != frame.format.name:
        frame = frame.reformat(format=layout)  # only the order of bytes differs
    encoder = av.CodecContext.create(codec, "w")
    assert isinstance(encoder, VideoCodecContext), "TIFF and DPX are video codecs to FFmpeg"
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, layout
    encoder.time_base, encoder.options = Fraction(1, 24), options
    frame.pts = 0
    [packet] = [*encoder.encode(frame), *encoder.encode(None)]
    return bytes(packet)
