"""Sound and other streams of kinds that real files have: copied where players decode them, encoded anew, or named."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from unpainted import copy, plan
from video_clips import make_clip, packets

from vidstyle.core.errors import InputError, UsageError
from vidstyle.video import ReadSettings, open_source
from vidstyle.video.write.recode import Recoder


def with_sound(path: Path, codec: str, *, layout: str = "mono", rate: int = 48000, format: str | None = None,
               bit_rate: int = 0) -> Path:
    """12 frames, and half a second of a tone in `codec`."""
    plain = make_clip(path.with_name("plain.mp4"))
    with av.open(str(plain)) as reader, av.open(str(path), "w", format=format) as writer:
        picture = writer.add_stream_from_template(reader.streams.video[0])
        sound = writer.add_stream(codec, rate=rate, layout=layout, bit_rate=bit_rate)
        for packet in reader.demux(video=0):
            if packet.size:
                packet.stream = picture
                writer.mux(packet)
        wave = 8000 * np.sin(2 * np.pi * 440 * np.arange(rate // 2) / rate)
        count = sound.layout.nb_channels
        frame = av.AudioFrame.from_ndarray(np.repeat(wave.astype(np.int16), count)[None], format="s16", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        writer.mux([*sound.encode(frame), *sound.encode(None)])
    return path


def samples(path: Path) -> np.ndarray[Any, Any]:
    """The first channel of all sound, as a player plays it."""
    with av.open(str(path)) as reader:
        stream = reader.streams.audio[0]
        resampler = av.AudioResampler("s16", "mono", stream.rate)
        frames = [made for frame in reader.decode(stream) for made in resampler.resample(frame)]
        return np.concatenate([frame.to_ndarray()[0] for frame in frames])


@pytest.mark.parametrize(("codec", "layout", "rate", "target", "written"), [
    ("pcm_s24be", "mono", 48000, ".mp4", "aac"), ("pcm_s16le", "5.1", 48000, ".mp4", "aac"),
    ("pcm_f32le", "stereo", 48000, ".mp4", "aac"), ("pcm_s16le", "stereo", 192000, ".mp4", "aac"),
    ("pcm_s24be", "mono", 48000, ".mov", "pcm_s24be"), ("pcm_s16le", "5.1", 48000, ".webm", "opus"),
    ("mp2", "stereo", 48000, ".webm", "opus"), ("pcm_mulaw", "mono", 8000, ".mp4", "aac"),
    ("tta", "mono", 48000, ".mkv", "pcm_u8"),
    ("flac", "5.1(side)", 44100, ".webm", "opus"), ("flac", "mono", 48000, ".mov", "pcm_s16le")])
def test_sound_is_written_as_players_of_the_format_decode_it(tmp_path: Path, codec: str, layout: str, rate: int, target: str,
                                                             written: str) -> None:
    name = "a.mov" if codec in ("pcm_s24be", "pcm_mulaw") else "a.mkv"
    path = with_sound(tmp_path / name, codec, layout=layout, rate=rate, bit_rate=384_000 if codec == "mp2" else 0)
    source = open_source(path)
    output = copy(source, tmp_path / f"b{target}", codec="auto")
    assert [(track.codec, track.channels) for track in output.clip.audio] == [(written, source.clip.audio[0].channels)]
    said = plan(source, tmp_path / f"c{target}").warnings
    assert any("re-encoded" in text for text in said) == (source.clip.audio[0].codec != written)
    if written.startswith("pcm_"):
        was, now = samples(path), samples(output.clip.path)
        assert np.array_equal(was, now[:len(was)])
        assert not any("re-encoded:" in text for text in said)  # but `re-encoded without loss`


def test_the_advice_names_an_output_that_keeps_the_sound(tmp_path: Path) -> None:
    source = open_source(with_sound(tmp_path / "a.mov", "pcm_s24be"))
    (said,) = (text for text in plan(source, tmp_path / "b.mp4").warnings if "Sound" in text)
    assert said == ("Sound is re-encoded: stream 1: audio pcm_s24be 48000 Hz, 1 channel, with aac, "
                    "as few players decode pcm_s24be in .mp4; an output named .mov keeps it.")
    copy(source, tmp_path / "b.mov")
    assert packets(tmp_path / "b.mov", 1) == packets(source.clip.path, 1)


@pytest.mark.parametrize(("name", "codec", "format"), [
    ("a.wmv", "wmav2", "asf"), ("a.avi", "wmav2", "avi"), ("a.wmv", "wmav1", "asf")])
def test_wma_keeps_every_sample(tmp_path: Path, name: str, codec: str, format: str) -> None:
    """Its decoder gives the last frame without a time."""
    with av.open(str(tmp_path / name), "w", format=format) as writer:
        picture = writer.add_stream("mpeg4", rate=25, width=96, height=64)
        sound = writer.add_stream(codec, rate=48000, layout="mono", bit_rate=128_000)
        for index in range(20):
            frame = av.VideoFrame(96, 64, "yuv420p")
            frame.pts = index
            writer.mux(picture.encode(frame))
        noise = np.random.default_rng(0).integers(-8000, 8000, 38400).astype(np.int16)
        noise = np.convolve(noise, np.ones(24) / 24, "same").astype(np.int16)  # codecs drop what is above hearing
        piece = av.AudioFrame.from_ndarray(noise[None], format="s16", layout="mono")
        piece.sample_rate, piece.pts, piece.time_base = 48000, 0, Fraction(1, 48000)
        writer.mux([*picture.encode(None), *sound.encode(piece), *sound.encode(None)])
    source = open_source(tmp_path / name)
    for target in ("b.mp4", "b.mkv"):
        was, now = samples(source.clip.path), samples(copy(source, tmp_path / target).clip.path)
        assert len(now) - len(was) in (0, 1024)  # readers of MP4 also return the block that AAC begins with
        assert np.corrcoef(was[-4096:].astype(float), now[-4096:].astype(float))[0, 1] > 0.98
    replaced = open_source(make_clip(tmp_path / "silent.mp4", frames=20), ReadSettings(sound=tmp_path / name))
    assert [track.codec for track in copy(replaced, tmp_path / "c.mp4").clip.audio] == ["aac"]


def test_sound_whose_rate_and_channels_change_is_encoded_with_one_of_them(tmp_path: Path) -> None:
    """Broadcasts change from stereo to mono and back between programmes."""
    parts = [with_sound(tmp_path / f"{layout}.ts", "mp2", layout=layout, rate=rate)
             for layout, rate in (("stereo", 48000), ("mono", 44100))]
    whole = tmp_path / "whole.ts"
    with av.open(str(parts[0])) as first, av.open(str(parts[1])) as second, av.open(str(whole), "w") as writer:
        outs = [writer.add_stream_from_template(stream) for stream in first.streams]
        for reader, shift in ((first, 0), (second, 45000)):
            for packet in reader.demux():
                if packet.size and (reader is first or packet.stream_index == 1):
                    packet.pts += shift
                    packet.dts += shift
                    packet.stream = outs[packet.stream_index]
                    writer.mux(packet)
    source = open_source(whole)
    written = copy(source, tmp_path / "b.webm", codec="vp9")
    assert [track.channels for track in written.clip.audio] == [track.channels for track in source.clip.audio]
    heard = samples(written.clip.path).astype(float)
    assert len(heard) / 48000 == pytest.approx(1.0, abs=0.08)
    for part in (heard[4800:19200], heard[28800:43200]):  # the tone of 440 Hz is that in both parts
        assert np.argmax(np.abs(np.fft.rfft(part))) / (len(part) / 48000) == pytest.approx(440, abs=4)


def patched(path: Path, *changes: tuple[bytes, bytes]) -> Path:
    """The file with bytes replaced by as many others."""
    data = path.read_bytes()
    for before, after in changes:
        assert len(before) == len(after)
        assert before in data
        data = data.replace(before, after)
    path.write_bytes(data)
    return path


def with_words(path: Path, *more: bytes) -> Path:
    """12 frames, a subtitle and more of them."""
    plain = make_clip(path.with_name("plain.mp4"))
    with av.open(str(plain)) as reader, av.open(str(path), "w") as writer:
        picture = writer.add_stream_from_template(reader.streams.video[0])
        text = writer.add_mux_stream("subrip" if path.suffix == ".mkv" else "mov_text")
        for packet in reader.demux(video=0):
            if packet.size:
                packet.stream = picture
                writer.mux(packet)
        for place, said in enumerate((b"words", *more)):
            words = av.Packet(said if path.suffix == ".mkv" else len(said).to_bytes(2, "big") + said)
            words.stream, words.time_base = text, Fraction(1, 1000)
            words.pts = words.dts = 100 + 40 * place
            words.duration = 200 if not more else 40
            writer.mux(words)
    return path


@pytest.mark.parametrize("tag", [b"mebx", b"djmd", b"camm"])
def test_data_of_an_unknown_codec_is_named_by_its_tag_and_never_copied(tmp_path: Path, tag: bytes) -> None:
    """Phones and drones write such tracks; MOV takes them, and states one entry where it writes none."""
    source = open_source(patched(with_words(tmp_path / "a.mp4"), (b"tx3g", tag), (b"sbtl", b"meta")))
    assert [(track.kind, track.codec) for track in source.clip.others] == [("data", tag.decode())]
    for target in ("b.mov", "b.mp4", "b.mkv"):
        with pytest.raises(UsageError, match=f"--strict.*stream 1: data {tag.decode()}; FFmpeg does not know its codec"):
            plan(source, tmp_path / target, strict=True)
        assert copy(source, tmp_path / target).clip.others == ()


def test_data_of_a_known_codec_is_copied(tmp_path: Path) -> None:
    """As GoPro's; and it is not mistaken for the titles of chapters."""
    source = open_source(patched(with_words(tmp_path / "a.mp4"), (b"tx3g", b"gpmd"), (b"sbtl", b"meta")))
    assert [track.codec for track in source.clip.others] == ["gpmd"]
    written = copy(source, tmp_path / "b.mp4")
    assert [track.codec for track in written.clip.others] == ["gpmd"]
    assert packets(written.clip.path, 1)[0][0] == packets(source.clip.path, 1)[0][0]


