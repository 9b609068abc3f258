"""Damaged sound never ends a run in the middle: it is named before painting, and the rest of it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from unpainted import copy, plan
from video_clips import make_clip, packets

from vidstyle.core.errors import UsageError
from vidstyle.video import ReadSettings, open_source
from vidstyle.video.write.feed import Order


def damaged(path: Path, codec: str, bad: range) -> Path:
    """A second of sound in `codec`, in which these packets are noise."""
    plain = make_clip(path.with_name(f"plain{path.suffix}"), frames=24, sound=[(codec, None)])
    with av.open(str(plain)) as reader, av.open(str(path), "w") as writer:
        outs = [writer.add_stream_from_template(stream) for stream in reader.streams]
        place = 0
        for packet in reader.demux():
            if not packet.size:
                continue
            out = outs[packet.stream_index]
            if packet.stream.type == "audio":
                if place in bad:
                    noise = av.Packet(np.random.default_rng(place).bytes(packet.size))
                    noise.pts, noise.dts, noise.duration = packet.pts, packet.dts, packet.duration
                    noise.time_base, packet = packet.time_base, noise
                place += 1
            packet.stream = out
            writer.mux(packet)
    return path


@pytest.mark.parametrize(("target", "codec"), [("b.mov", "auto"), ("b.webm", "vp9")])
def test_sound_that_cannot_be_decoded_is_silent_and_named(tmp_path: Path, target: str, codec: str) -> None:
    """Both formats take FLAC only encoded anew."""
    source = open_source(damaged(tmp_path / "a.mkv", "flac", range(4, 6)))
    with pytest.raises(UsageError, match=r"--strict.*sound of stream 1.*2 of \d+ packets cannot be decoded, and are silent"):
        plan(source, tmp_path / target, codec=codec, strict=True)
    written = copy(source, tmp_path / target, codec=codec)
    sound, whole = samples(written.clip.path), samples(tmp_path / "plain.mkv")
    times = [float(time) for _, time in packets(tmp_path / "plain.mkv", 1)]
    bad = slice(round(times[4] * 48000) + 960, round(times[6] * 48000) - 960)  # less 20 ms, which is Opus's window
    assert abs(sound[bad]).max() < 0.01
    for good in (slice(0, round(times[4] * 48000) - 960), slice(round(times[6] * 48000) + 960, len(whole) - 960)):
        # The tone has an amplitude of 0.2; Opus keeps it to a few hundredths, and PCM as it is.
        assert sound[good] == pytest.approx(whole[good], abs=0.03 if target == "b.webm" else 1e-4)


def samples(path: Path) -> np.ndarray[Any, Any]:
    """All sound as a player plays it, in [-1, 1]."""
    with av.open(str(path)) as reader:
        resampler = av.AudioResampler("flt", "mono", 48000)
        return np.concatenate([made.to_ndarray()[0] for frame in reader.decode(audio=0) for made in resampler.resample(frame)])


def test_none_of_the_sound_can_be_decoded(tmp_path: Path) -> None:
    source = open_source(damaged(tmp_path / "a.mkv", "flac", range(99)))
    planned = plan(source, tmp_path / "b.mov")
    assert any("Sound is dropped: stream 1: audio flac" in text for text in planned.lost)
    assert copy(source, tmp_path / "b.mov").clip.audio == ()


@pytest.mark.parametrize("target", ["b.mkv", "b.mp4", "b.mov"])
def test_sound_and_subtitles_that_come_twice_are_written_once(tmp_path: Path, target: str) -> None:
    """As where a part of a file is repeated; muxers refuse packets that go back in time."""
    plain, path = make_clip(tmp_path / "plain.mkv", frames=24, sound=[("aac", None)]), tmp_path / "a.ts"
    with av.open(str(plain)) as reader, av.open(str(path), "w", options={"avoid_negative_ts": "0"}) as writer:
        outs = [writer.add_stream_from_template(stream) for stream in reader.streams]
        found = [packet for packet in reader.demux() if packet.size]
        for packet in found:
            packet.stream = outs[packet.stream_index]
            writer.mux(packet)
    data = path.read_bytes()
    assert len(data) % 188 == 0
    rows = [data[at : at + 188] for at in range(0, len(data), 188)]
    sound = [place for place, row in enumerate(rows) if (row[1] & 0x1F) << 8 | row[2] == 0x101]
    starts = [place for place in sound if rows[place][1] & 0x40]  # where a packet of sound begins
    again = [rows[place] for place in sound if starts[1] <= place < starts[2]]
    path.write_bytes(b"".join([*rows[: starts[3]], *again, *rows[starts[3] :]]))
    source = open_source(path, ReadSettings("keep"))
    assert any("goes back in time" in text for text in source.warnings)
    was = [time for _, time in packets(path, 1)]
    assert was != sorted(was)
    now = [time for _, time in packets(copy(source, tmp_path / target).clip.path, 1)]
    assert now == sorted(set(now))
    assert len(now) == len(set(was))


def test_one_packet_with_a_time_far_ahead_is_left_out(tmp_path: Path) -> None:
    """As where the reception of a broadcast was disturbed; the sound after it stays."""
    order, found = Order(), []
    with av.open(str(make_clip(tmp_path / "a.mkv", frames=24, sound=[("aac", None)]))) as reader:
        sound = [packet for packet in reader.demux(audio=0) if packet.size]
        whole = [packet.dts for packet in sound]
        sound[20].dts += 60_000
        for packet in sound:
            found += order.admit(packet)
        found += order.rest()
    assert [packet.dts for packet in found] == [*whole[:20], *whole[21:]]


@pytest.mark.parametrize(("codec", "target"), [("ac3", ".mp4"), ("eac3", ".mov"), ("aac", ".mp4")])
def test_packets_that_the_output_refuses_are_left_out_and_named(tmp_path: Path, codec: str, target: str) -> None:
    """MP4's muxer reads the headers of AC-3, and those of AAC in a transport stream, packet by packet."""
    path = damaged(tmp_path / ("a.ts" if codec == "aac" else "a.mkv"), codec, range(20, 22))
    source = open_source(path)
    words = rf"--strict.* packets of stream 1: audio {codec} .*, cannot be written to {target}, and are left out\."
    with pytest.raises(UsageError, match=words):
        plan(source, tmp_path / f"b{target}", strict=True)
    written = copy(source, tmp_path / f"b{target}")
    assert written.clip.frames == 24
    was, now = ([time - source.clip.origin * source.clip.time_base * (file == path) for _, time in packets(file, 1)]
                for file in (path, written.clip.path))
    good = [time for place, time in enumerate(was) if place not in range(18, 24)]  # some headers of AAC merge with neighbours
    for time in good:
        assert min(abs(time - other) for other in now) < 0.001, f"the packet at {float(time)} s is missing"
    assert len(now) < len(was)
    part = copy(source, tmp_path / f"part{target}", (3, 20))
    assert part.clip.frames == 18


