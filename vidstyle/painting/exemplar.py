"""An exemplar: a frame and the artist's painting of it, whose strokes paint other frames of the shot.

Guided patch synthesis as in StyLit (Fišer et al. 2016) and EbSynth (Jamriška et al. 2019): a patch of the painting is laid
where the frame looks like the frame that it was painted over.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vidstyle.core.frame import Frame, Prior
from vidstyle.ops.metrics import BT709
from vidstyle.ops.warp import TRUSTED
from vidstyle.painting.key_frames import in_palette
from vidstyle.painting.palette import Palette, sample_colours
from vidstyle.painting.strokes import StrokeIndex, lay_strokes, mend
from vidstyle.painting.strokes.describe import blur

POSITION = 0.3
"""Weight of the position in the guide, over that of the colours: of two places that look alike, the nearer one is taken."""
EDGE_BLUR, EDGE = 1 / 180, 2.0
"""σ of the blur that edges stand out from, in heights of the frame, and their weight over that of the colours."""



@dataclass(frozen=True)
class Exemplar:
    """A frame and the artist's painting of it, both at the painted size and (3, H, W) in [0, 1]."""

    frame: Tensor
    painting: Tensor


@dataclass(frozen=True)
class ExemplarStylizer:
    """Paints frames with the strokes of one exemplar."""

    palette: Palette
    """From the colours of the exemplar's frame to those of its painting."""
    index: StrokeIndex | None
    """The painting's strokes, found by the frame; None for its colours alone."""
    strokes: float
    """Share of the strokes in what is painted; the rest is the frame in the painting's colours."""
    renews: bool = False
    """Whether a key frame's strokes are others than those that the same frame asked for before."""

    @classmethod
    def of(cls, exemplar: Exemplar, strokes: float, seed: int, *, renews: bool = False) -> ExemplarStylizer:
        """The painter of an exemplar; seed: of the patches that are searched."""
        palette = Palette.between(*map(sample_colours, (exemplar.frame, exemplar.painting)))
        if not strokes:
            return cls(palette, None, strokes)
        index = StrokeIndex.build([exemplar.painting], [1.0], exemplar.painting.shape[1], seed=seed,
                                  guides=[frame_guide(exemplar.frame)])
        return cls(palette, index, strokes, renews)

    def paint(self, frame: Frame, prior: Prior | None) -> Tensor:
        """A frame -> its painting; see `KeyPainter`. Where the prior is trusted its paint stays."""
        colours = in_palette(self.palette, frame.image)
        painting = colours
        if self.index is not None:
            index = self.index.redrawn(frame.index) if self.renews and prior is not None else self.index
            laid = lay_strokes(index, frame_guide(frame.image), prior, colours)
            painting = torch.lerp(colours, laid, self.strokes)
        return painting if prior is None else torch.where(prior.visibility >= TRUSTED, prior.image, painting)

    def mend(self, frame: Frame, painting: Tensor, known: Tensor) -> Tensor:
        """Paint the holes of an in-between; see `Mender`."""
        colours = torch.lerp(in_palette(self.palette, frame.image), painting, known)
        mended = colours
        if self.index is not None:
            laid = mend(self.index, frame_guide(frame.image), painting, known, colours)
            mended = torch.lerp(colours, laid, self.strokes)
        return torch.where(known >= TRUSTED, painting, mended)

    def redraw(self, frame: Frame, painting: Tensor) -> Tensor:
        """`painting` of a frame with other strokes of the exemplar, all of them, in its own colours; see `Redrawer`."""
        assert self.index is not None, "only strokes are drawn anew"
        drawn = lay_strokes(self.index.redrawn(frame.index), frame_guide(frame.image), start=painting)
        # Between two exemplars in different colours those of the painting lie between, and strokes have those of one.
        return in_palette(Palette.between(sample_colours(drawn), sample_colours(painting)), drawn)


def frame_guide(image: Tensor) -> Tensor:
    """The guide (6, H, W) in [0, 1] of a frame `image` (3, H, W) in [0, 1]: its colours, its edges, and the position."""
    weights = torch.tensor(BT709, device=image.device).view(3, 1, 1)
    luma = (image * weights).sum(0, keepdim=True)
    edges = (0.5 + EDGE * (luma - blur(luma, EDGE_BLUR * image.shape[1]))).clamp(0, 1)
    height, width = image.shape[-2:]
    size = max(height, width)
    down, across = (torch.arange(pixels, device=image.device) / size * POSITION for pixels in (height, width))
    position = torch.stack([down[:, None].expand(height, width), across[None].expand(height, width)])
    return torch.cat([image, edges, position])
