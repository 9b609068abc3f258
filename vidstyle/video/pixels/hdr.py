"""High dynamic range (HDR): frames mapped to the range of ordinary video (SDR) for painting, and back."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import torch
from av import VideoFrame
from torch import Tensor

from vidstyle.video.pixels.planes import side_data

WHITE = 203.0
"""cd/m² of diffuse white, such as paper or graphics, in HDR (ITU-R BT.2408)."""
_BELOW = 0.9  # the part of the SDR scale that holds everything up to diffuse white
_GAMMA = 2.4  # of a display for ordinary video (BT.1886)
_HLG_PEAK, _HLG_SYSTEM_GAMMA = 1000.0, 1.2  # of the display that BT.2100 refers HLG to
_DYNAMIC = ("DYNAMIC_HDR_PLUS", "DYNAMIC_HDR_VIVID", "DOVI_RPU_BUFFER", "DOVI_METADATA")
_TO_709 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))  # from BT.2020, BT.2407


@dataclass(frozen=True)
class HdrMetadata:
    """The brightness that a clip of high dynamic range states."""

    transfer: str
    """`pq` or `hlg`."""
    peak: float
    """cd/m² of the brightest light in the clip, as stated or as usual."""
    display_primaries: tuple[tuple[float, float], ...] = ()
    """Of the mastering display: x and y of red, green, blue and white; () where not stated."""
    display_luminance: tuple[float, float] = (0.0, 0.0)
    """Lowest and highest cd/m² of the mastering display."""
    content_light: tuple[int, int] | None = None
    """Brightest pixel, and brightest mean of a frame, in cd/m² (MaxCLL, MaxFALL)."""
    dynamic: bool = False
    """Whether frames carry Dolby Vision or HDR10+ data."""
    display_invalid: bool = False
    """Whether the data about the mastering display are incomplete or impossible; they are then left out here."""


def read_hdr_metadata(frame: VideoFrame, transfer: str) -> HdrMetadata:
    """The brightness that a clip's first frame states; transfer: `pq` or `hlg`."""
    primaries: tuple[tuple[float, float], ...] = ()
    luminance, light, invalid = (0.0, 0.0), None, False
    if (data := side_data(frame, "MASTERING_DISPLAY_METADATA")) is not None:
        *numbers, has_primaries, has_luminance = struct.unpack("=22i", data[:88])
        values = [a / b if b else 0.0 for a, b in zip(numbers[::2], numbers[1::2], strict=True)]
        if has_primaries and has_luminance:  # encoders take both or none
            primaries = tuple((values[k], values[k + 1]) for k in range(0, 8, 2))
            luminance = values[8], values[9]
        invalid = not primaries
    if (data := side_data(frame, "CONTENT_LIGHT_LEVEL")) is not None:
        most, mean = struct.unpack("=2I", data[:8])
        light = most, mean
    stated = max(luminance[1], float(light[0]) if light else 0.0)
    peak = _HLG_PEAK if transfer == "hlg" else min(max(stated, 2 * WHITE), 10_000.0) if stated else 1000.0
    dynamic = any(side_data(frame, name) is not None for name in _DYNAMIC)
    return HdrMetadata(transfer, peak, primaries, luminance, light, dynamic, invalid)


def hdr_to_sdr_range(codes: Tensor, hdr: HdrMetadata) -> Tensor:
    """SDR values (3, H, W) of HDR codes (3, H, W); `sdr_range_to_hdr` is the exact inverse.

    Codes up to diffuse white map to [0, 0.9] on the gamma of an SDR display; brighter ones, up to `hdr.peak`, map to
    [0.9, 1], and codes beyond it lie above 1. The primaries stay.
    """
    inside = codes.clamp(0, 1)
    return _sdr_of(inside, hdr) + (codes - inside)  # codes outside [0, 1] stand for no light and stay as far outside


