"""Sequences out: images under the source's numbers, whole or not at all, and never over an input."""

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import sequence_files as files
import torch
from sequence_files import SIZE, frames_of, make_sequence
from unpainted import copy, plan
from video_clips import make_clip

from vidstyle.core.errors import OutputError, UsageError
from vidstyle.video import ReadSettings, check_output, open_source
from vidstyle.video.images import image_file


@pytest.mark.parametrize("suffix", [".png", ".tif", ".exr", ".dpx"])
def test_images_are_written_under_the_source_s_numbers(tmp_path: Path, suffix: str):
    source = open_source(make_sequence(tmp_path, range(1001, 1009), suffix))
    copy(source, tmp_path / f"out_%05d{suffix}", frames=(2, 4))
    assert sorted(path.name for path in tmp_path.glob("out*")) == [f"out_{n:05d}{suffix}" for n in (1003, 1004, 1005)]
    again = open_source(tmp_path / f"out_#####{suffix}")
    for before, after in zip(source.decode(2, 4), again.decode(), strict=True):
        assert torch.equal(before.image, after.image)


def test_an_exr_keeps_its_light_unless_it_is_painted(tmp_path: Path):
    source = open_source(make_sequence(tmp_path, range(1, 3), ".exr"))
    copy(source, tmp_path / "same.#.exr")
    original = files.read_exr_by_ffmpeg(tmp_path / "shot.0001.exr")
    assert original.max() > 1
    np.testing.assert_array_equal(files.read_exr_by_ffmpeg(tmp_path / "same.0001.exr"), original)
    with plan(source, tmp_path / "half.#.exr", size=(16, 12)).open() as output:
        for frame in source.decode():
            output.write(type(frame)(frame.image[:, ::2, ::2], frame.pts, frame.time_base, frame.index, frame.duration))
    assert files.read_exr_by_ffmpeg(tmp_path / "half.0001.exr").shape == (12, 16, 3)


def test_a_sequence_becomes_a_movie_that_players_open(tmp_path: Path):
    source = open_source(make_sequence(tmp_path, range(1001, 1013), ".exr"), ReadSettings(fps=Fraction(24000, 1001)))
    copy(source, tmp_path / "out.mp4")
    found = frames_of(tmp_path / "out.mp4")
    assert [frame.pts * frame.time_base for frame in found] == [n * Fraction(1001, 24000) for n in range(12)]
    assert {(frame.format.name, frame.width, frame.height) for frame in found} == {("yuv420p", *SIZE)}
    with av.open(str(tmp_path / "out.mp4")) as container:
        video = container.streams.video[0]
        assert video.codec_context.name == "h264"
        assert video.average_rate == Fraction(24000, 1001)
        # BT.709 matrix and primaries, limited range, and the curve that the images were shown with.
        assert (found[0].colorspace, found[0].color_range, found[0].color_primaries, found[0].color_trc) == (1, 1, 1, 13)
    reds = [float(frame.image[0].mean()) for frame in open_source(tmp_path / "out.mp4").decode()]
    truth = [float(frame.image[0].mean()) for frame in source.decode()]
    assert reds == pytest.approx(truth, abs=3 / 255)  # two roundings to 8 bits, and x264 at crf 16 on a flat colour


def test_a_movie_becomes_images(tmp_path: Path):
    movie = open_source(make_clip(tmp_path / "source.clip.mp4", frames=6))
    copy(movie, tmp_path / "out.####.png", frames=(2, 5))
    assert sorted(path.name for path in tmp_path.glob("out*")) == [f"out.{n:04d}.png" for n in (2, 3, 4, 5)]
    for before, path in zip(movie.decode(2, 5), sorted(tmp_path.glob("out*")), strict=True):
        pixels = files.read_coded(path)
        assert pixels.dtype == np.uint8
        truth = (before.image.permute(1, 2, 0) * 255).round().byte().numpy()
        np.testing.assert_array_equal(pixels, truth)


