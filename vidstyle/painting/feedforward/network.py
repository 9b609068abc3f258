"""The feed-forward painter: one small convolutional network, and what of the last painting stays."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vidstyle.painting.feedforward.canvas import MARGIN, SIZES, shot_grain
from vidstyle.painting.style import recoloured

KEEP = 0.9  # share of a visible place that stays as it was painted; the rest is new, so that errors fade within a second
CHANNELS_IN = 12 + 3  # frame (folded), the same in the style's palette
SLOPE = 0.1


class PaintNetwork(nn.Module):
    """(frame, warped last painting, visibility) -> painting; after Johnson et al. (2016) and Ruder et al. (2018).

    Differences: the frame enters at half size, folded into channels, and most of the work is done at an eighth, so that a
    laptop's processor keeps up and strokes can be long; the network gives a change of the underpainting (the frame in the
    style's palette) rather than a picture, so that colours stay natural, and what is finer than `soft` pixels has to be
    painted; where the last painting can be seen, the share `keep` of it stays; each pixel is normalised by itself; and a
    canvas enters beside the frame, out of which strokes grow where the frame is plain (noise as in Ulyanov et al.
    2016). Instance norm looks at the whole picture: with it a crop is painted otherwise than the same place in its frame,
    and a bright thing that comes in changes the paint everywhere.

    What makes one style's network another's is above all its gains and shifts (Dumoulin et al. 2017): a `StyleReader`
    says them for any picture.
    """

    palette: Tensor
    light: Tensor
    darkest: Tensor
    lightest: Tensor

    def __init__(self, width: int = 16, blocks: int = 6, keep: float = 0.9, soft: int = 3) -> None:
        super().__init__()
        self.width, self.blocks, self.keep, self.soft = width, blocks, keep, soft
        half, quarter, eighth = 2 * width, 3 * width, 6 * width
        self.down = nn.Sequential(_block(CHANNELS_IN + len(SIZES), half), _block(half, quarter, stride=2))
        self.coarser = _block(quarter, eighth, stride=2)
        # What `blocks` make of it at an eighth of the size, where distance is cheap, then one at a quarter.
        self.residuals = nn.ModuleList(Residual(eighth) for _ in range(blocks))
        self.finer = nn.Sequential(PixelNorm(), nn.Conv2d(eighth, quarter, 1), Larger())
        self.residual = Residual(quarter)
        # Upsampling followed by a convolution leaves no checkerboard (Odena et al. 2016), which folded channels do; bilinear,
        # because the stairs that nearest makes of a gentle slope, a sky, come out as stripes.
        self.narrower, self.tuned = nn.Conv2d(quarter, half, 1), Tuned(half)
        self.up = nn.Sequential(nn.LeakyReLU(SLOPE, inplace=True), Larger(), _block(half, width),
                                Larger(), _block(width, width))
        self.out = _conv(width, 3)
        self.register_buffer("palette", torch.eye(3))
        self.register_buffer("light", torch.zeros(3))
        self.register_buffer("darkest", torch.full((3,), 0.02))
        self.register_buffer("lightest", torch.full((3,), 0.98))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=SLOPE)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        for module in self.modules():
            if isinstance(module, Residual):
                nn.init.zeros_(module.after.weight)  # each block starts as the identity
        nn.init.normal_(self.out.weight, std=0.005)

    def forward(self, image: Tensor, prior: Tensor, visibility: Tensor, grain: Tensor | None = None,
                changes: Tensor | None = None) -> Tensor:
        """image, prior (N, 3, H, W) sRGB in [0, 1]; visibility (N, 1, H, W), 0 where there is no prior. Any H, W ≥ 4.

        grain: see `canvas_grain`; by default the one that every frame gets. changes: what a `StyleReader`
        adds to the gains and shifts, where one network paints several styles.
        """
        return self.over(prior, visibility, self.proposal(image, grain, changes))

    @property
    def changeable(self) -> list[int]:
        """How many gains, and as many shifts, there are at each place that has some."""
        return [len(place.gain) for place in self._tuned()]

    @torch.no_grad()
    def adopt(self, changes: Tensor) -> None:
        """Make `changes` (2, sum of `changeable`), as `forward` takes them, part of the network itself."""
        for place, (gain, shift) in zip(self._tuned(), torch.split(changes, self.changeable, 1), strict=True):
            place.gain.add_(gain)
            place.shift.add_(shift)

    def _tuned(self) -> list[Tuned]:
        return [module for module in self.modules() if isinstance(module, Tuned)]

    def over(self, prior: Tensor, visibility: Tensor, proposal: Tensor) -> Tensor:
        """The painting: the share `keep` of what can still be seen stays, the rest is newly painted."""
        kept = self.keep * visibility
        return kept * prior + (1 - kept) * proposal

    def proposal(self, image: Tensor, grain: Tensor | None = None, changes: Tensor | None = None) -> Tensor:
        """What the network would paint everywhere; arguments as for `forward`.

        It does not see the last painting: a network that does works on it again at every frame, and the paint wanders.
        """
        height, width = image.shape[-2:]
        seen = F.pad(image, (MARGIN, MARGIN - width % -8, MARGIN, MARGIN - height % -8), mode="replicate")
        if grain is None:
            grain = shot_grain(height, width).to(image.device)
        mapped = self.mapped(F.avg_pool2d(seen, 2)).clamp(0, 1)
        x = torch.cat([2 * F.pixel_unshuffle(seen, 2) - 1, 2 * mapped - 1, grain.expand(len(image), -1, -1, -1)], 1)
        x = self._strokes(self.down(x.contiguous(memory_format=torch.channels_last)), changes)
        # The last steps see four pixels far: most of the margin can go before them, where it would cost the most.
        x = self.up[3:](_within(x, MARGIN // 2 - 2, (height + 1) // 2 + 4, (width + 1) // 2 + 4))
        x = _within(self.out(x), 4, height, width).float()
        return torch.sigmoid(torch.logit(self.underpainting(image)) + 4 * x)

    def _strokes(self, x: Tensor, changes: Tensor | None) -> Tensor:
        """Quarter size in, half size out."""
        places = self.changeable
        *coarser, quarter, last = [None] * len(places) if changes is None else torch.split(changes, places, 2)
        coarse = self.coarser(x)
        for block, change in zip(self.residuals, coarser, strict=True):
            coarse = block(coarse, change)
        x = self.residual(x + self.finer(coarse), quarter)
        out: Tensor = self.up[:3](self.tuned(self.narrower(x), last))
        return out

    def mapped(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) in the style's palette, P image + l; not yet held to [0, 1]."""
        return recoloured(image, self.palette, self.light)

    def underpainting(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) in the style's palette, without fine detail, no channel beyond the style's own range.

        A sky far lighter than the rest of a clip would come out pure white, from where no stroke leads back.
        """
        height, width = image.shape[-2:]
        coarse = self.mapped(F.avg_pool2d(image, self.soft, ceil_mode=True, count_include_pad=False))
        smooth = F.interpolate(coarse, scale_factor=self.soft, mode="bilinear", align_corners=False)[..., :height, :width]
        low, high = (colour.to(image.dtype)[..., None, None] for colour in (self.darkest, self.lightest))
        return smooth.clamp(low, high)


class Residual(nn.Module):
    """x + conv(act(conv(gain · norm(x) + shift)))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.tuned, self.before, self.after = Tuned(width), _block(width, width), _conv(width, width)

    def forward(self, x: Tensor, change: Tensor | None = None) -> Tensor:
        """change: see `Tuned`."""
        out: Tensor = x + self.after(self.before(self.tuned(x, change)))
        return out


