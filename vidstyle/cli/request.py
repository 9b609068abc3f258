"""The options that `run` and `preview` share, and the request to the pipeline that they make."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vidstyle.cli.events import say
from vidstyle.cli.options import Debug, Json, offering, parameters_of, with_declared, with_signature
from vidstyle.cli.parse import names_several, parse_output
from vidstyle.core.config import Stated, given_options, load_config, load_options, preset_names
from vidstyle.core.errors import UsageError
from vidstyle.core.options import OUTPUT, PACE, WHAT, Options
from vidstyle.core.parse import parse_range, parse_style
from vidstyle.run.unused import refuse_unused

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

    def shot(self, clip: Path = Path()) -> Shot:
        """A clip to paint as the options say; without one, what holds for every clip."""
        from vidstyle.batch.shot import Shot

        target, folder = (None, self.output) if self.output_is_folder else (self.output, None)
        return Shot(clip, tuple(self.styles), self.options, self.given, self.selection, target, folder, self.overwrite,
                    self.restart)


@with_declared(Options)
def read_request(
    *,
    reading: str,
    several: bool,
    for_lists: bool = False,
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style",
            rich_help_panel=WHAT,
            metavar="IMG[:WEIGHT]",
            help="Style image; several, each with a weight, are mixed.",
        ),
    ] = None,
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
            autocompletion=offering(preset_names()),
            help="Preset to start from: draft, standard or final (default: standard).",
        ),
    ] = "standard",
    config: Annotated[
        Path | None,
        typer.Option("--config", rich_help_panel=PACE, metavar="FILE",
                     help="TOML file of options, style and frames, applied over the preset."),
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
    """Turn the options of a painting command into a request; raises UsageError.

    Everything that torch is not needed for is checked before it is imported, which takes seconds. A line on stderr says then
    that the work has begun. reading: what is named in it. several: whether the request is for several clips, which need a
    folder. for_lists: the request holds what a shot list may change, so that it may be without a style, and with options that
    only some shots use.
    """
    stated = Stated() if config is None else load_config(config)
    images = tuple(parse_style(text) for text in style or ()) or stated.styles
    part = parse_range(frames, start, end)
    if part == (None, None, None) and stated.range is not None:
        part = stated.range
    target, folder = parse_output(output, several)
    options, chosen = load_options(preset, config, **given), given_options(config, **given)
    if not images and not for_lists and not options.has_keys:
        raise UsageError("No style is given; name a picture with --style, or in the --config.")
    if not for_lists:
        refuse_unused(chosen, options)
    if not json:
        say(f"{reading}: reading ...")

    from vidstyle.painting.style_picture import Style
    from vidstyle.run.plan import Selection

    styles = [Style(path, weight) for path, weight in images]
    return Request(styles, options, chosen, Selection(*part), target, folder, overwrite, restart, json)


def with_request(command: Callable[..., None], *, for_lists: bool = False,
                 without: Collection[str] = ()) -> Callable[..., None]:
    """Give `command`, whose parameter `clip` is one path or several, the options of `read_request`, as `request`.

    without: names of those that it does not take.
    """
    own = [parameter for parameter in parameters_of(command) if parameter.name != "request"]
    left_out = {"reading", "several", "for_lists", *without}
    shared = [parameter for parameter in parameters_of(read_request) if parameter.name not in left_out]

    @functools.wraps(command)
    def wrapper(**values: Any) -> None:
        asked = {parameter.name: values.pop(parameter.name) for parameter in shared}
        clips = values["clip"] if isinstance(values["clip"], list) else [values["clip"]]
        several = for_lists or names_several(clips)
        reading = clips[0].name if len(clips) == 1 else f"{len(clips)} clips"
        command(**values, request=read_request(reading=reading, several=several, for_lists=for_lists, **asked))

    return with_signature(wrapper, [*shared, *own])
