"""`vidstyle export`: write a network as an ONNX graph, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vidstyle.cli.events import emit, say
from vidstyle.cli.options import Debug, Json
from vidstyle.core.choices import OUTPUT, WHAT
from vidstyle.core.parse import parse_style


def export(
    network: Annotated[
        Path, typer.Argument(metavar="NET", help="Network written by `run --network` or `train`.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="NET.onnx", rich_help_panel=OUTPUT, help="Graph to write.")
    ],
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style",
            metavar="IMG[:WEIGHT]",
            rich_help_panel=WHAT,
            help="Style to export, or several to mix, if the network was trained on several.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", rich_help_panel=OUTPUT, help="Replace the graph if it exists already.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write NET as an ONNX graph: image, prior and visibility in, painting out, at any size; docs/python_api.md shows its use.

    The graph and the network are run once on the same input, and their largest difference is printed. Needs the packages onnx,
    onnxruntime and onnxscript.
    """
    images = [parse_style(text) for text in style or []]

    from vidstyle.export import export_network  # imports torch, which takes seconds; a wrong option is reported before
    from vidstyle.painting.style_picture import Style

    result = export_network(network, output, [Style(path, weight) for path, weight in images], overwrite=overwrite)
    if json:
        emit("result", exit_code=0, target=result.target, difference=result.difference)
        return
    print(result.target, flush=True)
    say(f"{result.target}: differs from the network by at most {result.difference:.1e}, where white is 1")
