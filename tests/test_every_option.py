"""Every option changes something: the painted frames, the written file, or whether and how the run ends."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, fields, replace
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sequence_files import codes, make_sequence, write_coded
from video_clips import gradient, make_clip

from vidstyle import encoders
from vidstyle.cli import execute
from vidstyle.core.options import Options
from vidstyle.encoders.vgg import VGG
from vidstyle.models import registry
from vidstyle.painting.palette_file import save_palette
from vidstyle.painting.style import blended_palette
from vidstyle.painting.style_picture import Style, read_styles

SIZE = (48, 32)
QUICK = {"device": '"cpu"'}
FITTED = (("method", '"feedforward"'), ("fit_steps", "2"))
FORMS = (("forms", "1.0"), ("optimize_steps", "20"))
EVERY_FRAME = (("key_every", "1"), ("strokes", "0"), ("optimize_steps", "4"), ("follow_steps", "2"))
FRAMES, FILE, OUTCOME, BESIDE = "frames", "file", "outcome", "beside"


def plain(folder: Path) -> Path:
    return make_clip(folder / "plain.mp4", frames=4, size=SIZE, sound=[("aac", None)])


def sequence(folder: Path) -> Path:
    return make_sequence(folder, range(1, 5))


def sequence_with_a_gap(folder: Path) -> Path:
    pattern = make_sequence(folder, range(1, 5))
    (folder / "shot.0003.png").unlink()
    return pattern


def high_dynamic_range(folder: Path) -> Path:
    """PQ, BT.2020."""
    return make_clip(folder / "hdr.mp4", frames=3, size=SIZE, pix_fmt="yuv420p10le", tags=(9, 1, 9, 16))


def combed(index: int, width: int, height: int) -> np.ndarray[Any, Any]:
    """The lines of two moments."""
    picture = gradient(8 * index, width, height)
    picture[::2] = gradient(8 * index + 4, width, height)[::2]
    return picture


def interlaced(folder: Path) -> Path:
    return make_clip(folder / "interlaced.mp4", frames=4, size=SIZE, pix_fmt="yuv444p", interlaced=True, picture=combed)


def damaged(folder: Path) -> Path:
    """A file of which the end is missing."""
    path = make_clip(folder / "damaged.mp4", frames=12, size=SIZE, container_options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 10])
    return path


@dataclass(frozen=True)
class Case:
    """One changed value of an option, and what it changes in comparison with the same run without it."""

    value: str
    """As TOML writes it."""
    changes: str
    """FRAMES: other pixels. FILE: the same pixels in other bytes. OUTCOME: the exit code, the warnings or the error. BESIDE:
    another file beside the same one."""
    also: tuple[tuple[str, str], ...] = ()
    """Options of both runs, as TOML writes them."""
    clip: Callable[[Path], Path] = plain
    words: tuple[str, ...] = ()
    """Further words of both command lines."""
    suffix: str = ".mp4"


CASES = {
    "fps": Case('"25"', FILE, (("fps", '"24"'),), sequence),
    "gaps": Case('"black"', FRAMES, (("gaps", '"hold"'), ("fps", '"24"')), sequence_with_a_gap),
    "on_damage": Case('"hold"', OUTCOME, clip=damaged),  # refused without it
    "preroll": Case("0", FRAMES, words=("--frames", "1-1")),
    "strength": Case("0.5", FRAMES),
    "temporal": Case("0", FRAMES),
    "style_scale": Case("4", FRAMES),
    "color": Case('"source"', FRAMES),
    "color_from": Case('"grade.png"', FRAMES, (("color", '"match"'),)),
    "color_map": Case('"cholesky"', FRAMES, (("color", '"match"'),)),
    "palette": Case('"other_palette.safetensors"', FRAMES),
    "seed": Case("3", FRAMES),
    "key": Case('"1=key_0001.png"', FRAMES),
    "keys": Case('"key_####.png"', FRAMES),
    "matte": Case('["half.png"]', FRAMES),
    "key_every": Case("1", FRAMES),
    "strokes": Case("0", FRAMES),
    "forms": Case("0.5", FRAMES),
    "stroke_direction": Case('"edges"', FRAMES),
    "stroke_size": Case('"half.png"', FRAMES),
    "boil": Case('"twos"', FRAMES),
    "refresh": Case("0.2", FRAMES, (("key_every", "1"),)),
    "method": Case('"feedforward"', FRAMES),
    "network": Case('"other.safetensors"', FRAMES, FITTED),
    "fit_steps": Case("1", FRAMES, FITTED),
    "size": Case("32", FRAMES),
    "flow": Case('"farneback"', FRAMES),
    "encoder": Case('"vgg16"', FRAMES, FORMS),
    "device": Case('"cuda:77"', OUTCOME),  # refused: no machine has it, and most that run tests have no other device at all
    "content_weight": Case("20", FRAMES, FORMS),
    "style_weight": Case("3", FRAMES, FITTED),
    "tv_weight": Case("20", FRAMES, EVERY_FRAME),
    "optimize_steps": Case("2", FRAMES, FORMS),
    "follow_steps": Case("1", FRAMES, EVERY_FRAME),
    "references": Case("[1, 2]", FRAMES, EVERY_FRAME),
    "passes": Case("3", FRAMES, EVERY_FRAME),
    "init": Case('"noise"', FRAMES, FORMS),
    "follow_init": Case('"noise"', FRAMES, EVERY_FRAME),
    "optimizer": Case('"lbfgs"', FRAMES, FORMS),
    "style_loss": Case('"covariance"', FRAMES, FORMS),
    "style_layers": Case('["relu1_1=2", "relu3_1"]', FRAMES, FORMS),
    "pooling": Case('"max"', FRAMES, FORMS),
    "output_size": Case("32", FRAMES),
    "codec": Case('"vp9"', FILE),
    "crf": Case("40", FILE),
    "audio": Case('"none"', FILE),
    "hdr": Case('"tonemap"', FRAMES, (("hdr", '"passthrough"'),), high_dynamic_range),
    "deinterlace": Case('"off"', FRAMES, clip=interlaced),
    "compare": Case('"side"', BESIDE),
    "strict": Case("true", OUTCOME, suffix=".####.png"),  # images hold no sound: refused with it, a warning without
}


@dataclass(frozen=True)
class Outcome:
    """What one run left behind."""

    exit_code: int
    frame_hashes: tuple[str, ...]
    file: bytes
    beside: bool
    """Whether there is a review movie."""
    messages: tuple[str, ...]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A style, a palette, and a network that was fitted from another seed.

    vgg16 has random weights, so that nothing is downloaded.
    """
    folder = tmp_path_factory.mktemp("options")
    write_coded(folder / "style.png", codes(1, (256, 192), most=255))
    write_coded(folder / "half.png", np.repeat(np.uint8([[[0], [255]]]), 3, 2).repeat(16, 0).repeat(12, 1))
    write_coded(folder / "grade.png", codes(2, (64, 48), most=128))
    styles = read_styles([Style(folder / "style.png")])
    write_coded(folder / "key_0001.png", codes(2, SIZE, most=255))
    grey = torch.full((3, 8, 8), 0.9)
    save_palette(folder / "other_palette.safetensors", blended_palette([grey], [styles[0].image], [1]), styles)
    torch.manual_seed(0)
    network = VGG("vgg16")
    shipped = replace(registry.RECORDS["vgg16"], source=registry.RECORDS["builtin-encoder"].source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoders, "pretrained_vgg", lambda name: network)
        patch.setitem(registry.RECORDS, "vgg16", shipped)
        assert run(folder, replace(CASES["network"]), {"network": '"other.safetensors"', "seed": "9"}).exit_code == 0
        yield folder


