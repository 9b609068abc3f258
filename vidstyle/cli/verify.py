"""`vidstyle verify`: compare a painted clip, its source and its styles with the manifest."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vidstyle.cli.events import columns, emit, say
from vidstyle.cli.options import Debug, Json

FAILED = 7
"""Exit code if something differs from the manifest."""


def verify(
    output: Annotated[Path, typer.Argument(metavar="OUT", help="Painted clip, with its manifest next to it.")],
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare OUT with OUT.vidstyle.json: hash and frame count, and its source and styles where they are found."""
    from vidstyle.run.manifest_file import manifest_path
    from vidstyle.run.verify import verify

    checks = verify(output)
    bad = [check for check in checks if check.good is False]
    code = FAILED if bad else 0
    if json:
        emit("result", exit_code=code, output=output, manifest=manifest_path(output), checks=[asdict(c) for c in checks])
    else:
        words = {True: "as stated", False: "DIFFERS", None: "not found"}
        print(columns([["CHECK", "RESULT", "FOUND"], *([check.what, words[check.good], check.found] for check in checks)]))
    if bad:
        what = ", ".join(dict.fromkeys(check.what for check in bad))
        say(f"vidstyle: {output}: differs from its manifest ({what}); copy it again, or paint it again.")
        raise typer.Exit(code)
