"""Hostile sizes: nothing unpacks beyond its limit, and no reading goes on without end."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hostile_files import one_sentence, png
from video_clips import make_clip

from vidstyle.core.errors import InputError
from vidstyle.core.images import read_image
from vidstyle.video import ReadSettings, open_source, probe
from vidstyle.video.limits import MOST_PIXELS, MOST_STREAMS
from vidstyle.video.read.container import demuxed


@pytest.mark.parametrize(("width", "height"), [(2**31 - 1, 2**31 - 1), (65535, 65535), (20000, 20000), (1, 2**30), (0, 0)])
def test_a_style_picture_that_unpacks_beyond_the_memory_is_refused(tmp_path: Path, width: int, height: int) -> None:
    (tmp_path / "bomb.png").write_bytes(png(width, height))
    with pytest.raises(InputError, match=r"million pixels|not an image") as caught:
        read_image(tmp_path / "bomb.png")
    assert one_sentence(caught.value)


@pytest.mark.parametrize("extension", [".png", ".jpg", ".webp", ".tiff", ".bmp"])
def test_style_pictures_of_each_format_are_read_and_cut_off_ones_refused(tmp_path: Path, extension: str) -> None:
    image = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8), (0, 0), 2)
    path = tmp_path / f"a{extension}"
    data = cv2.imencode(extension, image)[1].tobytes()
    path.write_bytes(data)
    assert read_image(path).shape == (3, 40, 60)
    for share in (0.1, 0.5, 0.8):
        path.write_bytes(data[:int(len(data) * share)])
        with pytest.raises(InputError) as caught:
            read_image(path)
        assert one_sentence(caught.value)


def test_a_style_picture_of_another_format_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.ppm"), np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(InputError, match="save it as PNG or JPEG"):
        read_image(tmp_path / "a.ppm")


def test_a_clip_that_states_too_large_a_frame_is_refused(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.avi", codec="mjpeg", pix_fmt="yuvj420p", frames=2, time_base=Fraction(1, 25), step=1)
    data = bytearray(path.read_bytes())
    at = data.index(b"\xff\xc0") + 5  # height and width of a JPEG's frame header
    data[at:at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        probe(path)
    assert one_sentence(caught.value)


def test_an_image_header_that_states_too_many_pixels_is_refused(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.avi", codec="rawvideo", frames=2, time_base=Fraction(1, 25), step=1)
    data = bytearray(path.read_bytes())
    header = data.index(b"strf") + 12
    data[header:header + 8] = struct.pack("<ii", 16384, 8192)
    path.write_bytes(data)
    with pytest.raises(InputError, match="million") as caught:
        probe(path)
    assert one_sentence(caught.value)
    assert MOST_PIXELS < 16384 * 8192


def test_a_frame_that_becomes_larger_than_the_limit_is_refused(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.avi", codec="mjpeg", pix_fmt="yuvj420p", frames=4, time_base=Fraction(1, 25), step=1)
    data = bytearray(path.read_bytes())
    at = 0
    for _ in range(3):
        at = data.index(b"\xff\xc0", at) + 5
    data[at:at + 4] = b"\xff\x00\xff\x00"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        list(open_source(path).decode())
    assert one_sentence(caught.value)
    assert [frame.damage for frame in open_source(path, ReadSettings("hold")).decode()] == ["", "", "held", ""]


def test_a_file_with_too_many_streams_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as sink:
        for _ in range(MOST_STREAMS + 1):
            stream = sink.add_stream("mpeg4", rate=25)
            stream.width = stream.height = 16
        frame = av.VideoFrame(16, 16, "yuv420p")
        for stream in sink.streams.video:
            frame.pts, frame.time_base = 0, Fraction(1, 25)
            sink.mux(stream.encode(frame))
            sink.mux(stream.encode(None))
    with pytest.raises(InputError, match=f"{MOST_STREAMS + 1} streams"):
        probe(path)


def test_a_clip_with_too_many_frames_or_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = make_clip(tmp_path / "long.mkv", pts=[0, 25 * 3600 * 24 * 8], time_base=Fraction(1, 25), options={"bf": "0"})
    with pytest.raises(InputError, match="more than a week"):
        probe(long)
    monkeypatch.setattr("vidstyle.video.limits.MOST_FRAMES", 5)
    with pytest.raises(InputError, match="more than 5 frames"):
        probe(make_clip(tmp_path / "many.mp4", frames=6))


def test_a_huge_table_of_contents_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_clip(tmp_path / "a.mp4", frames=2)
    assert probe(path).frames == 2
    monkeypatch.setattr("vidstyle.video.limits.MOST_SAMPLES", 1)
    with pytest.raises(InputError, match="lists 2 samples, more than the 1") as caught:
        probe(path)
    assert one_sentence(caught.value)


def test_a_stream_that_appears_later_does_not_end_the_reading(tmp_path: Path) -> None:
    packet = av.Packet(b"picture")

    class Container:
        """As PyAV 18.1 at times is behind the last packet of a transport stream."""

        def demux(self, *streams: object) -> object:
            yield packet
            raise IndexError("list index out of range")

    assert list(demuxed(Container(), [])) == [packet]  # type: ignore[arg-type]
