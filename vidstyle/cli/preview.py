"""`vidstyle preview`: a short painted movie, and a contact sheet of some of its frames."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from vidstyle.cli.events import emit, print_targets, print_warnings
from vidstyle.cli.request import Request, with_request
from vidstyle.cli.variants import preview_variants
from vidstyle.core.choices import WHAT
from vidstyle.core.errors import UsageError


@partial(with_request, without={"repeats"})
def preview(
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="Video or image sequence to try the style on.")],
    request: Request,
    count: Annotated[
        int | None,
        typer.Option("--count", min=1, max=100, metavar="N", rich_help_panel=WHAT, show_default=False,
                     help="Frames on the contact sheet (default: 6)."),
    ] = None,
) -> None:
    """Paint a short part of CLIP, by default its middle 24 frames, and put some of them on a contact sheet.

    The contact sheet is a PNG next to the short movie, with the source frames above and the painted frames below. With --vary,
    one frame is painted with several choices, and there is no movie.
    """
    if request.grid is not None:
        if count is not None or request.restart:
            name = "--restart" if count is None else "--count"
            raise UsageError(f"{name} is given and has no effect with --vary; leave it out.")
        preview_variants(clip, request, request.grid)
        return
    from vidstyle.cli.progress import listening
    from vidstyle.run import pipeline

    plan = request.shot(clip).plan(preview=True)
    with listening(plan, json=request.json) as listen:
        result = pipeline.preview(plan, count=6 if count is None else count, restart=request.restart, listen=listen)
    print_warnings(result)
    if request.json:
        emit("result", exit_code=0, sheet=plan.sheet, **result.as_dict())
    else:
        print_targets(plan)
        print(plan.sheet)
