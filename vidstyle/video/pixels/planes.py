"""Decoded frames to tensors, and tensors to frames for an encoder, plane by plane."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from av import VideoFrame
from av.video.format import VideoFormat
from av.video.plane import VideoPlane
from torch import Tensor

from vidstyle.core.errors import InputError
from vidstyle.video.pixels.colour import Colour
from vidstyle.video.pixels.yuv import rgb_to_yuv, yuv_to_rgb

_VIDEO_CODECS = ("h264", "hevc", "vp8", "vp9", "av1", "mpeg2video", "mpeg4")
_CHROMA = {(1, 1): "444", (2, 1): "422", (2, 2): "420", (1, 2): "440"}


def depth_of(layout: VideoFormat) -> int:
    """Bits of the most precise component; 8 for the rare formats with fewer."""
    return max(8, *(component.bits for component in layout.components))


def depth_suffix(depth: int) -> str:
    """The end of the name of a planar format with so many bits, `10le`; empty for 8."""
    return "" if depth == 8 else f"{depth}le"


def side_data(frame: VideoFrame, name: str) -> bytes | None:
    """The side data of a decoded frame with FFmpeg's name `name`; None if it has none."""
    entries: Any = frame.side_data  # PyAV's type stubs do not know that it can be indexed by name
    try:
        return bytes(entries[name])
    except KeyError:
        return None


def is_rgb(layout: VideoFormat) -> bool:
    """Whether the samples are red, green and blue, directly or through a palette."""
    return bool(layout.is_rgb or layout.has_palette)


def is_full_by_format(layout: VideoFormat, codec: str) -> bool:
    """Whether samples are full range where no tag says otherwise: `yuvj420p`, and gray of codecs for single images."""
    return layout.name.startswith("yuvj") or (layout.name.startswith(("gray", "ya")) and codec not in _VIDEO_CODECS)


def has_alpha(layout: VideoFormat) -> bool:
    """Whether the format has a plane of transparency."""
    return any(component.is_alpha for component in layout.components)


