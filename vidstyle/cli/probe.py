"""`vidstyle probe`: show what a clip holds, and what an output would keep of it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vidstyle.cli.events import columns, emit, say
from vidstyle.cli.options import Debug, Json, declared
from vidstyle.core.choices import parse_rate
from vidstyle.core.errors import UsageError
from vidstyle.core.options import Options

if TYPE_CHECKING:
    from vidstyle.video import ReadSettings


def probe(
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="Video or image sequence to inspect.")],
    fps: Annotated[str | None, declared(Options, "fps")] = None,
    cuts: Annotated[bool, typer.Option("--cuts", help="Find the cuts, which reads every frame, and list the shots.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File to write the shots to: .csv is a shot list for `vidstyle batch`, .otio a timeline (with --cuts).",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE if it exists already.")] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the frame count, rate, colour and streams of CLIP, and what an output would keep of each stream.

    With --cuts, list its shots instead: first and last frame, timecode, seconds and length of each.
    """
    if output is not None and not cuts:
        raise UsageError("-o is the file that shots are written to; give --cuts too.")
    if overwrite and output is None:
        raise UsageError("--overwrite is for the file of the shots; give -o FILE too.")
    rate = None if fps is None else parse_rate(fps)

    from vidstyle import video

    # Missing images are reported as a warning; an error would report nothing else.
    settings = video.ReadSettings(fps=rate, gaps="hold")
    if cuts:
        _show_cuts(clip, settings, output, overwrite=overwrite, json=json)
        return
    facts = video.describe(clip, settings)
    if json:
        emit("result", exit_code=0, clip=facts)
    else:
        print(columns(_rows(facts)))


def _show_cuts(path: Path, settings: ReadSettings, output: Path | None, *, overwrite: bool, json: bool) -> None:
    """List the shots of the clip, and write them to `output` where one is given."""
    from vidstyle import video
    from vidstyle.batch.cut_list import check_cut_list, write_cut_list
    from vidstyle.cli.progress import show_progress
    from vidstyle.run.cuts import find_shots
    from vidstyle.run.moment import seconds, timecode

    # Cuts are found also in clips that need an option to be painted.
    source = video.open_source(path, replace(settings, on_damage="keep", hdr="tonemap", deinterlace="off"))
    clip = source.clip
    if output is not None:
        check_cut_list(output, clip, overwrite=overwrite)
    with show_progress(path, json=json) as listen:
        shots = find_shots(source, listen=listen)
    if output is not None:
        write_cut_list(output, clip, shots)
    if json:
        found = [{"frames": [clip.number(first), clip.number(last)], "count": last - first + 1,
                  "timecode": timecode(clip, first), "seconds": seconds(clip, first)} for first, last in shots]  # fmt: skip
        emit("result", exit_code=0, source=path, shots=found, output=output)
        return
    rows = [["SHOT", "frames", "count", "timecode", "seconds"]]
    for number, (first, last) in enumerate(shots, 1):
        rows.append([str(number), f"{clip.number(first)}-{clip.number(last)}", str(last - first + 1),
                     timecode(clip, first) or "-", f"{seconds(clip, first):.3f}"])  # fmt: skip
    print(columns(rows))
    if output is not None:
        say(f"{output}: the list of {len(shots)} shots")


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
