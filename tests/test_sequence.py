"""Sequences in and out: which pictures, under which numbers, at which times, with which sound, and never over an input."""

import os
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import OpenEXR
import pytest
import sequence_files as files
import torch
from video_clips import make_clip

from vidstyle import pipeline
from vidstyle.batch import run_clips
from vidstyle.errors import InputError, OutputError, UsageError
from vidstyle.options import Options, load_options, parse_rate
from vidstyle.pictures import read_picture, write_png
from vidstyle.pipeline import Selection, Style, preview_video, stylize_video
from vidstyle.plan import plan_video
from vidstyle.video import Clip, check_output, decode, open_output, plan_output, probe, sample

SIZE = (32, 24)


def make(folder: Path, numbers: range, suffix: str = ".png") -> Path:
    """A sequence of smooth pictures, each of another colour, and its pattern."""
    y, x = np.mgrid[0:SIZE[1], 0:SIZE[0]]
    for number in numbers:
        shade = number % 50 / 50
        picture = np.stack([np.full(x.shape, shade), x / SIZE[0], y / SIZE[1]], -1)
        path = folder / f"shot.{number:04d}{suffix}"
        if suffix == ".exr":
            files.write_exr(path, files.rgb((picture * 1.5).astype(np.float16)))
        elif suffix == ".dpx":
            files.write_dpx(path, (picture * 1023).astype(np.uint16))
        else:
            files.write_coded(path, (picture * 65535).astype(np.uint16))
    return folder / f"shot.####{suffix}"


def copy(clip: Clip, target: Path, **settings: object) -> None:
    """Write the clip, unpainted."""
    first, last = int(str(settings.get("first", 0))), int(str(settings.get("last", clip.frames - 1)))
    with open_output(target, clip, **settings) as output:
        for frame in decode(clip, first, last):
            output.write(frame)


