"""The painting network: a small convolutional network, and how much of the last painting stays."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vidstyle.painting.feedforward.canvas import CELL_SIZES, MARGIN, fixed_canvas
from vidstyle.painting.palette import Palette, map_colours

KEEP = 0.9  # share of a visible pixel that stays as it was painted; the rest is new, so that errors fade within a second
CHANNELS_IN = 12 + 3  # the frame folded into channels, and the frame in the style's palette
SLOPE = 0.1  # of the leaky ReLUs


class PaintNetwork(nn.Module):
    """(frame, warped last painting, visibility) -> painting; after Johnson et al. (2016) and Ruder et al. (2018).

    Differences from these papers:
    - The frame enters at half size, folded into channels, and most layers work at an eighth of the size: fast on a CPU, with a
      receptive field for long strokes.
    - The output is a change of the underpainting (the blurred frame in the style's palette), not an image. Colours stay near
      the palette, and detail finer than `soft` pixels has to be painted.
    - The share `keep` of the warped last painting stays where it is visible.
    - Each pixel is normalised by itself (`PixelNorm`). Instance norm takes statistics of the whole image: a crop would be
      painted differently from the same place in its frame, and a bright object that enters would change the paint everywhere.
    - A canvas of noise enters with the frame and becomes strokes in plain areas (as the noise of Ulyanov et al. 2016).

    Styles differ mainly by the gains and shifts of the `ModulatedNorm`s (conditional normalisation, Dumoulin et al. 2017),
    which a `StylePredictor` predicts for any style image.

    The names of modules and buffers are those of the tensors in network files; renaming one breaks the files users have.
    """

    palette: Tensor
    """(3, 3), or (N, 3, 3) for N images; with `light`, `darkest` and `lightest` the fields of a `Palette`."""
    light: Tensor
    darkest: Tensor
    lightest: Tensor

    def __init__(self, width: int = 16, blocks: int = 6, keep: float = KEEP, soft: int = 3) -> None:
        """width: channels of the last layers. blocks: residual blocks. keep: in [0, 1]. soft: pixels; see the class."""
        super().__init__()
        self.width, self.blocks, self.keep, self.soft = width, blocks, keep, soft
        half, quarter, eighth = 2 * width, 3 * width, 6 * width
        self.down = nn.Sequential(_block(CHANNELS_IN + len(CELL_SIZES), half), _block(half, quarter, stride=2))
        self.coarser = _block(quarter, eighth, stride=2)
        self.residuals = nn.ModuleList(Residual(eighth) for _ in range(blocks))  # at an eighth of the size
        self.finer = nn.Sequential(PixelNorm(), nn.Conv2d(eighth, quarter, 1), _upsample())
        self.residual = Residual(quarter)  # at a quarter
        # Upsampling and then a convolution leaves no checkerboard (Odena et al. 2016), as unfolding channels does. Bilinear,
        # because nearest turns the gentle gradient of a sky into stripes.
        self.narrower, self.tuned = nn.Conv2d(quarter, half, 1), ModulatedNorm(half)
        self.up = nn.Sequential(nn.LeakyReLU(SLOPE, inplace=True), _upsample(), _block(half, width),
                                _upsample(), _block(width, width))
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

    def forward(self, image: Tensor, prior: Tensor, visibility: Tensor, canvas: Tensor | None = None,
                changes: Tensor | None = None) -> Tensor:
        """Paint frames over the warped last paintings: (N, 3, H, W).

        image, prior: (N, 3, H, W) sRGB in [0, 1], any H, W ≥ 4. visibility: (N, 1, H, W) in [0, 1], 0 where there is no prior.
        canvas: from `random_canvas`; None is the fixed canvas of this size. changes: (N, 2, sum of `modulated_channels`) is
        added to gains and shifts, where one network paints several styles; None adds nothing.
        """
        return self.blend(prior, visibility, self.proposal(image, canvas, changes))

    @property
    def modulated_channels(self) -> list[int]:
        """How many gains, and as many shifts, each `ModulatedNorm` has, in their order in `changes`."""
        return [len(norm.gain) for norm in self._modulated_norms()]

    @torch.no_grad()
    def add_changes(self, changes: Tensor) -> None:
        """Add `changes` (2, sum of `modulated_channels`) to the network's own gains and shifts."""
        for norm, (gain, shift) in zip(self._modulated_norms(), torch.split(changes, self.modulated_channels, 1), strict=True):
            norm.gain.add_(gain)
            norm.shift.add_(shift)

    def set_palette(self, palette: Palette) -> None:
        """Paint in this palette; a stacked palette has one entry for each image of a batch."""
        device = self.palette.device
        self.palette, self.light = palette.matrix.to(device), palette.light.to(device)
        self.darkest, self.lightest = palette.darkest.to(device), palette.lightest.to(device)

    def _modulated_norms(self) -> list[ModulatedNorm]:
        return [module for module in self.modules() if isinstance(module, ModulatedNorm)]

    def blend(self, prior: Tensor, visibility: Tensor, proposal: Tensor, keep: float | None = None) -> Tensor:
        """k c ω + (1 − k c) x̂ with k = `keep` (None: the network's own), c the visibility, ω the prior, x̂ the proposal."""
        share = (self.keep if keep is None else keep) * visibility
        return share * prior + (1 - share) * proposal

    def proposal(self, image: Tensor, canvas: Tensor | None = None, changes: Tensor | None = None) -> Tensor:
        """The painting (N, 3, H, W) without regard to the last one; arguments as for `forward`.

        The last painting is not an input: a network that gets it paints over it again in every frame, and strokes drift.
        """
        height, width = image.shape[-2:]
        padded = F.pad(image, (MARGIN, MARGIN - width % -8, MARGIN, MARGIN - height % -8), mode="replicate")
        if canvas is None:
            canvas = fixed_canvas(height, width).to(image.device)
        mapped = self.in_palette(F.avg_pool2d(padded, 2)).clamp(0, 1)
        x = torch.cat([2 * F.pixel_unshuffle(padded, 2) - 1, 2 * mapped - 1, canvas.expand(len(image), -1, -1, -1)], 1)
        x = self._features(self.down(x.contiguous(memory_format=torch.channels_last)), changes)
        # The last layers reach four pixels far. The rest of the margin is cut off before them, where pixels cost the most.
        x = self.up[3:](_crop(x, MARGIN // 2 - 2, (height + 1) // 2 + 4, (width + 1) // 2 + 4))
        x = _crop(self.out(x), 4, height, width).float()
        return torch.sigmoid(torch.logit(self.underpainting(image)) + 4 * x)

    def _features(self, x: Tensor, changes: Tensor | None) -> Tensor:
        """Features at quarter size -> features at half size."""
        channels = self.modulated_channels
        *coarser, quarter, last = [None] * len(channels) if changes is None else torch.split(changes, channels, 2)
        coarse = self.coarser(x)
        for block, change in zip(self.residuals, coarser, strict=True):
            coarse = block(coarse, change)
        x = self.residual(x + self.finer(coarse), quarter)
        out: Tensor = self.up[:3](self.tuned(self.narrower(x), last))
        return out

    def in_palette(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) in the style's palette, P c + l; not clamped."""
        return map_colours(image, self.palette, self.light)

    def underpainting(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) in the style's palette, without detail finer than `soft` pixels, each channel within the style's range.

        Without that range a sky far lighter than the rest of a clip would be pure white, where the sigmoid's gradient is zero.
        """
        height, width = image.shape[-2:]
        coarse = self.in_palette(F.avg_pool2d(image, self.soft, ceil_mode=True, count_include_pad=False))
        smooth = F.interpolate(coarse, scale_factor=self.soft, mode="bilinear", align_corners=False)[..., :height, :width]
        low, high = (colour.to(image.dtype)[..., None, None] for colour in (self.darkest, self.lightest))
        return smooth.clamp(low, high)


class Residual(nn.Module):
    """x + conv(act(conv(gain · norm(x) + shift)))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.tuned, self.before, self.after = ModulatedNorm(width), _block(width, width), _conv(width, width)

    def forward(self, x: Tensor, change: Tensor | None = None) -> Tensor:
        """change: as for `ModulatedNorm`."""
        out: Tensor = x + self.after(self.before(self.tuned(x, change)))
        return out


class ModulatedNorm(nn.Module):
    """gain · norm(x) + shift by channel: conditional normalisation, whose gains and shifts belong to a style."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.gain, self.shift = PixelNorm(), nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor, change: Tensor | None = None) -> Tensor:
        """change: (N, 2, C), added to gain and shift of each image; None adds nothing."""
        gain, shift = (self.gain, self.shift) if change is None else (self.gain + change[:, 0], self.shift + change[:, 1])
        out: Tensor = self.norm(x) * gain[..., None, None].to(x.dtype) + shift[..., None, None].to(x.dtype)
        return out


class PixelNorm(nn.Module):
    """Scales each pixel's channels to mean square 1 (Karras et al. 2018), which keeps a fast fit from diverging."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-3)


def _upsample() -> nn.Upsample:
    return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)


def kept_share(temporal: float) -> float:
    """Share of a visible pixel that stays as it was painted for this temporal weight: KEEP^(1/temporal), and 0 for 0."""
    return KEEP ** (1 / temporal) if temporal else 0.0


def _crop(x: Tensor, first: int, height: int, width: int) -> Tensor:
    return x[..., first : first + height, first : first + width]


def _conv(channels_in: int, channels_out: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 3, stride, padding=1)


def _block(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(_conv(channels_in, channels_out, stride), nn.LeakyReLU(SLOPE, inplace=True))
