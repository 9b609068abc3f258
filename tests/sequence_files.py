"""Image files made and read by other libraries than the program uses for them: PyAV, NumPy, and OpenEXR's own calls."""

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import OpenEXR

Array = np.ndarray[Any, Any]
SIZE = (32, 24)


def codes(index: int = 0, size: tuple[int, int] = (16, 12), most: int = 65535) -> Array:
    """(H, W, 3) integers, every one random: nothing but the very values passes a comparison."""
    kind = np.uint16 if most > 255 else np.uint8
    return np.random.default_rng(index).integers(0, most + 1, (size[1], size[0], 3)).astype(kind)


def write_coded(path: Path, pixels: Array) -> Path:
    """A PNG or TIFF of (H, W, 3 or 4) integers, by FFmpeg."""
    kind = "png" if path.suffix == ".png" else "tiff"
    wide = pixels.dtype == np.uint16
    name = ("rgba" if pixels.shape[2] == 4 else "rgb") + ("64" if pixels.shape[2] == 4 else "48" if wide else "24") * (
        wide or pixels.shape[2] == 3)
    encoder = av.CodecContext.create(kind, "w")
    layout = name + ("be" if kind == "png" else "le") * wide
    frame = av.VideoFrame.from_ndarray(pixels, format=name + "le" * wide).reformat(format=layout)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = frame.width, frame.height, layout, Fraction(1, 25)
    frame.pts = 0
    path.write_bytes(b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)]))
    return path


def read_coded(path: Path) -> Array:
    """(H, W, channels) of a PNG or TIFF, by FFmpeg, at its own depth."""
    decoder = av.CodecContext.create("png" if path.suffix == ".png" else "tiff", "r")
    [frame] = [*decoder.decode(av.Packet(path.read_bytes())), *decoder.decode(None)]
    return frame.to_ndarray()


def write_exr(path: Path, channels: dict[str, Array], **header: Any) -> Path:
    with OpenEXR.File({"type": OpenEXR.scanlineimage, "compression": OpenEXR.ZIP_COMPRESSION} | header, dict(channels)) as file:
        file.write(str(path))
    return path


def exr_header(path: Path) -> dict[str, Any]:
    with OpenEXR.File(str(path), header_only=True) as file:
        return dict(file.header())


def light(index: int = 0, size: tuple[int, int] = (16, 12), most: float = 4.0) -> Array:
    """(H, W, 3) half floats from below zero to `most`."""
    return (np.random.default_rng(index).random((size[1], size[0], 3)) * (most + 0.1) - 0.1).astype(np.float16)


def rgb(pixels: Array) -> dict[str, Array]:
    """The channels of an EXR."""
    return {name: np.ascontiguousarray(pixels[..., place]) for place, name in enumerate("RGBA"[: pixels.shape[2]])}


def read_exr_by_ffmpeg(path: Path) -> Array:
    """(H, W, 3 or 4) floats of an EXR, by FFmpeg's decoder, which shares no code with OpenEXR."""
    decoder = av.CodecContext.create("exr", "r")
    [frame] = [*decoder.decode(av.Packet(path.read_bytes())), *decoder.decode(None)]
    assert frame.format.name in ("gbrpf16le", "gbrapf16le", "gbrpf32le", "gbrapf32le")
    kind = np.float16 if "16" in frame.format.name else np.float32
    planes = [np.frombuffer(plane, kind).reshape(plane.height, -1)[:, : plane.width] for plane in frame.planes]
    return np.stack([planes[2], planes[0], planes[1], *planes[3:]], -1)


def write_dpx(path: Path, pixels: Array, *, transfer: int = 6, timecode: int = 0xFFFFFFFF, rate: float = 0.0,
              order: str = ">") -> Path:
    """A 10-bit DPX of (H, W, 3) codes, written field by field as SMPTE 268M says."""
    height, width = pixels.shape[:2]
    head = bytearray(2048)
    words = (pixels[..., 0].astype("u4") << 22) | (pixels[..., 1].astype("u4") << 12) | (pixels[..., 2].astype("u4") << 2)
    body = words.astype(f"{order}u4").tobytes()
    head[:4] = b"SDPX" if order == ">" else b"XPDS"
    head[8:12] = b"V1.0"
    for at, kind, value in [(4, "I", 2048), (16, "I", 2048 + len(body)), (24, "I", 1664), (28, "I", 384), (770, "H", 1),
                            (772, "I", width), (776, "I", height), (804, "H", 1), (808, "I", 2048), (1628, "I", 1),
                            (1632, "I", 1), (1920, "I", timecode), (1940, "f", rate)]:
        struct.pack_into(order + kind, head, at, value)
    head[800:804] = bytes((50, transfer, 6, 10))
    path.write_bytes(bytes(head) + body)
    return path


def read_dpx(path: Path) -> tuple[Array, bytes]:
    """(H, W, 3) codes of a big-endian 10-bit DPX, and its header."""
    data = path.read_bytes()
    assert data[:4] == b"SDPX"
    assert data[803] == 10
    start, [width, height] = struct.unpack_from(">I", data, 4)[0], struct.unpack_from(">II", data, 772)
    words = np.frombuffer(data, ">u4", width * height, start).reshape(height, width)
    return np.stack([words >> 22 & 1023, words >> 12 & 1023, words >> 2 & 1023], -1), data[:2048]


def make_sequence(folder: Path, numbers: range, suffix: str = ".png") -> Path:
    """A sequence of smooth images, each of another colour, and its pattern."""
    y, x = np.mgrid[0:SIZE[1], 0:SIZE[0]]
    for number in numbers:
        shade = number % 50 / 50
        image = np.stack([np.full(x.shape, shade), x / SIZE[0], y / SIZE[1]], -1)
        path = folder / f"shot.{number:04d}{suffix}"
        if suffix == ".exr":
            write_exr(path, rgb((image * 1.5).astype(np.float16)))
        elif suffix == ".dpx":
            write_dpx(path, (image * 1023).astype(np.uint16))
        else:
            write_coded(path, (image * 65535).astype(np.uint16))
    return folder / f"shot.####{suffix}"


def frames_of(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))
