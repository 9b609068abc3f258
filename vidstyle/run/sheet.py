"""The contact sheet of a preview: which frames are on it, and what its heading says."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from torch import Tensor

from vidstyle import __version__
from vidstyle.core.contact_sheet import contact_sheet, frame_side
from vidstyle.core.frame import Frame
from vidstyle.core.images import resize, write_png
from vidstyle.core.options import Options
from vidstyle.run.moment import moment
from vidstyle.run.plan import Plan
from vidstyle.video import evenly_spaced


@dataclass(frozen=True)
class ContactSheet:
    """The frames of a contact sheet, collected during a run."""

    indices: list[int]
    columns: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    """Source and painting of each, (3, h, w) in [0, 1]."""

    @classmethod
    def of(cls, plan: Plan, count: int) -> ContactSheet:
        """A sheet of at most `count` of the plan's frames, evenly over all of them."""
        return cls([plan.frames[0] + place for place in evenly_spaced(plan.count, count)])

    def add(self, source: Frame, written: Frame) -> None:
        """Add the pair if its frame is one of `indices`, scaled down to its size on the sheet."""
        if written.index in self.indices:
            height, width = written.image.shape[-2:]
            factor = min(1.0, frame_side(len(self.indices)) / max(height, width))
            size = (max(1, round(height * factor)), max(1, round(width * factor)))
            self.columns.append((resize(source.image.cpu(), size), resize(written.image.cpu(), size)))

    def write(self, plan: Plan) -> None:
        """Write the sheet of `plan` as a PNG. Raises OutputError."""
        assert plan.sheet is not None, "the plan was made without `preview`"
        captions = [moment(plan.clip, index) for index in self.indices]
        write_png(plan.sheet, contact_sheet(self.columns, captions, heading=_heading(plan),
                                            pictures=[style.image for layer in plan.layers for style in layer]))


def changed_options(options: Options) -> dict[str, Any]:
    """The options that differ from the defaults, by name."""
    return {each.name: value for each in fields(Options)
            if (value := getattr(options, each.name)) != getattr(Options(), each.name)}


def _heading(plan: Plan) -> list[str]:
    """What is on the sheet, and the settings with which it can be painted again."""
    alone = len(plan.styles) == 1
    styles = ", ".join(style.name if alone else f"{style.name} (weight {style.weight:g})" for style in plan.styles)
    first, last = plan.numbers
    size, written = ("x".join(map(str, size)) for size in (plan.paint_size, plan.output.size))
    changed = ", ".join(f"{name} {value}" for name, value in changed_options(plan.options).items() if name != "device")
    return [f"{plan.clip.path.name} in the style of {styles}",
            f"frames {first}-{last} ({plan.count}), painted at {size}" + ("" if size == written else f", written at {written}"),
            f"method {plan.options.method}, options: {changed or 'the defaults'}",
            f"source above, painting below; vidstyle {__version__}"]
