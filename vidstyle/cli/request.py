"""The options that `run` and `preview` share, and the request to the pipeline that they make."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vidstyle.cli.options import Debug, Json, parameters_of, with_declared, with_signature
from vidstyle.cli.parse import parse_frames, parse_output, parse_style, parse_times
from vidstyle.core.config import given_options, load_options
from vidstyle.core.errors import UsageError
from vidstyle.core.options import OUTPUT, PACE, WHAT, Options

if TYPE_CHECKING:
    from vidstyle.batch.shot import Shot
    from vidstyle.painting.style_picture import Style
    from vidstyle.run.plan import Selection


@dataclass(frozen=True)
class Request:
    """The values of the shared options, parsed and checked."""

    styles: list[Style]
    options: Options
    given: frozenset[str]
    """Names of the options that the user chose, on the command line or in a config file."""
    selection: Selection
    output: Path | None
    """A file or a folder; None is next to the clip."""
    output_is_folder: bool
    overwrite: bool
    restart: bool
    json: bool

    def shot(self, clip: Path) -> Shot:
        """A clip to paint as the options say."""
        from vidstyle.batch.shot import Shot

        target, folder = (None, self.output) if self.output_is_folder else (self.output, None)
        return Shot(clip, tuple(self.styles), self.options, self.given, self.selection, target, folder, self.overwrite)


@with_declared(Options)
def read_request(
    *,
    clips: int,
    style: Annotated[
        list[str],
        typer.Option(
            "--style",
            rich_help_panel=WHAT,
            metavar="IMG[:WEIGHT]",
            help="Style image; several, each with a weight, are mixed.",
        ),
    ],
    frames: Annotated[
        str | None,
        typer.Option(
            "--frames",
            rich_help_panel=WHAT,
            metavar="A-B",
            help="Frames to paint, A and B included, or A- for all from A on: counted from 0 in a movie, numbers of the files "
            "in a sequence.",
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--start", rich_help_panel=WHAT, metavar="TIME",
                     help="First time painted, in seconds, as HH:MM:SS or as the timecode HH:MM:SS:FF."),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--end", rich_help_panel=WHAT, metavar="TIME",
                     help="Time to stop before, in seconds, as HH:MM:SS or as the timecode HH:MM:SS:FF."),
    ] = None,
    preset: Annotated[
        str,
        typer.Option(
            "--preset",
            rich_help_panel=PACE,
            metavar="NAME",
            show_default=False,
            help="Preset to start from: draft, standard or final (default: standard).",
        ),
    ] = "standard",
    config: Annotated[
        Path | None,
        typer.Option("--config", rich_help_panel=PACE, metavar="FILE", help="TOML file of options, applied over the preset."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            rich_help_panel=OUTPUT,
            metavar="OUT",
            help="File to write, or a folder ending in / (default: CLIP_STYLE.EXT next to the clip).",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", rich_help_panel=OUTPUT, help="Replace the output if it exists already.")
    ] = False,
    restart: Annotated[
        bool,
        typer.Option("--restart", rich_help_panel=OUTPUT, help="Start again, and do not continue a run that was stopped."),
    ] = False,
    json: Json = False,
    debug: Debug = False,
    **given: Any,
) -> Request:
    """Turn the options of a painting command into a request for `clips` clips; raises UsageError."""
    images = [parse_style(text) for text in style]
    if frames is not None and (start is not None or end is not None):
        raise UsageError("--frames and --start/--end both name a part of the clip; give one or the other.")
    span = None if frames is None else parse_frames(frames)
    begin, stop = parse_times(start, end)
    target, folder = parse_output(output, clips)
    options, chosen = load_options(preset, config, **given), given_options(config, **given)

    # These imports load torch, which takes seconds: a wrong option is reported before.
    from vidstyle.painting.style_picture import Style
    from vidstyle.run.plan import Selection
    from vidstyle.run.unused import refuse_unused
    from vidstyle.video.write.codecs import WITHOUT_CRF

    if "crf" in chosen and options.codec in WITHOUT_CRF:
        raise UsageError(f"crf is given and {options.codec} has no such scale of quality; leave crf out.")
    refuse_unused(chosen, options)
    styles = [Style(path, weight) for path, weight in images]
    return Request(styles, options, chosen, Selection(span, begin, stop), target, folder, overwrite, restart, json)


def with_request(command: Callable[..., None]) -> Callable[..., None]:
    """Give `command` the options of `read_request`, and pass it their values as `request`."""
    own = [parameter for parameter in parameters_of(command) if parameter.name != "request"]
    shared = [parameter for parameter in parameters_of(read_request) if parameter.name != "clips"]

    @functools.wraps(command)
    def wrapper(**values: Any) -> None:
        asked = {parameter.name: values.pop(parameter.name) for parameter in shared}
        clips = values["clip"]
        command(**values, request=read_request(clips=len(clips) if isinstance(clips, list) else 1, **asked))

    return with_signature(wrapper, [*shared, *own])
