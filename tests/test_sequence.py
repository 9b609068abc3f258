"""Sequences in: which images, under which numbers, and at which times."""

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import OpenEXR
import pytest
import sequence_files as files
from PIL import Image
from sequence_files import SIZE, make_sequence
from unpainted import copy

from vidstyle.core.choices import parse_rate
from vidstyle.core.config import load_options
from vidstyle.core.errors import InputError, UsageError
from vidstyle.core.options import Options
from vidstyle.video import ReadSettings, open_source, plan_output, probe


def test_files_in_order_are_frames(tmp_path: Path):
    source = open_source(make_sequence(tmp_path, range(998, 1003)), ReadSettings(fps=Fraction(24000, 1001)))
    assert [file.name for file in source.images] == [f"shot.{n:04d}.png" for n in range(998, 1003)]
    assert (source.clip.frames, source.clip.width, source.clip.height, source.clip.coding.depth) == (5, *SIZE, 16)
    assert [source.clip.number(index) for index in range(5)] == list(range(998, 1003))
    assert [float(t * source.clip.time_base) for t in source.clip.pts] == pytest.approx([n * 1001 / 24000 for n in range(5)])
    assert (source.clip.average_rate, source.clip.variable_rate) == (Fraction(24000, 1001), False)
    reds = [float(frame.image[0].mean()) for frame in source.decode()]
    assert reds == pytest.approx([n % 50 / 50 for n in range(998, 1003)], abs=1e-4)
    assert [frame.index for frame in source.decode(2, 3)] == [2, 3]
    assert [[frame.index for frame in run] for run in source.sample([0, 3, 4])] == [[0, 1], [3, 4], [4]]


def test_frames_are_numbers_of_files(tmp_path: Path):
    source = open_source(make_sequence(tmp_path, range(1001, 1011)))
    assert source.clip.select((1003, 1005)) == (2, 4)
    for wrong in ((0, 3), (1001, 1011)):
        with pytest.raises(UsageError, match="the clip has frames 1001-1010"):
            source.clip.select(wrong)
    with pytest.raises(UsageError, match="--fps"):
        source.clip.select(start=0.1)
    assert probe(source.clip.path, ReadSettings(fps=Fraction(10))).select(start=0.1, end=0.3) == (1, 2)


def test_a_range_and_a_step_in_the_name(tmp_path: Path):
    make_sequence(tmp_path, range(1001, 1011))
    source = open_source(tmp_path / "shot.1002-1009x3#.png")
    assert [source.clip.number(index) for index in range(source.clip.frames)] == [1002, 1005, 1008]
    assert source.clip.select((1003, 1008)) == (1, 2)
    with pytest.raises(UsageError, match="in steps of 3"):
        source.clip.select((1003, 1004))
    with pytest.raises(InputError, match="1011-1012 are missing"):
        probe(tmp_path / "shot.1009-1012#.png")


def test_gaps_stop_hold_or_are_black(tmp_path: Path):
    path = make_sequence(tmp_path, range(1, 11))
    for number in (4, 6, 7):
        (tmp_path / f"shot.{number:04d}.png").unlink()
    with pytest.raises(InputError, match=r"shot\.####\.png: images 4, 6-7 are missing; .*--gaps hold"):
        probe(path)
    held, black = (open_source(path, ReadSettings(gaps=gaps)) for gaps in ("hold", "black"))
    assert held.clip.frames == black.clip.frames == 10
    assert "Images 4, 6-7 are missing and repeat the image before them." in held.warnings
    reds = [float(frame.image[0].mean()) for frame in held.decode()]
    assert reds == pytest.approx([n / 50 for n in (1, 2, 3, 3, 5, 5, 5, 8, 9, 10)], abs=1e-4)
    assert [index for index, frame in enumerate(black.decode()) if not frame.image.any()] == [3, 5, 6]
    copy(held, tmp_path / "out.##.png")
    assert len(list(tmp_path.glob("out.*.png"))) == 10  # what is held is written under its own number


