"""A picture as something that descends well: a start, and a change made of waves in the colours that pictures vary along."""

from __future__ import annotations

import torch
from torch import Tensor

# Columns: light, blue against yellow, green against purple, each as far as natural pictures go along it (the square root of
# the colours' covariance over ImageNet, from Olah et al. 2017).
COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))


class WavePicture:
    """start + irfft(amplitudes / frequency), in natural colours; amplitudes begin at 0 and are what an optimizer moves.

    Pixel by pixel, Adam moves the finest grain as fast as the largest form, and an encoder is met soonest by grain: confetti
    that it takes for paint. So seen, each scale of the picture moves alike (Mordvintsev et al. 2018, Differentiable Image
    Parameterizations), and light moves more than colour does.
    """

    def __init__(self, start: Tensor) -> None:
        """start: (3, H, W) in [0, 1]."""
        height, width = start.shape[-2:]
        self.start = start
        self.amplitudes = torch.zeros(3, height, width // 2 + 1, 2, device=start.device, requires_grad=True)
        down, across = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None]
        scale = 1 / (down.square() + across.square()).sqrt().clamp_min(1 / max(height, width))
        self._scale = (scale / scale.square().mean().sqrt()).to(start.device)
        colours = torch.tensor(COLOURS, device=start.device)
        self._colours = colours / colours.norm(dim=0).max()

    def __call__(self) -> Tensor:
        """(3, H, W) in [0, 1]; what lies beyond is cut off, but the gradient passes, so that it can come back."""
        waves = torch.fft.irfft2(torch.view_as_complex(self.amplitudes) * self._scale, self.start.shape[-2:], norm="ortho")
        picture = self.start + torch.tensordot(self._colours, waves, 1)
        shown: Tensor = picture + (picture.clamp(0, 1) - picture).detach()
        return shown
