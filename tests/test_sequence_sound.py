"""Sequences and movies with the sound of another file, which begins with the first image."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from sequence_files import frames_of, make_sequence
from unpainted import copy, plan
from video_clips import make_clip

from vidstyle.core.errors import InputError, OutputError, UsageError
from vidstyle.video import ReadSettings, check_output, open_source


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
    """Seconds from the first image to the loudest sample, and to the end of the sound."""
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
def test_sound_of_another_file_begins_with_the_first_frame(tmp_path: Path, suffix: str):
    sound = write_click(tmp_path / "s.wav", 0.5)
    source = open_source(make_sequence(tmp_path, range(1001, 1025)), ReadSettings(fps=Fraction(24), sound=sound))
    copy(source, tmp_path / f"whole{suffix}")
    click, end = heard(tmp_path / f"whole{suffix}")
    # A sample of rounding; Matroska counts milliseconds; MP4 gets AAC, which spreads a click over a few samples.
    exact = 2 / 48000 if suffix == ".mov" else 1e-3
    assert click == pytest.approx(0.5, abs=exact)
    assert end == pytest.approx(1.0, abs=0.1)  # two seconds of sound are cut where one second of images ends, by packets
    copy(source, tmp_path / f"part{suffix}", frames=(6, 17))  # from a quarter of a second on
    click, end = heard(tmp_path / f"part{suffix}")
    assert click == pytest.approx(0.25, abs=exact)
    assert len(frames_of(tmp_path / f"part{suffix}")) == 12


def test_sound_of_another_file_under_a_movie_that_starts_late(tmp_path: Path):
    movie = make_clip(tmp_path / "clip.mkv", frames=30, time_base=Fraction(1, 1000), step=40,
                      pts=[500 + 40 * n for n in range(30)], sound=[("aac", "eng")])
    source = open_source(movie, ReadSettings(sound=write_click(tmp_path / "s.wav", 0.5)))
    assert source.clip.pts[0] == 500
    copy(source, tmp_path / "out.mov")
    assert heard(tmp_path / "out.mov")[0] == pytest.approx(0.5, abs=2 / 48000)
    lines = plan(source, tmp_path / "out.mov").streams
    assert any("s.wav" in line and "copied" in line for line in lines)
    assert any("aac" in line and "s.wav replaces it" in line for line in lines)


def test_a_file_without_sound_is_one_sentence(tmp_path: Path):
    path = make_sequence(tmp_path, range(1, 3))
    silent = make_clip(tmp_path / "silent.mp4", frames=2)
    with pytest.raises(InputError, match="holds no sound"):
        open_source(path, ReadSettings(sound=silent))
    with pytest.raises(InputError, match="no such file"):
        open_source(path, ReadSettings(sound=tmp_path / "none.wav"))
    source = open_source(path, ReadSettings(sound=write_click(tmp_path / "s.wav", 0.1)))
    with pytest.raises(UsageError, match="images hold no sound"):
        plan(source, tmp_path / "out.####.png")
    with pytest.raises(OutputError, match="never written to"):
        check_output(tmp_path / "s.wav", source, (0, 1), overwrite=True)


@pytest.mark.parametrize(("name", "codec"), [("s.aiff", "pcm_s16be"), ("s.w64", "pcm_s16le"), ("s.caf", "pcm_s16le"),
                                             ("s.au", "pcm_s16be"), ("s.wv", "wavpack"), ("s.tta", "tta")])
def test_sound_of_other_formats_is_taken(tmp_path: Path, name: str, codec: str):
    click = write_click(tmp_path / "s.wav", 0.5, seconds=1.0)
    with av.open(str(click)) as reader, av.open(str(tmp_path / name), "w") as writer:
        stream = writer.add_stream(codec, rate=48000, layout="mono")
        resampler = av.AudioResampler(stream.format.name, "mono", 48000)
        for frame in reader.decode(audio=0):
            for made in resampler.resample(frame):
                writer.mux(stream.encode(made))
        writer.mux(stream.encode(None))
    source = open_source(make_clip(tmp_path / "clip.mp4", frames=25), ReadSettings(sound=tmp_path / name))
    copy(source, tmp_path / "out.mov")
    assert heard(tmp_path / "out.mov")[0] == pytest.approx(0.5, abs=2 / 48000)
