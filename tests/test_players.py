"""What is written is what players show: pixel formats that few decode are avoided, or named."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from unpainted import copy, plan
from video_clips import gradient, make_clip

from vidstyle.video import open_source


def test_a_gif_becomes_a_movie_that_every_player_shows(tmp_path: Path) -> None:
    gif = make_clip(tmp_path / "a.gif", codec="gif", pix_fmt="rgb8", frames=4)
    written = copy(open_source(gif), tmp_path / "b.mp4")
    assert (written.clip.coding.codec, written.clip.coding.pix_fmt) == ("h264", "yuv420p")
    kept = plan(open_source(gif), tmp_path / "c.mkv", codec="ffv1").record()["pix_fmt"]
    assert kept.startswith("gbr")


def test_an_odd_side_is_named_with_what_plays(tmp_path: Path) -> None:
    gif = open_source(make_clip(tmp_path / "a.gif", codec="gif", pix_fmt="rgb8", size=(97, 63), frames=2))
    assert plan(gif, tmp_path / "b.mp4").record()["pix_fmt"] == "yuv444p"
    assert any("odd side" in text and "vp9" in text for text in plan(gif, tmp_path / "b.mp4").warnings)
    for codec in ("vp9", "av1"):  # as the advice says
        assert plan(gif, tmp_path / "b.mp4", codec=codec).record()["pix_fmt"] == "yuv420p"


@pytest.mark.parametrize(("codec", "pix_fmt", "written", "named"), [
    ("ffv1", "yuv422p10le", "h264", True), ("ffv1", "yuv420p10le", "hevc", False), ("ffv1", "yuv420p", "h264", False),
    ("ffv1", "yuv444p", "hevc", True), ("libx264", "yuv422p", "h264", False)])
def test_formats_that_few_players_show_are_named(tmp_path: Path, codec: str, pix_fmt: str, written: str, named: bool) -> None:
    source = open_source(make_clip(tmp_path / "a.mkv", codec=codec, pix_fmt=pix_fmt, frames=2))
    assert any("browsers" in text for text in plan(source, tmp_path / "b.mp4", codec=written).warnings) == named


def test_twelve_bits_with_alpha_are_written_as_sixteen(tmp_path: Path) -> None:
    """FFmpeg before 6, and players with it, do not read FFV1 with 12 bits and alpha; 16 bits hold every code."""
    def picture(index: int, width: int, height: int) -> av.VideoFrame:
        frame = av.VideoFrame.from_ndarray(gradient(index, width, height), "rgb24").reformat(format="yuva444p12le")
        alpha = np.linspace(0, 4095, width * height).astype(np.uint16)
        frame.planes[3].update(alpha.tobytes())
        return frame

    source = open_source(make_clip(tmp_path / "a.mkv", codec="ffv1", pix_fmt="yuva444p12le", frames=2, picture=picture))
    written = copy(source, tmp_path / "b.mkv", codec="ffv1", clamp=False)
    assert written.clip.coding.pix_fmt == "yuva444p16le"
    with av.open(str(source.clip.path)) as one, av.open(str(written.clip.path)) as other:
        for before, after in zip(one.decode(video=0), other.decode(video=0), strict=True):
            for index, (was, now) in enumerate(zip(before.planes, after.planes, strict=True)):
                codes, wide = (np.frombuffer(memoryview(plane), np.uint16).astype(int) for plane in (was, now))
                scaled = np.round(codes * (65535 / 4095)) if index == 3 else codes * 16
                assert np.abs(wide - scaled).max() <= 1  # single precision, of a sixteenth of a code
