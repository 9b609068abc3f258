"""Decoding: every frame, upright, at its time; a range is a slice; damage is reported."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import torch
from video_clips import SHAPES, make_clip, remux

from vidstyle.core.errors import InputError
from vidstyle.core.frame import Frame
from vidstyle.video import ReadSettings, open_source, probe


def same(one: Frame, two: Frame) -> bool:
    return (one.index, one.pts, one.duration, one.time_base) == (two.index, two.pts, two.duration, two.time_base) \
        and torch.equal(one.image, two.image)


@pytest.mark.parametrize("name", SHAPES)
def test_a_range_is_a_slice_bit_for_bit(tmp_path: Path, name: str) -> None:
    source = open_source(make_clip(tmp_path / name, **({"frames": 45, "size": (64, 48)} | SHAPES[name])))
    whole = list(source.decode())
    assert [frame.pts for frame in whole] == list(source.clip.pts)
    assert [frame.index for frame in whole] == list(range(45))
    for first in range(0, 45, 3):
        part = list(source.decode(first, min(first + 1, 44)))
        assert [frame.index for frame in part] == list(range(first, min(first + 2, 45)))
        assert all(same(frame, whole[frame.index]) for frame in part)
    runs = list(source.sample([0, 1, 2, 20, 21, 44, 3]))
    assert [[frame.index for frame in run] for run in runs] == [
        [0, 1], [1, 2], [2, 3], [20, 21], [21, 22], [44], [3, 4]]
    assert all(same(frame, whole[frame.index]) for run in runs for frame in run)


def test_an_edit_list_decodes_from_its_first_displayed_frame(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.mp4", frames=30, options={"bf": "0", "g": "10"})
    hidden = open_source(remux(whole, tmp_path / "cut.mp4", shift=-13 * 512))
    shown, every = list(hidden.decode()), list(open_source(whole).decode())
    assert len(shown) == 17
    assert all(torch.equal(a.image, b.image) for a, b in zip(shown, every[13:], strict=True))
    assert same(next(hidden.decode(9)), shown[9])


def corner(index: int, width: int, height: int) -> np.ndarray[Any, Any]:
    """Gray, with a red corner at the coded frame's top left and a blue one at its top right."""
    image = np.full((height, width, 3), 128, np.uint8)
    image[:height // 4, :width // 4] = 220, 30, 30
    image[:height // 4, -(width // 4):] = 30, 30, 220
    return image


@pytest.mark.parametrize("matrix", [
    [0, 65536, 0, -65536, 0, 0, 0, 0, 2**30], [-65536, 0, 0, 0, -65536, 0, 0, 0, 2**30],
    [0, -65536, 0, 65536, 0, 0, 0, 0, 2**30]])
def test_frames_are_upright_as_in_an_independent_reader(tmp_path: Path, matrix: list[int]) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=1, matrix=matrix, picture=corner)
    frame = next(open_source(path).decode())
    _, theirs = cv2.VideoCapture(str(path)).read()
    difference = frame.image.permute(1, 2, 0).numpy() * 255 - theirs[:, :, ::-1]
    assert np.abs(difference).mean() < 2  # OpenCV rounds to 8 bits and interpolates chroma coarsely


def test_a_mirrored_clip_is_mirrored_back(tmp_path: Path) -> None:
    mirror = [-65536, 0, 0, 0, 65536, 0, 0, 0, 2**30]
    source = open_source(make_clip(tmp_path / "a.mp4", frames=1, matrix=mirror, picture=corner))
    red, _, blue = next(source.decode()).image
    assert source.clip.orientation.mirrored
    assert red[4, -4] > 0.8
    assert blue[4, 4] > 0.8


def test_memory_does_not_hold_the_clip(tmp_path: Path) -> None:
    frames = open_source(make_clip(tmp_path / "a.mp4")).decode()
    assert next(frames).index == 0
    frames.close()  # type: ignore[attr-defined]
    assert [frame.index for frame in open_source(tmp_path / "a.mp4").decode(11)] == [11]


@pytest.mark.parametrize("damage", ["zeros", "cut"])
def test_damage_is_an_error_and_never_a_short_clip(tmp_path: Path, damage: str) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=60, size=(160, 96), container_options={"movflags": "faststart"},
                     options={"crf": "20", "bf": "0"})
    with av.open(str(path)) as reader:
        spots = [(packet.pos, packet.size) for packet in reader.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    at, size = spots[40]
    if damage == "zeros":
        data[at:at + size] = bytes(size)
    else:
        del data[at + size // 2:]
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"of 60 frames (were read|are there)") as caught:
        list(open_source(path).decode())
    assert "\n" not in str(caught.value)


def test_a_missing_frame_is_noticed(tmp_path: Path) -> None:
    source = open_source(make_clip(tmp_path / "a.mp4", frames=30))
    other = make_clip(tmp_path / "b.mp4", frames=29)
    with pytest.raises(InputError, match="29 of 30 frames"):
        list(replace(source, clip=replace(source.clip, path=other)).decode())


def joined_tags(first: bytes, second: bytes, late: int) -> bytes:
    """Two FLV files as a recorder joins them: the tags of the second one come `late` milliseconds later."""
    tags, at = bytearray(second[13:]), 0
    while at < len(tags):
        tags[at + 4:at + 7] = (int.from_bytes(tags[at + 4:at + 7], "big") + late).to_bytes(3, "big")
        at += 15 + int.from_bytes(tags[at + 1:at + 4], "big")
    return first + bytes(tags)


def joined(target: Path, parts: list[Path]) -> None:
    """The packets of two movies of five frames in one stream; the second states its size in its frames alone."""
    with av.open(str(target), "w") as writer:
        out = None
        for number, part in enumerate(parts):
            with av.open(str(part)) as reader:
                out = out or writer.add_stream_from_template(reader.streams.video[0])
                for packet in reader.demux(reader.streams.video[0]):
                    if packet.size:
                        packet.dts = packet.pts = packet.pts + 200 * number
                        packet.stream = out
                        writer.mux(packet)


@pytest.mark.parametrize(("suffix", "codec"), [(".ts", "libx264"), (".ts", "mpeg2video"), (".ts", "libx265"),
                                               (".flv", "libx264"), (".webm", "libvpx"), (".webm", "libvpx-vp9"),
                                               (".h264", "libx264"), (".m2v", "mpeg2video")])
def test_a_change_of_size_is_found_before_painting(tmp_path: Path, suffix: str, codec: str) -> None:
    shape: dict[str, Any] = {"time_base": Fraction(1, 1000), "step": 40} if suffix in (".flv", ".webm") else \
        {"time_base": Fraction(1, 25), "step": 1}
    parts = [make_clip(tmp_path / f"{n}{suffix}", frames=5, size=size, codec=codec, options={"bf": "0"}, **shape)
             for n, size in enumerate([(96, 64), (64, 48), (96, 64)])]
    other, same = tmp_path / f"other{suffix}", tmp_path / f"same{suffix}"
    for target, second in ((other, parts[1]), (same, parts[2])):
        if suffix == ".flv":
            target.write_bytes(joined_tags(parts[0].read_bytes(), second.read_bytes(), 200))
        elif suffix == ".webm":
            joined(target, [parts[0], second])
        else:
            later = remux(second, tmp_path / f"later{suffix}", shift=5 * 3600) if suffix == ".ts" else second
            target.write_bytes(parts[0].read_bytes() + later.read_bytes())
    assert probe(same).frames == 10
    lost = codec == "mpeg2video"  # FFmpeg's decoder never gives the frame that it holds back when the size changes
    at = 5 - (lost and suffix == ".m2v")
    with pytest.raises(InputError, match=rf"changes from 96x64 yuv420p to 64x48 yuv420p at frame {at}; split it there\.$"):
        open_source(other)
    held = open_source(other, ReadSettings("hold"))
    frames = list(held.decode())
    assert len(frames) == held.clip.frames
    assert [frame.index for frame in frames if frame.damage == "held"] == list(range(5 - lost, len(frames)))
    if suffix not in (".h264", ".m2v"):
        assert any("changes to 64x48 yuv420p at frame 5" in text for text in held.warnings)


def test_a_change_of_size_that_only_frames_state_is_found_when_they_are_read(tmp_path: Path) -> None:
    parts = [make_clip(tmp_path / f"{n}.avi", frames=5, size=size, codec="mjpeg", pix_fmt="yuvj420p",
                       time_base=Fraction(1, 1000), step=40) for n, size in enumerate([(96, 64), (64, 48)])]
    joined(tmp_path / "both.avi", parts)
    with pytest.raises(InputError, match=r"changes from 96x64 yuvj420p to 64x48 yuvj420p at frame 5; split it there\.$"):
        list(open_source(tmp_path / "both.avi").decode())


def test_a_packet_without_data_repeats_the_picture_before_it(tmp_path: Path) -> None:
    """Theora, of which no encoder is at hand, repeats pictures so; NUT keeps such packets of any codec."""
    whole = make_clip(tmp_path / "a.webm", codec="libvpx", options={"g": "100"}, time_base=Fraction(1, 1000), step=40)
    with av.open(str(whole)) as reader, av.open(str(tmp_path / "b.nut"), "w") as writer:
        out = writer.add_stream_from_template(reader.streams.video[0])
        for number, packet in enumerate(reader.demux(reader.streams.video[0])):
            if packet.size:
                copied = av.Packet(b"" if number in (10, 11) else bytes(packet))  # the last two refer to nothing missing
                copied.pts, copied.dts, copied.time_base, copied.stream = packet.pts, packet.dts, packet.time_base, out
                writer.mux(copied)
    source = open_source(tmp_path / "b.nut")
    assert [float(time * source.clip.time_base) for time in source.clip.pts] == [n * 0.04 for n in range(10)]
    for one, two in zip(source.decode(), open_source(whole).decode(0, 9), strict=True):
        assert torch.equal(one.image, two.image)
