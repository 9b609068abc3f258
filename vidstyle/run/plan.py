"""Decide everything about a run before any painting, so that what can fail fails in the first seconds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch

from vidstyle.core.errors import DeviceError, InputError, UsageError
from vidstyle.core.files import find_same
from vidstyle.core.images import read_picture
from vidstyle.core.options import Options
from vidstyle.encoders import load_encoder
from vidstyle.flow import load_flow
from vidstyle.painting.feedforward.network_file import load_network
from vidstyle.painting.feedforward.style_table import StyleWeight
from vidstyle.run.preroll import find_start
from vidstyle.run.resume.checkpoint import is_unfinished
from vidstyle.video import Clip, PicturesPlan, check_output, default_suffix, parse, plan_output, probe


@dataclass(frozen=True)
class Style:
    """One style picture and its share of the look."""

    path: Path
    weight: float = 1.0

    def share(self) -> StyleWeight:
        """As a network file knows it: by the hash of the picture file. Raises InputError where that cannot be read."""
        try:
            return StyleWeight(self.path.name, hashlib.sha256(self.path.read_bytes()).hexdigest(), self.weight)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InputError(f"{self.path}: cannot be read ({reason}); check the path.") from error


@dataclass(frozen=True)
class Selection:
    """Which part of the clip to paint; nothing given means all of it."""

    frames: tuple[int, int] | None = None
    """First and last frame, both included, counted from 0."""
    start: float | None = None
    """Seconds on the source's clock; frames shown from here on."""
    end: float | None = None
    """Seconds on the source's clock; frames shown before this."""


@dataclass(frozen=True)
class Plan:
    """What a run would do."""

    source: Path
    target: Path
    frames: tuple[int, int]
    """First and last frame painted, both included."""
    paint_size: tuple[int, int]
    """Width and height painted, in pixels."""
    output_size: tuple[int, int]
    """Width and height written, in pixels."""
    options: Options
    device: str
    streams: tuple[str, ...]
    """One line for each stream of the source: what is kept and what is not."""
    warnings: tuple[str, ...] = ()
    numbering: tuple[int, int] = (0, 1)
    """Number of the clip's first frame, and the step to the next: the files' own for a sequence of pictures."""
    written: str = ""
    """How the output is written, where it is pictures."""

    def number(self, index: int) -> int:
        """The number that people know frame `index` by."""
        return self.numbering[0] + index * self.numbering[1]
    begin: int = 0
    """First frame painted; what lies before `frames` is thrown away."""
    preroll: str = ""
    """Why painting begins there, in a sentence; nothing for a range from the clip's first frame on."""


def plan_video(source: Path, styles: list[Style], target: Path | None = None, options: Options | None = None,
               selection: Selection | None = None, *, overwrite: bool = False) -> Plan:
    """Check everything that can be checked without painting and say what `stylize_video` would do.

    Raises UsageError, InputError, OutputError or DeviceError, each in one sentence.
    """
    options, selection = options or Options(), selection or Selection()
    clip = read_clip(source, options)
    frames = clip.select(selection.frames, selection.start, selection.end)
    if not styles:
        raise UsageError("No style is given; name a picture with --style.")
    for style in styles:
        if not 0 < style.weight < float("inf"):
            raise UsageError(f"{style.path}: its weight is {style.weight:g}; give a number above 0.")
        read_picture(style.path)
    if options.network is not None and (read := find_same(options.network, [source, *(style.path for style in styles)])):
        raise UsageError(f"{options.network}: is {read} as well; name another --network.")
    target = target or default_target(clip, styles, options)
    check_output(target, clip, frames, overwrite=may_replace(target, frames, overwrite), others=read_beside(styles, options))
    device = find_device(options.device)
    check_models(options, device, styles)
    size = output_size(clip, options)
    output = plan_output(target, clip, first=frames[0], last=frames[1], size=size, codec=options.codec, crf=options.crf,
                         audio=options.audio, strict=options.strict)
    painted = paint_size(clip, options)
    begin, preroll = find_start(clip, frames[0], options, painted, device)
    return Plan(source, target, frames, painted, size, options, device, output.kept, (*clip.warnings, *output.warnings),
                clip.numbering, str(output.kind) if isinstance(output, PicturesPlan) else "", begin, preroll)


