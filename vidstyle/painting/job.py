"""What a method is given to build the stylizer of one clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from vidstyle.core.options import Options
from vidstyle.core.progress import Listener

if TYPE_CHECKING:  # torch takes a second to load, and the names of the methods should not
    from torch import Tensor

    from vidstyle.core.interfaces import Encoder, KeyPainter, Mender, Stylizer
    from vidstyle.painting.frame_pair import FramePair
    from vidstyle.painting.style import StyleTarget
    from vidstyle.painting.style_picture import StylePicture


class FitStore(Protocol):
    """Where a fit is kept, so that a stopped run can go on with it."""

    def state(self) -> dict[str, Tensor] | None:
        """What `save` was given last, where the fit was not finished."""

    def save(self, step: int, state: Callable[[], dict[str, Tensor]], *, now: bool = False) -> None:
        """Save the fit after `step` steps, where it is time to, or `now`."""

    @property
    def network(self) -> Path | None:
        """The fitted network's file, or None where the fit has yet to be done."""

    def save_network(self, save_to: Callable[[Path], None]) -> None:
        """Have the fitted network saved."""


@dataclass(frozen=True)
class PaintingJob:
    """One clip to paint in one style, as far as a method has to know."""

    options: Options
    device: str
    clip_name: str
    height: int
    """Painted, in pixels."""
    encoder: Encoder
    style: StyleTarget
    styles: Sequence[StylePicture]
    """The style pictures; a network knows them by their hashes."""
    sample_frames: Callable[[], list[Tensor]]
    """Some frames spread over the whole clip, each (3, H, W) in [0, 1] at the painted size."""
    sample_pairs: Callable[[], list[FramePair]]
    """Some pairs of neighbouring frames spread over the whole clip, at the painted size."""
    fit_store: FitStore
    listen: Listener


@dataclass(frozen=True)
class KeyFrames:
    """How a clip is painted by key frames; see `temporal.key_frames`."""

    paint: KeyPainter
    mend: Mender
    every: int | None
    """Frames from one key frame to the next; None: chosen by the motion."""


@dataclass(frozen=True)
class Painter:
    """What a method has built."""

    stylize: Stylizer
    losses: dict[str, float]
    """Last loss of the fit, by term; empty where nothing was fitted."""
    key_frames: KeyFrames | None = None
    """How key frames are painted; None where every frame is painted by `stylize`."""
