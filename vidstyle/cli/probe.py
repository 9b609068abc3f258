"""`vidstyle probe`: show what a clip holds, and what an output would keep of it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from vidstyle.cli.events import columns, emit
from vidstyle.cli.options import Debug, Json, declared
from vidstyle.core.options import Options, parse_rate


def probe(
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="Video or image sequence to inspect.")],
    fps: Annotated[str | None, declared(Options, "fps")] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the frame count, rate, colour and streams of CLIP, and what an output would keep of each stream."""
    from vidstyle import video

    # Missing images are reported as a warning; an error would report nothing else.
    settings = video.ReadSettings(fps=None if fps is None else parse_rate(fps), gaps="hold")
    facts = video.describe(clip, settings)
    if json:
        emit("result", exit_code=0, clip=facts)
    else:
        print(columns(_rows(facts)))


def _rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """The facts as a table of two columns."""
    colour, hdr = facts["colour"], facts["hdr"]
    pace = "variable" if facts["variable_rate"] else "constant"
    rate = f"{float(Fraction(facts['average_rate'])):.6g} fps, {pace}, times in {facts['time_base']} s"
    return [
        ("clip", facts["path"]),
        ("video", f"{facts['codec']}, {facts['width']}x{facts['height']}, {facts['pix_fmt']}"),
        ("frames", f"{facts['frames']}, numbered {facts['numbers'][0]}-{facts['numbers'][1]}"),
        ("duration", f"{facts['duration']:.3f} s" if facts["timed"] else "unknown; give --fps"),
        ("rate", rate if facts["timed"] else "unknown; give --fps"),
        ("colour", ", ".join(f"{name} {colour[name]}" for name in ("matrix", "range", "primaries", "transfer"))),
        ("dynamic range", "standard" if hdr is None else f"high ({hdr['transfer'].upper()}, up to {hdr['peak']:g} cd/m²); "
                                                         "to paint it, give --hdr passthrough or --hdr tonemap"),
        ("scan", "interlaced" if facts["interlaced"] else "progressive"),
        *(("stream", line) for line in facts["streams"]),
        *(("warning", line) for line in facts["warnings"]),
    ]
