"""The options that every painting command shares, and what the pipeline is asked for because of them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from vidstyle.cli.parse import parse_frames, parse_output, parse_style, parse_time
from vidstyle.core.errors import OutputError, UsageError
from vidstyle.core.options import (
    WITHOUT_CRF,
    Codec,
    Color,
    Deinterlace,
    Gaps,
    Hdr,
    Method,
    OnDamage,
    Options,
    load_options,
    parse_rate,
)

if TYPE_CHECKING:
    from vidstyle.run.pipeline import Plan, Selection, Style

WHAT, LOOK, PACE, OUTPUT, REPORT = "What to paint", "Look", "Quality and speed", "Output", "Reporting"

Json = Annotated[
    bool, typer.Option("--json", rich_help_panel=REPORT, help="Print JSON lines on stdout; the last one is the result.")
]
Debug = Annotated[bool, typer.Option("--debug", rich_help_panel=REPORT, help="Show the traceback when something fails.")]


def _option(*names: str, panel: str, help: str, metavar: str | None = None, default: str | None = None) -> Any:
    """One option; its default is told but not passed on, so that a preset or a config file can decide instead."""
    known = getattr(Options(), names[0].removeprefix("--").replace("-", "_"), None)
    shown = default or ("" if known is None else f"{known:g}" if isinstance(known, float) else str(known))
    text = f"{help.rstrip('.')} (default: {shown})." if shown else help
    return typer.Option(*names, rich_help_panel=panel, help=text, metavar=metavar, show_default=False)


@dataclass(frozen=True)
class Request:
    """What the shared options ask for."""

    styles: list[Style]
    options: Options
    selection: Selection
    output: Path | None
    """A file or a folder; None is beside the clip."""
    output_is_folder: bool
    overwrite: bool
    restart: bool
    json: bool

    def plan(self, source: Path, *, preview: bool = False) -> Plan:
        """The pipeline's plan for one clip, its target named and placed; a name that was not given may be a preview's."""
        from vidstyle.run import pipeline

        def ask(target: Path | None, overwrite: bool) -> Plan:
            return pipeline.plan_video(source, self.styles, target, self.options, self.selection, overwrite=overwrite)

        target = self.output
        if self.output_is_folder or (target is None and preview):
            # The pipeline knows how to name it; that its own place for it may be taken does not matter here.
            named = ask(None, overwrite=True)
            folder = self.output or named.target.parent
            target = folder / (pipeline.preview_target(named.target) if preview else named.target).name
            if not folder.exists():  # it is made when the painting starts, and there is nothing in it to check
                return replace(named, target=target)
        return ask(target, self.overwrite)

    def make_folder(self) -> None:
        """Make the output folder where one was asked for that does not exist yet."""
        if self.output is not None and self.output_is_folder:
            try:
                self.output.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(f"{self.output}: cannot be made ({error.strerror}); give another -o.") from error


def read_request(
    clips: int,
    *,
    style: Annotated[
        list[str],
        _option("--style", panel=WHAT, metavar="IMG[:WEIGHT]", help="Picture to paint like; give several to mix them."),
    ],
    frames: Annotated[
        str | None,
        _option(
            "--frames",
            panel=WHAT,
            metavar="A-B",
            help="Frames to paint, first and last included: from 0, or the numbers of a sequence's files.",
        ),
    ] = None,
    start: Annotated[
        str | None, _option("--start", panel=WHAT, metavar="TIME", help="Paint from this time on: seconds or HH:MM:SS.")
    ] = None,
    end: Annotated[
        str | None, _option("--end", panel=WHAT, metavar="TIME", help="Stop before this time: seconds or HH:MM:SS.")
    ] = None,
    fps: Annotated[
        str | None,
        _option("--fps", panel=WHAT, metavar="RATE", help="Pictures a second of a sequence, such as 24 or 24000/1001."),
    ] = None,
    gaps: Annotated[
        Gaps | None,
        _option("--gaps", panel=WHAT, help="Of pictures missing in a sequence: stop, repeat the one before, or black."),
    ] = None,
    preroll: Annotated[
        int | None,
        _option(
            "--preroll", panel=WHAT, metavar="N", default="24, 1 for optimize",
            help="Frames to paint and throw away before a range; painting begins at a cut among them.",
        ),
    ] = None,
    strength: Annotated[
        float | None,
        _option(
            "--strength", panel=LOOK, metavar="NUMBER", help="How much paint, from 0 (the source) to 1 (all paint)."
        ),
    ] = None,
    temporal: Annotated[
        float | None,
        _option(
            "--temporal",
            panel=LOOK,
            metavar="NUMBER",
            help="How firmly the paint holds still; 0 paints every frame on its own.",
        ),
    ] = None,
    style_scale: Annotated[
        float | None,
        _option(
            "--style-scale",
            panel=LOOK,
            metavar="NUMBER",
            help="Size of the strokes for the picture's height; 2 is twice as large.",
        ),
    ] = None,
    color: Annotated[
        Color | None, _option("--color", panel=LOOK, help="Take the colours of the style or keep those of the source.")
    ] = None,
    seed: Annotated[
        int | None,
        _option("--seed", panel=LOOK, metavar="NUMBER", help="Start of the random numbers; change it to vary."),
    ] = None,
    method: Annotated[
        Method | None,
        _option("--method", panel=PACE, help="Fit a fast network to the clip, or optimize every frame by itself."),
    ] = None,
    network: Annotated[
        Path | None,
        _option("--network", panel=PACE, metavar="FILE", help="Use this network; it is kept there when it is new."),
    ] = None,
    fit_steps: Annotated[
        int | None,
        _option(
            "--fit-steps", panel=PACE, metavar="STEPS",
            help="Most training steps of the fit; more is closer to the style, 0 a rough draft.",
        ),
    ] = None,
    size: Annotated[
        int | None,
        _option(
            "--size", panel=PACE, metavar="PIXELS", help="Longest side painted, in pixels; never above the source's."
        ),
    ] = None,
    flow: Annotated[
        str | None,
        _option(
            "--flow", panel=PACE, metavar="NAME", help="Motion from dis, farneback, raft-small, raft-large or raft-small=FILE."
        ),
    ] = None,
    encoder: Annotated[
        str | None,
        _option("--encoder", panel=PACE, metavar="NAME", help="Network that sees style: builtin, vgg19 or vgg16."),
    ] = None,
    device: Annotated[
        str | None,
        _option("--device", panel=PACE, metavar="NAME", help="Where to compute: auto, cpu, cuda, cuda:N or mps."),
    ] = None,
    preset: Annotated[
        str,
        _option("--preset", panel=PACE, metavar="NAME", default="standard", help="Start from draft, standard or final"),
    ] = "standard",
    config: Annotated[
        Path | None,
        _option("--config", panel=PACE, metavar="FILE", help="Read options from a TOML file, over the preset."),
    ] = None,
    output: Annotated[
        str | None,
        _option(
            "--output",
            "-o",
            panel=OUTPUT,
            metavar="OUT",
            default="CLIP_STYLE.EXT beside the clip",
            help="File to write, or a folder ending in /.",
        ),
    ] = None,
    output_size: Annotated[
        int | None,
        _option(
            "--output-size",
            panel=OUTPUT,
            metavar="PIXELS",
            default="the source's",
            help="Longest side written, in pixels.",
        ),
    ] = None,
    codec: Annotated[Codec | None, _option("--codec", panel=OUTPUT, help="Video codec written.")] = None,
    crf: Annotated[
        int | None,
        _option("--crf", panel=OUTPUT, metavar="NUMBER", help="Quality written; lower is better and larger."),
    ] = None,
    audio: Annotated[
        str | None,
        _option(
            "--audio",
            panel=OUTPUT,
            metavar="copy|none|FILE",
            help="Copy the sound as it is, drop it, or put that of FILE under the clip's first frame.",
        ),
    ] = None,
    on_damage: Annotated[
        OnDamage | None,
        _option(
            "--on-damage",
            panel=WHAT,
            help="Of a damaged clip: stop, repeat the last good picture, or paint damaged pictures as they come.",
        ),
    ] = None,
    hdr: Annotated[
        Hdr | None, _option("--hdr", panel=OUTPUT, help="What to do with an HDR clip: keep it HDR or make it ordinary video.")
    ] = None,
    deinterlace: Annotated[
        Deinterlace | None, _option("--deinterlace", panel=OUTPUT, help="What to do with an interlaced clip.")
    ] = None,
    strict: Annotated[
        bool | None,
        _option("--strict", panel=OUTPUT, default="a warning", help="Refuse if anything of the clip would be missing"),
    ] = None,
    overwrite: Annotated[
        bool, _option("--overwrite", panel=OUTPUT, help="Replace the output if it exists already.")
    ] = False,
    restart: Annotated[
        bool, _option("--restart", panel=OUTPUT, help="Begin anew where a stopped run of the same output could go on.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> Request:
    """Check the words and turn them into a request for `clips` clips; raises UsageError."""
    pictures = [parse_style(text) for text in style]
    if frames is not None and (start is not None or end is not None):
        raise UsageError("--frames and --start/--end both name a part of the clip; give one or the other.")
    span = None if frames is None else parse_frames(frames)
    begin = None if start is None else parse_time(start, "--start")
    stop = None if end is None else parse_time(end, "--end")
    if stop is not None and stop <= (begin or 0.0):
        raise UsageError(f"--end {end} is not after the start; give a later time.")
    target, folder = parse_output(output, clips)
    options = load_options(
        preset, config, method=method, network=network, fit_steps=fit_steps, size=size, output_size=output_size,
        strength=strength, temporal=temporal, style_scale=style_scale, color=color, seed=seed, flow=flow,
        encoder=encoder, device=device, codec=codec, crf=crf, audio=audio, on_damage=on_damage,
        fps=None if fps is None else parse_rate(fps), gaps=gaps, hdr=hdr, deinterlace=deinterlace, strict=strict,
        preroll=preroll,
    )  # fmt: skip
    if crf is not None and options.codec in WITHOUT_CRF:
        raise UsageError(f"{options.codec} has no scale of quality to set by --crf; leave it out.")

    from vidstyle.run.pipeline import Selection, Style  # only now: it loads torch, and a wrong word should show at once

    styles = [Style(path, weight) for path, weight in pictures]
    return Request(styles, options, Selection(span, begin, stop), target, folder, overwrite, restart, json)


def with_request(command: Callable[..., None]) -> Callable[..., None]:
    """Give `command` every option of `read_request`; it is handed their sum as `request`.

    typer reads a command's signature, so the shared options are written once and added to each signature here.
    """
    own = inspect.signature(command, eval_str=True).parameters
    shared = inspect.signature(read_request, eval_str=True).parameters
    added = {name: kind for name, kind in shared.items() if kind.kind is inspect.Parameter.KEYWORD_ONLY}

    @functools.wraps(command)
    def wrapper(**values: Any) -> None:
        asked = {name: values.pop(name) for name in added}
        clips = values["clip"]
        count = len(clips) if isinstance(clips, list) else 1
        command(**values, request=read_request(count, **asked))

    extra = [kind for name, kind in own.items() if name not in ("clip", "request")]
    parameters = [own["clip"], *added.values(), *extra]  # the order in which --help shows them
    parameters = [kind.replace(kind=inspect.Parameter.KEYWORD_ONLY) for kind in parameters]
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    hints = get_type_hints(command, include_extras=True) | get_type_hints(read_request, include_extras=True)
    wrapper.__annotations__ = {kind.name: hints[kind.name] for kind in parameters}
    return wrapper
