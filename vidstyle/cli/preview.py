"""`vidstyle preview`: a short painted movie, and a contact sheet of some of its frames."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vidstyle.cli.events import emit, print_targets, print_warnings
from vidstyle.cli.request import Request, with_request
from vidstyle.core.options import WHAT


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

    plan = request.shot(clip).plan(preview=True)
    with listening(plan, json=request.json) as listen:
        result = pipeline.preview(plan, count=count, restart=request.restart, listen=listen)
    print_warnings(result)
    if request.json:
        emit("result", exit_code=0, sheet=plan.sheet, **result.as_dict())
    else:
        print_targets(plan)
        print(plan.sheet)