@pytest.mark.parametrize(("codec", "kind"), [(b"S_TEXT/UTF8", "subtitle"), (b"A_AAC", "audio"), (b"V_MJPEG", "video")])
def test_streams_of_an_unknown_codec_are_named_without_false_advice(tmp_path: Path, codec: bytes, kind: str) -> None:
    path = tmp_path / "a.mkv"
    if kind == "subtitle":
        with_words(path)
    elif kind == "audio":
        with_sound(path, "aac")
    else:
        with_second_video(path, "mjpeg", "yuvj420p")
    source = open_source(patched(path, (codec, codec[:2] + b"Z" * (len(codec) - 2))))
    for target in ("b.mkv", "b.mp4", "b.mov", "b.webm"):
        (said,) = plan(source, tmp_path / target).lost
        assert f"stream 1: {kind}; FFmpeg does not know its codec, so that it cannot be copied." in said
        assert "None" not in said
        assert "named" not in said
    copy(source, tmp_path / "c.mkv")


@pytest.mark.parametrize(("target", "codec"), [("b.mp4", "auto"), ("b.mov", "auto"), ("b.webm", "vp9")])
def test_a_subtitle_that_cannot_be_converted_is_found_before_painting(tmp_path: Path, target: str, codec: str) -> None:
    """FFmpeg refuses text in Latin-1, which old subtitle files hold; here the seventh is so, behind the first packets."""
    source = open_source(with_words(tmp_path / "a.mkv", *(b"more",) * 5, "caf\xe9".encode("latin-1")))
    with pytest.raises(UsageError, match=r"--strict.*stream 1: subtitle subrip; the subtitle at 0\.34 s cannot be converted "
                                         r"\(.*\); an output named \.mkv keeps it\."):
        plan(source, tmp_path / target, codec=codec, strict=True)
    assert copy(source, tmp_path / target, codec=codec).clip.others == ()
    assert packets(copy(source, tmp_path / "c.mkv").clip.path, 1) == packets(source.clip.path, 1)
    good = open_source(with_words(tmp_path / "d.mkv", *(b"more",) * 6))
    assert len(packets(copy(good, tmp_path / f"e_{target}", codec=codec).clip.path, 1)) >= 7  # MP4 adds pauses between them