class Tuned(nn.Module):
    """gain · norm(x) + shift, channel by channel: what a style can change."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.gain, self.shift = PixelNorm(), nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor, change: Tensor | None = None) -> Tensor:
        """change: (N, 2, C), added to gain and shift, picture by picture."""
        gain, shift = (self.gain, self.shift) if change is None else (self.gain + change[:, 0], self.shift + change[:, 1])
        out: Tensor = self.norm(x) * gain[..., None, None].to(x.dtype) + shift[..., None, None].to(x.dtype)
        return out


class Larger(nn.Module):
    """Twice the size, bilinear."""

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class PixelNorm(nn.Module):
    """Each pixel's channels to mean square 1 (Karras et al. 2018): keeps a fast fit from running away, place by place."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-3)


def kept_share(temporal: float) -> float:
    """How much of a visible place stays as painted: KEEP for weight 1, all for an endless one, nothing for 0."""
    return KEEP ** (1 / temporal) if temporal else 0.0


def _within(x: Tensor, first: int, height: int, width: int) -> Tensor:
    return x[..., first : first + height, first : first + width]


def _conv(channels_in: int, channels_out: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 3, stride, padding=1)


def _block(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(_conv(channels_in, channels_out, stride), nn.LeakyReLU(SLOPE, inplace=True))
