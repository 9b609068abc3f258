"""Video streams without a container (`.h264`, `.m2v`): every frame in order, at the rate that they state or are given."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from negative_method import Negative
from unpainted import copy
from video_clips import gradient

from vidstyle.core.errors import InputError
from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.painting import methods
from vidstyle.painting.style_picture import Style
from vidstyle.run.pipeline import stylize_video
from vidstyle.run.plan import Selection
from vidstyle.run.verify import verify
from vidstyle.video import ReadSettings, open_source, probe
from vidstyle.video.write.priority import own_priority

FRAMES = 20
NTSC = Fraction(30000, 1001)
H264 = {"x264-params": "mbtree=0:bframes=3:keyint=8:open-gop=1:scenecut=0", "crf": "10", "threads": "1"}
H265 = {"x265-params": "log-level=error:bframes=3:keyint=8", "crf": "10"}


def write_bare(path: Path, codec: str, options: dict[str, str] | None = None, *, format: str | None = None,
               pix_fmt: str = "yuv420p", rate: Fraction = NTSC) -> Path:
    """`FRAMES` frames of 96x64 as the muxer `format` writes them, which adds nothing to the coded stream."""
    with av.open(str(path), "w", format=format) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        context = stream.codec_context
        context.width, context.height, context.pix_fmt, context.time_base = 96, 64, pix_fmt, 1 / rate
        with own_priority():  # or SVT-AV1 leaves the tests that follow, and the processes they start, in real time
            context.open()
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(gradient(index, 96, 64), "rgb24").reformat(format=pix_fmt)
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


STREAMS = {
    "clip.h264": ("libx264", H264, None, NTSC), "clip.264": ("libx264", H264, "h264", NTSC),
    "clip.hevc": ("libx265", H265, None, NTSC), "clip.m2v": ("mpeg2video", {"bf": "2", "g": "8", "q": "3"}, None, NTSC),
    "clip.m1v": ("mpeg1video", {"bf": "2", "g": "8"}, "mpeg1video", NTSC), "clip.mpv": ("mpeg2video", {}, "mpeg2video", NTSC),
    "clip.m4v": ("mpeg4", {"bf": "2", "g": "8"}, "m4v", NTSC), "clip.mjpeg": ("mjpeg", {}, None, None),
    "clip.obu": ("libsvtav1", {"preset": "12"}, None, None), "clip.ivf": ("libvpx-vp9", {"cpu-used": "8"}, None, NTSC),
    "film": ("libx264", H264, "h264", NTSC),
}
"""Encoder, its options, muxer, and the rate that the coded stream states."""


@pytest.mark.parametrize("name", STREAMS)
def test_every_frame_is_read_in_order_at_the_stated_rate(tmp_path: Path, name: str) -> None:
    codec, options, format, stated = STREAMS[name]
    path = write_bare(tmp_path / name, codec, options, format=format, pix_fmt="yuvj420p" if codec == "mjpeg" else "yuv420p")
    source = open_source(path)
    rate = stated or Fraction(25)
    assert [pts * source.clip.time_base for pts in source.clip.pts] == [index / rate for index in range(FRAMES)]
    assert source.clip.duration == pytest.approx(FRAMES / rate)
    assert any("25 frames a second are assumed" in text for text in source.warnings) == (stated is None)
    frames = list(source.decode())
    assert [frame.pts for frame in frames] == list(source.clip.pts)
    known = np.stack([gradient(index, 96, 64) for index in range(FRAMES)]) / 255
    for index, frame in enumerate(frames):  # each is nearest to the picture that was encoded at its place
        distances = abs(known - frame.image.permute(1, 2, 0).numpy()).mean((1, 2, 3))
        assert distances.argmin() == index
    part = list(source.decode(11, 13))
    assert [frame.index for frame in part] == [11, 12, 13]
    assert all(torch.equal(one.image, frames[one.index].image) for one in part)
    [early, late] = source.sample([3, 15])
    assert [frame.index for frame in (*early, *late)] == [3, 4, 15, 16]
    assert torch.equal(late[0].image, frames[15].image)


def test_the_rate_that_is_given_counts(tmp_path: Path) -> None:
    path = write_bare(tmp_path / "clip.h264", "libx264", H264)
    source = open_source(path, ReadSettings(fps=Fraction(24)))
    assert [pts * source.clip.time_base for pts in source.clip.pts] == [Fraction(index, 24) for index in range(FRAMES)]
    assert not any("--fps" in text for text in source.warnings)


def test_frames_of_mpeg2_that_last_longer_do_so(tmp_path: Path) -> None:
    """Every second picture says that it is displayed once more (H.262, 6.3.10, repeat_first_field)."""
    path = write_bare(tmp_path / "clip.m2v", "mpeg2video", {"bf": "0"})
    data = bytearray(path.read_bytes())
    extensions = [found.end() for found in re.finditer(rb"\x00\x00\x01\xb5(?=[\x80-\x8f])", data)]  # of the pictures
    assert len(extensions) == FRAMES
    for at in extensions[1::2]:
        data[at + 3] |= 0x02
    path.write_bytes(data)
    clip = probe(path)
    assert [length * clip.time_base for length in clip.durations] == [1 / NTSC, 2 / NTSC] * (FRAMES // 2)
    even = probe(path, ReadSettings(fps=Fraction(25)))
    assert {length * even.time_base for length in even.durations} == {Fraction(1, 25)}


@pytest.mark.parametrize(("name", "codec", "format"), [("clip.h264", "libx264", None), ("clip.m2v", "mpeg2video", None),
                                                       ("clip.m4v", "mpeg4", "m4v")])
def test_damage_is_found_before_painting(tmp_path: Path, name: str, codec: str, format: str | None) -> None:
    path = write_bare(tmp_path / name, codec, H264 if codec == "libx264" else {"bf": "2", "g": "8"}, format=format)
    whole = path.read_bytes()
    path.write_bytes(whole[:len(whole) // 2] + bytes(150) + whole[len(whole) // 2 + 150:])
    with pytest.raises(InputError, match=r"frame \d+ is damaged; .*--on-damage hold\."):
        open_source(path)
    held = open_source(path, ReadSettings("hold"))
    frames = list(held.decode())
    assert [frame.pts for frame in frames] == list(held.clip.pts)
    assert len(frames) == FRAMES
    bad = [frame.index for frame in frames if frame.damage]
    assert 1 <= len(bad) <= 8  # at most a group of pictures
    assert all(torch.equal(frames[index].image, frames[index - 1].image) for index in bad)


def test_noise_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.h264"
    path.write_bytes(b"\0\0\0\1\x67\x64\0\x1f" + bytes(2000))
    for policy in ("fail", "hold", "keep"):
        with pytest.raises(InputError, match=r"clip\.h264: .*(is damaged|no frame that can be decoded).*\.$"):
            open_source(path, ReadSettings(policy))


@pytest.mark.parametrize(("cut", "fault"), [(0, None), (1000, "cut off; 4 frames are there, and 1000 bytes")])
def test_dv_has_its_own_times_and_sound(tmp_path: Path, cut: int, fault: str | None) -> None:
    path = tmp_path / "tape.dv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("dvvideo", rate=25)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = 720, 576, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=48000, layout="stereo")
        for index in range(4):
            frame = av.VideoFrame.from_ndarray(gradient(index, 720, 576), "rgb24").reformat(format="yuv420p")
            frame.pts = index
            container.mux(stream.encode(frame))
            tone = av.AudioFrame.from_ndarray(np.full((1, 2 * 1920), 500, np.int16), format="s16", layout="stereo")
            tone.sample_rate, tone.pts, tone.time_base = 48000, index * 1920, Fraction(1, 48000)
            container.mux(sound.encode(tone))
        container.mux(stream.encode(None))
        container.mux(sound.encode(None))
    if fault is not None:
        path.write_bytes(path.read_bytes()[:-cut])
        with pytest.raises(InputError, match=fault):
            open_source(path)
        return
    written = copy(open_source(path), tmp_path / "out.mp4").clip
    assert (written.frames, float(written.average_rate)) == (4, 25)
    assert [track.codec for track in written.audio] == ["aac"]


@pytest.mark.parametrize("name", ["clip.h264", "clip.m4v"])
def test_a_run_writes_an_mp4_with_every_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(methods.METHODS, "optimize", Negative())
    codec, options, format, _ = STREAMS[name]
    path = write_bare(tmp_path / name, codec, options, format=format)
    write_png(tmp_path / "style.png", torch.rand(3, 20, 20, generator=torch.Generator().manual_seed(0)))
    whole = stylize_video(path, [Style(tmp_path / "style.png")], options=Options(size=48, device="cpu"))
    assert whole.plan.target == tmp_path / "clip_style.mp4"
    written = probe(whole.plan.target)
    assert [pts * written.time_base for pts in written.pts] == [index / NTSC for index in range(FRAMES)]
    assert all(check.good for check in verify(whole.plan.target))
    part = stylize_video(path, [Style(tmp_path / "style.png")], options=Options(size=48, device="cpu"),
                         selection=Selection((9, 12)))
    assert part.plan.target == tmp_path / "clip_style_9-12.mp4"
    assert part.frame_hashes == whole.frame_hashes[9:13]