def test_samples_that_are_no_numbers_are_silent(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(make_clip(tmp_path / "plain.mp4", frames=24))) as reader, av.open(str(path), "w") as writer:
        picture, sound = (writer.add_stream_from_template(reader.streams.video[0]),
                          writer.add_stream("pcm_f32le", rate=48000, layout="mono"))
        for packet in reader.demux(video=0):
            if packet.size:
                packet.stream = picture
                writer.mux(packet)
        wave = np.full((1, 48000), 0.25, np.float32)
        wave[0, 20000:20010] = np.nan, np.inf, -np.inf, 1e20, -1e30, np.nan, np.nan, np.inf, 1e17, np.nan
        frame = av.AudioFrame.from_ndarray(wave, format="flt", layout="mono")
        frame.sample_rate, frame.pts = 48000, 0
        writer.mux([*sound.encode(frame), *sound.encode(None)])
    source = open_source(path)
    assert any("samples that are no loudness" in text for text in plan(source, tmp_path / "b.mp4").lost)
    for target in ("b.mp4", "b.mov"):
        heard = samples(copy(source, tmp_path / target).clip.path)
        if target == "b.mp4":  # AAC spreads the gap over its window
            assert heard[4000:17000] == pytest.approx(0.25, abs=0.02)
            assert heard[24000:40000] == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("target", ["b.mp4", "b.mkv"])
