"""The artist's controls, two at a time, with each way of painting: a small clip is painted by the command line."""

from __future__ import annotations

import json
import re
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from functools import cache
from io import StringIO
from itertools import combinations, count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sequence_files import codes, write_coded
from stopped_runs import save_often, until
from video_clips import make_clip

from vidstyle.cli import execute, progress
from vidstyle.painting.strokes import index, lay
from vidstyle.painting.strokes.passes import PASSES

FRAMES, CUT, SIZE = 8, 5, (48, 32)
KEY = 2
"""The frame that is painted by the artist."""
RANGE = (3, 6)
"""Begins between a painted key frame and a cut, and ends behind the cut."""
STOP = 4
"""Frames after which a run is stopped."""
Table = dict[str, Any]

CONTROLS: dict[str, Table] = {
    "strength": {"strength": "1:0.2 6:1"},
    "strokes": {"strokes": "1:0.2 6:1"},
    "forms": {"forms": "1:0.2 6:1"},
    "style scale": {"style_scale": "1:0.5 6:4 hold"},
    "temporal": {"temporal": "0:1 3:0 hold"},
    "weights": {"style": ["style.png:1:1 6:0.2", "other.png"]},
    "key": {"key": [f"{KEY}=key.png"]},
    "matte": {"matte": ["left.png"]},
    "region": {"matte": ["right.png=region.png"]},
    "source": {"color": "source"},
    "match": {"color": "match"},
    "color from": {"color": "match", "color_from": "other.png"},
    "color map": {"color": "match", "color_map": "cholesky"},
    "boil": {"boil": "twos"},
    "refresh": {"refresh": 3.0},
    "direction": {"stroke_direction": "edges"},
    "size": {"stroke_size": "right.png"},
}
METHODS: dict[str, Table] = {
    "optimize": {"forms": 0.5, "optimize_steps": 2},
    "palette": {"method": "palette"},
    "feedforward": {"method": "feedforward", "fit_steps": 2},
    "feedforward, strokes": {"method": "feedforward", "fit_steps": 2, "strokes": 1.0},
    "every frame": {"key_every": 1, "strokes": 0.0},
}
"""Ways of painting, each with the settings that are the quickest."""
_STEPS: Table = {"optimize_steps": 3, "follow_steps": 2}
"""Of the method that paints every frame, which only that takes."""
PAIRS = list(combinations(CONTROLS, 2))
_COMMON: Table = {"style": ["style.png"], "size": 64, "device": "cpu", "audio": "none", "crf": 0}
_numbers = count()


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    hashes: tuple[str, ...]
    """Of the painted frames; () where it was refused or stopped."""
    sentences: tuple[str, ...]
    """The error, or the warnings."""
    exit_code: int = field(default=0)


def paint_quickly(patch: pytest.MonkeyPatch) -> None:
    """Make strokes quick: each patch is searched once, among few."""
    for module in (index, lay):
        patch.setattr(module, "PASSES", tuple(replace(one, rounds=1, searched=300) for one in PASSES))


def make_media(folder: Path) -> Path:
    """The clip, its pictures and its mattes."""
    def picture(index: int, width: int, height: int) -> np.ndarray[Any, Any]:
        """A thing that moves by two pixels a frame over a ground, and after the cut another ground that moves."""
        y, x = np.mgrid[:height, :width]
        if index >= CUT:
            image = np.stack([40 + 30 * np.sign(np.sin((x + index) / 3)), 190 + 40 * np.sin(y / 4), 30 + 0 * x], -1)
        else:
            ground = 110 + 60 * np.sin(x / 6) * np.cos(y / 8)
            thing = (abs(x - 10 - 2 * index) < 7) & (abs(y - 16) < 9)
            image = np.stack([np.where(thing, 220, ground), ground, 255 - ground], -1)
        return image.clip(0, 255).astype(np.uint8)

    make_clip(folder / "clip.mp4", frames=FRAMES, size=SIZE, picture=picture)
    for seed, name in enumerate(("style", "other", "region"), 1):  # so large that their scale counts at this size
        write_coded(folder / f"{name}.png", codes(seed, (144, 108), most=255))
    write_coded(folder / "key.png", codes(5, SIZE, most=255))
    for name, white in (("left", np.arange(48) < 12), ("right", np.arange(48) >= 20), ("white", np.arange(48) >= 0)):
        write_coded(folder / f"{name}.png", np.broadcast_to(np.uint8(255 * white)[None, :, None], (32, 48, 3)))
    return folder


