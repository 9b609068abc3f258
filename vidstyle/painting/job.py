"""The input of a method, one clip to paint, and its output, a stylizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from vidstyle.core.options import Options
from vidstyle.core.progress import Listener

if TYPE_CHECKING:  # torch takes a second to load, and the names of the methods should not
    from torch import Tensor

    from vidstyle.core.curve import Curve
    from vidstyle.core.frame import Frame
    from vidstyle.core.interfaces import Encoder, KeyPainter, Mender, Redrawer, Repainter, Stylizer
    from vidstyle.painting.frame_pair import FramePair
    from vidstyle.painting.style import StyleTarget
    from vidstyle.painting.style_picture import StylePicture


def options_of_colour(options: Options) -> frozenset[str]:
    """Names of the options that decide which colours the style pictures of a job have."""
    return frozenset({"color_map", "color_from"} if options.color == "match" else ())


class FitStore(Protocol):
    """Where a fit is saved, so that a run that was stopped can continue it."""

    def state(self) -> dict[str, Tensor] | None:
        """The state that `save` saved last; None where there is none."""

    def save(self, step: int, state: Callable[[], dict[str, Tensor]], *, now: bool = False) -> None:
        """Save `state()`, the fit after `step` steps, if a save is due or `now` is set."""

    @property
    def network(self) -> Path | None:
        """The file of the fitted network; None where the fit is not finished."""

    def save_network(self, save_to: Callable[[Path], None]) -> None:
        """Save the fitted network: `save_to(path)` writes its file."""


@dataclass(frozen=True)
class PaintingJob:
    """One clip to paint in one style: all that a method needs to know."""

    options: Options
    device: str
    clip_name: str
    height: int
    """Height at which the clip is painted, in pixels."""
    encoder: Encoder
    style: StyleTarget
    styles: Sequence[StylePicture]
    """The style pictures, whose hashes are written to and compared with network files; their images, and those of `style`, have
    the colours that are painted with."""
    sample_frames: Callable[[], Iterable[Tensor]]
    """Some frames spread over the whole clip, each (3, H, W) in [0, 1] at the painted size."""
    sample_pairs: Callable[[], list[FramePair]]
    """Some pairs of neighbouring frames spread over the whole clip, at the painted size."""
    fit_store: FitStore
    listen: Listener
    stroke_sizes: Callable[[int], Tensor] | None = None
    """Index of a frame -> (1, h, w) in [0, 1], the size of its strokes from the smallest to the style's own; None: these are
    the same everywhere, or follow the detail."""


KEY_PREROLL = 48
"""Frames painted before a range by key frames: they are at most 24 apart, so its paint comes from the second one at least."""


@dataclass(frozen=True)
class KeyFrames:
    """How a clip is painted by key frames; see `temporal.key_frames`."""

    paint: KeyPainter
    mend: Mender
    every: int | None
    """Frames from one key frame to the next; None: chosen by the motion."""
    show: Callable[[Frame, Tensor], Tensor] = lambda frame, painting: painting
    """(a frame, what `paint` and the carrying made for it) -> the painting (3, H, W) in [0, 1] that is shown."""
    refresh: float | None = None
    """Seconds in which every place is painted anew once; None: never. See `temporal.refresh`."""
    redraw: Redrawer | None = None
    """Draws the strokes of a frame anew; None: the strokes stay as the key frames have them. See `temporal.boil`."""
    held: int = 1
    """Frames from one drawing to the next."""
    channels: int = 3
    """Of what `paint` makes; `show` makes three of them."""


def strokes_or_all(options: Options) -> float | Curve:
    """Share of the strokes, which is all of it where the user gives none."""
    return 1.0 if options.strokes is None else options.strokes


def share_of_layers(options: Options, strokes: float | Curve) -> float | Curve | None:
    """The share of the `strokes`, where a painting has two layers: all strokes, and what lies under them; None: it has one.

    Both are needed for a share that changes, and where strokes are drawn anew: in a blend they would be found no more.
    """
    if isinstance(strokes, int | float):
        return strokes if options.boil != "none" and 0 < strokes < 1 else None
    return strokes


def uses_of_strokes(options: Options, strokes: float | Curve) -> frozenset[str]:
    """Names of the options that say how strokes are laid and when they are laid anew, if these have an effect."""
    used = {"stroke_direction", "stroke_size"} | ({"boil", "refresh"} if options.temporal else set())
    return frozenset(used if strokes else ())


@dataclass(frozen=True)
class Passes:
    """How every frame is painted several times; see `temporal.multipass`."""

    repaint: Repainter
    count: int
    """Passes over all frames, odd and above 1."""


@dataclass(frozen=True)
class Painter:
    """What a method has built."""

    stylize: Stylizer
    losses: dict[str, float]
    """Last loss of the fit, by term; empty where nothing was fitted."""
    key_frames: KeyFrames | None = None
    """How key frames are painted; None where every frame is painted by `stylize`."""
    passes: Passes | None = None
    """How the passes after the first paint; None where there are none."""
