"""An image in the Fourier parametrisation, whose amplitudes are what an optimizer changes."""

from __future__ import annotations

import torch
from torch import Tensor

# Columns: lightness, blue against yellow, green against purple, each as long as natural images vary along it. The square root
# of the covariance of ImageNet's colours (Olah et al. 2017).
COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))


class FourierImage:
    """start + C irfft2(amplitudes / frequency), C being COLOURS; the amplitudes start at 0.

    The Fourier parametrisation of an image (Mordvintsev et al. 2018, Differentiable Image Parameterizations). Adam on pixels
    changes the finest detail as fast as the largest form, and fine noise lowers an encoder's style loss soonest: the painting
    fills with specks of colour. Here all scales change at the same rate, and lightness changes more than colour does.
    """

    def __init__(self, start: Tensor, *, clamped: bool = True) -> None:
        """start: (3, H, W) in [0, 1]. clamped: False for a line search, which needs the gradient of that very loss."""
        height, width = start.shape[-2:]
        self.start, self.clamped = start, clamped
        self.amplitudes = torch.zeros(3, height, width // 2 + 1, 2, device=start.device, requires_grad=True)
        """(3, H, W // 2 + 1, 2): real and imaginary parts, by colour and frequency."""
        down, across = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None]
        scale = 1 / (down.square() + across.square()).sqrt().clamp_min(1 / max(height, width))
        self._scale = (scale / scale.square().mean().sqrt()).to(start.device)
        colours = torch.tensor(COLOURS, device=start.device)
        self._colours = colours / colours.norm(dim=0).max()

    def __call__(self) -> Tensor:
        """(3, H, W), clamped to [0, 1] if so asked; the gradient ignores that, so that a clamped pixel can return."""
        change = torch.fft.irfft2(torch.view_as_complex(self.amplitudes) * self._scale, self.start.shape[-2:], norm="ortho")
        image = self.start + torch.tensordot(self._colours, change, 1)
        if not self.clamped:
            return image
        clamped: Tensor = image + (image.clamp(0, 1) - image).detach()
        return clamped