def sdr_range_to_hdr(image: Tensor, hdr: HdrMetadata) -> Tensor:
    """HDR codes (3, H, W) of SDR values (3, H, W): the inverse of `hdr_to_sdr_range`."""
    top = _level(torch.tensor(_peak_code(hdr)), hdr)
    inside = image.clamp(0, float(_sdr_of(torch.tensor(1.0), hdr)))
    level = torch.where(inside <= _BELOW, inside / _BELOW, 1 + (inside - _BELOW) / (1 - _BELOW) * (top - 1))
    return (level * 0.75 if hdr.transfer == "hlg" else pq_code(level**_GAMMA * WHITE)) + (image - inside)


def _sdr_of(codes: Tensor, hdr: HdrMetadata) -> Tensor:
    level, top = _level(codes, hdr), _level(torch.tensor(_peak_code(hdr)), hdr)
    return torch.where(level <= 1, _BELOW * level, _BELOW + (1 - _BELOW) * (level - 1) / (top - 1))


def _level(code: Tensor, hdr: HdrMetadata) -> Tensor:
    """The code of the same light for an SDR display, 1 for diffuse white. HLG codes are such codes, with white at 0.75."""
    return code / 0.75 if hdr.transfer == "hlg" else (pq_light(code) / WHITE) ** (1 / _GAMMA)


def _peak_code(hdr: HdrMetadata) -> float:
    return 1.0 if hdr.transfer == "hlg" else float(pq_code(torch.tensor(hdr.peak)))


_M1, _M2, _C1, _C2, _C3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128


def pq_light(code: Tensor) -> Tensor:
    """cd/m² of a PQ code in [0, 1] (SMPTE ST 2084)."""
    power = code.double().clamp_min(0) ** (1 / _M2)  # float32 would lose codes in the dark
    return (10_000 * ((power - _C1).clamp_min(0) / (_C2 - _C3 * power)) ** (1 / _M1)).to(code.dtype)


def pq_code(light: Tensor) -> Tensor:
    """PQ code in [0, 1] of cd/m² (SMPTE ST 2084)."""
    power = (light.double().clamp(0, 10_000) / 10_000) ** _M1
    return (((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2).to(light.dtype)


def hlg_light(code: Tensor) -> Tensor:
    """cd/m² of each channel on a display of 1000 cd/m², of HLG codes (3, H, W) in [0, 1] (ITU-R BT.2100)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = torch.where(code <= 0.5, code**2 / 3, (torch.exp((code - c) / a) + b) / 12)
    luma = 0.2627 * scene[0] + 0.6780 * scene[1] + 0.0593 * scene[2]
    return _HLG_PEAK * luma.clamp_min(1e-9) ** (_HLG_SYSTEM_GAMMA - 1) * scene


def tone_map(codes: Tensor, hdr: HdrMetadata) -> Tensor:
    """SDR video (3, H, W) in [0, 1], BT.709, of HDR codes (3, H, W) in BT.2020 primaries; not invertible.

    Light above diffuse white is compressed below it by the curve of ITU-R BT.2390.
    """
    codes = codes.clamp(0, 1)
    light = hlg_light(codes) if hdr.transfer == "hlg" else pq_light(codes)
    brightest = light.amax(0, keepdim=True).clamp_min(1e-6)
    light = light * (_compressed(brightest, hdr.peak) / brightest)  # one factor for all three channels keeps the hue
    light = torch.einsum("ij,jhw->ihw", torch.tensor(_TO_709, dtype=light.dtype), light)
    return (light / WHITE).clamp(0, 1) ** (1 / _GAMMA)


def _compressed(light: Tensor, peak: float) -> Tensor:
    """cd/m² up to `peak` mapped to at most diffuse white, dark values unchanged (ITU-R BT.2390, 5.4.1)."""
    top, target = (float(pq_code(torch.tensor(value))) for value in (peak, WHITE))
    code, most = pq_code(light) / top, target / top
    knee = 1.5 * most - 0.5
    if knee >= 1:
        return light
    t = ((code - knee) / (1 - knee)).clamp(0, 1)
    curve = ((2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * most)
    return pq_light(torch.where(code < knee, code, curve) * top)