def with_second_video(path: Path, codec: str = "libx264", pix_fmt: str = "yuv420p") -> Path:
    """A clip with a smaller second video, whose frames come out of order where the codec allows that."""
    one = make_clip(path.with_name("one.mp4"), frames=25, options={"x264-params": "bframes=2:keyint=10:scenecut=0"})
    two = make_clip(path.with_name("two.mov"), frames=25, size=(48, 32), codec=codec, pix_fmt=pix_fmt,
                    options={"x264-params": "bframes=2:keyint=10:scenecut=0"} if codec == "libx264" else {})
    with av.open(str(one)) as first, av.open(str(two)) as second, av.open(str(path), "w") as writer:
        outs = [writer.add_stream_from_template(reader.streams.video[0], opaque=True) for reader in (first, second)]
        for reader, out in ((first, outs[0]), (second, outs[1])):
            for packet in reader.demux(video=0):
                if packet.size:
                    packet.stream = out
                    writer.mux(packet)
    return path


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
@pytest.mark.parametrize("target", ["b.mkv", "b.mp4", "b.mov"])
def test_a_second_video_is_copied_and_named_as_unpainted(tmp_path: Path, name: str, target: str) -> None:
    """Matroska states no times of decoding for its first packets."""
    source = open_source(with_second_video(tmp_path / name))
    planned = plan(source, tmp_path / target, strict=True)
    assert any("second video is copied and not painted: stream 1: video h264" in text for text in planned.warnings)
    written = copy(source, tmp_path / target)
    was, now = ([(packet[0], packet[1]) for packet in packets(path, 1)] for path in (source.clip.path, written.clip.path))
    assert [data for data, _ in sorted(was, key=lambda p: p[1])] == [data for data, _ in sorted(now, key=lambda p: p[1])]
    part = copy(source, tmp_path / f"part{target}", (5, 20))  # begins with the second video's frame that refers to no other
    with av.open(str(part.clip.path)) as reader:
        stream = reader.streams.video[1]
        frames = [frame for frame in reader.decode(stream) if not frame.is_corrupt]
        assert [round(float(frame.pts * frame.time_base) * 25) for frame in frames] == list(range(5, 16))