def merged(*names: str) -> Table | None:
    """What two controls state together; None where they state one option otherwise, or one of them states it all."""
    table: Table = {}
    for name in names:
        for option, value in CONTROLS[name].items():
            if option == "matte":
                value = table.get(option, []) + value
            elif table.get(option, value) != value:
                return None
            table[option] = value
    return None if table in [CONTROLS[name] for name in names] else table


def paint(folder: Path, method: str, controls: Table, words: tuple[str, ...] = (), name: str = "") -> Outcome:
    """Paint the clip with all options from a config file. name: of the output; a new one where none is given."""
    name = name or f"out{next(_numbers)}.mp4"
    table = _COMMON | METHODS[method] | controls
    if method == "every frame":
        forms = "forms" in controls or "strokes" not in controls
        table |= _STEPS if not {"strokes", "forms"} & controls.keys() else {"optimize_steps": 3} if forms else {}
    (folder / "options.toml").write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items()))
    with redirect_stdout(StringIO()) as printed, redirect_stderr(StringIO()) as said:
        exit_code = execute(["run", str(folder / "clip.mp4"), "--config", str(folder / "options.toml"),
                             "-o", str(folder / name), "--json", *words])
    lines = [json.loads(line) for line in printed.getvalue().splitlines()]
    result = lines[-1]
    assert "Traceback" not in said.getvalue() + printed.getvalue(), said.getvalue()
    sentences = [line["message"] for line in lines if line["event"] == "error"] or result.get("warnings", [])
    return Outcome(tuple(result.get("frame_hashes", ())), tuple(sentences), exit_code)


@cache
def alone(folder: Path, method: str, control: str | None) -> Outcome:
    """The outcome of one control alone, or of none."""
    return paint(folder, method, {} if control is None else CONTROLS[control])


def check_pair(folder: Path, method: str, one: str, other: str, *, thorough: bool = True) -> str:
    """Paint with both controls; what was found: `runs`, `refused: ...` or `no effect: ...`.

    thorough: also a range, and a run that is stopped and goes on. Raises AssertionError for what should not be.
    """
    table = merged(one, other)
    if table is None:
        return "is no pair"
    whole = paint(folder, method, table)
    if whole.exit_code:
        assert whole.exit_code == 2, whole
        [sentence] = whole.sentences
        return f"refused: {sentence}"
    flags = {f"--{option.replace('_', '-')}" for option in table}
    named = [sentence for sentence in whole.sentences
             if "no effect" in sentence and flags & {*re.findall("--[a-z-]+", sentence)}]
    for left, lacking in ((one, other), (other, one)):
        without = alone(folder, method, left)
        if without.exit_code == 0 and not named:
            assert whole.hashes != without.hashes, f"{lacking} has no effect beside {left}, and nothing says so"
    if thorough:
        part = paint(folder, method, table, ("--frames", "{}-{}".format(*RANGE), "--preroll", str(FRAMES)))
        assert part.hashes == whole.hashes[RANGE[0]:RANGE[1] + 1], "a range is another painting"
        name = f"stopped{next(_numbers)}.mp4"
        with pytest.MonkeyPatch.context() as patch:
            save_often(patch)
            with pytest.MonkeyPatch.context() as stopping:
                stopping.setattr(progress, "JsonListener", lambda clip: until(STOP))
                assert paint(folder, method, table, name=name).exit_code == 130
            again = paint(folder, method, table, name=name)
        assert again.hashes == whole.hashes, "a run that was stopped goes on to another painting"
    return f"no effect: {' '.join(named)}" if named else "runs"
