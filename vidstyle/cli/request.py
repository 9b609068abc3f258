"""The options that `run` and `preview` share, and the request to the pipeline that they make."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vidstyle.cli.events import say
from vidstyle.cli.options import Debug, Json, offering, parameters_of, with_declared, with_signature
from vidstyle.cli.parse import names_several, parse_output
from vidstyle.core.choices import OUTPUT, PACE, WHAT
from vidstyle.core.config import Stated, given_options, load_config, load_options, preset_names
from vidstyle.core.curve import Curve
from vidstyle.core.errors import UsageError
from vidstyle.core.options import Options
from vidstyle.core.parse import parse_range, parse_style
from vidstyle.core.vary import Grid, options_of_variant, parse_vary, styles_of_variant
from vidstyle.run.unused import refuse_unused

if TYPE_CHECKING:
    from vidstyle.batch.shot import Shot
    from vidstyle.painting.style_picture import Style
    from vidstyle.run.plan import Selection
    from vidstyle.run.repeat import Job


def _read_job(text: str) -> Job:
    from vidstyle.run.repeat import read_job

    return read_job(text)


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
    repeats: Job | None = None
    """The job of `--from`."""
    named: frozenset[str] = frozenset()
    """What the user has named beside `--from`: names of options, and `clip`, `style` and `frames`."""
    grid: Grid | None = None
    """The variants of `--vary`."""
    preset: str = "standard"
    config: Path | None = None

    @property
    def selection_words(self) -> list[str]:
        """The words of a command line that name the same frames."""
        if self.selection.frames is not None:
            first, last = ("" if end is None else str(end) for end in self.selection.frames)
            return ["--frames", f"{first}-{last}"]
        ends = (("--start", self.selection.start), ("--end", self.selection.end))
        return [word for flag, time in ends if time is not None for word in (flag, str(time))]

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
    names_clip: bool = True,
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style",
            rich_help_panel=WHAT,
            metavar="IMG[:WEIGHT]",
            help="Style image; several, each with a weight, are mixed; a weight such as '0:1 48:0' changes from frame 0 to "
            "frame 48.",
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
    repeats: Annotated[
        Any,
        typer.Option("--from", rich_help_panel=WHAT, metavar="MANIFEST", parser=_read_job,
                     help="Manifest of a painting to repeat, OUT.vidstyle.json: its clip, styles, range and options hold where "
                          "no others are given."),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option("--vary", rich_help_panel=WHAT, metavar="NAME=VALUE,VALUE",
                     help="Paint one frame with several values of an option, of style or of preset, on one sheet with the "
                          "command of each; given again, all combinations, at most 24."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            rich_help_panel=PACE,
            metavar="NAME",
            show_default=False,
            autocompletion=offering(preset_names()),
            help="Preset to start from: draft, standard or final (default: standard).",
        ),
    ] = None,
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
    only some shots use. names_clip: whether the clip is named, and not that of `--from`.
    """
    stated = Stated() if config is None else load_config(config)
    images = tuple(parse_style(text) for text in style or ()) or stated.styles
    named = {*(["style"] if images else []), *(["clip"] if names_clip else [])}
    if repeats is not None and not images:
        images = repeats.styles
    grid = parse_vary(vary) if vary else None
    if grid is not None and "style" in grid.names:
        images = _varied_styles(grid, images if style else ())
    part = parse_range(frames, start, end)
    if part == (None, None, None) and stated.range is not None:
        part = stated.range
    if part != (None, None, None):
        named.add("frames")
    elif repeats is not None and not names_clip:
        part = repeats.frames, None, None
    target, folder = parse_output(output, several)
    base = None if repeats is None else repeats.options
    options, chosen = load_options(preset or "standard", config, base, **given), given_options(config, **given)
    variants = [options] if grid is None else [options_of_variant(values, options, chosen) for values in grid.variants]
    if not images and not for_lists and not all(each.has_keys for each in variants):
        raise UsageError("No style is given; name a picture with --style, or in the --config.")
    if grid is not None:
        typed = given_options(**given) | ({"preset"} if preset else set())
        _check_variants(grid, chosen, typed, options)
    elif not for_lists:
        refuse_unused(chosen, options)
    if not json:
        say(f"{reading}: reading ...")

    from vidstyle.painting.style_picture import Style
    from vidstyle.run.plan import Selection

    styles = [Style(path, weight) for path, weight in images]
    request = Request(styles, options, chosen, Selection(*part), target, folder, overwrite, restart, json,
                      grid=grid, preset=preset or "standard", config=config)
    return request if repeats is None else _repeating(request, repeats, chosen | named | ({"preset"} if preset else set()))


