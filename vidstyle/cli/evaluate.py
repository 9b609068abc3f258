"""`vidstyle evaluate`: how steady a painted clip is and how it looks, in numbers, and a verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidstyle.cli.events import columns, emit, say
from vidstyle.cli.options import Debug, Json, declared
from vidstyle.cli.parse import parse_frames
from vidstyle.cli.progress import showing
from vidstyle.core.options import REPORT, Options

if TYPE_CHECKING:
    from vidstyle.evaluate import Evaluation

COMPARE, JUDGE = "What to compare", "How to judge"
FAILED = 5
"""Exit code where a threshold was hit: the clip was judged, and is not good enough."""


def evaluate(
    styled: Annotated[Path, typer.Argument(metavar="STYLED", help="Painted clip to judge.")],
    source: Annotated[
        Path, typer.Option("--source", metavar="CLIP", rich_help_panel=COMPARE, help="The clip it was painted from.")
    ],
    style: Annotated[
        Path | None,
        typer.Option("--style", metavar="IMG", rich_help_panel=COMPARE, help="The picture it was painted after."),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline",
            metavar="PER_FRAME",
            rich_help_panel=COMPARE,
            help="The same clip painted frame by frame, as `run --temporal 0` does.",
        ),
    ] = None,
    frames: Annotated[
        str | None,
        typer.Option(
            "--frames", metavar="A-B", rich_help_panel=COMPARE, help="Frames of CLIP that were painted, if not all."
        ),
    ] = None,
    judge_flow: Annotated[
        str,
        typer.Option(
            "--judge-flow",
            metavar="NAME",
            rich_help_panel=JUDGE,
            help="Motion to judge along: farneback, dis, raft-small, raft-large or raft-small=FILE; not what steadied it.",
        ),
    ] = "farneback",
    stabilised_by: Annotated[
        str,
        typer.Option(
            "--stabilised-by",
            metavar="NAME",
            rich_help_panel=JUDGE,
            help="The --flow that the clip was painted with, or none.",
        ),
    ] = Options.flow,
    truth: Annotated[
        Path | None,
        typer.Option(
            "--truth",
            metavar="FOLDER",
            rich_help_panel=JUDGE,
            help="True motion to judge along, as in MPI Sintel: flow/*.flo and occlusions/*.png.",
        ),
    ] = None,
    encoder: Annotated[str, declared(Options, "encoder", panel=JUDGE)] = Options.encoder,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if",
            metavar="CONDITION",
            rich_help_panel=JUDGE,
            help=f"End with exit code {FAILED} if the painting is that bad, as in 'e_stab>0.05'; may be repeated.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE.html",
            rich_help_panel=REPORT,
            help="Write one HTML file with plots, a wipe between source and painting, and the worst frames.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", rich_help_panel=REPORT, help="Replace the report if it exists already.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Judge STYLED against its source: steadiness, look and sharpness, beside clips that bracket it.

    The rows to read it against: the source is the floor, the baseline the ceiling, and the blurred painting shows what
    no stroke at all would score.
    """
    from vidstyle.core.atomic import check_target
    from vidstyle.evaluate import ReportFrames, evaluate_video, parse_threshold, write_report

    span = None if frames is None else parse_frames(frames)
    given = {name for name, file in (("--style", style), ("--baseline", baseline)) if file is not None}
    thresholds = [parse_threshold(text, given) for text in fail_if or []]
    if report is not None:
        check_target(report, styled, overwrite, [file for file in (source, style, baseline) if file is not None])
    report_frames = ReportFrames()
    with showing(styled, json=json) as listen:
        result = evaluate_video(
            styled,
            source,
            style=style,
            baseline=baseline,
            frames=span,
            judge_flow=judge_flow,
            stabilised_by=stabilised_by,
            truth=truth,
            encoder=encoder,
            listen=listen,
            on_frame=(lambda frame: None) if report is None else report_frames.add,
        )
    failed = [str(threshold) for threshold in thresholds if threshold.hit(result)]
    if report is not None:
        write_report(report, result, report_frames, thresholds)
    if json:
        emit("result", exit_code=FAILED if failed else 0, failed=failed, report=report, **result.as_dict())
    else:
        print(_text(result))
    if report is not None:
        say(f"{report}: the report")
    if failed:
        say(f"vidstyle: {styled}: fails {', '.join(failed)}.")
        raise typer.Exit(FAILED)


def _text(result: Evaluation) -> str:
    """Tables that a person can read and `grep` can search."""
    from vidstyle.evaluate import METRICS

    rows = [["METRIC", *result.values, "UNIT"]]
    for name, metric in METRICS.items():
        cells = [_number(found.get(name)) for found in result.values.values()]
        if any(cell != "-" for cell in cells):
            rows.append([name, *cells, f"{metric.unit}, {metric.better} is better"])
    blocks = [columns(rows)]
    if result.style_layers:
        layers = list(next(iter(result.style_layers.values())))
        table = [[scale, *(_number(losses[layer]) for layer in layers)] for scale, losses in result.style_layers.items()]
        blocks.append(columns([["STYLE_LOSS", *layers], *table]))
    if result.worst:
        worst = [[str(frame.frame), f"{frame.seconds:.3f}", _number(frame.e_stab), _number(frame.source)]
                 for frame in result.worst]  # fmt: skip
        blocks.append(columns([["WORST_FRAME", "seconds", "e_stab", "source"], *worst]))
    shown = "; ".join(f"{name}: {share:.1%} of the pixels visible" for name, share in result.visible.items())
    cuts = f"Cuts at frames {', '.join(map(str, result.cuts))}." if result.cuts else "No cuts."
    first, last = result.frames
    width, height = result.size
    about = f"Frames {first}-{last} at {width}x{height}. {cuts}" + (f" {shown}." if shown else "")
    return "\n\n".join([*blocks, "\n".join(result.verdict()), "\n".join([about, *result.notes])])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:#.3g}"
