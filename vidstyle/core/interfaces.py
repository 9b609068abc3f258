"""The types of the functions that rooms pass to each other: flow, cut detection, painting and image features."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from vidstyle.core.frame import FlowPair, Frame, Prior

FlowEstimator = Callable[[Tensor, Tensor], FlowPair]
"""(last, this), each (3, H, W) float32 sRGB in [0, 1] -> the motion between them in pixels, on the images' device."""

FlowRefiner = Callable[[Tensor, Tensor, FlowPair], FlowPair]
"""(key frame, a later or earlier frame, the motion between them as far as it is known) -> that motion without its drift.

Images (3, H, W) float32 sRGB in [0, 1]; the motion as if the key frame were the last frame and the other this one."""

CutDetector = Callable[[Frame, Frame], bool]
"""(last, this) -> whether `this` is the first frame of a new shot."""

Stylizer = Callable[[Frame, Sequence[Prior]], Tensor]
"""(frame at the painted size, priors) -> painting (3, H, W) float32 sRGB in [0, 1].

Priors nearest first, none at the start of a shot. Several paintings of a frame may be stacked along the channels, see
`painting.layers`: then priors, and what a key painter and a mender are given and return, have (3 L, H, W) too."""

Repainter = Callable[[Frame, Tensor, Sequence[Prior]], Tensor]
"""(frame at the painted size, start, priors) -> painting, start and painting (3, H, W) float32 sRGB in [0, 1].

start: what the painting is to begin with, in place of the frame or of a warped painting. Priors as for `Stylizer`."""

KeyPainter = Callable[[Frame, Prior | None], Tensor]
"""(key frame at the painted size, the last key frame's painting warped onto it) -> painting (3, H, W) sRGB in [0, 1].

The frame has its `motion`. The prior is None at the start of a shot.
The same arguments must give the same painting: a stopped run paints a key anew."""

Mender = Callable[[Frame, Tensor, Tensor], Tensor]
"""(frame at the painted size, painting with holes, known) -> painting without holes, each (3, H, W) float32 sRGB in [0, 1].

The frame has its `motion`.
known: (1, H, W) in [0, 1], 1 = the painting is to stay as it is there, below 0.5 = a hole, where the painting holds a guess."""

Redrawer = Callable[[Frame, Tensor], Tensor]
"""(frame at the painted size, its painting) -> a painting of other strokes in the same forms, each (3, H, W) in [0, 1].

The strokes depend on the index of the frame; the same arguments give the same strokes."""

Encoder = Callable[[Tensor, Sequence[str]], dict[str, Tensor]]
"""Images (N, 3, H, W), sRGB in [0, 1], and layer names -> features (N, C, h, w) by layer."""

SMALLEST_ENCODED = 32
"""Pixels on the shortest side of the smallest image that an encoder is given."""