@functools.cache
def clip(make: Callable[[Path], Path], folder: Path) -> Path:
    own = folder / make.__name__
    own.mkdir()
    return make(own)


numbers = count()


def run(folder: Path, case: Case, changed: dict[str, str]) -> Outcome:
    """Paint the clip of the case, with all options from a config file."""
    name = f"out{next(numbers)}"
    config, target = folder / "options.toml", folder / f"{name}{case.suffix}"
    config.write_text("".join(f"{key} = {value}\n" for key, value in (QUICK | dict(case.also) | changed).items()))
    words = ["run", str(clip(case.clip, folder)), "--style", str(folder / "style.png"), "--config", str(config),
             "-o", str(target), "--json", *case.words]
    with redirect_stdout(StringIO()) as printed:
        exit_code = execute(words)
    lines = [json.loads(line) for line in printed.getvalue().splitlines()]
    messages = tuple(line["message"].replace(name, "out") for line in lines if line["event"] in ("warning", "error"))
    return Outcome(exit_code, tuple(lines[-1].get("frame_hashes", ())), target.read_bytes() if target.is_file() else b"",
                   target.with_name(f"{name}_compare.mp4").is_file(), (*messages, *lines[-1].get("warnings", ())))


@functools.cache
def unchanged(folder: Path, clip: Callable[[Path], Path], also: tuple[tuple[str, str], ...], words: tuple[str, ...],
              suffix: str) -> Outcome:
    return run(folder, Case("", "", also, clip, words, suffix), {})


def test_every_option_has_a_case():
    assert list(CASES) == [field.name for field in fields(Options)]


@pytest.mark.parametrize("name", CASES)
def test_an_option_changes_something(name: str, folder: Path):
    case = CASES[name]
    before = unchanged(folder, case.clip, case.also, case.words, case.suffix)
    after = run(folder, case, {name: case.value})
    if case.changes == OUTCOME:
        assert (before.exit_code, before.messages) != (after.exit_code, after.messages)
        assert 0 in (before.exit_code, after.exit_code), "one of both has to be what the option is for"
        return
    assert (before.exit_code, after.exit_code) == (0, 0), (before.messages, after.messages)
    assert (before.frame_hashes != after.frame_hashes) == (case.changes == FRAMES)
    assert (before.file != after.file) == (case.changes != BESIDE)
    assert (before.beside, after.beside) == (False, case.changes == BESIDE)
