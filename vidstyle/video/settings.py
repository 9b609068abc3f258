"""How a clip is read and how its painting is written, each as one record."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vidstyle.core.choices import Deinterlace, Gaps, Hdr, OnDamage
from vidstyle.core.options import Options


@dataclass(frozen=True)
class ReadSettings:
    """How a clip is read; the fields are those of `Options`."""

    on_damage: OnDamage = Options.on_damage
    fps: Fraction | None = Options.fps
    gaps: Gaps = Options.gaps
    hdr: Hdr = Options.hdr
    deinterlace: Deinterlace = Options.deinterlace
    sound: Path | None = None
    """A file whose sound replaces the clip's own."""


@dataclass(frozen=True)
class WriteSettings:
    """How a painted clip is written; the fields are those of `Options`."""

    codec: str = "auto"
    """`auto` is the codec that fits the name of the output: H.264 where its container holds that (see `write.codecs`)."""
    crf: int = Options.crf
    audio: str = Options.audio
    """`none` drops all sound; with anything else the sound that the source is read with is written."""
    strict: bool = Options.strict
    size: tuple[int, int] | None = None
    """Width and height, in pixels; None is the clip's own."""
