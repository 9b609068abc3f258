"""Plan a run before any painting, so that mistakes are reported in the first seconds."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from vidstyle.core.atomic import check_name
from vidstyle.core.curve import plain
from vidstyle.core.devices import find_device
from vidstyle.core.errors import UsageError
from vidstyle.core.images import read_image
from vidstyle.core.options import Options
from vidstyle.core.timecode import Timecode
from vidstyle.encoders import load_encoder
from vidstyle.flow import load_flow
from vidstyle.painting.methods import find_method
from vidstyle.painting.palette_file import load_palette
from vidstyle.painting.style_picture import Style, StylePicture, read_styles
from vidstyle.run.compare_plan import plan_comparison
from vidstyle.run.curves import curves_beyond, on_clip
from vidstyle.run.keys import PaintedKey, as_styles, find_keyed_shots, find_keys, size_warnings
from vidstyle.run.manifest_file import is_earlier_preview
from vidstyle.run.mattes import Matte, Mattes, plan_mattes, plan_stroke_size
from vidstyle.run.naming import default_target, sheet_target
from vidstyle.run.planned_files import check_files, control_files, inputs_of
from vidstyle.run.preroll import Start, find_start
from vidstyle.run.resume.folder import is_unfinished
from vidstyle.run.settings import paint_size, read_settings, write_settings
from vidstyle.run.unused import check_direction, check_refresh, without_effect
from vidstyle.temporal.intervals import KeyedShot
from vidstyle.video import Clip, OutputPlan, ReadSettings, Source, open_source, parse_pattern, plan_output
from vidstyle.video.images.pattern import IMAGE_SUFFIXES, PICTURE_SUFFIXES

PREVIEW_FRAMES = 24
"""Frames of a preview where no range is given: about a second, enough to judge how steady the paint is."""


@dataclass(frozen=True)
class Selection:
    """Which part of the clip to paint; nothing given means all of it."""

    frames: tuple[int | None, int | None] | None = None
    """First and last frame, both included: from 0 for a movie, the numbers of its files for a sequence; None for an end is
    the clip's own."""
    start: float | Timecode | None = None
    """Seconds from the clip's start, or its timecode; frames that appear from then on."""
    end: float | Timecode | None = None
    """Seconds from the clip's start, or its timecode; frames that appear before it."""


@dataclass(frozen=True)
class Plan:
    """What a run will do, with the probed clip, the style pictures and the output plan; `pipeline.run` probes nothing again."""

    source: Source = field(repr=False, compare=False)
    styles: tuple[StylePicture, ...]
    output: OutputPlan = field(repr=False, compare=False)
    frames: tuple[int, int]
    """Indices of the first and last frame written, both included."""
    start: Start
    """Where painting begins, at or before the first frame written."""
    paint_size: tuple[int, int]
    """Width and height painted, in pixels."""
    options: Options
    device: str
    warnings: tuple[str, ...] = ()
    overwrite: bool = False
    """Whether files of the output that are there may be replaced."""
    sheet: Path | None = None
    """Contact sheet of a preview."""
    comparison: OutputPlan | None = field(default=None, repr=False, compare=False)
    """The review movie; None where none is asked for."""
    control_files: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    """The files that artist's controls read, by a name for each control, such as a matte; their hashes are in the manifest."""
    mattes: Mattes = field(default=Mattes(), repr=False)
    """Where the painting is seen, and the paintings in the styles of regions."""
    range_given: bool = False
    """Whether the user chose the frames; else they are all, or those that a preview shows of itself."""
    keys: tuple[PaintedKey, ...] = ()
    """The painted key frames of the whole clip, in order."""
    keyed_shots: tuple[KeyedShot, ...] = ()
    """The shots with painted key frames, of those that are painted."""
    all_keyed: bool = False
    """Whether every shot that is painted has painted key frames."""
    styled: bool = True
    """Whether a style is given; else the paintings of key frames are the styles."""
    stroke_size: Matte | None = field(default=None, repr=False)
    """The size of the strokes; None where no file says it."""

    @property
    def clip(self) -> Clip:
        """The source's facts."""
        return self.source.clip

    @property
    def target(self) -> Path:
        """The file to write, or the pattern of the files."""
        return self.output.target

    @property
    def count(self) -> int:
        """How many frames are written."""
        return self.frames[1] - self.frames[0] + 1

    @property
    def layers(self) -> tuple[tuple[StylePicture, ...], ...]:
        """The styles of each painting of the clip: first the run's own, then those of regions."""
        return self.styles, *self.mattes.styles

    @property
    def numbers(self) -> tuple[int, int]:
        """Numbers of the first and last frame: indices in a movie, file numbers in a sequence."""
        return self.clip.number(self.frames[0]), self.clip.number(self.frames[1])

    def as_dict(self) -> dict[str, Any]:
        """The plan in types that JSON has."""
        return {"source": str(self.clip.path), "target": str(self.target), "frames": list(self.numbers), "count": self.count,
                "styles": [{"path": str(style.path), "weight": plain(style.weight)} for style in self.styles],
                "keys": [{"frame": key.number, "path": str(key.path)} for key in self.keys],
                "regions": self.mattes.describe(), "begin": self.clip.number(self.start.frame), "preroll": self.start.reason,
                "paint_size": list(self.paint_size), "output_size": list(self.output.size), "written": self.output.describe(),
                "options": self.options.as_dict(), "device": self.device,
                "comparison": None if self.comparison is None else str(self.comparison.target),
                "streams": list(self.output.streams), "warnings": list(self.warnings)}


