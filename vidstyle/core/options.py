"""Every choice a user can make, in one frozen record, and how it is read from a preset or a TOML file."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from vidstyle.core.errors import InputError, UsageError
from vidstyle.core.files import check_plain, inside

Method = Literal["feedforward", "optimize"]
Color = Literal["style", "source"]
Gaps = Literal["error", "hold", "black"]
OnDamage = Literal["fail", "hold", "keep"]
Hdr = Literal["refuse", "passthrough", "tonemap"]
Deinterlace = Literal["refuse", "bwdif"]
Codec = Literal["h264", "hevc", "vp9", "av1", "prores", "dnxhr", "ffv1"]
WITHOUT_CRF = ("prores", "dnxhr", "ffv1")  # codecs that have no such scale of quality
_MOST_BYTES = 2**20  # of a config


@dataclass(frozen=True)
class Options:
    """How to paint and how to write; `configs/standard.toml` is these defaults."""

    method: Method = "feedforward"
    """`feedforward` fits a network to the clip, then streams it; `optimize` paints every frame by gradient descent."""
    network: Path | None = None
    """A `.safetensors` network to use instead of fitting one; written there after the fit where there is none yet."""
    fit_steps: int = 70
    """Most training steps of the feed-forward fit. More is closer to the style; 0 paints at once, as a rough draft."""
    size: int = 960
    """Longest side painted, in pixels; a smaller source is painted at its own size."""
    output_size: int | None = None
    """Longest side written, in pixels; None keeps the source's size."""
    strength: float = 1.0
    """0 is the source, 1 the whole painting."""
    temporal: float = 1.0
    """Weight of holding still; 0 paints every frame on its own."""
    style_scale: float = 1.0
    """Size of the brush strokes relative to the picture's height; 2 is twice as large."""
    color: Color = "style"
    """`style` takes the painting's colours, `source` keeps the clip's."""
    seed: int = 0
    """Start of every random number."""
    flow: str = "dis"
    """Optical flow: `dis`, `farneback`, `raft-small`, `raft-large`, or `raft-small=FILE` for a checkpoint of one's own."""
    encoder: str = "builtin"
    """Network whose features say what style is: `builtin`, `vgg19`, `vgg16`."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:N` or `mps`."""
    content_weight: float = 0.04
    """Weight of the content loss on relu4_2; more keeps more of the drawing."""
    style_weight: float = 1.0
    """Weight of the style loss, which is normalised to about 1 for an unpainted frame."""
    tv_weight: float = 1.0
    """Weight of total variation; more gives smoother paint."""
    optimize_steps: int = 240
    """Most Adam steps on the first frame of a shot, over all scales of the pyramid (method `optimize`)."""
    follow_steps: int = 60
    """Most Adam steps on each later frame (method `optimize`)."""
    references: tuple[int, ...] = (1,)
    """Which earlier paintings hold a frame still, in frames back: 1 is the last one (method `optimize`)."""
    codec: Codec = "h264"
    """Video codec written."""
    crf: int = 16
    """Quality of the written video: lower is better and larger; 0 is lossless with h264. Not for prores, dnxhr, ffv1."""
    audio: str = "copy"
    """`copy` keeps every sound track packet for packet, `none` drops them; anything else is a file whose sound takes
    their place, its beginning under the clip's first frame."""
    on_damage: OnDamage = "fail"
    """Of a damaged clip: `fail` paints nothing, `hold` repeats the last good picture wherever one is damaged or missing,
    `keep` paints damaged pictures as they come and ends where the clip does."""
    fps: Fraction | None = None
    """Frames a second of a sequence of pictures; None is what its pictures say. A movie keeps its own times."""
    gaps: Gaps = "error"
    """Of a sequence with missing pictures: `error` paints nothing, `hold` repeats the picture before, `black`."""
    hdr: Hdr = "refuse"
    """A clip of high dynamic range: `passthrough` paints and writes it as HDR, `tonemap` as ordinary video."""
    deinterlace: Deinterlace = "refuse"
    """Interlaced pictures: `bwdif` makes one whole picture of each."""
    strict: bool = False
    """Whether to refuse an output in which anything of the source would be missing, instead of warning."""
    preroll: int | None = None
    """Frames painted and thrown away before a range at most; None is 24, and 1 for `optimize`."""

    def __post_init__(self) -> None:
        _check_types(self)
        if self.fps is not None and not 0 < self.fps <= 1000:
            raise UsageError(f"fps is {self.fps}; give a rate above 0 and up to 1000.")
        check_ranges(self, _RANGES)
        if not self.references or any(type(j) is not int or not 1 <= j <= 64 for j in self.references):
            raise UsageError(f"references is {list(self.references)}; give frame distances from 1 to 64.")


