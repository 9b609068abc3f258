"""Write the frames of a clip that are worth painting, under names by which a run finds them again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from vidstyle.core.atomic import check_target
from vidstyle.core.devices import deterministic, find_device
from vidstyle.core.errors import OutputError, reason
from vidstyle.core.frame import Frame
from vidstyle.core.images import resize, write_png
from vidstyle.core.options import Options
from vidstyle.core.progress import Listener, Progress
from vidstyle.flow import load_flow
from vidstyle.flow.refine import refine
from vidstyle.run.plan import Selection
from vidstyle.run.settings import paint_size, read_settings
from vidstyle.temporal.intervals import worth_painting
from vidstyle.temporal.shots import cut_detector
from vidstyle.video import Source, open_source, parse_pattern

_DIGITS = 4  # of a frame's number in a name, at least


@dataclass(frozen=True)
class FramesToPaint:
    """The frames that were written."""

    pattern: Path
    """Their names, for `--keys`."""
    files: dict[int, Path]
    """By the number of the frame, in order."""


def write_frames_to_paint(clip: Path, folder: Path | None = None, options: Options | None = None,
                          selection: Selection | None = None, *, overwrite: bool = False,
                          listen: Listener = lambda progress: None) -> FramesToPaint:
    """Choose frames of `clip` by its motion and write them as PNG files into `folder`; None: CLIP_keys beside the clip.

    Every file is the frame as it is displayed, at its own size, with square pixels. Raises as `plan_video` does; OutputError
    also, before anything is written, where one of the files exists and `overwrite` is not set: it may be painted already.
    """
    options, selection = options or Options(), selection or Selection()
    device = find_device(options.device)
    source = open_source(clip, read_settings(options))
    first, last = source.clip.select(selection.frames, selection.start, selection.end)
    pattern = parse_pattern(source.clip.path)
    stem = source.clip.path.stem if pattern is None else pattern.stem()
    digits = max(_DIGITS, len(str(source.clip.number(last))))
    folder = source.clip.path.with_name(f"{stem}_keys") if folder is None else folder
    inputs = {"the clip": source.files}
    found = FramesToPaint(folder / f"{stem}_{'#' * digits}.png", {})
    check_target(found.pattern, inputs)
    with deterministic(device):
        for index in _chosen(source, first, last, options, device, listen):
            number = source.clip.number(index)
            found.files[number] = folder / f"{stem}_{number:0{digits}d}.png"
    for file in found.files.values():
        if os.path.exists(file) and not overwrite:
            raise OutputError(f"{file}: exists already, and may be painted; give another -o, or --overwrite to replace it.")
        check_target(file, inputs, overwrite)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be created ({reason(error)}); give another -o.") from error
    size = round(source.clip.height), round(float(source.clip.width * source.clip.sample_aspect_ratio))
    for number, file in found.files.items():
        index = (number - source.clip.numbering[0]) // source.clip.numbering[1]
        [frame] = source.decode(index, index)
        write_png(file, resize(frame.image, size))
    return found


def _chosen(source: Source, first: int, last: int, options: Options, device: str, listen: Listener) -> Iterator[int]:
    width, height = paint_size(source.clip, options)

    def shrink(frame: Frame) -> Frame:
        listen(Progress("motion", frame.index - first + 1, last - first + 1))
        return replace(frame, image=resize(frame.image.to(device).clamp(0, 1), (height, width)))

    frames = source.decode(first, last, clamp=False)
    return worth_painting(frames, load_flow(options.flow, device), cut_detector(), options.key_every or None, shrink, refine)
