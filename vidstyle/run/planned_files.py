"""The files that a run reads and writes: those of the artist's controls, and none that is both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vidstyle.core.atomic import check_target
from vidstyle.core.errors import UsageError
from vidstyle.core.files import find_same
from vidstyle.core.options import Options
from vidstyle.painting.style_picture import StylePicture
from vidstyle.run.keys import PaintedKey
from vidstyle.run.mattes import Matte, Mattes
from vidstyle.video import Source, check_output


def check_files(source: Source, frames: tuple[int, int], styles: Sequence[StylePicture], options: Options,
                target: Path, sheet: Path | None, overwrite: bool, controls: Sequence[Path]) -> None:
    """Raise UsageError or OutputError where a file to write is read too, exists already, or cannot be written.

    controls: the files that artist's controls read.
    """
    read = [*(style.path for style in styles), *controls]
    if options.network is not None:
        if (same := find_same(options.network, [*source.files, *read])) is not None:
            raise UsageError(f"{options.network}: is {same} as well; name another --network.")
        read.append(options.network)
    if options.palette is not None:
        read.append(options.palette)
    check_output(target, source, frames, overwrite=overwrite, others=read)
    if sheet is not None:
        check_target(sheet, source.clip.path, overwrite, [*read, target])


def control_files(options: Options, mattes: Mattes, keys: Sequence[PaintedKey],
                  stroke_size: Matte | None) -> dict[str, Sequence[Path]]:
    """See `Plan.control_files`."""
    files = dict(mattes.files()) | {f"key {key.number}": [key.path] for key in keys}
    if options.strength != 0 and options.color == "match" and options.color_from is not None:
        files["color_from"] = [options.color_from]
    if stroke_size is not None:
        files["stroke_size"] = stroke_size.files
    return files
