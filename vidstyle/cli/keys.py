"""`vidstyle keys`: write the frames of a clip that are worth painting by hand."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from vidstyle.cli.events import emit, say
from vidstyle.cli.options import Debug, Json, declared
from vidstyle.core.choices import parse_key_every, parse_rate
from vidstyle.core.options import Options
from vidstyle.core.parse import parse_range


def keys(
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="Video or image sequence to paint key frames of.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Folder to write to (default: CLIP_keys next to the clip)."),
    ] = None,
    frames: Annotated[
        str | None, typer.Option("--frames", metavar="A-B", help="Frames to choose from, A and B included; A is always one.")
    ] = None,
    start: Annotated[str | None, typer.Option("--start", metavar="TIME", help="First time to choose from.")] = None,
    end: Annotated[str | None, typer.Option("--end", metavar="TIME", help="Time to stop before.")] = None,
    key_every: Annotated[str | None, declared(Options, "key_every", "")] = None,
    size: Annotated[int | None, declared(Options, "size", "")] = None,
    flow: Annotated[str | None, declared(Options, "flow", "")] = None,
    fps: Annotated[str | None, declared(Options, "fps", "")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that exist already, also where they are painted.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write the frames of CLIP that are worth painting as PNG files, for `vidstyle run --keys`.

    They are the first frame of each shot, and those where the motion has brought enough into view. Paint over them, in any
    program, and give them to `vidstyle run`: what you painted is carried to all other frames.
    """
    part = parse_range(frames, start, end)
    given: dict[str, Any] = {"size": size, "flow": flow, "key_every": None if key_every is None else parse_key_every(key_every),
                             "fps": None if fps is None else parse_rate(fps)}  # fmt: skip
    options = Options(**{name: value for name, value in given.items() if value is not None}, on_damage="keep", hdr="tonemap")

    from vidstyle.cli.progress import show_progress
    from vidstyle.run.frames_to_paint import write_frames_to_paint
    from vidstyle.run.plan import Selection

    with show_progress(clip, json=json) as listen:
        found = write_frames_to_paint(clip, output, options, Selection(*part), overwrite=overwrite, listen=listen)
    command = shlex.join(["vidstyle", "run", str(clip), "--keys", str(found.pattern)])
    if json:
        emit("result", exit_code=0, source=clip, keys=[{"frame": number, "path": path} for number, path in found.files.items()],
             pattern=found.pattern, command=command)
        return
    for path in found.files.values():
        print(path)
    say(f"{len(found.files)} frames; paint over those you like, delete the others, and then: {command}")