def plan_video(source: Path | Source, styles: Sequence[Style | StylePicture], target: Path | None = None,
               options: Options | None = None, selection: Selection | None = None, *, overwrite: bool = False,
               folder: Path | None = None, preview: bool = False, given: Collection[str] | None = None) -> Plan:
    """Check everything that can be checked without painting, and return the plan for `pipeline.run` or `pipeline.preview`.

    source: the clip, or what `open_source` has made of it, which is not probed again where the options read it alike.
    target: the file to write; None is CLIP_STYLE.EXT in `folder`, or beside the clip. Folders may not exist yet. preview:
    name the output as a preview's and plan a contact sheet; an earlier preview of that name is replaced; without a selection,
    paint the middle second. given: names of the options that the user has set; None is those that differ from the defaults.

    Raises UsageError, InputError, OutputError or DeviceError, each in one sentence.
    """
    options, selection = options or Options(), selection or Selection()
    pictures = () if options.has_keys and not styles else read_styles(styles)
    method, device = find_method(options.method), find_device(options.device)
    opened = _opened(source, read_settings(options))
    if preview and opened.images and opened.clip.frames == 1:
        raise UsageError(f"{opened.clip.path}: is one image, and a preview of it would be all of it; paint it with "
                         "`vidstyle run`.")
    options, pictures = on_clip(options, pictures, opened.clip)
    frames = opened.clip.select(selection.frames, selection.start, selection.end)
    if preview and selection == Selection():
        frames = _middle(frames)
    named = None if preview and selection == Selection() else frames
    target = target or _in(folder, default_target(opened, pictures, options, named, preview=preview))
    check_name(target)  # before files beside it are looked for
    sheet = _sheet(target) if preview else None
    overwrite = (overwrite or (preview and is_earlier_preview(target))
                 or (target.suffix.lower() in IMAGE_SUFFIXES and is_unfinished(target, frames)))
    size = paint_size(opened.clip, options)
    keys, styled = find_keys(options, opened.clip, size), bool(pictures)
    pictures = pictures or read_styles(as_styles(keys))
    mattes = plan_mattes(options.matte, () if keys else pictures, opened.clip, named or (0, opened.clip.frames - 1),
                         opened.settings)
    stroke_size = plan_stroke_size(options.stroke_size if options.strength != 0 else None, opened.clip,
                                   named or (0, opened.clip.frames - 1), opened.settings)
    read = mattes.mattes if stroke_size is None else (*mattes.mattes, stroke_size)
    controls = control_files(options, mattes, keys, stroke_size)
    inputs = inputs_of(opened, pictures if styled else (), options, controls)
    check_files(opened, frames, options, target, sheet, overwrite, inputs)
    load_encoder(options.encoder, device)  # so that missing weights are reported before any work
    load_flow(options.flow, device)
    for layer in (pictures, *mattes.styles):
        method.check(options, layer)
    network = options.network
    if mattes.styles and "network" in method.uses(options) and network is not None and not os.path.exists(network):
        raise UsageError(f"--network {options.network}: one file cannot hold the networks that would be fitted for the styles "
                         "of regions; leave --network out, or give one that was trained in all these styles.")
    if options.palette is not None:
        load_palette(options.palette, pictures, matched=options.color == "match")
    for picture in controls.get("color_from", ()):
        read_image(picture)
    if "refresh" in method.uses(options):
        check_refresh(options, float(opened.clip.average_rate))
    check_direction(options)
    output = plan_output(target, opened, frames, write_settings(options, opened.clip))
    begun = overwrite or is_unfinished(target, frames)
    comparison = plan_comparison(target, opened, frames, options, inputs, overwrite=begun)
    # The paintings of regions go on over the painted key frames.
    start = find_start(opened, frames[0], options, size, device, () if mattes.styles else [key.index for key in keys])
    keyed, others = list[KeyedShot](), list[tuple[int, int]]()
    if keys and options.strength != 0:
        keyed, others = find_keyed_shots(opened, keys, start.frame, frames[1], size)
    if others and not styled:
        a, b = map(opened.clip.number, others[0])
        raise UsageError(f"{opened.clip.path}: the shot of frames {a}-{b} has no painted key frame, and no style is given; "
                         "paint a frame of it, or name a picture with --style.")
    chosen, all_keyed = _changed(options) if given is None else given, bool(keyed) and not others
    warnings = (*opened.warnings, *mattes.warnings, *output.warnings,
                *without_effect(chosen, options, opened, frames, all_keyed=all_keyed, styled=styled,
                                regions=bool(mattes.styles),
                                sequences=any(one.source is not None and one.source.images for one in read)),
                *size_warnings(keys, size), *curves_beyond(options, pictures, opened.clip))
    return Plan(opened, pictures, output, frames, start, size, options, device, warnings, overwrite, sheet, comparison,
                controls, mattes, selection != Selection(), keys, tuple(keyed), all_keyed, styled, stroke_size)


