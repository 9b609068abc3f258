"""The files that a run reads and writes: those of the artist's controls, and none that is both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from vidstyle.core.atomic import Inputs, check_target
from vidstyle.core.errors import UsageError
from vidstyle.core.files import find_same
from vidstyle.core.options import Options
from vidstyle.painting.style_picture import StylePicture
from vidstyle.run.keys import PaintedKey
from vidstyle.run.mattes import Matte, Mattes
from vidstyle.video import Source, check_output

_NETWORK = "the network"


def check_files(source: Source, frames: tuple[int, int], options: Options, target: Path, sheet: Path | None, overwrite: bool,
                inputs: Inputs) -> None:
    """Raise UsageError or OutputError where a file to write is one of the inputs, exists already, or cannot be written."""
    if options.network is not None:
        others = (file for what, files in inputs.items() if what != _NETWORK for file in files)
        if (same := find_same(options.network, others)) is not None:
            raise UsageError(f"{options.network}: is {same} as well; name another --network.")
    check_output(target, source, frames, overwrite=overwrite, inputs=inputs)
    if sheet is not None:
        check_target(sheet, inputs, overwrite)


def inputs_of(source: Source, styles: Sequence[StylePicture], options: Options,
              controls: Mapping[str, Sequence[Path]]) -> dict[str, list[Path]]:
    """All files that a run reads, by what they are to a user. controls: see `Plan.control_files`."""
    inputs = {"the clip": [*source.files], "a style picture": [style.path for style in styles]}
    for name, files in controls.items():
        kind, _, number = name.partition("=")[0].partition(" ")
        what = {"key": f"the painting of frame {number}", "matte": f"a file of matte {number}"}
        inputs[what.get(kind, f"the file of --{kind.replace('_', '-')}")] = [*files]
    if options.network is not None:
        inputs[_NETWORK] = [options.network]
    if options.palette is not None:
        inputs["the palette"] = [options.palette]
    return inputs


def control_files(options: Options, mattes: Mattes, keys: Sequence[PaintedKey],
                  stroke_size: Matte | None) -> dict[str, Sequence[Path]]:
    """See `Plan.control_files`."""
    files = dict(mattes.files()) | {f"key {key.number}": [key.path] for key in keys}
    if options.strength != 0 and options.color == "match" and options.color_from is not None:
        files["color_from"] = [options.color_from]
    if stroke_size is not None:
        files["stroke_size"] = stroke_size.files
    return files
