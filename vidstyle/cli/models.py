"""`vidstyle models`: the weights that can be asked for by name, where they are, and whether they are intact."""

from __future__ import annotations

from typing import Annotated

import typer

from vidstyle.cli.events import columns, say
from vidstyle.cli.options import Debug

models = typer.Typer(no_args_is_help=True, help="List, fetch and verify the weights that options name.")


@models.command("list")
def list_models(debug: Debug = False) -> None:
    """Show every model by name: whether it is here, its licence and where it comes from."""
    from vidstyle.models import registry as weights

    rows = [("NAME", "HERE", "LICENCE", "ORIGIN")]
    for name, record in weights.RECORDS.items():
        here = "yes" if weights.location(record).is_file() else "no"
        rows.append((name, here, record.licence, record.origin))
    print(columns(rows))


@models.command("fetch")
def fetch_model(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name from `vidstyle models list`.")],
    debug: Debug = False,
) -> None:
    """Download the model NAME unless it is here already, check it, and print where it lies."""
    from vidstyle.models import registry as weights

    print(weights.fetch(name))


@models.command("verify")
def verify_models(debug: Debug = False) -> None:
    """Check every model that is here against its SHA-256; those that are not here are passed over."""
    from vidstyle.models import registry as weights

    here = [name for name, record in weights.RECORDS.items() if weights.location(record).is_file()]
    for name in here:
        print(columns([(name, str(weights.fetch(name)))]))  # fetches nothing, for it is here; the check is what we want
    say(f"{len(here)} of {len(weights.RECORDS)} models are here, and intact.")
