"""From a clip and a style picture to the painted clip: decode, flow, warp, paint, encode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vidstyle.options import Options


@dataclass(frozen=True)
class Style:
    """One style picture and its share of the look."""

    path: Path
    weight: float = 1.0


@dataclass(frozen=True)
class Selection:
    """Which part of the clip to paint; nothing given means all of it."""

    frames: tuple[int, int] | None = None
    """First and last frame, both included, counted from 0."""
    start: float | None = None
    """Seconds on the source's clock; frames shown from here on."""
    end: float | None = None
    """Seconds on the source's clock; frames shown before this."""


@dataclass(frozen=True)
class Progress:
    """One step of work done, for a progress bar."""

    stage: str
    """`analyse`, `fit` or `paint`."""
    done: int
    total: int | None
    """None where it is not known."""
    loss: float | None = None


@dataclass(frozen=True)
class Plan:
    """What a run would do, decided before any painting."""

    source: Path
    target: Path
    frames: tuple[int, int]
    """First and last frame painted, both included."""
    paint_size: tuple[int, int]
    """Width and height painted, in pixels."""
    output_size: tuple[int, int]
    """Width and height written, in pixels."""
    options: Options
    device: str
    streams: tuple[str, ...]
    """One line for each stream of the source: what is kept and what is not."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """What a run did."""

    plan: Plan
    frames: int
    """Frames written."""
    frame_hashes: tuple[str, ...]
    """SHA-256 of each written frame's 8-bit RGB before the encoder."""
    seconds: float
    stage_seconds: dict[str, float] = field(default_factory=dict)
    losses: dict[str, float] = field(default_factory=dict)
    """Last loss of the fit, by term."""


Listener = Callable[[Progress], None]


def plan_video(source: Path, styles: list[Style], target: Path | None = None, options: Options | None = None,
               selection: Selection | None = None, *, overwrite: bool = False) -> Plan:
    """Check everything that can be checked without painting and say what `stylize_video` would do."""
    raise NotImplementedError


def stylize_video(source: Path, styles: list[Style], target: Path | None = None, options: Options | None = None,
                  selection: Selection | None = None, *, overwrite: bool = False,
                  listen: Listener | None = None) -> Result:
    """Paint `source` in the style of `styles` and write it to `target` (default: CLIP_STYLE.EXT beside the clip)."""
    raise NotImplementedError


def preview_video(source: Path, styles: list[Style], target: Path | None = None, options: Options | None = None,
                  selection: Selection | None = None, *, count: int = 6, overwrite: bool = False,
                  listen: Listener | None = None, **_: Any) -> Result:
    """Paint the selection and write, beside the movie, a contact sheet PNG: source above, painting below."""
    raise NotImplementedError