def test_another_file_s_sound_that_is_broken_is_named_before_painting(tmp_path: Path, target: str) -> None:
    clip, sound = make_clip(tmp_path / "clip.mp4", frames=40), tmp_path / "mix.mka"
    with av.open(str(make_clip(tmp_path / "long.mkv", frames=40, sound=[("flac", None)]))) as reader, \
            av.open(str(sound), "w", format="matroska") as writer:
        out = writer.add_stream_from_template(reader.streams.audio[0])
        for packet in reader.demux(audio=0):
            if packet.size:
                packet.stream = out
                writer.mux(packet)
    whole = sound.read_bytes()
    sound.write_bytes(whole[:len(whole) * 2 // 3])
    source = open_source(clip, ReadSettings(sound=sound))
    with pytest.raises(UsageError, match=r"--strict.*mix\.mka.*breaks off: it ends at"):
        plan(source, tmp_path / target, strict=True)
    written = copy(source, tmp_path / target)
    assert written.clip.frames == 40
    end = max(float(time) for _, time in packets(written.clip.path, 1))
    assert 0.8 < end < 1.3  # of 1.6 s


def test_a_wave_file_that_was_cut_off_is_named(tmp_path: Path) -> None:
    sound = tmp_path / "mix.wav"
    with av.open(str(sound), "w") as writer:
        stream = writer.add_stream("pcm_s16le", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.full((1, 48000), 500, np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48000, 0
        writer.mux([*stream.encode(frame), *stream.encode(None)])
    clip = make_clip(tmp_path / "clip.mp4", frames=24)
    assert plan(open_source(clip, ReadSettings(sound=sound)), tmp_path / "b.mov").lost == ()
    sound.write_bytes(sound.read_bytes()[:60_000])
    [lost] = plan(open_source(clip, ReadSettings(sound=sound)), tmp_path / "b.mov").lost
    assert "mix.wav" in lost
    assert "is damaged: 1 of" in lost


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_f32le"])
def test_gaps_in_pcm_are_filled_where_mov_cannot_state_them(tmp_path: Path, codec: str) -> None:
    """Copied, all sound behind a missing packet would be played early, and the finished file refused."""
    plain, path = make_clip(tmp_path / "plain.mkv", frames=24, sound=[(codec, None)]), tmp_path / "a.mkv"
    with av.open(str(plain)) as reader, av.open(str(path), "w") as writer:
        outs = [writer.add_stream_from_template(stream) for stream in reader.streams]
        for packet in reader.demux():
            if packet.size and (packet.stream.type == "video" or not 400 <= packet.pts < 600):
                packet.stream = outs[packet.stream_index]
                writer.mux(packet)
    source = open_source(path)
    found = plan(source, tmp_path / "b.mov")
    assert any(f"re-encoded with {codec}, as it has gaps" in line for line in found.streams)
    assert any("Sound is re-encoded without loss" in text for text in found.warnings)
    heard, whole = samples(copy(source, tmp_path / "b.mov").clip.path), samples(plain)
    assert len(heard) == pytest.approx(len(whole), abs=48)  # Matroska rounds times to milliseconds
    assert abs(heard[21000:27000]).max() < 1e-3
    assert abs(heard[31000:40000]).max() == pytest.approx(abs(whole[31000:40000]).max(), abs=1e-3)
    assert any("copied" in line for line in plan(open_source(plain), tmp_path / "c.mov").streams[1:])
