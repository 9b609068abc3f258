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
    plain = make_clip(path.with_name("plain.mkv"), frames=24, sound=[(codec, None)])
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
