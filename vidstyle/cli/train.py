"""`vidstyle train`: one network for a whole film, in one style or several."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vidstyle.cli.events import columns, emit, say
from vidstyle.cli.options import Debug, Json, with_declared
from vidstyle.cli.progress import show_progress
from vidstyle.core.choices import OUTPUT, WHAT
from vidstyle.core.errors import UsageError
from vidstyle.core.parse import parse_style
from vidstyle.core.train_options import TrainOptions

if TYPE_CHECKING:
    from vidstyle.core.progress import Progress
    from vidstyle.train import Trained


@with_declared(TrainOptions)
def train(
    *,
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="CLIPS_OR_FOLDERS", help="Videos and images to learn from, and folders of them."),
    ],
    style: Annotated[
        list[str],
        typer.Option(
            "--style", metavar="IMG", rich_help_panel=WHAT, help="Style image to learn; `run` can mix several learned styles."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="NET.safetensors", rich_help_panel=OUTPUT, help="Network to write.")
    ],
    resume: Annotated[
        bool,
        typer.Option(
            "--resume/--restart", rich_help_panel=OUTPUT, help="Go on with a training that was stopped, or start again."
        ),
    ] = True,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", rich_help_panel=OUTPUT, help="Replace the network if it exists already.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
    **given: Any,
) -> None:
    """Train one network on clips and images, for `run --method feedforward`; a network of several styles can mix them.

    A folder next to the network, with a name that ends in .train, holds a log, sheets of samples, and checkpoints, from
    which the same command goes on after a stop. `torchrun -m vidstyle train` shares the training among graphics cards.
    """
    images = [parse_style(text) for text in style]
    if weighted := [text for text, (_, weight) in zip(style, images, strict=True) if weight != 1]:
        raise UsageError(f"--style {weighted[0]} has a weight; styles are trained alike, so leave the weight out.")
    options = TrainOptions(**given)

    # This imports torch, which takes seconds: a wrong option is reported before.
    from vidstyle.train import launched_group, train_network

    leads = launched_group().leads
    try:
        with show_progress(output, json=json) if leads else nullcontext(_ignore) as listen:
            result = train_network([path for path, _ in images], sources, output, options, overwrite=overwrite,
                                   restart=not resume, listen=listen)  # fmt: skip
    except KeyboardInterrupt:
        if leads:
            say(f"{output}: the same command goes on from the last checkpoint.")
        raise
    if leads:
        _show(result, json)


def _ignore(step: Progress) -> None:
    """Progress of a process that does not lead; it is not reported."""


def _show(result: Trained, json: bool) -> None:
    if json:
        fields: dict[str, Any] = {"target": result.target, "log": result.log, "quality": result.quality}
        emit("result", exit_code=0, seconds=result.seconds, **fields)
        return
    print(result.target, flush=True)
    metrics = list(next(iter(result.quality.values())))
    rows = [[style, *(f"{found[name]:#.3g}" for name in metrics)] for style, found in result.quality.items()]
    say(columns([["STYLE", *metrics], *rows]))
