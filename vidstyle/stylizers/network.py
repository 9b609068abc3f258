"""The feed-forward painter: one small convolutional network that sees the frame and the last painting."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHANNELS_IN = 7  # frame, visible part of the warped last painting, visibility (Ruder et al. 2018)
SLOPE = 0.1


class PaintNetwork(nn.Module):
    """(frame, warped last painting, visibility) -> painting; after Johnson et al. (2016) and Ruder et al. (2018).

    Differences: the frame enters at half size, folded into channels, so that a laptop's processor keeps up; the network
    gives a change of the underpainting (the frame in the style's palette) rather than a picture, so that colours stay
    natural; where the last painting can be seen, the share `keep` of it stays; and each pixel is normalised by itself.
    Instance norm looks at the whole picture: with it a crop is painted otherwise than the same place in its frame, and
    a bright thing that comes in changes the paint everywhere.
    """

    palette: Tensor
    light: Tensor

    def __init__(self, width: int = 16, blocks: int = 5, keep: float = 0.9) -> None:
        super().__init__()
        self.width, self.blocks, self.keep = width, blocks, keep
        half, quarter = 2 * width, 4 * width
        self.down = nn.Sequential(_block(4 * CHANNELS_IN, half), _block(half, quarter, stride=2))
        self.middle = nn.Sequential(*[Residual(quarter) for _ in range(blocks)])
        # Upsampling followed by a convolution leaves no checkerboard (Odena et al. 2016); bilinear, because the stairs
        # that nearest makes of a gentle slope, a sky, come out as stripes.
        self.up = nn.Sequential(PixelNorm(), Larger(), _block(quarter, half), Larger(), _block(half, 16))
        self.out = _conv(16, 3)
        self.register_buffer("palette", torch.eye(3))
        self.register_buffer("light", torch.zeros(3))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=SLOPE)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
            if isinstance(module, Residual):
                nn.init.zeros_(module.body[2].weight)  # type: ignore[arg-type]  # each block starts as the identity
        nn.init.normal_(self.out.weight, std=0.01)
        # The prior's channels begin unread: a fit first paints frames alone, and must not stumble when priors join.
        nn.init.zeros_(self.down[0][0].weight[:, 4 * 3 :])  # type: ignore[index]

    def forward(self, image: Tensor, prior: Tensor, visibility: Tensor) -> Tensor:
        """image, prior (N, 3, H, W) sRGB in [0, 1]; visibility (N, 1, H, W), 0 where there is no prior. Any H, W ≥ 4."""
        height, width = image.shape[-2:]
        seen = torch.cat([2 * image - 1, (2 * prior - 1) * visibility, visibility], 1)
        seen = F.pad(seen, (0, -width % 4, 0, -height % 4), mode="replicate")
        x = F.pixel_unshuffle(seen, 2).contiguous(memory_format=torch.channels_last)
        x = self.out(self.up(self.middle(self.down(x))))[..., :height, :width].float()
        painted = torch.sigmoid(torch.logit(self.underpainting(image)) + 4 * x)
        kept = self.keep * visibility
        return kept * prior + (1 - kept) * painted


    def underpainting(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) in the style's palette: P image + l, within [0.02, 0.98]."""
        mixed = torch.einsum("ij,njhw->nihw", self.palette.to(image.dtype), image)
        return (mixed + self.light.to(image.dtype).view(1, 3, 1, 1)).clamp(0.02, 0.98)


class Residual(nn.Module):
    """x + conv(act(conv(norm(x))))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(PixelNorm(), _block(width, width), _conv(width, width))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out


class Larger(nn.Module):
    """Twice the size, bilinear."""

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class PixelNorm(nn.Module):
    """Each pixel's channels to mean square 1 (Karras et al. 2018): keeps a fast fit from running away, place by place."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-3)


def _conv(channels_in: int, channels_out: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, padding_mode="replicate")


def _block(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(_conv(channels_in, channels_out, stride), nn.LeakyReLU(SLOPE))
