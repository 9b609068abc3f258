"""`vidstyle evaluate`: measure how steady, how sharp and how close to its style a painted clip is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vidstyle.cli.events import columns, emit, say
from vidstyle.cli.options import Debug, Json, declared
from vidstyle.cli.progress import show_progress
from vidstyle.core.choices import REPORT, Deinterlace, Hdr
from vidstyle.core.options import Options
from vidstyle.core.parse import parse_frames

if TYPE_CHECKING:
    from vidstyle.evaluate import Evaluation

COMPARE, JUDGE = "What to compare", "How to judge"
FAILED = 5
"""Exit code where a condition of --fail-if is met."""


def evaluate(
    styled: Annotated[Path, typer.Argument(metavar="STYLED", help="Painted clip to measure.")],
    source: Annotated[
        Path | None,
        typer.Option(
            "--source",
            metavar="CLIP",
            rich_help_panel=COMPARE,
            help="Clip that STYLED was painted from (default: as the manifest beside STYLED says).",
        ),
    ] = None,
    style: Annotated[
        Path | None,
        typer.Option(
            "--style",
            metavar="IMG",
            rich_help_panel=COMPARE,
            help="Style image of the painting (default: as the manifest says, where it names one).",
        ),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline",
            metavar="PER_FRAME",
            rich_help_panel=COMPARE,
            help="CLIP painted with `run --temporal 0`, every frame on its own.",
        ),
    ] = None,
    frames: Annotated[
        str | None,
        typer.Option(
            "--frames",
            metavar="A-B",
            rich_help_panel=COMPARE,
            help="Frames of CLIP that were painted, if not all of them (default: as the manifest says).",
        ),
    ] = None,
    judge_flow: Annotated[
        str | None,
        typer.Option(
            "--judge-flow",
            metavar="NAME",
            rich_help_panel=JUDGE,
            help="Motion estimator to measure with: farneback, dis, raft, raft-small, raft-large or raft-small=FILE; it "
            "differs from --stabilised-by (default: farneback, or dis where that painted).",
        ),
    ] = None,
    stabilised_by: Annotated[
        str | None,
        typer.Option(
            "--stabilised-by",
            metavar="NAME",
            rich_help_panel=JUDGE,
            help="Motion estimator (--flow) that STYLED was painted with, or none (default: as the manifest says, else "
            f"{Options.flow}).",
        ),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(
            "--truth",
            metavar="FOLDER",
            rich_help_panel=JUDGE,
            help="Folder with the true motion, as in MPI Sintel: flow/*.flo and occlusions/*.png.",
        ),
    ] = None,
    encoder: Annotated[str, declared(Options, "encoder", panel=JUDGE)] = Options.encoder,
    hdr: Annotated[Hdr | None, declared(Options, "hdr", panel=COMPARE)] = None,
    deinterlace: Annotated[Deinterlace | None, declared(Options, "deinterlace", panel=COMPARE)] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if",
            metavar="CONDITION",
            rich_help_panel=JUDGE,
            help=f"Condition that ends with exit code {FAILED}, such as 'e_stab>0.05'; may be given several times.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE.html",
            rich_help_panel=REPORT,
            help="HTML file to write, with plots, a slider between source and painting, and the worst frames.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", rich_help_panel=REPORT, help="Replace the report if it exists already.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Measure how steady STYLED is, how close to its style and how sharp, next to the same numbers of other clips.

    Source, range, style and how the source was read are taken from the manifest beside STYLED where they are not given. The
    source has the lowest flicker to expect, the clip painted frame by frame (--baseline) the highest. A blurred copy of STYLED
    has the values of a painting without brush strokes.
    """
    from vidstyle.core.atomic import check_target
    from vidstyle.evaluate import ReportFrames, evaluate_video, find_inputs, parse_threshold, write_report

    span = None if frames is None else parse_frames(frames)
    inputs = find_inputs(styled, source, style)
    given = {name for name, file in (("--style", inputs.style), ("--baseline", baseline)) if file is not None}
    thresholds = [parse_threshold(text, given) for text in fail_if or []]
    if report is not None:
        files = {"the painted clip": styled, "the source": inputs.source, "the style picture": inputs.style,
                 "the baseline": baseline}
        check_target(report, {what: [file] for what, file in files.items() if file is not None}, overwrite)
    read = replace(inputs.read, hdr=hdr or inputs.read.hdr, deinterlace=deinterlace or inputs.read.deinterlace)
    stabilised_by = stabilised_by or inputs.stabilised_by
    judge_flow = judge_flow or ("dis" if stabilised_by == "farneback" else "farneback")
    report_frames = ReportFrames()
    with show_progress(styled, json=json) as listen:
        result = evaluate_video(
            styled,
            inputs.source,
            style=inputs.style,
            baseline=baseline,
            frames=span,
            indices=inputs.frames,
            judge_flow=judge_flow,
            stabilised_by=stabilised_by,
            truth=truth,
            encoder=encoder,
            read=read,
            listen=listen,
            on_frame=(lambda frame: None) if report is None else report_frames.add,
        )
    result = replace(result, notes=[*result.notes, *inputs.notes])
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
    """The verdict, and the measurements as tables."""
    from vidstyle.evaluate import METRICS

    verdict = columns([[finding.words, finding.numbers] for finding in result.verdict()])
    rows = [["METRIC", *result.values, "UNIT"]]
    for name, metric in METRICS.items():
        cells = [_number(found.get(name)) for found in result.values.values()]
        if any(cell != "-" for cell in cells):
            rows.append([name, *cells, f"{metric.unit}, {metric.better} is better"])
    blocks = [verdict, columns(rows)]
    if result.style_layers:
        layers = list(next(iter(result.style_layers.values())))
        table = [[scale, *(_number(losses[layer]) for layer in layers)] for scale, losses in result.style_layers.items()]
        blocks.append(columns([["STYLE_LOSS", *layers], *table]))
    if result.worst:
        worst = [[str(frame.frame), f"{frame.seconds:.3f}", _number(frame.e_stab), _number(frame.source)]
                 for frame in result.worst]  # fmt: skip
        blocks.append(columns([["WORST_FRAME", "seconds", "e_stab", "source"], *worst]))
    visible = "; ".join(f"{name}: {share:.1%} of the pixels visible" for name, share in result.visible.items())
    cuts = f"Cuts at frames {', '.join(map(str, result.cuts))}." if result.cuts else "No cuts."
    first, last = result.frames
    width, height = result.size
    about = f"Frames {first}-{last} at {width}x{height}. {cuts}" + (f" {visible}." if visible else "")
    return "\n\n".join([*blocks, "\n".join([about, *result.notes])])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:#.3g}"