def subsampling(layout: VideoFormat) -> tuple[int, int]:
    """Columns and rows of luma for one sample of chroma."""
    return -(-64 // layout.chroma_width(64)), -(-64 // layout.chroma_height(64))


def _planar(layout: VideoFormat) -> str:
    """The planar format that holds the samples of `layout` unchanged, in this machine's byte order."""
    depth = depth_of(layout)
    suffix = depth_suffix(depth)
    if is_rgb(layout):
        return f"gbrp{suffix}"
    if len([c for c in layout.components if not c.is_alpha]) == 1:
        return f"gray{suffix}"
    chroma = _CHROMA.get(subsampling(layout), "444")
    full = "j" if layout.name.startswith("yuvj") else ""
    return f"yuv{full}{'444' if chroma == '440' else chroma}p{suffix}"


def read_image(frame: VideoFrame, colour: Colour, clamp: bool = True) -> Tensor:
    """(3, H, W) float32 RGB in [0, 1] of a decoded frame as coded, before its orientation is applied; without
    alpha. For `clamp` see `yuv_to_rgb`.

    Packed, palette and big-endian formats are first laid out in planes by FFmpeg, which does not change a sample
    (except chroma at a quarter of the columns, which FFmpeg interpolates). Raises InputError for floats.
    """
    layout = frame.format
    if "f16" in layout.name or "f32" in layout.name:
        raise InputError(f"The clip's samples are floating-point ({layout.name}), which this version does not read.")
    name = _planar(layout)
    if layout.name not in (name, name.replace("yuv", "yuva"), name.replace("gbrp", "gbrap")):
        same = {"src_colorspace": 5, "dst_colorspace": 5, "src_color_range": 1, "dst_color_range": 1}
        frame = frame.reformat(format=name, **(same if name.startswith("yuv") else {}))
    depth = depth_of(frame.format)
    count = 1 if name.startswith("gray") else 3
    planes = [_plane(frame, index, depth) for index in range(count)]
    if colour.matrix == "rgb":
        green, blue, red = planes if count == 3 else planes * 3
        return torch.stack((red, green, blue)).float().div_(2**depth - 1)
    return yuv_to_rgb(planes, matrix=colour.matrix, full_range=colour.full_range, depth=depth, clamp=clamp,
                      cosited=colour.cosited)


def read_alpha(frame: VideoFrame) -> Tensor | None:
    """(1, H, W) float32 in [0, 1], 1 = opaque, of a decoded frame as coded; None where its format has no alpha."""
    layout = frame.format
    if not has_alpha(layout):
        return None
    depth = depth_of(layout)
    if not layout.name.startswith(("yuva", "gbrap")) or layout.name.endswith("be"):
        frame = frame.reformat(format=f"gbrap{depth_suffix(depth)}")
    return _plane(frame, len(frame.planes) - 1, depth)[None].float().div_(2**depth - 1)


def _plane(frame: VideoFrame, index: int, depth: int) -> Tensor:
    plane = frame.planes[index]
    samples: np.ndarray[Any, np.dtype[Any]] = np.frombuffer(memoryview(plane), np.uint8 if depth == 8 else np.uint16)
    samples = samples.reshape(plane.height, -1)[:, :plane.width]  # lines are padded to `line_size` bytes
    if depth == 16:
        samples = samples.astype(np.int32)  # torch cannot compute with uint16
    elif depth > 8:
        samples = samples.view(np.int16)
    return torch.from_numpy(samples)


def write_image(image: Tensor, pix_fmt: str, colour: Colour, alpha: Tensor | None = None) -> VideoFrame:
    """A frame in the planar format `pix_fmt` from `image` (3, H, W) float32 RGB in [0, 1], tagged as `colour` says.

    alpha: (1, H, W) in [0, 1] for a format that has it; None is opaque.
    An RGB clip written as YUV uses BT.709, limited range, and says so.
    """
    frame = VideoFrame(image.shape[2], image.shape[1], pix_fmt)
    depth = depth_of(frame.format)
    if is_rgb(frame.format):
        codes = (image * (2**depth - 1)).round_().clamp_(0, 2**depth - 1).to(torch.uint8 if depth == 8 else torch.int32)
        planes: tuple[Tensor, ...] = (codes[1], codes[2], codes[0])
    else:
        matrix, full = ("bt709", False) if colour.matrix == "rgb" else (colour.matrix, colour.full_range)
        planes = rgb_to_yuv(image, matrix=matrix, full_range=full, depth=depth, subsampling=subsampling(frame.format),
                            cosited=colour.cosited)
    if has_alpha(frame.format):
        opaque = torch.ones(1, *image.shape[1:]) if alpha is None else alpha
        planes += ((opaque[0] * (2**depth - 1)).round_().clamp_(0, 2**depth - 1),)
    for plane, samples in zip(frame.planes, planes, strict=True):
        into: np.ndarray[Any, np.dtype[Any]] = np.frombuffer(memoryview(plane), np.uint8 if depth == 8 else np.uint16)
        into.reshape(plane.height, -1)[:, :plane.width] = samples.cpu().numpy()
    frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc = written_tags(colour, pix_fmt)
    return frame


def pack_samples(frame: VideoFrame) -> bytes:
    """The samples of a frame from `write_image`, plane after plane, as bytes."""
    size = 1 if depth_of(frame.format) == 8 else 2
    return b"".join(_rows(plane)[:, :plane.width * size].tobytes() for plane in frame.planes)


def unpack_samples(data: bytes, size: tuple[int, int], pix_fmt: str, colour: Colour) -> VideoFrame:
    """The frame of `size` (width, height) that `pack_samples` was given."""
    frame = VideoFrame(*size, pix_fmt)
    itemsize, at = 1 if depth_of(frame.format) == 8 else 2, 0
    for plane in frame.planes:
        width = plane.width * itemsize
        samples = np.frombuffer(data, np.uint8, plane.height * width, at)
        _rows(plane)[:, :width] = samples.reshape(plane.height, width)
        at += samples.size
    frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc = written_tags(colour, pix_fmt)
    return frame


def _rows(plane: VideoPlane) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)


def written_tags(colour: Colour, pix_fmt: str) -> tuple[int, int, int, int]:
    """Matrix, range, primaries and transfer tags of the output: the source's own where the output can hold them.

    A source that is full range by its format alone is tagged so, because the output's format does not state it.
    """
    matrix, range_ = colour.matrix_tag, 2 if colour.full_range else colour.range_tag
    if colour.matrix == "rgb" and not pix_fmt.startswith("gbr"):
        matrix, range_ = 1, 1
    return matrix, range_, colour.primaries_tag, colour.transfer_tag
