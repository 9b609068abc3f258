"""Whether an output may be written where it is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from vidstyle.core.atomic import check_name, check_target, part_path
from vidstyle.core.errors import OutputError
from vidstyle.core.files import file_id
from vidstyle.video.images.pattern import number_list, parse_pattern
from vidstyle.video.interfaces import Source


def check_output(target: Path, source: Source, frames: tuple[int, int], *, overwrite: bool = False,
                 others: Iterable[Path] = ()) -> None:
    """Raise OutputError, in one sentence, if `target` cannot be written or must not be. Writes nothing.

    frames: indices of the first and last frame written. No output may be a file that is read: one of the source's, or one
    of `others`, also through links, and whether or not it may overwrite.
    """
    sources, pattern = [*source.files, *others], parse_pattern(target)
    numbers = [source.clip.number(index) for index in range(frames[0], frames[1] + 1)]
    files = [target] if pattern is None else [pattern.file(number) for number in numbers]
    check_target(files[0], sources[0], overwrite or pattern is not None, sources[1:] if pattern is None else ())
    check_name(files[-1])  # the highest number may have the most digits
    read, existing = {file_id(source) for source in sources}, list[int]()
    for number, file in zip(numbers, files, strict=False):
        if os.path.lexists(file):
            existing.append(number)
        if {file_id(file), file_id(part_path(file))} & read:
            raise OutputError(f"{file}: is read for this painting and never written to; name another output.")
    if existing and not overwrite:
        rest = sorted(set(numbers) - set(existing))
        go_on = f"paint the rest with --frames {rest[0]}-{rest[-1]}, " if rest and rest[0] > existing[-1] else ""
        several = len(existing) > 1
        raise OutputError(f"{target}: {'images' if several else 'image'} {number_list(existing)} "
                          f"{'exist' if several else 'exists'} already; {go_on}name another output or use --overwrite.")
