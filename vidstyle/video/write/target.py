"""Whether an output may be written where it is asked for."""

from __future__ import annotations

import os
from pathlib import Path

from vidstyle.core.atomic import Inputs, check_name, check_not_read, check_target
from vidstyle.core.errors import OutputError
from vidstyle.video.images.pattern import number_list, parse_pattern
from vidstyle.video.interfaces import Source


def check_output(target: Path, source: Source, frames: tuple[int, int], *, overwrite: bool = False,
                 inputs: Inputs | None = None) -> None:
    """Raise OutputError, in one sentence, if `target` cannot be written or must not be. Writes nothing.

    frames: indices of the first and last frame written. inputs: the files that are read; None: those of the source. No output
    may be one of them, also through links, and whether or not it may overwrite.
    """
    inputs, pattern = {"the clip": source.files} if inputs is None else inputs, parse_pattern(target)
    numbers = [source.clip.number(index) for index in range(frames[0], frames[1] + 1)]
    files = [target] if pattern is None else [pattern.file(number) for number in numbers]
    check_target(files[0], inputs, overwrite or pattern is not None)
    check_name(files[-1])  # the highest number may have the most digits
    check_not_read(files, inputs)
    existing = [number for number, file in zip(numbers, files, strict=False) if os.path.lexists(file)]
    if existing and not overwrite:
        rest = sorted(set(numbers) - set(existing))
        go_on = f"paint the rest with --frames {rest[0]}-{rest[-1]}, " if rest and rest[0] > existing[-1] else ""
        several = len(existing) > 1
        raise OutputError(f"{target}: {'images' if several else 'image'} {number_list(existing)} "
                          f"{'exist' if several else 'exists'} already; {go_on}name another output or use --overwrite.")