_RANGES = [
    ("fit_steps", 0, 100_000),
    ("size", 16, 16384),
    ("output_size", 16, 16384),
    ("strength", 0, 1),
    ("temporal", 0, 100),
    ("style_scale", 0.1, 10),
    ("seed", 0, 2**63 - 1),
    ("content_weight", 0, 1000),
    ("style_weight", 0, 1000),
    ("tv_weight", 0, 1000),
    ("optimize_steps", 1, 100_000),
    ("follow_steps", 1, 100_000),
    ("crf", 0, 63),
    ("preroll", 0, 100_000),
]


def check_ranges(options: object, ranges: Sequence[tuple[str, float, float]]) -> None:
    """Raise UsageError for a number, or one of several, that is not within its (name, least, most); None is let be."""
    for name, low, high in ranges:
        value = getattr(options, name)
        for number in value if isinstance(value, tuple) else (value,):
            if number is not None and not low <= number <= high:
                raise UsageError(f"{name} is {number}; give a value from {low:g} to {high:g}.")


def _check_types(options: Options) -> None:
    for name, kind in get_type_hints(Options).items():
        value, choices = getattr(options, name), get_args(kind)
        if kind in (int, float) or kind == int | None:
            numbers = (int, float) if kind is float else (int,)
            missing = kind == int | None and value is None
            endless = isinstance(value, float) and not math.isfinite(value)
            if not missing and (isinstance(value, bool) or not isinstance(value, numbers) or endless):
                raise UsageError(f"{name} is {value!r}; give a number.")
        elif kind is bool and not isinstance(value, bool):
            raise UsageError(f"{name} is {value!r}; give true or false.")
        elif choices and all(isinstance(choice, str) for choice in choices) and value not in choices:
            raise UsageError(f"{name} is {value!r}; choose one of {', '.join(choices)}.")
        elif kind == Path | None and not isinstance(value, Path | None):
            raise UsageError(f"{name} is {value!r}; give a file name in quotes.")
        elif kind == Fraction | None and not isinstance(value, Fraction | None):
            raise UsageError(f"{name} is {value!r}; give frames a second, such as 24 or \"24000/1001\".")
        elif kind is str and not isinstance(value, str):
            raise UsageError(f"{name} is {value!r}; give a name in quotes.")


def parse_rate(text: str) -> Fraction:
    """Frames a second from `24`, `24000/1001` or `23.976`, which means 24000/1001 as all rounded NTSC rates do.

    Raises UsageError for anything else.
    """
    try:
        rate = Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"fps is {text!r}; give frames a second, such as 24, 25 or 24000/1001.") from None
    slow = Fraction(1000 * round(rate), 1001)
    # People write 23.976 or 23.98: at most half of the last digit away from what they mean.
    return slow if "." in text and rate != round(rate) and abs(rate - slow) < Fraction(6, 1000) else rate


def preset_folder() -> Path:
    """Where the presets lie: inside the installed package, or in `configs/` of a source checkout."""
    package = Path(__file__).parent.parent
    inside = package / "configs"
    return inside if inside.is_dir() else package.parent / "configs"


def load_options(preset: str = "standard", config: Path | None = None, **overrides: Any) -> Options:
    """The defaults, changed by a preset, then by a TOML file, then by `overrides` that are not None.

    Raises UsageError for an unknown preset, an unreadable file, an unknown key or a value out of range.
    """
    folder = preset_folder()
    known = sorted(path.stem for path in folder.glob("*.toml"))
    if preset not in known:
        raise UsageError(f"There is no preset {preset!r}; choose one of {', '.join(known)}.")
    options = _apply(Options(), folder / f"{preset}.toml")
    if config is not None:
        options = _apply(options, config)
    return replace(options, **{key: value for key, value in overrides.items() if value is not None})


