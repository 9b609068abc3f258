"""`vidstyle probe`: what is in a clip, and what a run would keep of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vidstyle.cli.events import emit
from vidstyle.cli.request import REPORT


def probe(
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="Video to look into.")],
    json: Annotated[
        bool, typer.Option("--json", rich_help_panel=REPORT, help="Print one JSON line on stdout instead of a table.")
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
        _print_table(facts)


def _print_table(facts: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        for number, line in enumerate(_lines(value)):
            # Text, not str: a bracket in a file name is no markup.
            table.add_row(Text("" if number else name.replace("_", " "), style="bold"), Text(line))
    # A pipe has no width; a table cut to 80 columns would lose data there.
    console = Console()
    console.print(table, width=None if console.is_terminal else 1000)


def _lines(value: Any) -> list[str]:
    """One value as the lines of its cell."""
    if isinstance(value, dict):
        return [", ".join(f"{key.replace('_', ' ')} {_word(item)}" for key, item in value.items())]
    if isinstance(value, list | tuple):
        return [line for item in value for line in _lines(item)] or ["none"]
    return [_word(value)]


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "unknown" if value is None else str(value)