def test_a_movie_of_images_needs_a_rate(tmp_path: Path):
    source = open_source(make_sequence(tmp_path, range(1, 4)))
    assert not source.clip.timed
    with pytest.raises(UsageError, match=r"^[^\n]*out\.mp4: a movie of images needs .*--fps 24000/1001\.$"):
        plan(source, tmp_path / "out.mp4")
    plan(source, tmp_path / "out.####.png")
    stated = make_sequence(tmp_path, range(1, 4), ".exr")
    for file in tmp_path.glob("*.exr"):
        files.write_exr(file, files.rgb(files.light(size=SIZE)), framesPerSecond=Fraction(25))
    assert open_source(stated).clip.average_rate == 25  # what the images state is enough
    assert open_source(stated, ReadSettings(fps=Fraction(24))).clip.average_rate == 24


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("out.png", {}, r"is one image for 2 frames; name a sequence such as out\.####\.png"),
        ("out.1-9#.png", {}, "the numbers of an output are the source's"),
        ("out.####.png", {"codec": "prores"}, "images have no codec prores"),
        ("out.####.png", {"codec": "h264"}, "images have no codec h264"),
        ("out.####.jpg", {}, "written as PNG, TIFF, EXR or DPX, and .jpg is only read"),
    ],
)
def test_impossible_outputs_are_refused(tmp_path: Path, name: str, settings: dict[str, str], words: str):
    source = open_source(make_sequence(tmp_path, range(1, 3)), ReadSettings(fps=Fraction(24)))
    with pytest.raises(UsageError, match=words):
        plan(source, tmp_path / name, **settings)


def test_nothing_that_is_read_is_written_over(tmp_path: Path):
    source = open_source(make_sequence(tmp_path, range(1, 5)))
    (tmp_path / "out").mkdir()
    before = {path: path.read_bytes() for path in tmp_path.glob("shot*")}
    for link in (os.symlink, os.link):
        link(tmp_path / "shot.0003.png", tmp_path / "out/b.0002.png")
        with pytest.raises(OutputError, match=r"b\.0002\.png: is the clip \(.*shot\.0003\.png\), and what is read"):
            check_output(tmp_path / "out/b.####.png", source, (0, 3), overwrite=True)
        (tmp_path / "out/b.0002.png").unlink()
    os.symlink(tmp_path, tmp_path / "out/folder")
    for target in ("shot.####.png", "shot.%04d.png", "out/folder/shot.####.png"):
        with pytest.raises(OutputError, match="never written to"):
            check_output(tmp_path / target, source, (0, 3), overwrite=True)
    os.link(tmp_path / "shot.0004.png", tmp_path / "movie.mp4")
    with pytest.raises(OutputError, match="never written to"):
        check_output(tmp_path / "movie.mp4", source, (0, 3), overwrite=True)
    with pytest.raises(OutputError, match="is a style picture, and"):
        check_output(tmp_path / "style.#.png", source, (0, 3), overwrite=True,
                     inputs={"a style picture": [files.write_coded(tmp_path / "style.0002.png", files.codes())]})
    assert {path: path.read_bytes() for path in tmp_path.glob("shot*")} == before


def test_images_that_are_there_are_named_and_the_rest_can_be_painted(tmp_path: Path):
    source = open_source(make_sequence(tmp_path, range(1, 7)))
    copy(source, tmp_path / "out.####.png", frames=(0, 3))
    with pytest.raises(OutputError, match=r"images 1-4 exist already; paint the rest with --frames 5-6, .*--overwrite"):
        check_output(tmp_path / "out.####.png", source, (0, 5))
    check_output(tmp_path / "out.####.png", source, (4, 5))
    check_output(tmp_path / "out.####.png", source, (0, 5), overwrite=True)


def test_an_image_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source = open_source(make_sequence(tmp_path, range(1, 4)))
    frames = list(source.decode())
    before = set(tmp_path.iterdir())
    names: list[str] = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda part, whole: names.append(Path(part).name) or replace(part, whole))

    def fail(path: Path, *_: object) -> None:
        path.write_bytes(b"half an image")
        raise OSError(28, "No space left on device")

    output = plan(source, tmp_path / "out.#.png").open()
    output.write(frames[0])
    monkeypatch.setattr(image_file, "write", fail)
    with pytest.raises(OutputError, match=r"out\.0002\.png: cannot be written \(no space left"):
        output.write(frames[1])
    assert names == ["out.0001.png.part"]
    assert set(tmp_path.iterdir()) - before == {tmp_path / "out.0001.png"}  # what was done stays