def _apply(options: Options, path: Path) -> Options:
    try:
        if check_plain(path, "a TOML file") > _MOST_BYTES:
            raise UsageError(f"{path}: has more than {_MOST_BYTES >> 20} MB; a config has a few lines.")
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except InputError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); check the path.") from error
    except (ValueError, RecursionError) as error:  # also a number of thousands of digits, and brackets without end
        raise UsageError(f"{path}: is not valid TOML ({error}).") from error
    known = {field.name for field in fields(Options)}
    if unknown := sorted(set(table) - known):
        raise UsageError(f"{path}: unknown {', '.join(unknown)}; known keys are {', '.join(sorted(known))}.")
    if "references" in table:
        table["references"] = tuple(table["references"]) if isinstance(table["references"], list) else ()
    if isinstance(table.get("network"), str):
        table["network"] = inside(path.parent, table["network"], str(path))
    if isinstance(table.get("flow"), str) and "=" in table["flow"]:
        name, _, file = table["flow"].partition("=")
        table["flow"] = f"{name}={inside(path.parent, file, str(path))}"
    if isinstance(table.get("audio"), str) and table["audio"] not in ("copy", "none"):
        table["audio"] = str(inside(path.parent, table["audio"], str(path)))
    try:
        if isinstance(table.get("fps"), str | int | float) and not isinstance(table["fps"], bool):
            table["fps"] = parse_rate(str(table["fps"]))
        return replace(options, **table)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


@dataclass(frozen=True)
class TrainOptions:
    """How `vidstyle train` trains a network: on how much, for how long, and what counts; the weights are those of the fit."""

    steps: int = 2000
    """Training steps. At the default batch and crop one takes about six seconds of one processor core."""
    batch: int = 4
    """Pairs of neighbouring pictures a step, over all processes together."""
    size: tuple[int, ...] = (360, 540)
    """Heights painted, in pixels, one of them a step: those of the clips that the network is to paint, as `run` paints
    them."""
    pairs: int = 240
    """Pairs of frames taken from all videos together, spread evenly; about 6 MB of disk each at 960x540, while it runs."""
    crop: int = 256
    """Side of the square that is looked at, in pixels."""
    style_scale: float = Options.style_scale
    """Size of the brush strokes relative to the picture's height; 2 is twice as large."""
    temporal: float = Options.temporal
    """Weight of holding still; 0 trains for painting every frame on its own."""
    content_weight: float = Options.content_weight
    style_weight: float = Options.style_weight
    tv_weight: float = Options.tv_weight
    rate: float = 1.5e-3
    """Highest learning rate."""
    seed: int = Options.seed
    """Start of every random number."""
    flow: str = Options.flow
    """Optical flow between the frames of a pair."""
    encoder: str = Options.encoder
    """Network whose features say what style is."""
    device: str = Options.device
    """As for `Options`; with several processes each takes the graphics card of its number."""
    workers: int | None = None
    """Processes that read and resize for each that trains; None is one for every core that is left, at most eight."""
    check_every: int = 250
    """Steps between two looks at the held-out frames: numbers into the log, and a sheet of samples."""
    save_every: int = 100
    """Steps between two checkpoints, from which a training that was stopped goes on."""

    def __post_init__(self) -> None:
        check_ranges(self, _TRAIN_RANGES)
        if not self.size:
            raise UsageError("size is empty; give at least one height in pixels.")


_TRAIN_RANGES = [
    ("steps", 1, 10_000_000), ("batch", 1, 4096), ("size", 32, 4320), ("pairs", 1, 1_000_000), ("crop", 32, 4320),
    ("style_scale", 0.1, 10), ("temporal", 0, 100), ("content_weight", 0, 1000), ("style_weight", 0, 1000),
    ("tv_weight", 0, 1000), ("rate", 0, 1), ("seed", 0, 2**63 - 1), ("workers", 0, 256), ("check_every", 1, 10_000_000),
    ("save_every", 1, 10_000_000),
]  # fmt: skip