def test_images_are_of_one_size(tmp_path: Path):
    path = make_sequence(tmp_path, range(1, 6))
    files.write_coded(tmp_path / "shot.0004.png", files.codes(size=(16, 12)))
    with pytest.raises(InputError, match=r"shot\.0004\.png: is 16x12 and shot\.0001\.png is 32x24; all"):
        probe(path)


def test_an_image_that_changes_while_it_is_read_is_reported(tmp_path: Path):
    source = open_source(make_sequence(tmp_path, range(1, 4)))
    files.write_coded(tmp_path / "shot.0002.png", files.codes(size=(16, 12)))
    with pytest.raises(InputError, match="was replaced"):
        list(source.decode())
    (tmp_path / "shot.0002.png").unlink()
    with pytest.raises(InputError, match="no such file"):
        list(source.decode())


def test_damaged_images_repeat_the_one_before_with_on_damage_hold(tmp_path: Path):
    path = make_sequence(tmp_path, range(1, 7))
    for number in (1, 4):
        (tmp_path / f"shot.{number:04d}.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"shot\.0001\.png: is empty"):
        probe(path)
    frames = list(open_source(path, ReadSettings("hold")).decode())
    assert [frame.damage for frame in frames] == ["held", "", "", "held", "", ""]
    assert [frame.index for frame in frames] == list(range(6))
    reds = [float(frame.image[0].mean()) for frame in frames]
    assert reds == pytest.approx([n / 50 for n in (2, 2, 3, 3, 5, 6)], abs=1e-4)  # before the first good one, that one
    assert open_source(path, ReadSettings("hold")).decode(3, 3).__next__().image.equal(frames[2].image)


def test_a_stray_number_is_refused_by_name(tmp_path: Path):
    path = make_sequence(tmp_path, range(1, 3))
    os.rename(tmp_path / "shot.0002.png", tmp_path / "shot.20251121.png")
    with pytest.raises(InputError, match="runs from 1 to 20251121, more than 1000000"):
        probe(path, ReadSettings(gaps="hold"))


def test_timecode_is_written_to_a_movie_and_advanced_for_a_range(tmp_path: Path):
    path = make_sequence(tmp_path, range(1, 13), ".exr")
    for number in range(1, 13):
        code = OpenEXR.TimeCode()
        code.hours, code.frame = 10, number - 1
        files.write_exr(tmp_path / f"shot.{number:04d}.exr", files.rgb(files.light(size=SIZE)), timeCode=code)
    source = open_source(path, ReadSettings(fps=Fraction(24)))
    assert source.clip.timecode == "10:00:00:00"
    copy(source, tmp_path / "part.mov", frames=(5, 8))
    with av.open(str(tmp_path / "part.mov")) as container:
        assert container.streams.video[0].metadata["timecode"] == "10:00:00:05"
    dpx = files.write_dpx(tmp_path / "d.0001.dpx", files.codes(most=1023), timecode=0x01020304)
    assert probe(dpx.with_name("d.#.dpx")).timecode == "01:02:03:04"


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp", ".bmp", ".tga"])
def test_pictures_of_other_kinds_are_read_as_pillow_reads_them(tmp_path: Path, suffix: str):
    for number in (8, 9, 10):
        Image.new("RGB", (40, 24), (20 * number, 90, 200)).save(tmp_path / f"img_{number:04}{suffix}")
    source = open_source(tmp_path / f"img_####{suffix}")
    assert (source.clip.frames, source.clip.width, source.clip.height) == (3, 40, 24)
    for frame, number in zip(source.decode(), (8, 9, 10), strict=True):
        expected = np.array(Image.open(tmp_path / f"img_{number:04}{suffix}").convert("RGB")) / np.float32(255)
        # JPEG decoders round the conversion from YCbCr differently, by one code.
        assert np.abs(frame.image.permute(1, 2, 0).numpy() - expected).max() <= 1.01 / 255
    with pytest.raises(UsageError, match="written as PNG, TIFF, EXR or DPX"):
        plan_output(tmp_path / f"out_####{suffix}", source)


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
def test_text_that_is_not_a_rate_is_refused(text: str):
    with pytest.raises(UsageError, match="fps is"):
        Options(fps=parse_rate(text))
