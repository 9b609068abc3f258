"""Sequences in: which pictures, under which numbers, and at which times."""

import os
from fractions import Fraction
from pathlib import Path

import av
import OpenEXR
import pytest
import sequence_files as files
from sequence_files import SIZE, copy, make_sequence

from vidstyle.core.config import load_options
from vidstyle.core.errors import InputError, UsageError
from vidstyle.core.options import Options, parse_rate
from vidstyle.video import decode, probe, sample


def test_files_in_order_are_frames(tmp_path: Path):
    clip = probe(make_sequence(tmp_path, range(998, 1003)), fps=Fraction(24000, 1001))
    assert [file and file.name for file in clip.files] == [f"shot.{n:04d}.png" for n in range(998, 1003)]
    assert (clip.frames, clip.width, clip.height, clip.depth) == (5, *SIZE, 16)
    assert [clip.number(index) for index in range(5)] == list(range(998, 1003))
    assert [float(t * clip.time_base) for t in clip.pts] == pytest.approx([n * 1001 / 24000 for n in range(5)])
    assert (clip.average_rate, clip.variable_rate) == (Fraction(24000, 1001), False)
    reds = [float(frame.image[0].mean()) for frame in decode(clip)]
    assert reds == pytest.approx([n % 50 / 50 for n in range(998, 1003)], abs=1e-4)
    assert [frame.index for frame in decode(clip, 2, 3)] == [2, 3]
    assert [[frame.index for frame in run] for run in sample(clip, [0, 3, 4])] == [[0, 1], [3, 4], [4]]


def test_frames_are_numbers_of_files(tmp_path: Path):
    clip = probe(make_sequence(tmp_path, range(1001, 1011)))
    assert clip.select((1003, 1005)) == (2, 4)
    for wrong in ((0, 3), (1001, 1011)):
        with pytest.raises(UsageError, match="the clip has frames 1001-1010"):
            clip.select(wrong)
    with pytest.raises(UsageError, match="--fps"):
        clip.select(start=0.1)
    assert probe(clip.path, fps=Fraction(10)).select(start=0.1, end=0.3) == (1, 2)


def test_a_range_and_a_step_in_the_name(tmp_path: Path):
    make_sequence(tmp_path, range(1001, 1011))
    clip = probe(tmp_path / "shot.1002-1009x3#.png")
    assert [clip.number(index) for index in range(clip.frames)] == [1002, 1005, 1008]
    assert clip.select((1003, 1008)) == (1, 2)
    with pytest.raises(UsageError, match="in steps of 3"):
        clip.select((1003, 1004))
    with pytest.raises(InputError, match="1011-1012 are missing"):
        probe(tmp_path / "shot.1009-1012#.png")


def test_gaps_stop_hold_or_are_black(tmp_path: Path):
    path = make_sequence(tmp_path, range(1, 11))
    for number in (4, 6, 7):
        (tmp_path / f"shot.{number:04d}.png").unlink()
    with pytest.raises(InputError, match=r"shot\.####\.png: pictures 4, 6-7 are missing; .*--gaps hold"):
        probe(path)
    held, black = probe(path, gaps="hold"), probe(path, gaps="black")
    assert held.frames == black.frames == 10
    assert "Pictures 4, 6-7 are missing and repeat the picture before them." in held.warnings
    reds = [float(frame.image[0].mean()) for frame in decode(held)]
    assert reds == pytest.approx([n / 50 for n in (1, 2, 3, 3, 5, 5, 5, 8, 9, 10)], abs=1e-4)
    assert [index for index, frame in enumerate(decode(black)) if not frame.image.any()] == [3, 5, 6]
    copy(held, tmp_path / "out.##.png")
    assert len(list(tmp_path.glob("out.*.png"))) == 10  # what is held is written under its own number


def test_pictures_are_of_one_size(tmp_path: Path):
    path = make_sequence(tmp_path, range(1, 6))
    files.write_coded(tmp_path / "shot.0004.png", files.codes(size=(16, 12)))
    with pytest.raises(InputError, match=r"shot\.0004\.png: is 16x12 and shot\.0001\.png is 32x24; all"):
        probe(path)


