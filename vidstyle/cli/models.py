"""`vidstyle models`: the weights that can be asked for by name, where they are, and whether they are intact."""

from __future__ import annotations

from typing import Annotated

import typer

from vidstyle.cli.events import say

models = typer.Typer(no_args_is_help=True, help="List, fetch and verify the weights that options name.")

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback when something fails.")]


@models.command("list")
def list_models(debug: Debug = False) -> None:
    """Show every model by name: whether it is here, its licence and where it comes from."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from vidstyle import weights

    table = Table("name", "here", "licence", "origin", box=None, padding=(0, 2, 0, 0))
    for name, record in weights.WEIGHTS.items():
        here = "yes" if weights.find(name) else "no"
        table.add_row(*(Text(cell) for cell in (name, here, record.licence, record.origin)))
    console = Console()
    console.print(table, width=None if console.is_terminal else 1000)


@models.command("fetch")
def fetch_model(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name from `vidstyle models list`.")],
    debug: Debug = False,
) -> None:
    """Download the model NAME unless it is here already, check it, and print where it lies."""
    from vidstyle import weights

    print(weights.fetch(name))


@models.command("verify")
def verify_models(debug: Debug = False) -> None:
    """Check every model that is here against its SHA-256; those that are not here are passed over."""
    from vidstyle import weights

    here = [name for name in weights.WEIGHTS if weights.find(name)]
    for name in here:
        print(f"{name} {weights.verify(name)}")
    say(f"{len(here)} of {len(weights.WEIGHTS)} models are here and intact.")
