"""DPX images (SMPTE 268M): their header, and whole files."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from fractions import Fraction

from torch import Tensor

from vidstyle.core.choices import parse_rate
from vidstyle.core.errors import InputError
from vidstyle.video.images import ffmpeg_image

_LOG = (1, 3)  # transfer characteristics that mean a logarithm: printing density, and logarithmic
_NONE = 0xFFFFFFFF  # a field that is not set


@dataclass(frozen=True)
class DpxHeader:
    """The fields that are used of the header's two kilobytes."""

    width: int
    height: int
    depth: int
    transfer: int
    colorimetric: int
    pixel_aspect: Fraction
    timecode: int | None
    """Eight digits, four bits each, of the first field."""
    rate: Fraction | None

    @property
    def timecode_text(self) -> str | None:
        """The timecode as `HH:MM:SS:FF`, where the field holds one."""
        digits = "" if self.timecode is None else f"{self.timecode:08x}"
        return ":".join(digits[at:at + 2] for at in range(0, 8, 2)) if digits.isdecimal() and self.timecode else None

    @property
    def is_log(self) -> bool:
        """Whether codes are the logarithm of light, as film scanners write them."""
        return self.transfer in _LOG


def parse_header(data: bytes) -> DpxHeader:
    """The header in the first 2048 bytes of a file. Raises InputError, without the file's name."""
    order = {b"SDPX": ">", b"XPDS": "<"}.get(data[:4])
    if order is None or len(data) < 2048:
        raise InputError("is not a DPX image that can be read; render or copy it again.")

    def number(at: int, kind: str = "I") -> float:
        value: float = struct.unpack_from(order + kind, data, at)[0]
        return value

    if number(768, "H") not in (0, 0xFFFF):
        raise InputError("is stored turned or mirrored, which this version does not read; render it upright.")
    across, down = number(1628), number(1632)
    square = across in (0, _NONE) or down in (0, _NONE)
    film, video = number(1724, "f"), number(1940, "f")
    rates = [rate for rate in (video, film) if math.isfinite(rate) and 1 <= rate <= 1000]
    timecode = int(number(1920))
    return DpxHeader(int(number(772)), int(number(776)), data[803], data[801], data[802],
                  Fraction(1) if square else Fraction(int(across), int(down)),
                  None if timecode == _NONE else timecode, parse_rate(f"{rates[0]:.6g}") if rates else None)


def encode(codes: Tensor, depth: int, header: DpxHeader | None, *, pixel_aspect: Fraction, rate: Fraction | None) -> bytes:
    """A whole file, big-endian, of `codes` (3, H, W) in [0, 1] with 10, 12 or 16 bits.

    header: the source's, whose transfer curve and timecode are copied; without one the codes are video (Rec. 709).
    """
    data = bytearray(ffmpeg_image.encode("dpx", codes, None, depth))
    data[1664:1664] = _industry_part()  # FFmpeg leaves out the last two parts of the header
    for at, value in ((4, 2048), (16, len(data)), (28, 384), (808, 2048)):
        struct.pack_into(">I", data, at, value)
    data[801:803] = bytes((header.transfer, header.colorimetric) if header is not None else (6, 6))
    struct.pack_into(">II", data, 1628, pixel_aspect.numerator, pixel_aspect.denominator)
    if header is not None and header.timecode is not None:
        struct.pack_into(">I", data, 1920, header.timecode)
    if rate is not None:
        struct.pack_into(">f", data, 1940, float(rate))
    return bytes(data)


def _industry_part() -> bytes:
    """The parts of the header for film and for television, with no field set: texts empty, numbers all ones."""
    part = bytearray(384)
    part[48:68] = b"\xff" * 20
    part[256:308] = b"\xff" * 52
    return bytes(part)
