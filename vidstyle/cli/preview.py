"""`vidstyle preview`: a short painted movie, and a contact sheet of some of its frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from vidstyle.cli.events import emit, result_fields, tell_warnings
from vidstyle.cli.request import Request, with_request
from vidstyle.cli.stop import Stopper
from vidstyle.core.options import WHAT

LENGTH = 24
"""Frames of a preview without a range: about a second, enough to see whether the paint flickers."""


@with_request
def preview(
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="Video or image sequence to try the style on.")],
    request: Request,
    count: Annotated[
        int,
        typer.Option("--count", min=1, max=100, metavar="N", rich_help_panel=WHAT, help="Frames on the contact sheet."),
    ] = 6,
) -> None:
    """Paint a short part of CLIP, by default its middle 24 frames, and put some of them on a contact sheet.

    The contact sheet is a PNG next to the short movie, with the source frames above and the painted frames below.
    """
    from vidstyle.cli.progress import listening
    from vidstyle.run import pipeline

    if request.selection == pipeline.Selection():
        whole = request.plan(clip, preview=True)
        first, last = whole.frames
        start = first + max(0, last - first + 1 - LENGTH) // 2
        middle = pipeline.Selection(frames=(whole.number(start), whole.number(min(start + LENGTH - 1, last))))
        request = replace(request, selection=middle)
    plan = request.plan(clip, preview=True)
    request.make_folder()
    stopper = Stopper()
    with stopper.watching(), listening(plan, json=request.json) as listen:
        result = pipeline.preview_video(
            clip,
            request.styles,
            plan.target,
            request.options,
            request.selection,
            count=count,
            overwrite=request.overwrite,
            restart=request.restart,
            listen=stopper.listening(listen),
        )
    tell_warnings(result)
    movie = result.plan.target
    sheet = pipeline.sheet_target(movie)
    if request.json:
        emit("result", exit_code=0, sheet=sheet, **result_fields(result))
    else:
        print(movie)
        print(sheet)
