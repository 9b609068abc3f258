"""Output of the commands: data on stdout (paths, tables or JSON lines), everything else on stderr."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vidstyle.core.options import Options

if TYPE_CHECKING:
    from vidstyle.run.pipeline import Plan, Result, Style

VERSION = 1
"""Version of the JSON lines; a changed meaning raises it, a new key does not."""


def emit(event: str, **fields: Any) -> None:
    """Print one JSON line: `{"v": 1, "event": event, ...}`."""
    print(json.dumps({"v": VERSION, "event": event, **fields}, default=str), flush=True)


def say(text: str) -> None:
    """Print a line for people, on stderr."""
    print(text, file=sys.stderr, flush=True)


def plan_fields(plan: Plan) -> dict[str, Any]:
    """A plan as values for JSON."""
    first, last = plan.frames
    return dataclasses.asdict(plan) | {"frames": [plan.number(first), plan.number(last)], "count": last - first + 1}


def result_fields(result: Result) -> dict[str, Any]:
    """A result as values for JSON; the source and target of the plan are keys of the result."""
    fields = dataclasses.asdict(result)
    plan = fields.pop("plan")
    return {"source": plan["source"], "target": plan["target"], **fields,
            "warnings": [*plan["warnings"], *result.warnings]}


def tell_warnings(result: Result) -> None:
    """Print the warnings found while painting on stderr: frames that were damaged, missing or too bright."""
    for warning in result.warnings:
        say(f"{result.plan.source.name}: warning: {warning}")


def plan_text(plan: Plan, styles: list[Style]) -> str:
    """A plan as a short block of text."""
    first, last = plan.frames
    changed = [
        f"{field.name}={value}"
        for field in dataclasses.fields(Options)
        if (value := getattr(plan.options, field.name)) != getattr(Options(), field.name)
    ]
    rows = [
        ("style", ", ".join(f"{style.path} (weight {style.weight:g})" for style in styles)),
        ("frames", f"{plan.number(first)}-{plan.number(last)} ({last - first + 1})"),
        *([("preroll", plan.preroll)] if plan.preroll else []),
        ("painted", f"{_size(plan.paint_size)} on {plan.device}, method {plan.options.method}"),
        ("written", _written(plan)),
        ("options", ", ".join(changed) or "the defaults"),
        *(("stream", line) for line in plan.streams),
        *(("warning", line) for line in plan.warnings),
    ]
    return f"{plan.source} -> {plan.target}\n" + columns(rows, indent="  ")


def _written(plan: Plan) -> str:
    from vidstyle.video.write.formats import WITHOUT_CRF

    options = plan.options
    if plan.written:
        return f"{_size(plan.output_size)}, {plan.written}"
    return f"{_size(plan.output_size)}, {options.codec}" + ("" if options.codec in WITHOUT_CRF else f", crf {options.crf}")


def columns(rows: Sequence[Sequence[str]], indent: str = "") -> str:
    """Rows as aligned columns, for reading and for `grep`; the last column is not padded."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    return "\n".join(
        indent + "".join(f"{cell:<{width + 2}}" for cell, width in zip(row[:-1], widths, strict=True)) + row[-1]
        for row in rows
    )


def plan_line(plan: Plan) -> str:
    """A plan as one line, printed before the work starts."""
    first, last = plan.frames
    size = _size(plan.paint_size)
    frames = f"{plan.number(first)}-{plan.number(last)} ({last - first + 1})"
    return f"{plan.source.name}: frames {frames} at {size} on {plan.device} -> {plan.target}"


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