def _varied_styles(grid: Grid, images: Sequence[tuple[Path, float | Curve]]) -> tuple[tuple[Path, float | Curve], ...]:
    """The styles of the first variant. images: those that are given beside them, which have to be those of a variant."""
    varied = [styles_of_variant(values) for values in grid.variants]
    if images and tuple(images) not in varied:
        raise UsageError(f"--style {images[0][0]} is given and is none of the styles of --vary; add it there, or leave it out.")
    return varied[0]


def _check_variants(grid: Grid, chosen: frozenset[str], typed: Collection[str], options: Options) -> None:
    """Raise UsageError for an option that is varied and `typed` too, or for one that has no effect in any variant.

    chosen: options that the user has set, on the command line or in a config; typed: what is on the command line.
    """
    if twice := sorted(grid.names & set(typed)):
        raise UsageError(f"{twice[0]} is given and varied; leave one of them out.")
    refused = list[UsageError]()
    for values in grid.variants:
        try:
            refuse_unused(chosen | grid.names - {"style", "preset"}, options_of_variant(values, options, chosen))
        except UsageError as error:
            refused.append(error)
    if len(refused) == len(grid.variants):
        raise refused[0]


def _repeating(request: Request, job: Job, named: frozenset[str]) -> Request:
    """`request`, which holds what the job states already, with the device of the job and a name for the output.

    named: names of all that the command line gives beside `--from`. Raises where a file of the job is gone.
    """
    from vidstyle.run.repeat_check import device_of
    from vidstyle.run.sheet import changed_options

    job.check_files(named)
    options, target, folder = request.options, request.output, request.output_is_folder
    if "device" not in named:
        options = replace(options, device=device_of(job))
    if target is None and "clip" not in named:
        if job.is_preview or named & {"style", "frames", "codec"}:  # what the name of an output tells
            target, folder = job.folder, True
        else:
            target = job.output if request.overwrite else job.free_output(unchanged=not named)
    return replace(request, options=options, given=request.given | set(changed_options(options)), output=target,
                   output_is_folder=folder, repeats=job, named=named)


def with_request(command: Callable[..., None], *, for_lists: bool = False,
                 without: Collection[str] = ()) -> Callable[..., None]:
    """Give `command`, whose parameter `clip` is one path or several, the options of `read_request`, as `request`.

    without: names of those that it does not take.
    """
    own = [parameter for parameter in parameters_of(command) if parameter.name != "request"]
    left_out = {"reading", "several", "for_lists", "names_clip", *without}
    shared = [parameter for parameter in parameters_of(read_request) if parameter.name not in left_out]

    @functools.wraps(command)
    def wrapper(**values: Any) -> None:
        asked = {parameter.name: values.pop(parameter.name) for parameter in shared}
        clips, job = values["clip"], asked.get("repeats")
        names_clip = bool(clips)
        if not clips:
            if job is None:
                raise UsageError("No clip is given; name one, or a painting to repeat with --from.")
            clips = values["clip"] = [job.clip]
        clips = clips if isinstance(clips, list) else [clips]
        several = for_lists or names_several(clips)
        reading = clips[0].name if len(clips) == 1 else f"{len(clips)} clips"
        command(**values, request=read_request(reading=reading, several=several, for_lists=for_lists, names_clip=names_clip,
                                               **asked))

    return with_signature(wrapper, [*shared, *own])