def test_a_picture_that_changes_while_it_is_read_is_told(tmp_path: Path):
    clip = probe(make_sequence(tmp_path, range(1, 4)))
    files.write_coded(tmp_path / "shot.0002.png", files.codes(size=(16, 12)))
    with pytest.raises(InputError, match="was replaced"):
        list(decode(clip))
    (tmp_path / "shot.0002.png").unlink()
    with pytest.raises(InputError, match="no such file"):
        list(decode(clip))


def test_damage_is_held_where_it_is_asked_for(tmp_path: Path):
    path = make_sequence(tmp_path, range(1, 7))
    for number in (1, 4):
        (tmp_path / f"shot.{number:04d}.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"shot\.0001\.png: is empty"):
        probe(path)
    frames = list(decode(probe(path, "hold")))
    assert [frame.damage for frame in frames] == ["held", "", "", "held", "", ""]
    assert [frame.index for frame in frames] == list(range(6))
    reds = [float(frame.image[0].mean()) for frame in frames]
    assert reds == pytest.approx([n / 50 for n in (2, 2, 3, 3, 5, 6)], abs=1e-4)  # before the first good one, that one
    assert decode(probe(path, "hold"), 3, 3).__next__().image.equal(frames[2].image)


def test_a_stray_number_is_told(tmp_path: Path):
    path = make_sequence(tmp_path, range(1, 3))
    os.rename(tmp_path / "shot.0002.png", tmp_path / "shot.20251121.png")
    with pytest.raises(InputError, match="runs from 1 to 20251121, more than 1000000"):
        probe(path, gaps="hold")


def test_timecode_reaches_a_movie_and_counts_on_in_a_range(tmp_path: Path):
    path = make_sequence(tmp_path, range(1, 13), ".exr")
    for number in range(1, 13):
        code = OpenEXR.TimeCode()
        code.hours, code.frame = 10, number - 1
        files.write_exr(tmp_path / f"shot.{number:04d}.exr", files.rgb(files.light(size=SIZE)), timeCode=code)
    clip = probe(path, fps=Fraction(24))
    assert clip.timecode == "10:00:00:00"
    copy(clip, tmp_path / "part.mov", first=5, last=8)
    with av.open(str(tmp_path / "part.mov")) as container:
        assert container.streams.video[0].metadata["timecode"] == "10:00:00:05"
    dpx = files.write_dpx(tmp_path / "d.0001.dpx", files.codes(most=1023), timecode=0x01020304)
    assert probe(dpx.with_name("d.#.dpx")).timecode == "01:02:03:04"


def test_one_picture_is_no_clip_but_names_one(tmp_path: Path):
    make_sequence(tmp_path, range(1001, 1003))
    with pytest.raises(InputError, match=r"is one picture; name a sequence of them, such as shot\.####\.png\."):
        probe(tmp_path / "shot.1001.png")


@pytest.mark.parametrize(
    ("text", "rate"),
    [("24", Fraction(24)), ("24000/1001", Fraction(24000, 1001)), ("23.976", Fraction(24000, 1001)),
     ("23.98", Fraction(24000, 1001)), ("29.97", Fraction(30000, 1001)), ("59.94", Fraction(60000, 1001)),
     ("25.0", Fraction(25)), ("12.5", Fraction(25, 2))],
)  # fmt: skip
def test_rates(text: str, rate: Fraction, tmp_path: Path):
    assert parse_rate(text) == rate
    config = tmp_path / "c.toml"
    config.write_text(f'fps = "{text}"')
    assert load_options(config=config).fps == rate


@pytest.mark.parametrize("text", ["0", "-24", "fast", "24/0", "", "1e9", "nan"])
def test_what_is_no_rate(text: str):
    with pytest.raises(UsageError, match="fps is"):
        Options(fps=parse_rate(text))