def test_an_empty_track_is_kept_or_named(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    plain = make_clip(tmp_path / "plain.mp4")
    with av.open(str(plain)) as reader, av.open(str(path), "w") as writer:
        picture = writer.add_stream_from_template(reader.streams.video[0])
        writer.add_mux_stream("subrip")
        for packet in reader.demux(video=0):
            if packet.size:
                packet.stream = picture
                writer.mux(packet)
    source = open_source(path)
    for target in ("b.mp4", "b.mkv"):
        kept = [track.kind for track in copy(source, tmp_path / target).clip.others] == ["subtitle"]
        assert kept == (plan(source, tmp_path / f"c{target}").lost == ())


@pytest.mark.parametrize("hours", [26, -26])
def test_sound_goes_on_where_the_clock_of_the_file_jumps(tmp_path: Path, hours: int) -> None:
    """As at the end of a transport stream's clock; neither hours of silence nor nothing follow."""
    source, target = with_sound(tmp_path / "a.mkv", "pcm_s16le"), tmp_path / "b.wav"
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        stream = reader.streams.audio[0]
        recoder = Recoder(writer, stream, "pcm_s16le", origin=Fraction(0), begin=None, end=None)
        for packet in reader.demux(stream):
            if packet.size and packet.pts > 250:
                packet.pts += hours * 3600_000
                packet.dts = packet.pts
            writer.mux(list(recoder.feed(packet if packet.size else None)))
    assert np.array_equal(samples(target), samples(source))


def test_a_video_that_never_decodes_next_to_unknown_data_is_refused(tmp_path: Path) -> None:
    path = patched(with_words(tmp_path / "a.mp4"), (b"tx3g", b"mebx"), (b"sbtl", b"meta"))
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as reader:
        for packet in reader.demux(video=0):
            if packet.size:
                data[packet.pos + 4:packet.pos + packet.size] = bytes(packet.size - 4)
    path.write_bytes(data)
    for on_damage in ("fail", "keep"):
        with pytest.raises(InputError):
            open_source(path, ReadSettings(on_damage=on_damage))


def test_sound_of_one_long_packet_is_not_said_to_break_off(tmp_path: Path) -> None:
    """WavPack in Matroska comes in packets of a second, which state no length."""
    source = open_source(with_sound(tmp_path / "a.mkv", "wavpack"))
    assert not any("breaks off" in text for text in source.warnings)


@pytest.mark.parametrize(("layout", "suffix", "target"), [("7.1", ".mp4", ".mkv"), ("7.1(wide)", ".mp4", ".mkv"),
                                                          ("octagonal", ".mkv", ".mkv"), ("5.0(side)", ".ts", ".mp4")])
def test_sound_of_any_speakers_keeps_its_channels(tmp_path: Path, layout: str, suffix: str, target: str) -> None:
    """PyAV reads foreign memory from 8 channels on; AAC describes unusual speakers in its first packet alone."""
    path, channels = tmp_path / f"a{suffix}", av.AudioLayout(layout).nb_channels
    tones = np.stack([np.sin(np.arange(48000) * (n + 2) / 40) for n in range(channels)], 1).astype(np.float32) * 0.2
    with av.open(str(path), "w") as writer:
        video, sound = writer.add_stream("libx264", 25), writer.add_stream("aac", 48000, layout=layout)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for index in range(25):
            writer.mux(video.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), index, np.uint8), "rgb24")))
        writer.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(tones.reshape(1, -1), format="flt", layout=layout)
        frame.sample_rate = 48000
        writer.mux(sound.encode(frame))
        writer.mux(sound.encode(None))
    source = open_source(path)
    copy(source, tmp_path / f"b{target}", (5, 20))
    with av.open(str(tmp_path / f"b{target}")) as reader:
        [track] = reader.streams.audio
        resampler = av.AudioResampler("flt", track.layout, 48000)
        found = np.concatenate([one.to_ndarray() for frame in reader.decode(track) for one in resampler.resample(frame)], 1)
    found = found.reshape(-1, channels)
    assert len(found) == pytest.approx(16 * 1920, abs=2048)  # a packet of AAC more at either end
    for channel in range(channels):
        one, other = (abs(np.fft.rfft(samples[4096:20480, channel])) for samples in (found, tones))
        if one.max() > 100:  # the channel for low sounds keeps only those
            assert abs(int(one.argmax()) - int(other.argmax())) <= 1  # each tone is in its channel; a bin is 2.9 Hz