def with_options(plan: Plan, options: Options) -> Plan:
    """The plan with options that differ in the files that they name only; nothing is checked again."""
    return replace(plan, options=options, control_files=control_files(options, plan.mattes, plan.keys, plan.stroke_size))


def _opened(source: Path | Source, settings: ReadSettings) -> Source:
    if isinstance(source, str | Path):
        return open_source(Path(source), settings)
    return source if source.settings == settings else open_source(source.clip.path, settings)


def _middle(frames: tuple[int, int]) -> tuple[int, int]:
    """The PREVIEW_FRAMES in the middle of a range."""
    first, last = frames
    begin = first + max(0, last - first + 1 - PREVIEW_FRAMES) // 2
    return begin, min(begin + PREVIEW_FRAMES - 1, last)


def _in(folder: Path | None, target: Path) -> Path:
    """`target` in `folder`, where the user names one."""
    return target if folder is None else folder / target.name


def _sheet(target: Path) -> Path:
    """The contact sheet of the preview `target`. Raises UsageError where that is one image, not a movie."""
    if target.suffix.lower() in (*IMAGE_SUFFIXES, *PICTURE_SUFFIXES) and parse_pattern(target) is None:
        raise UsageError(f"-o {target} is one image; a preview writes a movie and puts the contact sheet beside it, so give -o "
                         f"{target.with_suffix('.mp4')}, and the sheet is {target.with_suffix('.png')}.")
    return sheet_target(target)


def _changed(options: Options) -> set[str]:
    """Names of the options that differ from the defaults."""
    return {each.name for each in fields(options) if getattr(options, each.name) != getattr(Options(), each.name)}
