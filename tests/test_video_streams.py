"""Subtitles, covers, attachments, chapters and timecode: kept, converted or named, and cut to a range."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unpainted import copy, plan
from video_clips import gradient, make_clip

from vidstyle.core.errors import UsageError
from vidstyle.video import open_source, probe
from vidstyle.video.write.timecode import advance

WORDS = [(0.1, 0.3, "first words"), (0.5, 0.4, "the <i>second</i>"), (1.0, 0.15, "third")]  # seconds, length, text
FONT = b"\0\1\0\0" + bytes(range(256))


def marked(path: Path, *, timecode: str | None = "01:00:00:00", words: bool = True, font: bool = False,
           cover: bool = False, step: int = 512) -> Path:
    """30 frames at 25 a second with three chapters of 0.4 s, subtitles and more."""
    plain = make_clip(path.with_name("plain.mp4"), frames=30, pts=[n * 512 + (n % 3) * (step - 512) for n in range(30)])
    with av.open(str(plain)) as reader, av.open(str(path), "w") as writer:
        out = writer.add_stream_from_template(reader.streams.video[0])
        if timecode:
            out.metadata["timecode"] = timecode
        writer.set_chapters([{"id": n, "start": n * 400, "end": (n + 1) * 400, "time_base": Fraction(1, 1000),
                              "metadata": {"title": f"part {n}"}} for n in range(3)])
        text = writer.add_mux_stream("subrip") if words else None
        if text:
            text.metadata["language"] = "fra"
            text.disposition = av.stream.Disposition.forced
        if font:
            writer.add_attachment("font.ttf", "application/x-truetype-font", FONT)
        picture = writer.add_stream("mjpeg", 25, width=64, height=64, pix_fmt="yuvj420p") if cover else None
        if picture:
            picture.disposition = av.stream.Disposition.attached_pic
        if picture:
            frame = av.VideoFrame.from_ndarray(gradient(0, 64, 64), "rgb24").reformat(format="yuvj420p")
            frame.pts = 0
            writer.mux([*picture.encode(frame), *picture.encode(None)])
        packets = [packet for packet in reader.demux(video=0) if packet.size]
        for begin, length, said in WORDS if words else []:
            packet = av.Packet(said.encode())
            packet.stream, packet.time_base = text, Fraction(1, 1000)
            packet.pts = packet.dts = round(begin * 1000)
            packet.duration = round(length * 1000)
            packets.append(packet)
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            packet.stream = out if packet.stream is not text else text
            writer.mux(packet)
    return path


def said(path: Path) -> list[tuple[float, float, str]]:
    """Begin, length and words of every subtitle that is not empty."""
    with av.open(str(path)) as reader:
        return [(float(packet.pts * packet.time_base), float(packet.duration * packet.time_base),
                 subtitle.dialogue.decode()) for packet in reader.demux(subtitles=0) if packet.size
                for subtitle in packet.decode() if subtitle.dialogue.strip()]


@pytest.mark.parametrize(("suffix", "codec", "form"), [(".mkv", "h264", "subrip"), (".mp4", "h264", "mov_text"),
                                                       (".mov", "h264", "mov_text"), (".webm", "vp9", "webvtt")])
def test_subtitles_are_copied_or_converted(tmp_path: Path, suffix: str, codec: str, form: str) -> None:
    source = open_source(marked(tmp_path / "a.mkv"))
    written = copy(source, tmp_path / f"b{suffix}", codec=codec)
    (text,) = [track for track in written.clip.others if track.kind == "subtitle"]
    assert (text.codec, text.language) == (form, "fra")
    for (begin, length, words), (was, long, line) in zip(said(written.clip.path), WORDS, strict=True):
        assert (begin, length) == pytest.approx((was, long), abs=0.0011)
        assert re.sub(r"\{\\i\d\}", "", words) == re.sub(r"</?i>", "", line)
    planned = plan(source, tmp_path / f"c{suffix}", codec=codec)
    assert any("converted" in warning for warning in planned.warnings) == (suffix != ".mkv")


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_subtitles_are_cut_to_the_range(tmp_path: Path, suffix: str) -> None:
    source = open_source(marked(tmp_path / "a.mkv"))
    written = copy(source, tmp_path / f"b{suffix}", frames=(15, 26))  # 0.6 s to 1.08 s
    (second, third) = said(written.clip.path)
    assert second[:2] == pytest.approx((0.0, 0.3), abs=0.0011)
    assert third[:2] == pytest.approx((0.4, 0.08), abs=0.0011)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_chapters_and_timecode_of_a_range(tmp_path: Path, suffix: str) -> None:
    source = open_source(marked(tmp_path / "a.mkv"))
    for frames, chapters, timecode in (
            (None, [(0, 0.4, "part 0"), (0.4, 0.8, "part 1"), (0.8, 1.2, "part 2")], "01:00:00:00"),
            ((15, 26), [(0, 0.2, "part 1"), (0.2, 0.48, "part 2")], "01:00:00:15")):
        written = copy(source, tmp_path / f"b{timecode[-2:]}{suffix}", frames)
        with av.open(str(written.clip.path)) as reader:
            found = [(float(c["start"] * c["time_base"]), float(c["end"] * c["time_base"]), c["metadata"]["title"])
                     for c in reader.chapters()]
        assert [title for *_, title in found] == [title for *_, title in chapters]
        for (*now, _), (*was, _) in zip(found, chapters, strict=True):
            assert now == pytest.approx(was, abs=0.0011)
        assert written.clip.timecode == timecode


def test_data_of_a_camera_that_states_a_timecode_is_not_taken_for_one(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mov", metadata={"timecode": "01:00:00:00"}, time_base=Fraction(1, 25), step=1)
    data = path.read_bytes()
    assert open_source(path).clip.timecode == "01:00:00:00"
    path.write_bytes(data.replace(b"tmcd", b"rtmd"))  # as Sony's cameras name theirs; what it holds is no timecode
    source = open_source(path)
    assert source.clip.timecode is None
    found = plan(source, tmp_path / "b.mov")
    assert any("data rtmd" in line and "-> dropped" in line for line in found.streams)
    assert any("data rtmd" in text for text in found.lost)


def test_a_timecode_that_cannot_count_is_named(tmp_path: Path) -> None:
    source = open_source(marked(tmp_path / "a.mkv", step=700))
    assert source.clip.variable_rate
    assert any("timecode 01:00:00:00 is dropped" in warning for warning in plan(source, tmp_path / "b.mkv").warnings)


def test_fonts_and_covers(tmp_path: Path) -> None:
    fonts = open_source(marked(tmp_path / "a.mkv", font=True))
    with av.open(str(copy(fonts, tmp_path / "b.mkv").clip.path)) as reader:
        (font,) = [stream for stream in reader.streams if stream.type == "attachment"]
        assert (bytes(font.data), font.name, font.mimetype) == (FONT, "font.ttf", "application/x-truetype-font")
    covered = open_source(marked(tmp_path / "c.mp4", words=False, cover=True, timecode=None))
    pictures = []
    for path in (covered.clip.path, copy(covered, tmp_path / "d.mp4").clip.path, copy(covered, tmp_path / "e.mkv").clip.path,
                 copy(covered, tmp_path / "f.mp4", (9, 29)).clip.path):
        with av.open(str(path)) as reader:
            (cover,) = [s for s in reader.streams if s.disposition & av.stream.Disposition.attached_pic]
            pictures.append(next(bytes(packet) for packet in reader.demux(cover) if packet.size))
    assert pictures == pictures[:1] * 4
    assert any("cover image" in warning for warning in plan(covered, tmp_path / "g.mov").warnings)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_of_two_video_streams_the_painted_one_is_the_default(tmp_path: Path, suffix: str) -> None:
    """The larger one is painted; FFV1 and others state no bit rate, by which readers choose where nothing is the default."""
    small, large = (make_clip(tmp_path / f"{size[0]}.mp4", size=size) for size in ((48, 32), (96, 64)))
    both = tmp_path / "both.mp4"
    with av.open(str(small)) as one, av.open(str(large)) as other, av.open(str(both), "w") as writer:
        outs = [writer.add_stream_from_template(reader.streams.video[0]) for reader in (one, other)]
        for out in outs:
            out.disposition = av.stream.Disposition.default
        for reader, out in zip((one, other), outs, strict=True):
            for packet in reader.demux(video=0):
                if packet.size:
                    packet.stream = out
                    writer.mux(packet)
    source = open_source(both)
    assert source.clip.width == 96
    target = tmp_path / f"out{suffix}"
    copy(source, target, codec="ffv1" if suffix == ".mkv" else "h264")
    with av.open(str(target)) as reader:
        found = {stream.width: bool(stream.disposition & av.stream.Disposition.default) for stream in reader.streams.video}
    assert found == {96: True, 48: False}
    assert probe(target).width == 96


def test_strict_refuses_what_would_be_lost_and_nothing_else(tmp_path: Path) -> None:
    source = open_source(marked(tmp_path / "a.mkv", font=True))
    planned = plan(source, tmp_path / "b.mp4")
    assert any("attachment font.ttf" in warning for warning in planned.warnings)
    with pytest.raises(UsageError, match=r"--strict.*attachment font\.ttf") as caught:
        plan(source, tmp_path / "b.mp4", strict=True)
    assert "\n" not in str(caught.value)
    assert plan(source, tmp_path / "b.mkv", strict=True).lost == ()


# SMPTE ST 12-1: numbers 0 and 1 are left out at each minute but every tenth; 17982 frames are ten minutes, 2589408 a day.
@pytest.mark.parametrize(("begin", "frames", "rate", "end"), [
    ("01:00:00:00", 30, Fraction(25), "01:00:01:05"), ("00:00:59;29", 1, Fraction(30000, 1001), "00:01:00;02"),
    ("00:09:59;29", 1, Fraction(30000, 1001), "00:10:00;00"), ("00:00:00;00", 17982, Fraction(30000, 1001), "00:10:00;00"),
    ("00:00:00;00", 1800, Fraction(30000, 1001), "00:01:00;02"), ("00:00:59;59", 1, Fraction(60000, 1001), "00:01:00;04"),
    ("23:59:59:23", 1, Fraction(24000, 1001), "00:00:00:00"), ("00:01:59;29", 1, Fraction(30000, 1001), "00:02:00;02"),
    ("12:00:00:00", 0, Fraction(24), "12:00:00:00"), ("12:00:00:25", 1, Fraction(25), None), ("noon", 1, Fraction(25), None),
    ("00:00:00;00", 1, Fraction(25), None)])
def test_timecode_counts_as_the_standard_does(begin: str, frames: int, rate: Fraction, end: str | None) -> None:
    assert advance(begin, frames, rate) == end


@settings(deadline=None)
@given(one=st.integers(0, 3_000_000), two=st.integers(0, 200_000))
def test_timecode_never_names_a_dropped_number_and_adds_up(one: int, two: int) -> None:
    rate = Fraction(30000, 1001)
    there = advance("00:00:00;00", one, rate)
    assert there is not None
    minute, second, number = int(there[3:5]), there[6:8], int(there[9:11])
    assert not (second == "00" and number < 2 and minute % 10)
    assert advance(there, two, rate) == advance("00:00:00;00", one + two, rate)
