"""Planning the review movie: its name, its size, and how it is written."""

from __future__ import annotations

from pathlib import Path

from vidstyle.core.atomic import Inputs, check_target
from vidstyle.core.options import Options
from vidstyle.run.settings import output_size
from vidstyle.video import OutputPlan, Source, WriteSettings, parse_pattern, plan_output

MOST = (3840, 2160)
"""Largest width and height of a review movie in pixels; larger pictures are scaled down together."""
CRF = 18


def comparison_target(target: Path) -> Path:
    """The review movie beside an output: `clip_monet_compare.mp4`."""
    pattern = parse_pattern(target)
    return target.with_name(f"{target.stem if pattern is None else pattern.stem()}_compare.mp4")


def plan_comparison(target: Path, source: Source, frames: tuple[int, int], options: Options, inputs: Inputs, *,
                    overwrite: bool = False) -> OutputPlan | None:
    """How the review movie of the output `target` is written; None where the options ask for none.

    It has the times and the sound of the output. frames: indices of the first and last frame. inputs: the files that
    the run reads. Raises UsageError where a movie of these frames cannot be made, OutputError where it exists already or is
    one of the inputs.
    """
    if options.compare == "none":
        return None
    path = comparison_target(target)
    check_target(path, inputs, overwrite)
    return plan_output(path, source, frames, WriteSettings("h264", CRF, options.audio, False, _size(source, options)))


def _size(source: Source, options: Options) -> tuple[int, int]:
    """Width and height of the review movie in pixels, both even, as the codec needs them."""
    width, height = output_size(source.clip, options)
    across, down = (2 if options.compare == "side" else 1), (2 if options.compare == "stack" else 1)
    factor = min(1.0, MOST[0] / (width * across), MOST[1] / (height * down))
    return max(2, 2 * round(width * factor / 2)) * across, max(2, 2 * round(height * factor / 2)) * down
