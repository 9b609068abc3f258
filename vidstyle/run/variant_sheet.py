"""The sheet of variants, and the list of their commands beside it: what they show, and how they are written."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from vidstyle import __version__
from vidstyle.core.atomic import write_atomically
from vidstyle.core.contact_sheet import Tile, variant_sheet
from vidstyle.core.errors import OutputError, reason
from vidstyle.core.files import sha256
from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.painting.style_picture import Style
from vidstyle.run.moment import moment
from vidstyle.run.plan import Plan

FORMAT = 1
"""Of the list."""


@dataclass(frozen=True)
class Variant:
    """One choice among several."""

    label: str
    """In words, `strength 0.3, style monet.jpg`."""
    values: Mapping[str, str]
    """What is varied: values as text, by the name of the option."""
    styles: tuple[Style, ...]
    options: Options
    given: frozenset[str]
    """Names of the options that the user chose."""
    command: str
    """The command that paints the clip so."""


@dataclass(frozen=True)
class VariantsPlan:
    """Which variants are painted, of which frame, and where they are shown."""

    variants: tuple[Variant, ...]
    plans: tuple[Plan, ...]
    """Of the one frame, for each variant; nothing is written where they say."""
    across: int
    """Variants in a row of the sheet."""
    sheet: Path

    @property
    def list_file(self) -> Path:
        """The file of the commands, beside the sheet."""
        return self.sheet.with_suffix(".json")

    @property
    def frame(self) -> int:
        """Index of the frame that is painted."""
        return self.plans[0].frames[0]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Those of all plans, each once."""
        return tuple(dict.fromkeys(warning for plan in self.plans for warning in plan.warnings))


@dataclass(frozen=True)
class PaintedVariant:
    """How one variant ended: with a picture or with an error."""

    variant: Variant
    image: Tensor | None = field(default=None, repr=False, compare=False)
    """(3, h, w) in [0, 1], as large as it is shown; None where it failed."""
    sha256: str = ""
    """Of the whole frame, as in the manifest of a run."""
    exit_code: int = 0
    error: str = ""
    """What went wrong, in one sentence."""
    seconds: float = 0.0
    """Painting took; 0 where another variant has the same painting."""

    def as_dict(self) -> dict[str, Any]:
        """In types that JSON has."""
        return {"label": self.variant.label, "values": dict(self.variant.values), "command": self.variant.command,
                "frame_sha256": self.sha256 or None, "exit_code": self.exit_code, "error": self.error or None,
                "seconds": round(self.seconds, 3)}


def write_variants(plan: VariantsPlan, painted: Sequence[PaintedVariant]) -> None:
    """Write the sheet, and beside it the commands as JSON. Raises OutputError."""
    first = plan.plans[0]
    tiles = [Tile(each.image, each.variant.label, each.error or each.variant.command) for each in painted]
    shape = (first.output.size[1], first.output.size[0])
    # The pictures that all have in common are shown once.
    pictures = {style.sha256: style.image for each in plan.plans for style in each.styles}
    sizes = dict.fromkeys("x".join(map(str, each.paint_size)) for each in plan.plans)
    heading = [f"{first.clip.path.name}, {moment(first.clip, plan.frame)}",
               f"{len(painted)} variants, painted at {' and '.join(sizes)}",
               f"below each the command that paints it; vidstyle {__version__}"]
    source = next(iter(first.source.decode(plan.frame, plan.frame)))
    sheet = variant_sheet(tiles, shape, plan.across, heading=heading, pictures=[source.image, *list(pictures.values())[:4]])
    record = {"format": FORMAT, "vidstyle": __version__, "clip": str(first.clip.path),
              "frame": first.clip.number(plan.frame), "sheet": plan.sheet.name,
              "variants": [each.as_dict() for each in painted]}
    try:
        plan.sheet.absolute().parent.mkdir(parents=True, exist_ok=True)
        write_png(plan.sheet, sheet)
        record["sheet_sha256"] = sha256(plan.sheet)
        write_atomically(plan.list_file, json.dumps(record, indent=1).encode() + b"\n")
    except OSError as error:
        raise OutputError(f"{plan.list_file}: cannot be written ({reason(error)}); check the folder and the disk.") from error


def same_pictures(painted: Sequence[PaintedVariant]) -> list[str]:
    """A sentence for each picture that several variants have, so that nobody looks for a difference."""
    by_hash = dict[str, list[str]]()
    for each in painted:
        if each.sha256:
            by_hash.setdefault(each.sha256, []).append(each.variant.label)
    return [f"The same picture, bit for bit: {'; '.join(labels)}." for labels in by_hash.values() if len(labels) > 1]


def is_earlier(sheet: Path) -> bool:
    """Whether the file `sheet` is one that was written with the list beside it and that nobody has changed, or is gone."""
    try:
        record = json.loads(sheet.with_suffix(".json").read_text(encoding="utf-8"))
        return record["sheet"] == sheet.name and (not os.path.exists(sheet) or bool(record["sheet_sha256"] == sha256(sheet)))
    except (OSError, ValueError, KeyError, TypeError):
        return False
