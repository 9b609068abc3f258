"""`vidstyle verify`: is a painted clip still the one that its manifest describes, and are its source and styles?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vidstyle.cli.events import columns, emit, say
from vidstyle.cli.options import Debug, Json

FAILED = 7
"""Exit code where something differs from the manifest."""


def verify(
    output: Annotated[Path, typer.Argument(metavar="OUT", help="Painted clip; its manifest lies beside it.")],
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Check OUT against OUT.vidstyle.json: its hash and its frames, and its source and styles where they are found."""
    from vidstyle.run.manifest import manifest_path, verify

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
        say(f"vidstyle: {output}: is not as its manifest says ({what}); copy it again, or paint it again.")
        raise typer.Exit(code)
