"""The artist's controls together: each pair is painted with both effects, or refused in one sentence before any painting."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from control_pairs import CONTROLS, KEY, METHODS, PAIRS, check_pair, make_media, merged, paint, paint_quickly
from sequence_files import codes, write_coded

from vidstyle.cli import execute
from vidstyle.core.images import read_image
from vidstyle.run.finish import frame_hash

SAMPLE = random.Random(19).sample([(method, *pair) for method in METHODS for pair in PAIRS if merged(*pair)], 1)
"""One of all; `pytest -m slow` takes them all."""
WITH_KEYS = [("palette", "key", "region"), ("palette", "strokes", "key")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_media(tmp_path_factory.mktemp("together"))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    paint_quickly(monkeypatch)


@pytest.mark.parametrize(("method", "one", "other"), [*WITH_KEYS, *SAMPLE])
def test_two_controls_paint_together_or_are_refused(folder: Path, method: str, one: str, other: str):
    assert check_pair(folder, method, one, other) != "is no pair"


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_every_pair(folder: Path, method: str, one: str, other: str):
    check_pair(folder, method, one, other)


def test_a_painting_is_kept_under_controls_that_renew_strokes(folder: Path):
    """Boil, refresh and a changing share of strokes leave a painted key frame as it is, to one code."""
    table = CONTROLS["key"] | CONTROLS["boil"] | CONTROLS["refresh"] | CONTROLS["strokes"]
    assert paint(folder, "palette", table).hashes[KEY] == frame_hash(read_image(folder / "key.png"))


def test_a_painting_leads_where_no_region_has_a_style_of_its_own(folder: Path):
    """The matte is black left of column 20: there the painting is seen, and right of it nothing changes with it."""
    write_coded(folder / "key2.png", codes(6, (48, 32), most=255))
    shown = []
    for name in ("key", "key2"):
        table = CONTROLS["region"] | {"key": [f"{KEY}={name}.png"]}
        assert paint(folder, "palette", table, ("--frames", f"{KEY}-{KEY}"), name=f"{name}_out.####.png").exit_code == 0
        shown.append((read_image(folder / f"{name}_out.{KEY:04}.png") * 255).round())
        assert (shown[-1][..., :20] == (read_image(folder / f"{name}.png") * 255).round()[..., :20]).all()
    assert (shown[0][..., 20:] == shown[1][..., 20:]).all()


@pytest.mark.parametrize(("controls", "words", "message"), [
    ({"matte": ["left.png", "white.png=none"]}, (), "the source is seen everywhere"),
    ({}, ("--refresh", "2s"), "Invalid value for '--refresh': give a number, without a unit"),
    ({"color_from": "other.png"}, (), "--color-from has no effect: give --color match too"),
])
def test_what_is_wrong_is_one_sentence(folder: Path, controls: dict[str, object], words: tuple[str, ...], message: str):
    found = paint(folder, "palette", controls, words)
    assert found.exit_code == 2
    [sentence] = found.sentences
    assert message in sentence


def test_a_curve_behind_the_end_of_the_clip_is_named(folder: Path):
    found = paint(folder, "palette", {"strength": "100:0.5 200:1"})
    assert any("--strength is 0.5 throughout: all keys of '100:0.5 200:1' lie behind the clip's last frame, 7" in sentence
               for sentence in found.sentences)


def test_a_job_without_a_style_is_repeated_without_one(folder: Path, monkeypatch: pytest.MonkeyPatch,
                                                       capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(folder)
    words = ["--key", f"{KEY}=key.png", "--frames", "0-3", "--strokes", "0", "--device", "cpu", "-o", "bare.mp4"]
    assert execute(["run", "clip.mp4", *words]) == 0
    assert execute(["run", "--from", "bare.mp4.vidstyle.json"]) == 0
    said = capsys.readouterr().err
    assert "All 4 frames are those of bare.mp4.vidstyle.json" in said
    assert "no effect" not in said
