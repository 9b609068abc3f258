"""What a painted clip is written to: a movie, or pictures with the source's numbers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from av import VideoFormat

from vidstyle.core.atomic import PartFile, check_target, part_path, write_failed
from vidstyle.core.errors import OutputError, UsageError, VidstyleError
from vidstyle.core.files import file_id
from vidstyle.core.frame import Frame
from vidstyle.video.clip import Clip
from vidstyle.video.images import exr, still
from vidstyle.video.images.pattern import PICTURES, Pattern, listed, parse
from vidstyle.video.images.sequence import inputs, needs_rate
from vidstyle.video.pixels.planes import has_alpha
from vidstyle.video.write import movie as encode
from vidstyle.video.write.segment import Written


@dataclass(frozen=True)
class PicturesPlan:
    """What a `PictureWriter` would write, settled before any painting."""

    kind: still.Kind
    size: tuple[int, int]
    """Width and height written, in pixels."""
    kept: tuple[str, ...]
    """One line for each stream of the source."""
    warnings: tuple[str, ...]


def plan_output(target: Path, clip: Clip, *, first: int = 0, last: int | None = None, size: tuple[int, int] | None = None,
                codec: str = "auto", crf: int = 16, audio: str = "copy",
                strict: bool = False) -> encode.OutputPlan | PicturesPlan:
    """Settle how `clip` would be written to `target`, a movie or pictures. Raises UsageError and OutputError."""
    if target.suffix.lower() in PICTURES:
        return plan_pictures(target, clip, size=size, codec=codec, audio=audio, strict=strict)
    needs_rate(clip, target)
    return encode.plan_output(target, clip, first=first, last=last, size=size, codec=codec, crf=crf, audio=audio,
                              strict=strict)


def plan_pictures(target: Path, clip: Clip, *, size: tuple[int, int] | None = None, codec: str = "auto",
                  audio: str = "copy", strict: bool = False) -> PicturesPlan:
    """Settle how `clip` would be written as pictures. Raises UsageError, with `strict` also where anything would be missing.
    """
    _pattern(target)
    if codec != "auto":
        raise UsageError(f"{target}: pictures have no codec {codec}; name a movie with -o, or leave --codec out.")
    if clip.sound is not None:
        raise UsageError(f"{target}: pictures hold no sound to put {clip.sound} under; "
                         f"name a movie with -o, or leave --audio out.")
    if clip.hdr is not None and clip.hdr.mode == "passthrough":
        raise UsageError(f"{target}: pictures are not written as HDR; use --hdr tonemap, or name a movie with -o.")
    suffix = {".tiff": ".tif"}.get(target.suffix.lower(), target.suffix.lower())
    if suffix == ".exr":
        exr.library()
    depths = {".png": (8, 16), ".tif": (16,), ".dpx": (10, 12, 16), ".exr": (16,)}[suffix]
    depth = min((depth for depth in depths if depth >= clip.depth), default=depths[-1])
    kind = still.Kind(suffix, depth, clip.sample_aspect_ratio,
                      clip.average_rate if clip.timed and not clip.variable_rate else None, clip.codec == suffix[1:])
    lost, kept = list[str](), list[str]()
    if suffix == ".dpx" and has_alpha(VideoFormat(clip.pix_fmt)):
        lost.append("The clip has an alpha channel, which is dropped, because DPX is written without.")
    if clip.variable_rate:
        lost.append("The clip's frames are shown for uneven times, which pictures cannot say.")
    for track in sorted((*clip.audio, *clip.others), key=lambda track: track.index):
        kept.append(f"{track} -> dropped, pictures hold only the picture")
        if track.kind == "audio" and audio != "none":
            lost.append(f"Sound is dropped: {track}; pictures hold none, name a movie with -o to keep it.")
    if strict and lost:
        raise UsageError(f"{target}: --strict is given, and not all can be kept: {' '.join(lost)}")
    return PicturesPlan(kind, size or (clip.width, clip.height), (f"picture: {clip.codec} -> {kind}", *kept), tuple(lost))


def check_output(target: Path, clip: Clip, frames: tuple[int, int], *, overwrite: bool = False,
                 others: Iterable[Path] = ()) -> None:
    """Raise OutputError, in one sentence, if `target` cannot be written or must not be. Writes nothing.

    frames: indices of the first and last frame written. No output may be a file that is read: the clip's, its sound's,
    or one of `others`, also by way of links, and whether or not it may overwrite.
    """
    sources, pattern = [*inputs(clip), *others], parse(target)
    numbers = [clip.number(index) for index in range(frames[0], frames[1] + 1)]
    files = [target] if pattern is None else [pattern.file(number) for number in numbers]
    check_target(files[0], sources[0], overwrite or pattern is not None, sources[1:] if pattern is None else ())
    read, taken = {file_id(source) for source in sources}, list[int]()
    for number, file in zip(numbers, files, strict=False):
        if os.path.lexists(file):
            taken.append(number)
        if {file_id(file), file_id(part_path(file))} & read:
            raise OutputError(f"{file}: is read for this painting and never written to; name another output.")
    if taken and not overwrite:
        rest = sorted(set(numbers) - set(taken))
        go_on = f"paint the rest with --frames {rest[0]}-{rest[-1]}, " if rest and rest[0] > taken[-1] else ""
        raise OutputError(f"{target}: {'pictures' if len(taken) > 1 else 'picture'} {listed(taken)} "
                          f"{'exist' if len(taken) > 1 else 'exists'} already; {go_on}name another output or use --overwrite.")


def open_output(target: Path, clip: Clip, **settings: Any) -> encode.Encoder | PictureWriter:
    """What writes the painted frames of `clip` to `target`; see `Encoder` for the settings."""
    if target.suffix.lower() in PICTURES:
        return PictureWriter(target, clip, **settings)
    needs_rate(clip, target)
    return encode.Encoder(target, clip, **settings)


class PictureWriter:
    """Writes frames `first` to `last` of `clip`, painted, to files with the numbers of their own; a context manager.

    Each picture appears whole or not at all. Those that are done stay when something fails later on: they are as the
    whole run would have written them.
    """

    def __init__(self, target: Path, clip: Clip, *, first: int = 0, last: int | None = None,
                 size: tuple[int, int] | None = None, codec: str = "auto", crf: int = 16, audio: str = "copy",
                 strict: bool = False, overwrite: bool = False) -> None:
        self.target, self.clip = Path(target), clip
        self.first, self.last = first, clip.frames - 1 if last is None else last
        check_output(self.target, clip, (self.first, self.last), overwrite=overwrite)
        self.plan = plan_pictures(self.target, clip, size=size, codec=codec, audio=audio, strict=strict)
        self.written = 0
        self._pattern = _pattern(self.target)

    def __enter__(self) -> Self:
        trial = PartFile(self._pattern.file(self.clip.number(self.first)))
        trial.create()
        trial.discard()
        return self

    def write(self, frame: Frame) -> Written:
        """Write the next frame, (3, H, W) in [0, 1] in the size that was agreed on, to the file of its number."""
        width, height = self.plan.size
        if tuple(frame.image.shape) != (3, height, width):
            raise ValueError(f"expected an image of shape (3, {height}, {width}), got {tuple(frame.image.shape)}")
        part = PartFile(self._pattern.file(self.clip.number(frame.index)))
        try:
            still.write(part.path, frame.image.clamp(0, 1), frame.alpha, frame.original, self.plan.kind)
        except OSError as error:
            part.discard()
            raise write_failed(part.target, error) from error
        except BaseException:
            part.discard()
            raise
        part.finish()
        self.written += 1
        return Written(file=part.target)

    def restore(self, segments: Sequence[Path], samples: Iterable[bytes] = ()) -> None:
        """Count as written the pictures that an earlier run wrote: each is a segment of its own, and whole."""
        self.written += len(segments)

    def close(self) -> None:
        """Nothing more to write: there is no file to end, for each picture has its own."""
        promised = self.last - self.first + 1
        if self.written != promised:
            raise VidstyleError(f"{self.target}: got {self.written} of {promised} frames.")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if kind is None:
            self.close()


def _pattern(target: Path) -> Pattern:
    """The pattern of an output. Raises UsageError where it is one picture, or says which numbers it is about."""
    pattern = parse(target)
    if pattern is None:
        raise UsageError(f"{target}: is one picture for many frames; name a sequence such as "
                         f"{target.stem}.####{target.suffix}, or a movie.")
    if pattern.numbers is not None:
        raise UsageError(f"{target}: the numbers of an output are the source's; write {pattern.path.name}, "
                         "and say which to paint with --frames.")
    return pattern
