"""High dynamic range: a picture that a painter trained on ordinary ones can see, and the way back."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Literal

import torch
from av import VideoFrame
from torch import Tensor

HdrMode = Literal["passthrough", "tonemap"]
WHITE = 203.0
"""cd/m² of a white sheet of paper or of graphics in HDR (ITU-R BT.2408)."""
_BELOW = 0.9  # share of the painted picture's scale that what is not brighter than paper gets
_GAMMA = 2.4  # of a display for ordinary video (BT.1886)
_HLG_PEAK, _HLG_SYSTEM_GAMMA = 1000.0, 1.2  # of the display that BT.2100 refers HLG to
_DYNAMIC = ("DYNAMIC_HDR_PLUS", "DYNAMIC_HDR_VIVID", "DOVI_RPU_BUFFER", "DOVI_METADATA")
_TO_709 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))  # from BT.2020, BT.2407


@dataclass(frozen=True)
class Hdr:
    """How a clip of high dynamic range is painted."""

    mode: HdrMode
    transfer: str
    """`pq` or `hlg`."""
    peak: float
    """cd/m² of the brightest light that is meant."""
    primaries: tuple[tuple[float, float], ...] = ()
    """Of the display it was mastered on, as the file states: x and y of red, green, blue and white."""
    luminance: tuple[float, float] = (0.0, 0.0)
    """Lowest and highest cd/m² of that display."""
    light: tuple[int, int] | None = None
    """Brightest pixel and brightest mean of a frame in cd/m² (MaxCLL, MaxFALL)."""
    dynamic: bool = False
    """Whether frames carry Dolby Vision or HDR10+ data."""
    display_unclear: bool = False
    """Whether what the file says of that display is incomplete or impossible, and so left out here."""

    def encoder_options(self, encoder: str) -> tuple[str, ...]:
        """What tells the encoder the display and the light, `key=value` each; nothing where it cannot be told."""
        if encoder not in ("libx264", "libx265", "libsvtav1"):
            return ()
        whole = encoder != "libsvtav1"
        names = {"libx264": ("mastering-display", "cll"), "libx265": ("master-display", "max-cll"),
                 "libsvtav1": ("mastering-display", "content-light")}[encoder]
        told = []
        if self.primaries:
            red, green, blue, white = (",".join(str(round(v * 50000)) if whole else f"{v:.5f}" for v in xy)
                                       for xy in self.primaries)
            low, high = (str(round(v * 10000)) if whole else f"{v:.4f}" for v in self.luminance)
            told.append(f"{names[0]}=G({green})B({blue})R({red})WP({white})L({high},{low})")
        if self.light is not None:
            told.append(f"{names[1]}={self.light[0]},{self.light[1]}")
        return tuple(told)


def read_hdr(frame: VideoFrame, transfer: str, mode: HdrMode) -> Hdr:
    """What a clip's first frame says of its light."""
    notes: Any = frame.side_data  # PyAV's types do not know what can be asked for
    primaries: tuple[tuple[float, float], ...] = ()
    luminance, light, unclear = (0.0, 0.0), None, False
    if (data := _note(notes, "MASTERING_DISPLAY_METADATA")) is not None:
        *numbers, has_primaries, has_luminance = struct.unpack("=22i", data[:88])
        values = [a / b if b else 0.0 for a, b in zip(numbers[::2], numbers[1::2], strict=True)]
        if has_primaries and has_luminance:  # encoders take both or none
            primaries = tuple((values[k], values[k + 1]) for k in range(0, 8, 2))
            luminance = values[8], values[9]
        unclear = not primaries
    if (data := _note(notes, "CONTENT_LIGHT_LEVEL")) is not None:
        most, mean = struct.unpack("=2I", data[:8])
        light = most, mean
    stated = max(luminance[1], float(light[0]) if light else 0.0)
    peak = _HLG_PEAK if transfer == "hlg" else min(max(stated, 2 * WHITE), 10_000.0) if stated else 1000.0
    dynamic = any(_note(notes, name) is not None for name in _DYNAMIC)
    return Hdr(mode, transfer, peak, primaries, luminance, light, dynamic, unclear)


def _note(notes: Any, name: str) -> bytes | None:
    try:
        return bytes(notes[name])
    except KeyError:
        return None


def to_painter(image: Tensor, hdr: Hdr) -> Tensor:
    """The coded picture (3, H, W) as an ordinary one; for `passthrough` so that `from_painter` brings every code back.

    Light up to that of paper takes nine tenths of the scale, on the gamma of an ordinary display; what is brighter, up
    to `hdr.peak`, the last tenth, and light beyond it lies above 1. The primaries stay. With `tonemap` the light above
    paper is bent below it instead (`_bent`), and the primaries become those of BT.709.
    """
    if hdr.mode == "tonemap":
        return _tonemapped(image, hdr)
    codes = image.clamp(0, 1)
    return _seen(codes, hdr) + (image - codes)  # what is no light at all is kept as it is


def from_painter(image: Tensor, hdr: Hdr) -> Tensor:
    """The painted picture as it is coded; the inverse of `to_painter` for `passthrough`, and nothing for `tonemap`."""
    if hdr.mode == "tonemap":
        return image
    top = _level(torch.tensor(_peak_code(hdr)), hdr)
    light = image.clamp(0, float(_seen(torch.tensor(1.0), hdr)))
    level = torch.where(light <= _BELOW, light / _BELOW, 1 + (light - _BELOW) / (1 - _BELOW) * (top - 1))
    return (level * 0.75 if hdr.transfer == "hlg" else pq_code(level**_GAMMA * WHITE)) + (image - light)


def _seen(codes: Tensor, hdr: Hdr) -> Tensor:
    level, top = _level(codes, hdr), _level(torch.tensor(_peak_code(hdr)), hdr)
    return torch.where(level <= 1, _BELOW * level, _BELOW + (1 - _BELOW) * (level - 1) / (top - 1))


def _level(code: Tensor, hdr: Hdr) -> Tensor:
    """Brightness as an ordinary display is told it, 1 for paper; HLG is made for such displays and has paper at 0.75."""
    return code / 0.75 if hdr.transfer == "hlg" else (pq_light(code) / WHITE) ** (1 / _GAMMA)


def _peak_code(hdr: Hdr) -> float:
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


def _tonemapped(image: Tensor, hdr: Hdr) -> Tensor:
    image = image.clamp(0, 1)
    light = hlg_light(image) if hdr.transfer == "hlg" else pq_light(image)
    brightest = light.amax(0, keepdim=True).clamp_min(1e-6)
    light = light * (_bent(brightest, hdr.peak) / brightest)  # all three by the same factor, so that no hue turns
    light = torch.einsum("ij,jhw->ihw", torch.tensor(_TO_709, dtype=light.dtype), light)
    return (light / WHITE).clamp(0, 1) ** (1 / _GAMMA)


def _bent(light: Tensor, peak: float) -> Tensor:
    """cd/m² up to `peak` brought to at most paper, the dark untouched (the curve of ITU-R BT.2390, 5.4.1)."""
    top, target = (float(pq_code(torch.tensor(value))) for value in (peak, WHITE))
    code, most = pq_code(light) / top, target / top
    knee = 1.5 * most - 0.5
    if knee >= 1:
        return light
    t = ((code - knee) / (1 - knee)).clamp(0, 1)
    curve = ((2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * most)
    return pq_light(torch.where(code < knee, code, curve) * top)
