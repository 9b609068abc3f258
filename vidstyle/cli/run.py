"""`vidstyle run`: paint one clip, or several one after another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vidstyle.cli.batch import paint_shots, read
from vidstyle.cli.events import emit, plan_text, print_warnings
from vidstyle.cli.parse import names_several
from vidstyle.cli.request import Request, with_request
from vidstyle.core.errors import UsageError
from vidstyle.core.options import REPORT


@with_request
def run(
    clip: Annotated[
        list[Path],
        typer.Argument(
            metavar="CLIP",
            help="Video or image sequence ('shot.####.exr') to paint; also several, a folder, or a pattern ('shots/*.mp4').",
        ),
    ],
    request: Request,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", rich_help_panel=REPORT, help="Print what would be done, and write nothing."),
    ] = False,
) -> None:
    """Paint CLIP in the style of an image; of several clips, finished ones are skipped, and one that fails stops no other."""
    if lists := [path for path in clip if path.suffix.lower() in (".csv", ".toml") and not path.is_dir()]:
        raise UsageError(f"{lists[0]}: is a shot list; paint it with: vidstyle batch {lists[0]}.")
    if names_several(clip):
        paint_shots(read(clip, request), request, dry_run=dry_run)
    else:
        _paint_one(clip[0], request, dry_run=dry_run)


def _paint_one(clip: Path, request: Request, *, dry_run: bool) -> None:
    from vidstyle.cli.progress import listening
    from vidstyle.run import pipeline

    plan = request.shot(clip).plan()
    if dry_run and request.json:
        emit("result", exit_code=0, dry_run=True, plans=[plan.as_dict()])
    elif dry_run:
        print(plan_text(plan))
    else:
        with listening(plan, json=request.json) as listen:
            result = pipeline.run(plan, restart=request.restart, listen=listen)
        print_warnings(result)
        if request.json:
            emit("result", exit_code=0, **result.as_dict())
        else:
            print(plan.target, flush=True)
