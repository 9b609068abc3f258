"""Probing: times against the decoder's, and one sentence for everything that cannot be painted."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import pytest
from video_clips import make_clip, remux, write_sound

from vidstyle.core.errors import InputError, UsageError, VidstyleError
from vidstyle.core.timecode import Timecode
from vidstyle.video import ReadSettings, describe, open_source, probe

UNEVEN = [0, 3003, 7000, 7100, 20000, 26000, 90000, 91001, 99999]  # 1/90000 s


def decoded_times(path: Path) -> list[int]:
    with av.open(str(path)) as reader:
        return [frame.pts for frame in reader.decode(video=0)]


@pytest.mark.parametrize(("name", "options"), [
    ("even.mp4", {}), ("bframes.mp4", {"options": {"bf": "3", "g": "8"}, "frames": 30}),
    ("open.mp4", {"options": {"x264-params": "open-gop=1:keyint=8:bframes=3"}, "frames": 30}),
    ("stream.ts", {"frames": 20}), ("rounded.mkv", {"time_base": Fraction(1, 30000), "step": 1001}),
    ("uneven.mp4", {"time_base": Fraction(1, 90000), "pts": UNEVEN, "options": {"bf": "0"}}),
    ("fragments.mp4", {"container_options": {"movflags": "frag_keyframe+empty_moov"}}),
    ("hidden.webm", {"codec": "libvpx-vp9", "frames": 40, "options": {"auto-alt-ref": "1", "lag-in-frames": "20"}}),
    ("hidden8.webm", {"codec": "libvpx", "frames": 40, "options": {"auto-alt-ref": "1", "lag-in-frames": "20"}}),
])
def test_times_are_those_of_the_decoder(tmp_path: Path, name: str, options: dict) -> None:
    path = make_clip(tmp_path / name, **options)
    clip = probe(path)
    assert list(clip.pts) == decoded_times(path)
    assert clip.variable_rate == (name == "uneven.mp4")
    assert len(clip.durations) == clip.frames


def test_uneven_times_are_kept_to_the_tick(tmp_path: Path) -> None:
    clip = probe(make_clip(tmp_path / "a.mp4", time_base=Fraction(1, 90000), pts=UNEVEN, options={"bf": "0"}))
    assert list(clip.pts) == UNEVEN
    assert clip.time_base == Fraction(1, 90000)
    assert clip.durations[:3] == (3003, 3997, 100)


def test_an_edit_list_hides_frames(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.mp4", frames=30, options={"bf": "0", "g": "10"})
    cut = remux(whole, tmp_path / "cut.mp4", shift=-13 * 512)  # begins before zero, so MP4 writes an edit list
    with av.open(str(cut)) as reader:
        assert reader.streams.video[0].frames == 30
    clip = probe(cut)
    assert clip.frames == 17
    assert list(clip.pts) == decoded_times(cut)


@pytest.mark.parametrize(("matrix", "turned"), [
    ([65536, 0, 0, 0, 65536, 0, 0, 0, 2**30], 0), ([0, 65536, 0, -65536, 0, 0, 0, 0, 2**30], 90),
    ([-65536, 0, 0, 0, -65536, 0, 0, 0, 2**30], 180), ([0, -65536, 0, 65536, 0, 0, 0, 0, 2**30], 270)])
def test_rotation_gives_the_size_a_viewer_sees(tmp_path: Path, matrix: list[int], turned: int) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=2, matrix=matrix, ratio=Fraction(4, 3))
    clip = probe(path)
    reader = cv2.VideoCapture(str(path))  # an independent reader that applies the rotation
    _, image = reader.read()
    assert (clip.height, clip.width) == image.shape[:2]
    assert (clip.rotation, clip.orientation.mirrored) == (turned, False)
    assert clip.sample_aspect_ratio == (Fraction(3, 4) if turned in (90, 270) else Fraction(4, 3))


def test_facts_are_json(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", sound=[("aac", "fra")], metadata={"title": "Nymphéas"})
    facts = json.loads(json.dumps(describe(path)))
    assert (facts["frames"], facts["width"], facts["height"], facts["depth"]) == (12, 96, 64, 8)
    assert facts["audio"][0] | {} == {"index": 1, "kind": "audio", "codec": "aac", "language": "fra", "title": None,
                                      "rate": 48000, "channels": 1, "disposition": ["default"]}
    assert facts["metadata"]["title"] == "Nymphéas"
    assert facts["duration"] == pytest.approx(12 * 0.04)
    assert facts["streams"] == ["stream 0: video h264 -> painted",
                                "stream 1: audio aac 48000 Hz, 1 channel fra -> copied"]


def test_select_by_number_and_by_seconds(tmp_path: Path) -> None:
    clip = probe(make_clip(tmp_path / "a.mp4", frames=90, time_base=Fraction(1, 30000), step=1000, size=(32, 32)))
    assert clip.select() == (0, 89)
    assert clip.select(frames=(10, 20)) == (10, 20)
    assert clip.select(start=1.0, end=2.0) == (30, 59)
    assert clip.select(start=0.033) == (1, 89)  # frame 1 appears at 0.0333...
    assert clip.select(start=0.034) == (2, 89)
    assert clip.select(end=0.033) == (0, 0)
    for wrong in ({"frames": (80, 90)}, {"frames": (5, 4)}, {"frames": (-1, 4)}, {"start": 3.0}, {"end": 0.0},
                  {"start": 2.0, "end": 1.0}, {"frames": (0, 1), "start": 0.0}, {"start": math.nan}):
        with pytest.raises(UsageError) as caught:
            clip.select(**wrong)
        assert str(caught.value).count("\n") == 0
    with pytest.raises(UsageError, match="frames 0-89"):
        clip.select(frames=(80, 90))


def test_a_range_may_leave_an_end_to_the_clip(tmp_path: Path) -> None:
    clip = probe(make_clip(tmp_path / "a.mp4"))
    assert clip.select((5, None)) == (5, 11)
    assert clip.select((None, 5)) == (0, 5)
    with pytest.raises(UsageError, match=r"Frame 12 is behind the clip's last, 11"):
        clip.select((12, None))


@pytest.mark.parametrize(("asked", "words"), [
    ({"start": 100.0, "end": 4.0}, r"--start 100 is behind the clip's last frame; the clip runs from 0 to 0\.48 s"),
    ({"start": 100.0}, r"--start 100 is behind the clip's last frame"),
    ({"end": -1.0}, r"--end -1 is not after the clip's first frame"),
    ({"start": 0.3, "end": 0.2}, r"--end 0\.2 is not after --start 0\.3"),
    ({"start": 0.41, "end": 0.42}, r"No frame appears from 0\.41 to 0\.42 s; the next one appears at 0\.44 s"),
    ({"start": Timecode(0, 0, 9, 0, False)}, r"--start 00:00:09:00 is behind the clip's last frame"),
    ({"start": Timecode(0, 0, 0, 25, False)}, r"--start 00:00:00:25 is no timecode at 25 .* FF up to 24"),
    ({"start": Timecode(0, 0, 0, 5, False), "end": Timecode(0, 0, 0, 5, False)}, r"--end 00:00:00:05 is not after --start")])
def test_an_empty_range_says_which_end_is_wrong(tmp_path: Path, asked: dict[str, Any], words: str) -> None:
    clip = probe(make_clip(tmp_path / "a.mp4"))
    with pytest.raises(UsageError, match=words) as caught:
        clip.select(**asked)
    assert str(caught.value).count(". ") == 0  # one sentence


@pytest.mark.parametrize(("stated", "rate", "start", "end", "found"), [
    (None, Fraction(25), "00:00:01:05", "00:00:02:00", (30, 49)),
    ("01:00:00:00", Fraction(25), "01:00:01:05", "01:00:02:00", (30, 49)),
    ("01:00:00:00", Fraction(24000, 1001), "01:00:01:05", None, (29, 59)),
    ("00:00:59;20", Fraction(30000, 1001), "00:01:00;02", "00:01:00;12", (10, 19)),  # numbers 00 and 01 are left out
    ("00:00:59;20", Fraction(30000, 1001), "00:01:00:02", "00:01:00:12", (10, 19)),  # as shells make it easier to type
    ("01:00:00:00", Fraction(25), "01:00:00:00", "01:00:02:10", (0, 59))])
def test_a_timecode_is_the_sources_own(tmp_path: Path, stated: str | None, rate: Fraction, start: str, end: str | None,
                                       found: tuple[int, int]) -> None:
    path = make_clip(tmp_path / "a.mov", frames=60, time_base=1 / rate, step=1, size=(32, 32))
    clip = replace(probe(path), timecode=stated)
    assert clip.select(start=Timecode.parse(start), end=None if end is None else Timecode.parse(end)) == found


def test_a_timecode_outside_the_clip_names_the_clips_own(tmp_path: Path) -> None:
    clip = replace(probe(make_clip(tmp_path / "a.mov", time_base=Fraction(1, 25), step=1)), timecode="01:00:00:00")
    for wrong in ("00:00:00:05", "01:00:01:00"):
        with pytest.raises(UsageError, match=r"is outside the clip, whose timecode runs from 01:00:00:00 to 01:00:00:11"):
            clip.select(start=Timecode.parse(wrong))
    uneven = probe(make_clip(tmp_path / "b.mp4", pts=[0, 512, 9000, 9512]))
    with pytest.raises(UsageError, match=r"come at a variable rate; give seconds"):
        uneven.select(start=Timecode(0, 0, 0, 1, False))


def broken(tmp_path: Path, name: str) -> Path:
    path = tmp_path / f"{name}.mp4"
    good = make_clip(tmp_path / "good.mp4", frames=40, sound=[("aac", None)])
    data = good.read_bytes()
    if name == "folder":
        path.mkdir()
    elif name == "text":
        path.write_text("this is not a video at all\n" * 40)
    elif name == "empty":
        path.touch()
    elif name == "no table":
        path.write_bytes(data[:len(data) // 2])
    elif name == "script":
        path.write_text(f"ffconcat version 1.0\nfile '{good}'\n")
    elif name == "playlist":
        path.write_text(f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:1,\n{good}\n#EXT-X-ENDLIST\n")
    elif name == "sound only":
        with av.open(str(path), "w") as writer:
            track = writer.add_stream("aac", rate=48000, layout="mono")
            write_sound(writer, track, 0.5)
    elif name == "hdr":
        # Of fewer than three frames x265 at times makes packets without a time, which MP4 refuses.
        make_clip(path, codec="libx265", pix_fmt="yuv420p10le", tags=(9, 1, 9, 16), frames=6)
    elif name == "scrambled":
        at = data.index(b"mdat") + 4
        path.write_bytes(data[:at] + bytes(len(data) - at - 4000) + data[-4000:])
    return path


@pytest.mark.parametrize(("name", "words"), [
    ("missing", "no such file"), ("folder", "is a folder"), ("text", "not a video"), ("empty", "is empty"),
    ("no table", "cut-off or damaged"), ("script", "not a video"), ("playlist", "not a video"),
    ("sound only", "only sound"), ("hdr", "HDR"),
    ("scrambled", "cannot be decoded|no frame|breaks off")])
def test_what_cannot_be_painted_is_refused_in_one_sentence(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        open_source(broken(tmp_path, name))
    assert isinstance(caught.value, VidstyleError)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_file_name_may_hold_a_colon(tmp_path: Path) -> None:
    assert probe(make_clip(tmp_path / "plain.mp4", frames=2).rename(tmp_path / "http:evil -x.mp4")).frames == 2


def test_untagged_colours_are_assumed_by_size_and_reported(tmp_path: Path) -> None:
    small = open_source(make_clip(tmp_path / "small.mp4", frames=1))
    large = open_source(make_clip(tmp_path / "large.mp4", frames=1, size=(1280, 64)))
    assert (small.clip.colour.matrix, large.clip.colour.matrix) == ("bt601", "bt709")
    assert any("assumed matrix bt601" in warning for warning in small.warnings)
    tagged = open_source(make_clip(tmp_path / "tagged.mp4", frames=1, tags=(1, 2, 1, 1)))
    assert (tagged.clip.colour.matrix, tagged.clip.colour.full_range, tagged.warnings) == ("bt709", True, ())


def test_a_cut_off_matroska_is_refused(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "a.mkv", frames=200, size=(64, 64))
    data = whole.read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(data[:len(data) // 3])
    with pytest.raises(InputError, match=r"is cut off; .* bytes at the end are missing.*--on-damage"):
        probe(cut)
    source = open_source(cut, ReadSettings("keep"))
    assert source.clip.frames < 150
    assert any("cut off" in warning for warning in source.warnings)
