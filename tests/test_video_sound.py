"""Sound: the packets of the source, at their times, in sync with the frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from unpainted import copy
from video_clips import make_clip, packets

from vidstyle.video import Source, open_source
from vidstyle.video.write.readers import open_readers
from vidstyle.video.write.streams import StreamPlan, plan_streams


@pytest.mark.parametrize(("name", "target", "codecs"), [
    ("a.mp4", "b.mp4", ["aac", "aac"]), ("a.mp4", "b.mov", ["aac"]), ("a.mkv", "b.mkv", ["flac", "aac", "libopus"]),
    ("a.mov", "b.mov", ["pcm_s16le"]), ("a.ts", "b.mp4", ["mp2"]), ("a.mkv", "b.mp4", ["flac"])])
def test_every_packet_is_copied_in_step(tmp_path: Path, name: str, target: str, codecs: list[str]) -> None:
    languages = ["fra", "deu", "spa"]
    sound = list(zip(codecs, languages, strict=False))
    source = open_source(make_clip(tmp_path / name, frames=40, sound=sound))
    written = copy(source, tmp_path / target)
    assert len(written.clip.audio) == len(codecs)
    for before, after in zip(source.clip.audio, written.clip.audio, strict=True):
        assert (after.language, after.codec, after.rate) == (before.language, before.codec.replace("mp2", "mp3"),
                                                             before.rate)  # MP4 has one name for MPEG layers 2 and 3
        assert set(before.disposition) <= set(after.disposition)  # MP4 always has a default track
        theirs, ours = packets(source.clip.path, before.index), packets(written.clip.path, after.index)
        assert [data for data, _ in ours] == [data for data, _ in theirs]
        begins = written.clip.pts[0] * written.clip.time_base - source.clip.pts[0] * source.clip.time_base
        for (_, was), (_, now) in zip(theirs, ours, strict=True):
            assert abs(now - begins - was) <= (Fraction(1, 1000) if target.endswith("mkv") else Fraction(1, 90000))


def test_sound_and_video_alternate_in_the_file(tmp_path: Path) -> None:
    source = open_source(make_clip(tmp_path / "a.mp4", frames=100, sound=[("aac", None)]))
    written = copy(source, tmp_path / "b.mp4")
    with av.open(str(written.clip.path)) as reader:
        order = sorted((packet.pos, packet.stream.index, packet.dts * packet.time_base)
                       for packet in reader.demux() if packet.size)
    newest = {0: Fraction(-1), 1: Fraction(-1)}
    for _, index, time in order:
        newest[index] = max(newest[index], time)
        if min(newest.values()) >= 0:
            assert abs(newest[0] - newest[1]) < 1.5  # a player that streams needs to hold no more than this


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_range_keeps_its_sound_in_step(tmp_path: Path, suffix: str) -> None:
    source = open_source(make_clip(tmp_path / f"a{suffix}", frames=60, sound=[("aac", None)]))
    first, last = 20, 44
    written = copy(source, tmp_path / f"b{suffix}", frames=(first, last))
    start = source.clip.pts[first] * source.clip.time_base
    end = (source.clip.pts[last] + source.clip.durations[last]) * source.clip.time_base
    theirs = packets(source.clip.path, 1)
    ours = packets(written.clip.path, written.clip.audio[0].index)
    step = Fraction(1024, 48000)
    assert written.clip.pts[0] == 0
    assert ours[0][1] <= 0
    assert ours[-1][1] + step >= end - start
    skipped = min(range(len(theirs)), key=lambda n: abs(theirs[n][1] - start - ours[0][1]))
    for (data, now), (original, was) in zip(ours, theirs[skipped:], strict=False):
        assert data == original
        assert abs(now + start - was) <= Fraction(1, 48000)


def test_a_late_first_frame_stays_late(tmp_path: Path) -> None:
    """Picture that begins 0.37 s after the sound does so in the copy, to the tick."""
    late = [round(0.37 * 12800) + index * 512 for index in range(20)]
    source = open_source(make_clip(tmp_path / "a.mp4", pts=late, sound=[("aac", None)]))
    written = copy(source, tmp_path / "b.mp4")
    assert written.clip.pts == source.clip.pts == tuple(late)
    assert [time for _, time in packets(written.clip.path, 1)] == [time for _, time in packets(source.clip.path, 1)]


def noise(path: Path, codec: str, frames: int = 60) -> Path:
    """A clip with sound that is different at every sample, so that a shift by one shows."""
    samples = np.random.default_rng(0).integers(-8000, 8000, round(frames * 0.04 * 48000)).astype(np.int16)
    samples = np.convolve(samples, np.ones(24) / 24, "same").astype(np.int16)  # codecs drop what is above hearing
    silent = make_clip(path.with_name("silent.mp4"), frames=frames)
    with av.open(str(silent)) as reader, av.open(str(path), "w") as writer:
        picture = writer.add_stream_from_template(reader.streams.video[0])
        sound = writer.add_stream(codec, rate=48000, layout="mono")
        sound.bit_rate = 256_000
        for packet in reader.demux(video=0):
            if packet.size:
                packet.stream = picture
                writer.mux(packet)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48000, 0
        writer.mux([*sound.encode(frame), *sound.encode(None)])
    return path


def heard(path: Path) -> tuple[Fraction, np.ndarray[Any, Any]]:
    """Seconds from the first frame to the first sample that a player plays, and all samples from then on."""
    with av.open(str(path)) as reader:
        begins = next(frame.pts * frame.time_base for frame in reader.decode(video=0))
    with av.open(str(path)) as reader:  # after a seek, sound from before zero would be left out
        frames = [av.AudioResampler("s16", "mono", 48000).resample(f) for f in reader.decode(audio=0)]
        first = frames[0][0].pts * frames[0][0].time_base
        return first - begins, np.concatenate([f.to_ndarray()[0] for some in frames for f in some])


@pytest.mark.parametrize(("name", "codec", "target", "video"), [
    ("a.mkv", "flac", "b.mkv", "h264"), ("a.mkv", "aac", "b.mkv", "h264"), ("a.mp4", "aac", "b.mp4", "h264"),
    ("a.mov", "pcm_s16le", "b.mov", "h264"), ("a.mov", "pcm_s16le", "b.mkv", "h264"), ("a.mkv", "libopus", "b.webm", "vp9"),
    ("a.ts", "aac", "b.mkv", "h264")])
def test_a_range_begins_at_its_sample(tmp_path: Path, name: str, codec: str, target: str, video: str) -> None:
    source = open_source(noise(tmp_path / name, codec))
    first, last = 21, 44
    copy(source, tmp_path / target, frames=(first, last), codec=video)
    offset, whole = heard(source.clip.path)
    late, part = heard(tmp_path / target)
    wanted = round((first * Fraction(1, 25) - offset) * 48000)  # of the source's samples
    found = round(late * 48000)
    # Correlated over 40 ms either side of where it belongs; a millisecond is what Matroska and WebM can state.
    window = part[4800:14400].astype(float)
    start = wanted + 4800 + found
    scores = [float(window @ whole[start + lag:start + lag + 9600].astype(float)) for lag in range(-1920, 1921)]
    assert abs(int(np.argmax(scores)) - 1920) <= (48 if target.endswith(("mkv", "webm")) else 1)
    assert abs(float(late)) < 0.03  # sound there from the first frame on
    assert len(part) / 48000 >= 24 / 25 - 0.001
    if codec in ("flac", "pcm_s16le"):
        assert np.array_equal(part[:40000], whole[wanted + found:][:40000] if target != "b.mkv" else whole[wanted:][:40000])


def streams_of(source: Source, suffix: str, audio: str = "copy") -> StreamPlan:
    with open_readers(source) as readers:
        return plan_streams(source, readers, suffix, audio)


def test_sound_the_container_cannot_hold_is_re_encoded_with_a_warning(tmp_path: Path) -> None:
    source = open_source(make_clip(tmp_path / "a.mkv", frames=5, sound=[("flac", "fra"), ("libopus", "deu")]))
    webm = streams_of(source, ".webm")
    assert webm.audio == [1, 2]
    assert webm.recoded == {1: "libopus"}
    assert len(webm.warnings) == 1
    assert "flac" in webm.warnings[0]
    assert webm.lost == []
    assert "re-encoded with libopus" in webm.lines[1]
    assert "copied" in webm.lines[2]
    assert streams_of(source, ".webm", "none").audio == []
    assert streams_of(source, ".webm", "none").warnings == []
    written = copy(source, tmp_path / "b.webm", codec="vp9")
    assert [(track.codec, track.language) for track in written.clip.audio] == [("opus", "fra"), ("opus", "deu")]
    assert copy(source, tmp_path / "c.mkv", audio="none").clip.audio == ()


def test_sound_in_a_codec_of_avi_is_encoded_anew(tmp_path: Path) -> None:
    source = open_source(make_clip(tmp_path / "a.avi", codec="mpeg4", time_base=Fraction(1, 25), step=1, frames=30,
                           sound=[("adpcm_ms", None)]))
    written = copy(source, tmp_path / "b.mp4")
    assert [track.codec for track in written.clip.audio] == ["aac"]
    offset, whole = heard(source.clip.path)
    late, ours = heard(written.clip.path)
    assert abs(late - offset) < Fraction(1, 48000)
    lengths = len(whole), len(ours)
    assert abs(lengths[0] - lengths[1]) <= 1024  # the last block of AAC is filled up
    assert np.corrcoef(whole[2000:30000], ours[2000:30000])[0, 1] > 0.99