def pictures(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


# ---- in ----


def test_files_in_order_are_frames(tmp_path: Path):
    clip = probe(make(tmp_path, range(998, 1003)), fps=Fraction(24000, 1001))
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
    clip = probe(make(tmp_path, range(1001, 1011)))
    assert clip.select((1003, 1005)) == (2, 4)
    for wrong in ((0, 3), (1001, 1011)):
        with pytest.raises(UsageError, match="the clip has frames 1001-1010"):
            clip.select(wrong)
    with pytest.raises(UsageError, match="--fps"):
        clip.select(start=0.1)
    assert probe(clip.path, fps=Fraction(10)).select(start=0.1, end=0.3) == (1, 2)


def test_a_range_and_a_step_in_the_name(tmp_path: Path):
    make(tmp_path, range(1001, 1011))
    clip = probe(tmp_path / "shot.1002-1009x3#.png")
    assert [clip.number(index) for index in range(clip.frames)] == [1002, 1005, 1008]
    assert clip.select((1003, 1008)) == (1, 2)
    with pytest.raises(UsageError, match="in steps of 3"):
        clip.select((1003, 1004))
    with pytest.raises(InputError, match="1011-1012 are missing"):
        probe(tmp_path / "shot.1009-1012#.png")


def test_gaps_stop_hold_or_are_black(tmp_path: Path):
    path = make(tmp_path, range(1, 11))
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
    path = make(tmp_path, range(1, 6))
    files.write_coded(tmp_path / "shot.0004.png", files.codes(size=(16, 12)))
    with pytest.raises(InputError, match=r"shot\.0004\.png: is 16x12 and shot\.0001\.png is 32x24; all"):
        probe(path)


def test_a_picture_that_changes_while_it_is_read_is_told(tmp_path: Path):
    clip = probe(make(tmp_path, range(1, 4)))
    files.write_coded(tmp_path / "shot.0002.png", files.codes(size=(16, 12)))
    with pytest.raises(InputError, match="was replaced"):
        list(decode(clip))
    (tmp_path / "shot.0002.png").unlink()
    with pytest.raises(InputError, match="no such file"):
        list(decode(clip))


def test_damage_is_held_where_it_is_asked_for(tmp_path: Path):
    path = make(tmp_path, range(1, 7))
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
    path = make(tmp_path, range(1, 3))
    os.rename(tmp_path / "shot.0002.png", tmp_path / "shot.20251121.png")
    with pytest.raises(InputError, match="runs from 1 to 20251121, more than 1000000"):
        probe(path, gaps="hold")


def test_timecode_reaches_a_movie_and_counts_on_in_a_range(tmp_path: Path):
    path = make(tmp_path, range(1, 13), ".exr")
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
    make(tmp_path, range(1001, 1003))
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


# ---- out ----


@pytest.mark.parametrize("suffix", [".png", ".tif", ".exr", ".dpx"])
def test_pictures_are_written_under_the_source_s_numbers(tmp_path: Path, suffix: str):
    clip = probe(make(tmp_path, range(1001, 1009), suffix))
    copy(clip, tmp_path / f"out_%05d{suffix}", first=2, last=4)
    assert sorted(path.name for path in tmp_path.glob("out*")) == [f"out_{n:05d}{suffix}" for n in (1003, 1004, 1005)]
    again = probe(tmp_path / f"out_#####{suffix}")
    for before, after in zip(decode(clip, 2, 4), decode(again), strict=True):
        assert torch.equal(before.image, after.image)


def test_an_exr_keeps_its_light_unless_it_is_painted(tmp_path: Path):
    clip = probe(make(tmp_path, range(1, 3), ".exr"))
    copy(clip, tmp_path / "same.#.exr")
    original = files.read_exr_by_ffmpeg(tmp_path / "shot.0001.exr")
    assert original.max() > 1
    np.testing.assert_array_equal(files.read_exr_by_ffmpeg(tmp_path / "same.0001.exr"), original)
    with open_output(tmp_path / "half.#.exr", clip, size=(16, 12)) as output:
        for frame in decode(clip):
            output.write(type(frame)(frame.image[:, ::2, ::2], frame.pts, frame.time_base, frame.index, frame.duration))
    assert files.read_exr_by_ffmpeg(tmp_path / "half.0001.exr").shape == (12, 16, 3)


def test_a_sequence_becomes_a_movie_that_players_open(tmp_path: Path):
    clip = probe(make(tmp_path, range(1001, 1013), ".exr"), fps=Fraction(24000, 1001))
    copy(clip, tmp_path / "out.mp4")
    found = pictures(tmp_path / "out.mp4")
    assert [frame.pts * frame.time_base for frame in found] == [n * Fraction(1001, 24000) for n in range(12)]
    assert {(frame.format.name, frame.width, frame.height) for frame in found} == {("yuv420p", *SIZE)}
    with av.open(str(tmp_path / "out.mp4")) as container:
        video = container.streams.video[0]
        assert video.codec_context.name == "h264"
        assert video.average_rate == Fraction(24000, 1001)
        # BT.709 matrix and primaries, limited range, and the curve that the pictures were shown with.
        assert (found[0].colorspace, found[0].color_range, found[0].color_primaries, found[0].color_trc) == (1, 1, 1, 13)
    reds = [float(frame.image[0].mean()) for frame in decode(probe(tmp_path / "out.mp4"))]
    truth = [float(frame.image[0].mean()) for frame in decode(clip)]
    assert reds == pytest.approx(truth, abs=3 / 255)  # two roundings to 8 bits, and x264 at crf 16 on a flat colour


def test_a_movie_becomes_pictures(tmp_path: Path):
    movie = probe(make_clip(tmp_path / "clip.mp4", frames=6))
    copy(movie, tmp_path / "out.####.png", first=2, last=5)
    assert sorted(path.name for path in tmp_path.glob("out*")) == [f"out.{n:04d}.png" for n in (2, 3, 4, 5)]
    for before, path in zip(decode(movie, 2, 5), sorted(tmp_path.glob("out*")), strict=True):
        pixels = files.read_coded(path)
        assert pixels.dtype == np.uint8
        truth = (before.image.permute(1, 2, 0) * 255).round().byte().numpy()
        np.testing.assert_array_equal(pixels, truth)


def test_a_movie_of_pictures_needs_a_rate(tmp_path: Path):
    clip = probe(make(tmp_path, range(1, 4)))
    assert not clip.timed
    with pytest.raises(UsageError, match=r"^[^\n]*out\.mp4: a movie of pictures needs .*--fps 24000/1001\.$"):
        plan_output(tmp_path / "out.mp4", clip)
    plan_output(tmp_path / "out.####.png", clip)
    stated = make(tmp_path, range(1, 4), ".exr")
    for file in tmp_path.glob("*.exr"):
        files.write_exr(file, files.rgb(files.light(size=SIZE)), framesPerSecond=Fraction(25))
    assert probe(stated).average_rate == 25  # what the pictures say is enough
    assert probe(stated, fps=Fraction(24)).average_rate == 24


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("out.png", {}, r"is one picture for many frames; name a sequence such as out\.####\.png"),
        ("out.1-9#.png", {}, "the numbers of an output are the source's"),
        ("out.####.png", {"codec": "prores"}, "pictures have no codec prores"),
        ("out.####.jpg", {}, "cannot write .jpg"),
    ],
)
def test_outputs_that_cannot_be(tmp_path: Path, name: str, settings: dict[str, str], words: str):
    clip = probe(make(tmp_path, range(1, 3)), fps=Fraction(24))
    with pytest.raises(UsageError, match=words):
        plan_output(tmp_path / name, clip, **settings)


