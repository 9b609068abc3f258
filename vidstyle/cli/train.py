"""`vidstyle train`: one network for a whole film, in one style or several."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vidstyle.cli.events import columns, emit, say
from vidstyle.cli.parse import parse_style
from vidstyle.cli.progress import showing
from vidstyle.cli.request import LOOK, OUTPUT, PACE, REPORT, WHAT, Debug, Json
from vidstyle.core.errors import UsageError
from vidstyle.core.options import TrainOptions

if TYPE_CHECKING:
    from vidstyle.core.progress import Progress
    from vidstyle.train import Trained


def train(
    sources: Annotated[
        list[Path], typer.Argument(metavar="CLIPS_OR_FOLDERS", help="Videos and pictures to learn from, and folders of them.")
    ],
    style: Annotated[
        list[str],
        typer.Option("--style", metavar="IMG", rich_help_panel=WHAT, help="Picture to paint like; several are mixed by `run`."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="NET.safetensors", rich_help_panel=OUTPUT, help="Network to write.")
    ],
    steps: Annotated[
        int, typer.Option("--steps", metavar="STEPS", rich_help_panel=PACE, help="Training steps; more is richer.")
    ] = TrainOptions.steps,
    batch: Annotated[
        int, typer.Option("--batch", metavar="NUMBER", rich_help_panel=PACE, help="Pairs of frames a step, over all processes.")
    ] = TrainOptions.batch,
    size: Annotated[
        str,
        typer.Option(
            "--size", metavar="HEIGHTS", rich_help_panel=PACE, help="Heights painted, in pixels: as high as `run` will paint."
        ),
    ] = ",".join(map(str, TrainOptions.size)),
    pairs: Annotated[
        int, typer.Option("--pairs", metavar="NUMBER", rich_help_panel=PACE, help="Pairs of frames taken from all videos.")
    ] = TrainOptions.pairs,
    style_scale: Annotated[
        float,
        typer.Option(
            "--style-scale",
            metavar="NUMBER",
            rich_help_panel=LOOK,
            help="Size of the strokes for the picture's height; 2 is twice as large.",
        ),
    ] = TrainOptions.style_scale,
    temporal: Annotated[
        float,
        typer.Option("--temporal", metavar="NUMBER", rich_help_panel=LOOK, help="How firmly the paint holds still."),
    ] = TrainOptions.temporal,
    seed: Annotated[
        int, typer.Option("--seed", metavar="NUMBER", rich_help_panel=LOOK, help="Start of the random numbers.")
    ] = TrainOptions.seed,
    flow: Annotated[
        str,
        typer.Option(
            "--flow",
            metavar="NAME",
            rich_help_panel=PACE,
            help="Motion from dis, farneback, raft-small, raft-large or raft-small=FILE.",
        ),
    ] = TrainOptions.flow,
    encoder: Annotated[
        str,
        typer.Option(
            "--encoder", metavar="NAME", rich_help_panel=PACE, help="Network that sees style: builtin, vgg19 or vgg16."
        ),
    ] = TrainOptions.encoder,
    device: Annotated[
        str,
        typer.Option(
            "--device", metavar="NAME", rich_help_panel=PACE, help="Where to compute: auto, cpu, cuda, cuda:N or mps."
        ),
    ] = TrainOptions.device,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="NUMBER",
            rich_help_panel=PACE,
            help="Processes that read ahead; default: one for every core that is left, at most eight.",
        ),
    ] = TrainOptions.workers,
    check_every: Annotated[
        int,
        typer.Option(
            "--check-every", metavar="STEPS", rich_help_panel=REPORT, help="Steps between two sheets of samples with numbers."
        ),
    ] = TrainOptions.check_every,
    save_every: Annotated[
        int, typer.Option("--save-every", metavar="STEPS", rich_help_panel=PACE, help="Steps between two checkpoints.")
    ] = TrainOptions.save_every,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume/--restart", rich_help_panel=OUTPUT, help="Go on with a training that was stopped, or begin anew."
        ),
    ] = True,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", rich_help_panel=OUTPUT, help="Replace the network if it exists already.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Train one network on clips and pictures, for `run --network`; with several styles, `run` mixes them at will.

    It works in a folder beside the network whose name ends in .train: a log, sheets of samples, and checkpoints, from
    which the same command goes on after a stop. Start it with `torchrun -m vidstyle train` to share it among graphics cards.
    """
    words = locals()
    pictures = [parse_style(text) for text in style]
    if weighed := [text for text, (_, weight) in zip(style, pictures, strict=True) if weight != 1]:
        raise UsageError(f"--style {weighed[0]} has a weight; styles are trained alike and mixed by `run`, leave it out.")
    heights = _heights(size)

    from vidstyle.train import launched_group, train_network  # only now: it loads torch

    known = {field.name for field in fields(TrainOptions)}
    options = TrainOptions(**{name: value for name, value in words.items() if name in known} | {"size": heights})
    leads = launched_group().leads
    try:
        with showing(output, json=json) if leads else nullcontext(_nothing) as listen:
            result = train_network([path for path, _ in pictures], sources, output, options, overwrite=overwrite,
                                   restart=not resume, listen=listen)  # fmt: skip
    except KeyboardInterrupt:
        if leads:
            say(f"{output}: the same command goes on from the last checkpoint.")
        raise
    if leads:
        _show(result, json)


def _heights(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"--size {text} is no list of heights; give pixels, such as 360,540.") from error


def _nothing(step: Progress) -> None:
    """What a process that does not lead says of its progress."""


def _show(result: Trained, json: bool) -> None:
    if json:
        fields: dict[str, Any] = {"target": result.target, "log": result.log, "quality": result.quality}
        emit("result", exit_code=0, seconds=result.seconds, **fields)
        return
    print(result.target, flush=True)
    metrics = list(next(iter(result.quality.values())))
    rows = [[style, *(f"{found[name]:#.3g}" for name in metrics)] for style, found in result.quality.items()]
    say(columns([["STYLE", *metrics], *rows]))
