"""Every choice that a user can make about a training, declared once."""

from __future__ import annotations

from dataclasses import dataclass

from vidstyle.core.choices import PACE, REPORT
from vidstyle.core.declare import check_options, option, same
from vidstyle.core.errors import UsageError
from vidstyle.core.options import Options


def _parse_heights(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"size is {text!r}; give heights in pixels, such as 360,540.") from None


@dataclass(frozen=True)
class TrainOptions:
    """How `vidstyle train` trains a network; the options that it shares with `Options` are declared there.

    Raises UsageError for a value of another type or out of range.
    """

    steps: int = option(
        2000, panel=PACE, metavar="STEPS", low=1, high=10_000_000,
        help="Training steps, of about six seconds each on one processor core; more steps paint more richly.")
    batch: int = option(
        4, panel=PACE, metavar="NUMBER", low=1, high=4096,
        help="Pairs of neighbouring frames in each step, over all processes together.")
    size: tuple[int, ...] = option(
        (360, 540), panel=PACE, metavar="HEIGHTS", low=32, high=4320, parse=_parse_heights,
        help="Heights in pixels at which the network is trained; give those at which `run` will paint.")
    pairs: int = option(
        240, panel=PACE, metavar="NUMBER", low=1, high=1_000_000,
        help="Pairs of neighbouring frames taken from all videos together, of about 6 MB each on disk while training runs.")
    crop: int = option(256, low=32, high=4320, command_line=False, help="Side of the square crop of each frame, in pixels.")
    style_scale: float = same(Options, "style_scale")
    temporal: float = same(Options, "temporal")
    content_weight: float = same(Options, "content_weight")
    style_weight: float = same(Options, "style_weight")
    tv_weight: float = same(Options, "tv_weight")
    rate: float = option(1.5e-3, low=0, high=1, command_line=False, help="Highest learning rate.")
    seed: int = same(Options, "seed")
    flow: str = same(Options, "flow")
    encoder: str = same(Options, "encoder")
    device: str = same(Options, "device")
    workers: int | None = option(
        None, panel=PACE, metavar="NUMBER", low=0, high=256, default_text="one for every free core, at most eight",
        help="Processes that read and resize frames for each process that trains.")
    check_every: int = option(
        250, panel=REPORT, metavar="STEPS", low=1, high=10_000_000,
        help="Steps between two validations on held-out frames, each with numbers in the log and a sheet of samples.")
    save_every: int = option(
        100, panel=PACE, metavar="STEPS", low=1, high=10_000_000,
        help="Steps between two checkpoints, from which a stopped training continues.")

    def __post_init__(self) -> None:
        check_options(self)