def test_nothing_that_is_read_is_written_over(tmp_path: Path):
    clip = probe(make(tmp_path, range(1, 5)))
    (tmp_path / "out").mkdir()
    before = {path: path.read_bytes() for path in tmp_path.glob("shot*")}
    for link in (os.symlink, os.link):
        link(tmp_path / "shot.0003.png", tmp_path / "out/b.0002.png")
        with pytest.raises(OutputError, match=r"b\.0002\.png: is read for this painting"):
            check_output(tmp_path / "out/b.####.png", clip, (0, 3), overwrite=True)
        (tmp_path / "out/b.0002.png").unlink()
    os.symlink(tmp_path, tmp_path / "out/folder")
    for target in ("shot.####.png", "shot.%04d.png", "out/folder/shot.####.png"):
        with pytest.raises(OutputError, match="never written to"):
            check_output(tmp_path / target, clip, (0, 3), overwrite=True)
    os.link(tmp_path / "shot.0004.png", tmp_path / "movie.mp4")
    with pytest.raises(OutputError, match="never written to"):
        check_output(tmp_path / "movie.mp4", clip, (0, 3), overwrite=True)
    with pytest.raises(OutputError, match="is read for this painting"):
        check_output(tmp_path / "style.#.png", clip, (0, 3), overwrite=True,
                     others=[files.write_coded(tmp_path / "style.0002.png", files.codes())])
    assert {path: path.read_bytes() for path in tmp_path.glob("shot*")} == before


def test_pictures_that_are_there_are_named_and_the_rest_can_be_painted(tmp_path: Path):
    clip = probe(make(tmp_path, range(1, 7)))
    copy(clip, tmp_path / "out.####.png", first=0, last=3)
    with pytest.raises(OutputError, match=r"pictures 1-4 exist already; paint the rest with --frames 5-6, .*--overwrite"):
        check_output(tmp_path / "out.####.png", clip, (0, 5))
    check_output(tmp_path / "out.####.png", clip, (4, 5))
    check_output(tmp_path / "out.####.png", clip, (0, 5), overwrite=True)


def test_a_picture_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    clip = probe(make(tmp_path, range(1, 4)))
    frames = list(decode(clip))
    before = set(tmp_path.iterdir())
    names: list[str] = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda part, whole: names.append(Path(part).name) or replace(part, whole))

    def fail(path: Path, *_: object) -> None:
        path.write_bytes(b"half a picture")
        raise OSError(28, "No space left on device")

    output = open_output(tmp_path / "out.#.png", clip)
    output.write(frames[0])
    monkeypatch.setattr(sys.modules["vidstyle.video.still"], "write", fail)
    with pytest.raises(OutputError, match=r"out\.0002\.png: cannot be written \(no space left"):
        output.write(frames[1])
    assert names == ["out.0001.png.part"]
    assert set(tmp_path.iterdir()) - before == {tmp_path / "out.0001.png"}  # what was done stays


# ---- sound ----


