"""Planning and writing a sequence of images with the source's numbers, or one image of one frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from av import VideoFormat

from vidstyle.core.atomic import PartFile, write_failed
from vidstyle.core.errors import InputError, OutputError, UsageError, VidstyleError
from vidstyle.core.frame import Frame
from vidstyle.video.images import exr, image_file
from vidstyle.video.images.facts import read_facts
from vidstyle.video.images.image_file import ImageFormat
from vidstyle.video.images.pattern import Pattern, images_of
from vidstyle.video.interfaces import Source, Written
from vidstyle.video.pixels.planes import has_alpha
from vidstyle.video.settings import WriteSettings
from vidstyle.video.write.side_data import lost_side_data
from vidstyle.video.write.target import check_output

_DEPTHS = {".png": (8, 16), ".tif": (16,), ".dpx": (10, 12, 16), ".exr": (16,)}


@dataclass(frozen=True)
class ImagesPlan:
    """How a sequence of images is written; see `interfaces.OutputPlan`."""

    target: Path
    pattern: Pattern
    source: Source
    frames: tuple[int, int]
    """Indices of the first and last frame written."""
    format: ImageFormat
    size: tuple[int, int]
    streams: tuple[str, ...]
    lost: tuple[str, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.lost

    def describe(self) -> str:
        return str(self.format)

    def record(self) -> dict[str, Any]:
        return asdict(self.format)

    def open(self, *, overwrite: bool = False) -> ImagesSink:
        check_output(self.target, self.source, self.frames, overwrite=overwrite)
        return ImagesSink(self)

    def open_part(self, frames: tuple[int, int]) -> ImagesSink:
        return ImagesSink(replace(self, frames=frames))


def plan_images(target: Path, source: Source, frames: tuple[int, int], settings: WriteSettings) -> ImagesPlan:
    """Settle how `frames` (indices of the first and last) of the source are written as images.

    Raises UsageError for settings that do not fit, and with `strict` where anything of the source would be missing.
    """
    clip, pattern, sound = source.clip, _output_pattern(target, frames), source.settings.sound
    if settings.codec != "auto":
        raise UsageError(f"{target}: images have no codec {settings.codec}; name a movie with -o, or leave --codec out.")
    if sound is not None:
        raise UsageError(f"{target}: images hold no sound, and {sound} is given; name a movie with -o, or leave --audio out.")
    if clip.hdr is not None and source.settings.hdr == "passthrough":
        raise UsageError(f"{target}: images are not written as HDR; use --hdr tonemap, or name a movie with -o.")
    suffix = {".tiff": ".tif"}.get(target.suffix.lower(), target.suffix.lower())
    if suffix == ".exr":
        exr.library()
    depths = _DEPTHS[suffix]
    depth = min((depth for depth in depths if depth >= clip.coding.depth), default=depths[-1])
    form = ImageFormat(suffix, depth, clip.sample_aspect_ratio,
                       clip.average_rate if clip.timed and not clip.variable_rate else None, clip.coding.codec == suffix[1:])
    lost, lines = list[str](), [f"{source.label} -> {form}"]
    if suffix == ".dpx" and has_alpha(VideoFormat(clip.coding.pix_fmt)):
        lost.append("The clip has an alpha channel, which is dropped, because DPX is written without.")
    if clip.variable_rate:
        lost.append("The clip's frames are displayed for uneven times, which images cannot state.")
    lost += lost_side_data(clip)
    for track in sorted((*clip.audio, *clip.others), key=lambda track: track.index):
        lines.append(f"{track} -> dropped, as images hold no other streams")
        if track.kind == "audio" and settings.audio != "none":
            lost.append(f"Sound is dropped: {track}; images hold none, name a movie with -o to keep it.")
    if settings.strict and lost:
        raise UsageError(f"{target}: --strict is given, and not everything can be written: {' '.join(lost)}")
    return ImagesPlan(target, pattern, source, frames, form, settings.size or (clip.width, clip.height), tuple(lines),
                      tuple(lost))


class ImagesSink:
    """Writes each frame to the file of its number; see `interfaces.Sink`.

    Each image appears whole or not at all, and is read back at once. Finished images stay when something fails later: they
    are as the whole run would have written them.
    """

    def __init__(self, plan: ImagesPlan) -> None:
        self._plan = plan
        self._written = 0
        self._closed = False

    def __enter__(self) -> Self:
        trial = PartFile(self._plan.pattern.file(self._plan.source.clip.number(self._plan.frames[0])))
        trial.create()
        trial.discard()
        return self

    def write(self, frame: Frame) -> Written:
        """Write the next frame, (3, H, W) in [0, 1] in the planned size, to the file of its number."""
        plan, (width, height) = self._plan, self._plan.size
        if tuple(frame.image.shape) != (3, height, width):
            raise ValueError(f"expected an image of shape (3, {height}, {width}), got {tuple(frame.image.shape)}")
        part = PartFile(plan.pattern.file(plan.source.clip.number(frame.index)))
        try:
            image_file.write(part.path, frame.image.clamp(0, 1), frame.alpha, frame.original, plan.format)
        except OSError as error:
            part.discard()
            raise write_failed(part.target, error) from error
        except BaseException:
            part.discard()
            raise
        part.finish()
        self._check(part.target, whole=True)
        self._written += 1
        return Written(file=part.target)

    def _check(self, file: Path, *, whole: bool) -> None:
        """Raise OutputError where an image is not the planned one; whole: its pixels are decoded too, not only its header."""
        try:
            size = image_file.read(file)[0].shape[:0:-1] if whole else read_facts(file).size
            fault = "" if tuple(size) == self._plan.size else f"it is {size[0]}x{size[1]}"
        except InputError as error:
            fault = str(error).removeprefix(f"{file}: ").partition(";")[0]
        if fault:
            with suppress(OSError):
                file.unlink(missing_ok=True)
            raise OutputError(f"{file}: reads back otherwise than planned ({fault}) and was removed; check the disk and give "
                              "the same command again.")

    def restore(self, segments: Sequence[Path], samples: Iterable[bytes] = ()) -> None:
        """Count the images of an earlier run as written: each is one file, and complete."""
        self._written += len(segments)

    def close(self) -> None:
        """Check that every frame was written and that all images are there still, also those of an earlier run."""
        plan, (first, last) = self._plan, self._plan.frames
        if self._written != last - first + 1:
            raise VidstyleError(f"{plan.target}: got {self._written} of {last - first + 1} frames.")
        for index in range(first, last + 1):
            self._check(plan.pattern.file(plan.source.clip.number(index)), whole=False)
        self._closed = True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if kind is None and not self._closed:
            self.close()


def _output_pattern(target: Path, frames: tuple[int, int]) -> Pattern:
    """The pattern of an output. Raises UsageError where it is one image for several frames, or states numbers."""
    pattern, count = images_of(target), frames[1] - frames[0] + 1
    if not pattern.field and count > 1:
        raise UsageError(f"{target}: is one image for {count} frames; name a sequence such as "
                         f"{target.stem}.####{target.suffix}, or a movie.")
    if pattern.field and pattern.numbers is not None:
        raise UsageError(f"{target}: the numbers of an output are the source's; write {pattern.path.name}, "
                         "and choose what to paint with --frames.")
    return pattern