def may_replace(target: Path, frames: tuple[int, int], overwrite: bool) -> bool:
    """Whether files of the output that are there may be replaced: as asked for, or as pictures of a run that was stopped."""
    return overwrite or (parse(target) is not None and is_unfinished(target, frames))


def read_beside(styles: list[Style], options: Options) -> list[Path]:
    """Files that a run reads beside its clip; the network is there, or will be."""
    return [*(style.path for style in styles), *([options.network] if options.network else [])]


def read_clip(source: Path, options: Options) -> Clip:
    """The clip at `source` as `options` say it is to be read."""
    sound = None if options.audio in ("copy", "none") else Path(options.audio)
    return probe(source, options.on_damage, fps=options.fps, gaps=options.gaps, sound_file=sound,
                 hdr=None if options.hdr == "refuse" else options.hdr, deinterlace=options.deinterlace == "bwdif")


def default_target(clip: Clip, styles: list[Style], options: Options) -> Path:
    """CLIP_STYLE.EXT beside the clip, in the clip's own container where that can be written.

    For pictures `shot.####.exr` it is pictures `shot_STYLE.####.exr`, and a movie if it is given sound or a codec.
    """
    names = "_".join(style.path.stem for style in styles)
    if clip.files and (pattern := parse(clip.path)) is not None:
        movie = clip.sound is not None or options.codec != "h264"
        return (clip.path.with_name(pattern.stem(f"_{names}") + default_suffix(clip, options.codec)) if movie
                else pattern.tagged(f"_{names}"))
    return clip.path.with_name(f"{clip.path.stem}_{names}{default_suffix(clip, options.codec)}")


def preview_target(target: Path) -> Path:
    """The short movie of a preview, named after the `target` of the whole run, so that it is never in its way."""
    pattern = parse(target)
    stem, suffix = (target.stem, target.suffix) if pattern is None else (pattern.stem(), ".mp4")
    return target.with_name(f"{stem}_preview{suffix}")


def sheet_target(movie: Path) -> Path:
    """The contact sheet beside a preview's movie, or beside its pictures."""
    pattern = parse(movie)
    return movie.with_suffix(".png") if pattern is None else movie.with_name(f"{pattern.stem()}_sheet.png")


def find_device(name: str) -> str:
    """The device that `name` (see `Options.device`) means on this machine. Raises DeviceError when it is not there."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (number and not (kind == "cuda" and number.isdigit())):
        raise UsageError(f"There is no device {name!r}; choose auto, cpu, cuda, cuda:N or mps.")
    there = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}[kind]
    if int(number or 0) >= there:
        raise DeviceError(f"--device {name} is asked for and this machine has none; use --device auto or cpu.")
    return name


def check_models(options: Options, device: str, styles: list[Style]) -> None:
    """Load what the run will load, so that missing weights and styles show before any work."""
    load_encoder(options.encoder, device)
    load_flow(options.flow, device)
    if options.method == "feedforward":
        if options.network is not None and options.network.exists():
            load_network(options.network, [style.share() for style in styles])
        elif options.network is not None and options.network.suffix.lower() != ".safetensors":
            raise UsageError(f"{options.network}: a network is saved as .safetensors; give it that extension.")
        elif options.network is not None and not options.network.absolute().parent.is_dir():
            raise UsageError(f"{options.network}: its folder is not there to save the network in; make it first.")


def paint_size(clip: Clip, options: Options) -> tuple[int, int]:
    """Width and height to paint: square pixels as a viewer sees them, the longest side at most `options.size`."""
    width, height = float(clip.width * clip.sample_aspect_ratio), float(clip.height)
    factor = min(1.0, options.size / max(width, height))
    return max(16, round(width * factor)), max(16, round(height * factor))


def output_size(clip: Clip, options: Options) -> tuple[int, int]:
    """Width and height to write: the source's own, or scaled so that the longest side is `options.output_size`."""
    if options.output_size is None:
        return clip.width, clip.height
    factor = options.output_size / max(clip.width, clip.height)
    # Even numbers, which every codec takes; only a size that is asked for is rounded, never the source's own.
    return max(2, 2 * round(clip.width * factor / 2)), max(2, 2 * round(clip.height * factor / 2))
