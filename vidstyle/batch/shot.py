"""One shot of a batch: a clip or a part of it, how it is painted, and where it is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from vidstyle.core.options import Options
from vidstyle.painting.style_picture import Style
from vidstyle.run import plan
from vidstyle.run.plan import Plan, Selection


@dataclass(frozen=True)
class Shot:
    """What to paint and where to write it: names of files and plain values, which other processes can be given."""

    clip: Path
    styles: tuple[Style, ...]
    options: Options = field(default_factory=Options)
    given: frozenset[str] = frozenset()
    """Names of the options that the user chose."""
    selection: Selection = field(default_factory=Selection)
    target: Path | None = None
    """The file to write; None is CLIP_STYLE.EXT in `folder`."""
    folder: Path | None = None
    """None is beside the clip."""
    overwrite: bool = False
    restart: bool = False
    """Whether unfinished work on the output is dropped, and the painting starts from the beginning."""
    number: int = 0
    """Its place among all shots of the batch, from 1."""
    origin: str = ""
    """Where the shot is listed, such as `shots.csv, line 3`; empty if it was named on the command line."""

    def plan(self, *, preview: bool = False) -> Plan:
        """Check everything that can be checked without painting; raises as `plan_video` does."""
        return plan.plan_video(self.clip, self.styles, self.target, self.options, self.selection, overwrite=self.overwrite,
                               folder=self.folder, preview=preview, given=self.given)
