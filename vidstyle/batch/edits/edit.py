"""Edits: the shots that a cut needs, and the same cut with the painted shots in their place (through OpenTimelineIO)."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vidstyle.batch.shot import Shot
from vidstyle.core.errors import InputError, UsageError
from vidstyle.core.extras import pip_install
from vidstyle.core.options import Options
from vidstyle.painting.style_picture import Style
from vidstyle.run.plan import Selection
from vidstyle.run.settings import read_settings
from vidstyle.video import Clip, default_suffix, parse_pattern

if TYPE_CHECKING:
    from vidstyle.batch.edits.files import Loaded
    from vidstyle.batch.edits.ranges import Use

NEEDS = ("opentimelineio", "otio-cmx3600-adapter", "otio-fcp-adapter")


@dataclass(frozen=True)
class Edit:
    """An edit that was read."""

    path: Path
    shots: list[Shot]
    """What has to be painted: each range of each media file once, in the order in which the edit shows them."""
    missing: list[Missing]
    """The clips whose media was not found, or does not hold the frames that they show."""
    warnings: list[str]
    """One sentence for each clip that stays as it is: stills, generators, clips that change their speed, disabled clips."""
    folder: Path
    """Where `write` writes."""
    loaded: Loaded
    uses: list[tuple[Use, Shot]]
    """Each clip of the edit that is painted, and the shot that holds it."""

    @property
    def targets(self) -> tuple[Path, Path]:
        """The files that `write` writes: `cut_monet.otio` and `cut_monet.edl`."""
        name = f"{self.path.stem}_{_style_names(self.shots[0].styles)}"
        return self.folder / f"{name}.otio", self.folder / f"{name}.edl"

    def write(self, painted: Iterable[Path]) -> Written:
        """Write the edit as OTIO, and as an EDL where an EDL can hold it, with the painted files in their clips.

        painted: the targets of the shots that are done; the clips of other shots keep their source.
        Raises InputError where a painted file cannot be read, OutputError where the edit cannot be written.
        """
        from vidstyle.batch.edits.write import write_edit

        files, warnings = write_edit(self.loaded, self.path, self.targets, self.uses, frozenset(painted))
        return Written(files, warnings)


@dataclass(frozen=True)
class Missing:
    """A clip whose media was not found."""

    shot: Shot
    """For reports: its name, and its place in the edit; it cannot be painted."""
    reason: str
    """What was looked for, and where, in a sentence."""


@dataclass(frozen=True)
class Written:
    """What `Edit.write` wrote."""

    files: list[Path]
    warnings: list[str]


def read_edit(path: Path, base: Shot, media: Path | None = None, handles: int = 0) -> Edit:
    """The shots that the edit at `path` needs: an OTIO, a CMX 3600 EDL, FCPXML, or XML of Final Cut Pro 7 and Premiere.

    base: how all of them are painted; its clip, selection and target are not used. They are written to the folder
    EDIT_STYLE in `base.folder`, or beside the edit. media: a folder that is searched, with all below it, for what is not where
    the edit says and not beside it. handles: frames before and after each range, as far as the media has them.

    Ranges of one media file that overlap or touch become one shot. Raises UsageError without OpenTimelineIO, for a base with a
    range or without a style, and where an edit would be written over; InputError where the edit cannot be read or none of its
    media is found.
    """
    try:
        import opentimelineio  # noqa: F401
    except ImportError as error:
        raise UsageError(f"{path}: is read with OpenTimelineIO, which is not installed; run: {pip_install(*NEEDS)}") from error
    from vidstyle.batch.edits.files import load
    from vidstyle.batch.edits.media import Finder
    from vidstyle.batch.edits.ranges import find_uses, media_rates

    if not base.styles and not base.options.has_keys:
        raise UsageError(f"{path}: no style is given; name a picture with --style.")
    if base.selection != Selection():
        raise UsageError(f"{path}: states the frames of its clips; leave --frames, --start and --end out.")
    if media is not None and not os.path.isdir(media):
        raise UsageError(f"--media {media} is no folder; name the folder that holds the media of {path.name}.")
    finder = Finder(path, media, read_settings(base.options))
    loaded = load(path, lambda root: media_rates(root, finder))
    found = find_uses(loaded, finder)
    if not found.uses:
        reasons = [*(f"{place}: {reason}" for _, place, reason in found.missing), *found.left]
        raise InputError(f"{path}: has no clip that can be painted; {reasons[0] if reasons else 'it shows nothing'}")
    folder = base.folder or path.parent
    shots = _shots(path, folder, base, found.uses, handles)
    missing = [Missing(replace(base, clip=Path(name or "unnamed"), target=None, origin=f"{path.name}, {place}"), reason)
               for name, place, reason in found.missing]
    edit = Edit(path, list(dict.fromkeys(shots)), missing, [*loaded.warnings, *found.left], folder, loaded,
                list(zip(found.uses, shots, strict=True)))
    _check_targets(edit, base.overwrite)
    return edit


def _shots(path: Path, folder: Path, base: Shot, uses: Sequence[Use], handles: int) -> list[Shot]:
    """The shot of each use; the same one for uses in one range."""
    from vidstyle.batch.edits.ranges import merged

    needed: dict[Path, list[tuple[int, int]]] = {}
    for use in uses:
        last = use.media.clip.frames - 1
        needed.setdefault(use.media.clip.path, []).append((max(0, use.first - handles), min(last, use.last + handles)))
    ranges = {clip: merged(listed) for clip, listed in needed.items()}
    alike = Counter(clip.stem.lower() for clip in ranges)
    shots: list[Shot] = []
    taken: set[str] = set()
    made: dict[tuple[Path, tuple[int, int]], Shot] = {}
    for use in uses:
        clip = use.media.clip
        first, last = next(each for each in ranges[clip.path] if each[0] <= use.first <= each[1])
        if (clip.path, (first, last)) not in made:
            numbers = clip.number(first), clip.number(last)
            name = _name(clip, base.styles, base.options, numbers)
            while alike[clip.path.stem.lower()] > 1 and (name in taken or not name.startswith(f"{clip.path.parent.name}_")):
                name = f"{clip.path.parent.name}_{name}"  # A001.mov of another card
            taken.add(name)
            target = folder / f"{path.stem}_{_style_names(base.styles)}" / name
            made[clip.path, (first, last)] = replace(base, clip=clip.path, selection=Selection(frames=numbers), target=target,
                                                     folder=target.parent, origin=f"{path.name}, {use.place}")
        shots.append(made[clip.path, (first, last)])
    return shots


def _name(clip: Clip, styles: Sequence[Style], options: Options, numbers: tuple[int, int]) -> str:
    """`A001_monet_92-131.mov`; `shot_monet_1001-1020.####.exr` for images."""
    tag = f"_{_style_names(styles)}_{numbers[0]}-{numbers[1]}"
    pattern = parse_pattern(clip.path)
    if pattern is None:
        return f"{clip.path.stem}{tag}{default_suffix(clip, options.codec)}"
    if options.audio in ("copy", "none") and options.codec == "auto":
        return pattern.tagged(tag).name
    return pattern.stem(tag) + default_suffix(clip, options.codec)


def _style_names(styles: Sequence[Style]) -> str:
    return "_".join(style.path.stem for style in styles) or "painted"  # by painted key frames alone


def _check_targets(edit: Edit, overwrite: bool) -> None:
    """Refuse to write over an edit that somebody else wrote."""
    for target in edit.targets:
        if os.path.exists(target) and not overwrite and b"vidstyle" not in target.read_bytes().lower():
            raise UsageError(f"{target}: exists already and was not written by vidstyle; rename it, or use --overwrite.")


