"""Damaged clips: refused in a sentence, or as many frames at the same times, the good ones untouched and the others counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from video_clips import SHAPES, make_clip

from vidstyle.cli import execute
from vidstyle.core.errors import InputError
from vidstyle.core.frame import Frame
from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.network_file import save_network
from vidstyle.painting.style_picture import Style
from vidstyle.run.pipeline import stylize_video
from vidstyle.video import ReadSettings, open_source, probe

N = 40
GOP = {"options": {"x264-params": "bframes=2:keyint=10:scenecut=0"}}


def spots(path: Path, stream: int = 0) -> list[tuple[int, int]]:
    """Place and size of every packet in the file."""
    with av.open(str(path)) as reader:
        return [(packet.pos, packet.size) for packet in reader.demux(reader.streams[stream]) if packet.size]


def zero(path: Path, packets: list[int], keep: int = 0) -> Path:
    """Blank these packets of the video, except their first `keep` bytes."""
    data = bytearray(path.read_bytes())
    for at, size in [spots(path)[index] for index in packets]:
        data[at + keep:at + size] = bytes(size - keep)
    path.write_bytes(data)
    return path


def flip(path: Path, packet: int) -> Path:
    """Change bytes inside a packet, so that it decodes into something wrong."""
    data, (at, size) = bytearray(path.read_bytes()), spots(path)[packet]
    for place in range(at + size // 2, at + size - 4, 7):
        data[place] ^= 0x55
    path.write_bytes(data)
    return path


def cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[:int(len(data) * share)])
    return path


def equal(one: Frame, two: Frame) -> bool:
    return torch.equal(one.image, two.image)


DAMAGES: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "one blank": ("a.mp4", lambda path: zero(path, [25])),
    "keyframe blank": ("a.mp4", lambda path: zero(path, [20])),
    "first blank": ("a.mp4", lambda path: zero(path, [0])),
    "many blank": ("a.mp4", lambda path: zero(path, list(range(5, 35, 3)))),
    "flipped": ("a.mp4", lambda path: flip(path, 10)),
    "cut": ("a.mp4", lambda path: cut(path, 0.6)),
    "cut mkv": ("a.mkv", lambda path: cut(path, 0.6)),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_clip_is_refused_or_its_frames_are_repeated(tmp_path: Path, name: str) -> None:
    file, damage = DAMAGES[name]
    path = make_clip(tmp_path / file, frames=N, container_options={"movflags": "faststart"} if "mp4" in file else None, **GOP)
    whole = list(open_source(path).decode())
    damage(path)
    with pytest.raises(InputError, match=r"--on-damage hold") as caught:
        list(open_source(path).decode())
    assert "\n" not in str(caught.value)

    source = open_source(path, ReadSettings("hold"))
    clip = source.clip
    held = list(source.decode())
    assert [frame.pts for frame in held] == list(clip.pts)
    if "mkv" in name:  # it does not state the number of frames, so the error states the length
        assert 20 <= clip.frames < N
        assert any("cut off" in warning for warning in source.warnings)
        assert not [frame for frame in held if frame.damage]
        return
    assert list(clip.pts) == [frame.pts for frame in whole]
    bad = [frame.index for frame in held if frame.damage]
    assert 1 <= len(bad) <= 30
    assert {frame.damage for frame in held} == {"", "held"}
    first_good = next(frame for frame in held if not frame.damage)
    for frame in held:
        if frame.damage:
            assert equal(frame, held[frame.index - 1] if frame.index > first_good.index else first_good)
    sound = [frame for frame in held if not frame.damage and not equal(frame, whole[frame.index])]
    # A decoder repairs what it can without a word; only frames that refer to damaged ones may differ, one group at most.
    assert len(sound) <= 10
    assert all(equal(part, held[part.index]) for part in source.decode(22, 31 if clip.frames > 31 else clip.frames - 1))
    for run in source.sample([3, 15, clip.frames - 2]):
        assert all(equal(frame, held[frame.index]) for frame in run)

    kept = list(open_source(path, ReadSettings("keep")).decode())
    assert {frame.damage for frame in kept} <= {"", "held", "damaged"}
    assert len(kept) <= len(held)


def test_keep_gives_the_damaged_frames(tmp_path: Path) -> None:
    path = flip(make_clip(tmp_path / "a.mp4", frames=N, size=(192, 128), options={"x264-params": "bframes=0:keyint=40"}), 10)
    with av.open(str(path)) as reader:  # every frame that the decoder alone gives, and whether it calls it corrupt
        told = [(frame.pts, frame.is_corrupt) for frame in reader.decode(video=0)]
    kept = list(open_source(path, ReadSettings("keep")).decode())
    assert [(frame.pts, frame.damage == "damaged") for frame in kept] == told
    assert any(corrupt for _, corrupt in told)


@pytest.mark.parametrize("file", ["bframes.mp4", "confused.avi", "open.ts", "vp9.webm", "uneven.mp4"])
@pytest.mark.parametrize("policy", ["hold", "keep"])
def test_on_damage_does_not_change_an_intact_clip(tmp_path: Path, file: str, policy: str) -> None:
    path = make_clip(tmp_path / file, **({"frames": 45, "size": (64, 48)} | SHAPES[file]))
    strict, lenient = open_source(path), open_source(path, ReadSettings(policy))
    assert lenient.clip == strict.clip
    for one, two in zip(strict.decode(), lenient.decode(), strict=True):
        assert equal(one, two)
        assert (one.pts, one.index, one.damage) == (two.pts, two.index, two.damage)


def _boxes(data: bytearray) -> dict[bytes, tuple[int, int]]:
    """Place and length of each outermost box of an MP4, the last one of each name."""
    found, at = {}, 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        found[bytes(data[at + 4 : at + 8])] = at, length
        at += length
    return found


def _restated(data: bytearray, name: bytes, change: int) -> None:
    at, length = _boxes(data)[name]
    data[at : at + 4] = (length + change).to_bytes(4, "big")


def overstated(data: bytearray, kind: str) -> bytes:
    """A whole file whose outermost parts state another size than they have."""
    name, _, change = kind.partition(" ")
    if name in ("mdat", "mfra"):
        _restated(data, name.encode(), int(change))
    elif name in ("free", "uuid"):
        data += int(change).to_bytes(4, "big") + name.encode() + bytes(100)
    elif name == "RIFF":
        data[4:8] = (int.from_bytes(data[4:8], "little") + int(change)).to_bytes(4, "little")
    elif name == "segment":
        at = data.index(b"\x18\x53\x80\x67") + 4
        assert data[at] == 1, "a size of eight bytes"
        data[at + 1 : at + 8] = (int.from_bytes(data[at + 1 : at + 8], "big") + int(change)).to_bytes(7, "big")
    elif name == "trailer":
        assert data[-1:] == b";"
        del data[-1]
    return bytes(data)


@pytest.mark.parametrize(("file", "kind"), [
    ("a.mp4", "mdat 8"), ("a.mp4", "mdat 1000000"), ("a.mp4", "mdat -2000"), ("a.mov", "mdat 8"), ("a.mp4", "free 500"),
    ("a.mp4", "uuid 90000"), ("fragments.mp4", "mfra 8"), ("a.avi", "RIFF 4096"), ("a.mkv", "segment 777"),
    ("a.webm", "segment 1"), ("a.gif", "trailer")])
def test_a_size_that_is_overstated_is_no_damage(tmp_path: Path, file: str, kind: str) -> None:
    shape: dict[str, Any] = {"a.webm": {"codec": "libvpx-vp9"}, "a.gif": {"codec": "gif", "pix_fmt": "rgb8"},
                             "a.avi": {"codec": "mpeg4", "time_base": Fraction(1, 25), "step": 1}}.get(file, {})
    sound = {"a.webm": "libopus", "a.avi": "mp2"}.get(file, "aac")
    flags = {"movflags": "frag_keyframe+empty_moov"} if file == "fragments.mp4" else {"movflags": "faststart"}
    path = make_clip(tmp_path / file, frames=20, sound=[] if file == "a.gif" else [(sound, None)],
                     container_options=flags if path_is_mp4(file) else None, **shape)
    before = open_source(path)
    frames = list(before.decode())
    path.write_bytes(overstated(bytearray(path.read_bytes()), kind))
    after = open_source(path)
    assert after.clip == before.clip
    assert after.warnings == before.warnings
    assert all(equal(one, two) for one, two in zip(after.decode(), frames, strict=True))


def path_is_mp4(file: str) -> bool:
    return file.endswith((".mp4", ".mov"))


PER_FRAME: dict[str, Any] = {"time_base": Fraction(1, 25), "step": 1}
WHOLE: dict[str, dict[str, Any]] = {
    "a.mp4": {}, "a.mov": {}, "a.mkv": {}, "fragments.mp4": {"container_options": {"movflags": "frag_keyframe+empty_moov"}},
    "a.webm": {"codec": "libvpx-vp9", "sound": [("libopus", None)]},
    "a.avi": {"codec": "mpeg4", "sound": [("mp2", None)], **PER_FRAME},
    "a.flv": {"time_base": Fraction(1, 1000), "step": 40}, "a.wmv": {"codec": "wmv2", "sound": [("mp2", None)], **PER_FRAME},
    "a.mxf": {"codec": "mpeg2video", "sound": [], **PER_FRAME},
    "a.ogv": {"codec": "libvpx", "sound": [("libopus", None)], "format": "ogg"},
    "a.ivf": {"codec": "libvpx-vp9", "sound": [], **PER_FRAME},
    "a.png": {"codec": "apng", "pix_fmt": "rgb24", "sound": [], "format": "apng", **PER_FRAME},
    "a.y4m": {"codec": "rawvideo", "sound": [], **PER_FRAME},
    "wide.y4m": {"codec": "rawvideo", "pix_fmt": "yuv411p", "size": (98, 65), "sound": [], **PER_FRAME},
    "deep.y4m": {"codec": "rawvideo", "pix_fmt": "yuv422p10le", "container_options": {"strict": "-1"}, "sound": [],
                 **PER_FRAME}}


@pytest.mark.parametrize("file", WHOLE)
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, file: str) -> None:
    path = make_clip(tmp_path / file, frames=20, **{"sound": [("aac", None)]} | WHOLE[file])
    whole = open_source(path)
    assert whole.clip.frames == 20
    assert not [text for text in whole.warnings if "cut off" in text]
    data, silent, said = path.read_bytes(), list[float](), list[str]()
    for share in np.linspace(0.1, 0.99, 25):
        path.write_bytes(data[:int(len(data) * share)])
        try:
            list(open_source(path).decode())
        except InputError as error:
            said.append(str(error))
        else:
            silent.append(share)
    assert "\n" not in "".join(said)
    # These state no length of the whole, so that a cut between two tags or pages, by chance, is not seen.
    assert len(silent) <= (2 if file in ("a.flv", "a.ogv") else 0)


def test_a_long_last_frame_is_not_damage(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", frames=20, options={"bf": "0"})
    with av.open(str(source)) as reader, av.open(str(tmp_path / "b.mkv"), "w") as writer:
        stream = reader.streams.video[0]
        out = writer.add_stream_from_template(stream)
        for packet in reader.demux(stream):
            if packet.size:
                packet.duration = 512 if packet.pts < 19 * 512 else 12800 * 3 // 4
                packet.stream = out
                writer.mux(packet)
    with av.open(str(tmp_path / "b.mkv")) as reader:
        assert reader.duration == pytest.approx(1_510_000, abs=2000)  # 19 frames of 40 ms, one of 750
    assert probe(tmp_path / "b.mkv").frames == 20


@pytest.mark.parametrize(("file", "codec"), [("a.ts", "libx264"), ("a.mpg", "mpeg2video")])
def test_a_cut_off_recording_is_reported(tmp_path: Path, file: str, codec: str) -> None:
    path = make_clip(tmp_path / file, frames=20, codec=codec, time_base=Fraction(1, 25), step=1, options={"bf": "0"})
    assert not any("cut off" in warning for warning in open_source(path).warnings)
    data = path.read_bytes()
    path.write_bytes(data[:len(data) - 288 if file == "a.ts" else len(data) - 500])  # in the middle of a packet
    assert any("cut off" in warning for warning in open_source(path, ReadSettings("keep")).warnings)


def test_a_warning_names_the_sound_that_breaks_off(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=20, sound=[("aac", "fra")])
    data = path.read_bytes()
    at, size = spots(path, 1)[5]
    assert at + size < len(data) - 4000
    table = data.rindex(b"stco")  # of the sound, which is the last track: moved behind the end of the file
    broken = bytearray(data)
    broken[table + 12:table + 16] = (len(data) - 10).to_bytes(4, "big")
    path.write_bytes(broken)
    [warning] = [text for text in open_source(path).warnings if "sound" in text]
    assert "stream 1: audio aac" in warning
    assert "fra" in warning
    assert "breaks off" in warning or "is damaged" in warning


def test_a_clip_of_one_frame_without_a_duration(tmp_path: Path) -> None:
    one = open_source(make_clip(tmp_path / "one.mp4", frames=1))
    assert (one.clip.frames, len(list(one.decode()))) == (1, 1)
    live = make_clip(tmp_path / "live.mkv", frames=9, container_options={"live": "1"})
    with av.open(str(live)) as reader:
        assert reader.duration is None
    assert [frame.pts for frame in open_source(live).decode()] == list(probe(live).pts)
    assert probe(live).frames == 9


def test_the_result_counts_the_held_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = zero(make_clip(tmp_path / "clip.mp4", frames=N, **GOP), [25, 26])
    write_png(tmp_path / "style.png", torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0)))
    save_network(PaintNetwork(width=8, blocks=1), tmp_path / "net.safetensors", {})
    held = [frame.index for frame in open_source(path, ReadSettings("hold")).decode() if frame.damage]
    options = Options(method="feedforward", network=tmp_path / "net.safetensors", strength=0.0, size=32, device="cpu",
                      on_damage="hold")
    result = stylize_video(path, [Style(tmp_path / "style.png")], tmp_path / "out.mp4", options)
    assert list(result.held) == held
    assert held
    assert (result.frames, result.damaged) == (N, ())
    assert probe(tmp_path / "out.mp4").pts == probe(path, ReadSettings("hold")).pts

    command = ["run", str(path), "--style", str(tmp_path / "style.png"), "--network", str(tmp_path / "net.safetensors"),
               "--method", "feedforward", "--strength", "0", "--size", "32", "--json", "-o", str(tmp_path / "two.mp4")]
    assert execute(command) == 3
    assert not (tmp_path / "two.mp4").exists()
    capsys.readouterr()
    assert execute([*command, "--on-damage", "hold"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out.splitlines()[-1])["held"] == held
    assert f"{len(held)} of {N} frames repeat another frame" in err