def write_click(path: Path, at: float, seconds: float = 2.0, rate: int = 48000) -> Path:
    """Silence with one loud sample, `at` seconds from the start."""
    samples = np.zeros((1, round(seconds * rate)), np.int16)
    samples[0, round(at * rate)] = 30000
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=rate, layout="mono")
        for start in range(0, samples.shape[1], 1024):
            frame = av.AudioFrame.from_ndarray(samples[:, start:start + 1024].copy(), format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def heard(path: Path) -> tuple[float, float]:
    """Seconds from the first picture to the loudest sample, and to the end of the sound."""
    with av.open(str(path)) as container:
        video = next(frame.pts * frame.time_base for frame in container.decode(video=0))
    with av.open(str(path)) as container:
        loudest, when, end = 0, 0.0, 0.0
        for frame in container.decode(audio=0):
            data = np.abs(frame.to_ndarray().astype(np.float64)).max(0)
            start = float(frame.pts * frame.time_base - video)
            end = start + data.size / frame.sample_rate
            if data.max() > loudest:
                loudest, when = data.max(), start + int(data.argmax()) / frame.sample_rate
    return when, end


@pytest.mark.parametrize("suffix", [".mov", ".mkv", ".mp4"])
def test_sound_of_another_file_begins_with_the_first_picture(tmp_path: Path, suffix: str):
    clip = probe(make(tmp_path, range(1001, 1025)), fps=Fraction(24), sound_file=write_click(tmp_path / "s.wav", 0.5))
    copy(clip, tmp_path / f"whole{suffix}")
    click, end = heard(tmp_path / f"whole{suffix}")
    # A sample of rounding; Matroska counts milliseconds; MP4 gets AAC, which spreads a click over a few samples.
    exact = 2 / 48000 if suffix == ".mov" else 1e-3
    assert click == pytest.approx(0.5, abs=exact)
    assert end == pytest.approx(1.0, abs=0.1)  # two seconds of sound are cut where one second of pictures ends, by packets
    copy(clip, tmp_path / f"part{suffix}", first=6, last=17)  # from a quarter of a second on
    click, end = heard(tmp_path / f"part{suffix}")
    assert click == pytest.approx(0.25, abs=exact)
    assert len(pictures(tmp_path / f"part{suffix}")) == 12


def test_sound_of_another_file_under_a_movie_that_starts_late(tmp_path: Path):
    movie = make_clip(tmp_path / "clip.mkv", frames=30, time_base=Fraction(1, 1000), step=40,
                      pts=[500 + 40 * n for n in range(30)], sound=[("aac", "eng")])
    clip = probe(movie, sound_file=write_click(tmp_path / "s.wav", 0.5))
    assert clip.pts[0] == 500
    copy(clip, tmp_path / "out.mov")
    assert heard(tmp_path / "out.mov")[0] == pytest.approx(0.5, abs=2 / 48000)
    lines = plan_output(tmp_path / "out.mov", clip).kept
    assert any("s.wav" in line and "copied" in line for line in lines)
    assert any("aac" in line and "takes its place" in line for line in lines)


def test_sound_that_is_none_is_one_sentence(tmp_path: Path):
    path = make(tmp_path, range(1, 3))
    silent = make_clip(tmp_path / "silent.mp4", frames=2)
    with pytest.raises(InputError, match="holds no sound"):
        probe(path, sound_file=silent)
    with pytest.raises(InputError, match="no such file"):
        probe(path, sound_file=tmp_path / "none.wav")
    clip = probe(path, sound_file=write_click(tmp_path / "s.wav", 0.1))
    with pytest.raises(UsageError, match="pictures hold no sound"):
        plan_output(tmp_path / "out.####.png", clip)
    with pytest.raises(OutputError, match="never written to"):
        check_output(tmp_path / "s.wav", clip, (0, 1), overwrite=True)


# ---- the whole path, with a painter that only turns pictures to their negative ----


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[list[Style], Options]:
    monkeypatch.setattr(pipeline, "make_stylizer", lambda *_: (lambda image, priors: 1 - image, {}))
    write_png(tmp_path / "night.png", torch.rand(3, 40, 40, generator=torch.Generator().manual_seed(0)))
    return [Style(tmp_path / "night.png")], Options(device="cpu", temporal=0.0, size=32)


def test_an_exr_sequence_is_painted_beside_itself(tmp_path: Path, quick: tuple[list[Style], Options]):
    path = make(tmp_path, range(1001, 1005), ".exr")
    result = stylize_video(path, quick[0], options=quick[1], selection=Selection(frames=(1002, 1003)))
    assert result.plan.target == tmp_path / "shot_night.####.exr"
    assert sorted(file.name for file in tmp_path.glob("shot_night*.exr")) == ["shot_night.1002.exr", "shot_night.1003.exr"]
    source = files.read_exr_by_ffmpeg(tmp_path / "shot.1002.exr").astype(np.float64)
    bright = int((source > 1).any(-1).sum())
    assert result.warnings == (f"{2 * bright} pixels in 2 of 2 frames are brighter than white and are written as white.",)
    code = np.where(source <= 0.0031308, 12.92 * source, 1.055 * np.maximum(source, 1e-9) ** (1 / 2.4) - 0.055)
    negative = 1 - code.clip(0, 1)
    truth = np.where(negative <= 0.04045, negative / 12.92, ((negative + 0.055) / 1.055) ** 2.4)
    painted = files.read_exr_by_ffmpeg(tmp_path / "shot_night.1002.exr")
    np.testing.assert_allclose(painted, truth, rtol=2**-10, atol=2e-6)  # half a step of a half, and float32 in between


def test_strength_zero_is_the_source_s_own_file_values(tmp_path: Path, quick: tuple[list[Style], Options]):
    path = make(tmp_path, range(1, 4), ".exr")
    options = Options(device="cpu", temporal=0.0, strength=0.0)
    result = stylize_video(path, quick[0], tmp_path / "same.####.exr", options)
    assert result.warnings == ()
    for number in (1, 2, 3):
        np.testing.assert_array_equal(files.read_exr_by_ffmpeg(tmp_path / f"same.{number:04d}.exr"),
                                      files.read_exr_by_ffmpeg(tmp_path / f"shot.{number:04d}.exr"))


def test_a_preview_of_a_sequence_is_a_movie_and_a_sheet(tmp_path: Path, quick: tuple[list[Style], Options]):
    path = make(tmp_path, range(1001, 1009))
    styles, options = quick
    options = Options(device="cpu", temporal=0.0, size=32, fps=Fraction(24))
    named = plan_video(path, styles, None, options).target
    movie = pipeline.preview_target(named)
    assert movie == tmp_path / "shot_night_preview.mp4"
    preview_video(path, styles, movie, options, Selection(frames=(1003, 1006)), count=2)
    assert len(pictures(movie)) == 4
    assert read_picture(tmp_path / "shot_night_preview.png").shape[0] == 3
    assert pipeline.sheet_target(Path("a.####.png")) == Path("a_sheet.png")  # never a pattern's own name


def test_several_sequences_never_share_an_output(tmp_path: Path, quick: tuple[list[Style], Options]):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    sources = [make(tmp_path / "a", range(1, 3)), make(tmp_path / "b", range(1, 3))]
    styles, options = quick
    done = run_clips(sources, lambda source: plan_video(source, styles, None, options),
                     lambda plan: stylize_video(plan.source, styles, plan.target, options), lambda outcome: None)
    assert [result.frames for result in done] == [2, 2]
    targets = iter(["out.####.png", "out.%04d.png"])
    with pytest.raises(UsageError, match="would both be written to"):
        run_clips(sources, lambda source: plan_video(source, styles, tmp_path / next(targets), options),
                  lambda plan: None, lambda outcome: None)


def test_a_plan_of_a_sequence_speaks_in_its_numbers(tmp_path: Path, quick: tuple[list[Style], Options]):
    from vidstyle.cli.events import plan_fields, plan_line, plan_text

    path = make(tmp_path, range(1001, 1009))
    plan = plan_video(path, quick[0], None, quick[1], Selection(frames=(1003, 1006)))
    assert (plan.frames, plan_fields(plan)["frames"], plan_fields(plan)["count"]) == ((2, 5), [1003, 1006], 4)
    assert "frames 1003-1006 (4)" in plan_line(plan)
    assert "32x24, PNG pictures, 16 bit" in plan_text(plan, quick[0])


def test_a_style_picture_is_never_an_output(tmp_path: Path, quick: tuple[list[Style], Options]):
    path = make(tmp_path, range(1, 4))
    style = tmp_path / "style.0002.png"
    write_png(style, torch.rand(3, 40, 40))
    with pytest.raises(OutputError, match="is read for this painting"):
        plan_video(path, [Style(style)], tmp_path / "style.####.png", quick[1], overwrite=True)
