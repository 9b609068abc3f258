"""`vidstyle probe`: what is in a clip, and what a run would keep of it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from vidstyle.cli.events import columns, emit
from vidstyle.cli.request import REPORT


def probe(
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="Video to look into.")],
    json: Annotated[
        bool, typer.Option("--json", rich_help_panel=REPORT, help="Print one JSON line on stdout, with every detail.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", rich_help_panel=REPORT, help="Show the traceback when something fails.")
    ] = False,
) -> None:
    """Show the streams of CLIP, what will be kept, its frame count, rate and colour."""
    from vidstyle import video

    facts = video.probe(clip).as_dict()
    if json:
        emit("result", exit_code=0, clip=facts)
    else:
        print(columns(_rows(facts)))


def _rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """What a filmmaker wants to know of a clip, in two columns."""
    colour = facts["colour"]
    pace = "variable" if facts["variable_rate"] else "constant"
    return [
        ("clip", facts["path"]),
        ("video", f"{facts['codec']}, {facts['width']}x{facts['height']}, {facts['pix_fmt']}"),
        ("frames", f"{facts['frames']}, numbered 0-{facts['frames'] - 1}"),
        ("duration", f"{facts['duration']:.3f} s"),
        ("rate", f"{float(Fraction(facts['average_rate'])):.6g} fps, {pace}, times in {facts['time_base']} s"),
        ("colour", ", ".join(f"{name} {colour[name]}" for name in ("matrix", "range", "primaries", "transfer"))),
        *(("kept", line) for line in facts["kept"]),
        *(("warning", line) for line in facts["warnings"]),
    ]
