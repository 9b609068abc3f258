"""Output of the commands: data on stdout (paths, tables or JSON lines), everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vidstyle.run.plan import Plan
    from vidstyle.run.result import Result

VERSION = 1
"""Version of the JSON lines; it grows if the meaning of a key changes, and not if a key is added."""


def emit(event: str, **fields: Any) -> None:
    """Print one JSON line: `{"v": 1, "event": event, ...}`."""
    print(json.dumps({"v": VERSION, "event": event, **fields}, default=str), flush=True)


def say(text: str) -> None:
    """Print a line for people, on stderr."""
    print(text, file=sys.stderr, flush=True)


def print_warnings(result: Result) -> None:
    """Print on stderr the warnings that were found while painting: damaged, missing and too bright frames."""
    for warning in result.warnings:
        say(f"{result.plan.clip.path.name}: warning: {warning}")


def print_targets(plan: Plan) -> None:
    """Print the files that a run has written, a line each."""
    print(plan.target, flush=True)
    if plan.comparison is not None:
        print(plan.comparison.target, flush=True)


def plan_text(plan: Plan, more: Sequence[tuple[str, str]] = ()) -> str:
    """A plan as a short block of text; more: further lines, each a name and what it says."""
    from vidstyle.run.sheet import changed_options
    from vidstyle.video.images.pattern import number_list

    changed = [f"{name}={value}" for name, value in changed_options(plan.options).items()]
    rows = [
        ("style", ", ".join(f"{style.path} (weight {style.weight:g})" for style in plan.styles)),
        *([("keys", f"painted key frames {number_list(key.number for key in plan.keys)}")] if plan.keys else []),
        *(("matte", f"{region['matte']}: {region['shows']}") for region in plan.mattes.describe()),
        ("frames", _frames(plan)),
        *([("preroll", plan.start.reason)] if plan.start.reason else []),
        ("painted", f"{_size(plan.paint_size)} on {plan.device}, method {plan.options.method}"),
        ("written", f"{_size(plan.output.size)}, {plan.output.describe()}"),
        ("options", ", ".join(changed) or "the defaults"),
        *([("review", str(plan.comparison.target))] if plan.comparison is not None else []),
        *(("stream", line) for line in plan.output.streams),
        *more,
        *(("warning", line) for line in plan.warnings),
    ]
    return f"{plan.clip.path} -> {plan.target}\n" + columns(rows, indent="  ")


def columns(rows: Sequence[Sequence[str]], indent: str = "") -> str:
    """Rows as aligned columns; the last column is not padded."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    return "\n".join(
        indent + "".join(f"{cell:<{width + 2}}" for cell, width in zip(row[:-1], widths, strict=True)) + row[-1]
        for row in rows
    )


def plan_line(plan: Plan) -> str:
    """A plan in one line without the clip's name, printed before the work starts."""
    return f"frames {_frames(plan)} at {_size(plan.paint_size)} on {plan.device} -> {plan.target}"


def _frames(plan: Plan) -> str:
    first, last = plan.numbers
    return f"{first}-{last} ({plan.count})"


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
