"""`vidstyle models`: list, download and check the weights files that options name."""

from __future__ import annotations

from typing import Annotated

import typer

from vidstyle.cli.events import columns, say
from vidstyle.cli.options import Debug

models = typer.Typer(no_args_is_help=True, help="List, download and check the weights files that options name.")


@models.command("list")
def list_models(debug: Debug = False) -> None:
    """List every model: its name, whether it is on this machine, its licence and its origin."""
    from vidstyle.models import registry

    rows = [("NAME", "HERE", "LICENCE", "ORIGIN")]
    for name, record in registry.RECORDS.items():
        here = "yes" if registry.location(record).is_file() else "no"
        rows.append((name, here, record.licence, record.origin))
    print(columns(rows))


@models.command("fetch")
def fetch_model(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name from `vidstyle models list`.")],
    debug: Debug = False,
) -> None:
    """Download the model NAME if it is not on this machine yet, check it, and print its path."""
    from vidstyle.models import registry

    print(registry.fetch(name))


@models.command("verify")
def verify_models(debug: Debug = False) -> None:
    """Check every model on this machine against its SHA-256; models that are not downloaded are skipped."""
    from vidstyle.models import registry

    here = [name for name, record in registry.RECORDS.items() if registry.location(record).is_file()]
    for name in here:
        print(columns([(name, str(registry.fetch(name)))]))  # the file exists, so this only checks it
    say(f"{len(here)} of {len(registry.RECORDS)} models are on this machine and intact.")
