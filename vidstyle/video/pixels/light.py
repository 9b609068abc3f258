"""Curves between light and code values: sRGB, and the logarithm that film scanners write (Cineon)."""

from __future__ import annotations

import torch
from torch import Tensor

# Kodak's Cineon: 10-bit codes, 0.002 of printing density each, a negative of gamma 0.6, black at 95, white at 685.
_BLACK, _WHITE, _STEP = 95.0, 685.0, 0.002 / 0.6
_OFFSET = 10 ** ((_BLACK - _WHITE) * _STEP)


def srgb_from_light(light: Tensor) -> Tensor:
    """sRGB code values in [0, 1] of scene-linear `light`; values outside [0, 1] are clipped, and NaN becomes 0."""
    light = torch.nan_to_num(light, nan=0.0).clamp(0, 1)  # infinity becomes 1
    return torch.where(light <= 0.0031308, 12.92 * light, 1 + 1.055 * (light.pow(1 / 2.4) - 1)).clamp_(0, 1)


def light_from_srgb(codes: Tensor) -> Tensor:
    """Scene-linear light of sRGB code values in [0, 1] (IEC 61966-2-1)."""
    return torch.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055).clamp(min=0).pow(2.4))


def light_from_log(codes: Tensor) -> Tensor:
    """Scene-linear light of Cineon codes given as shares of the highest one: 0 at code 95 of 1023, 1 at 685."""
    return ((10 ** ((codes.double() * 1023 - _WHITE) * _STEP) - _OFFSET) / (1 - _OFFSET)).float()


def log_from_light(light: Tensor) -> Tensor:
    """Cineon codes in [0, 1], the inverse of `light_from_log`."""
    density = (light.double() * (1 - _OFFSET) + _OFFSET).clamp(min=1e-12).log10()
    return ((density / _STEP + _WHITE) / 1023).clamp(0, 1).float()
