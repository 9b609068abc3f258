"""Colour: our float equations against the textbook's and FFmpeg's, both ways, and the round trip."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from unpainted import copy
from video_clips import gradient, make_clip

from vidstyle.video import open_source
from vidstyle.video.pixels.orientation import Orientation, read_matrix
from vidstyle.video.pixels.yuv import rgb_to_yuv, yuv_to_rgb

KNOWN = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020nc": (0.2627, 0.0593)}  # Kr, Kb of the standards
COLOURS = [(220, 40, 60), (255, 255, 255), (0, 0, 0), (30, 200, 90), (12, 34, 250), (128, 128, 128)]


def textbook(rgb: tuple[int, ...], matrix: str, full: bool, depth: int) -> tuple[float, float, float]:
    """Y', Cb, Cr codes by the formulas of ITU-R BT.601/709/2020, in float64."""
    kr, kb = KNOWN[matrix]
    r, g, b = (c / 255 for c in rgb)
    y = kr * r + (1 - kr - kb) * g + kb * b
    cb, cr = (b - y) / (2 - 2 * kb), (r - y) / (2 - 2 * kr)
    if full:
        top = 2**depth - 1
        return y * top, cb * top + 2 ** (depth - 1), cr * top + 2 ** (depth - 1)
    unit = 2 ** (depth - 8)
    return (16 + 219 * y) * unit, (128 + 224 * cb) * unit, (128 + 224 * cr) * unit


@pytest.mark.parametrize("matrix", KNOWN)
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("depth", [8, 10, 12])
def test_known_colours_have_the_textbooks_codes(matrix: str, full: bool, depth: int) -> None:
    for rgb in COLOURS:
        image = torch.tensor(rgb, dtype=torch.float32)[:, None, None].expand(3, 6, 8) / 255
        planes = rgb_to_yuv(image, matrix=matrix, full_range=full, depth=depth)
        for plane, code in zip(planes, textbook(rgb, matrix, full, depth), strict=True):
            assert (plane.double() - min(code, 2**depth - 1)).abs().max() <= 0.51  # rounding to a whole code
        back = yuv_to_rgb(planes, matrix=matrix, full_range=full, depth=depth)
        assert (back - image).abs().max() < 2.0 / 2**depth * 2


@pytest.mark.parametrize(("matrix", "space"), [("bt601", 5), ("bt709", 1)])
@pytest.mark.parametrize(("full", "range_"), [(False, 1), (True, 2)])
def test_decoding_agrees_with_ffmpeg(matrix: str, space: int, full: bool, range_: int) -> None:
    source = av.VideoFrame.from_ndarray(gradient(0, 128, 96), "rgb24").reformat(
        format="yuv444p", dst_colorspace=space, dst_color_range=range_)
    planes = [torch.from_numpy(np.frombuffer(p, np.uint8).reshape(96, -1)[:, :128].copy()) for p in source.planes]
    ours = yuv_to_rgb(planes, matrix=matrix, full_range=full, depth=8) * 255
    theirs = source.reformat(format="rgb24", src_colorspace=space, src_color_range=range_).to_ndarray()
    difference = ours.permute(1, 2, 0) - torch.from_numpy(theirs)
    assert difference.abs().mean() < 0.6  # swscale computes in 8-bit integers
    assert difference.abs().max() < 3


@given(height=st.integers(1, 9), width=st.integers(1, 11), wide=st.sampled_from([1, 2]), tall=st.sampled_from([1, 2]),
       depth=st.sampled_from([8, 10, 12]), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_every_size_is_written_and_read_exactly(height: int, width: int, wide: int, tall: int, depth: int, seed: int) -> None:
    """Codes that RGB can hold come back exactly, odd sizes included."""
    if (wide, tall) == (1, 2):
        return
    generator = torch.Generator().manual_seed(seed)
    unit = 2 ** (depth - 8)
    kind = torch.uint8 if depth == 8 else torch.int16
    luma = torch.randint(100 * unit, 140 * unit, (height, width), generator=generator).to(kind)
    size = (-(-height // tall), -(-width // wide))
    chroma = [torch.randint(118 * unit, 138 * unit, size, generator=generator).to(kind) for _ in range(2)]
    image = yuv_to_rgb([luma, *chroma], matrix="bt709", full_range=False, depth=depth)
    assert image.shape == (3, height, width)
    back = rgb_to_yuv(image, matrix="bt709", full_range=False, depth=depth, subsampling=(wide, tall))
    assert torch.equal(back[0], luma)
    for ours, theirs in zip(back[1:], chroma, strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuv420p10le", "yuv422p10le",
                                     "yuv444p10le", "yuv420p12le", "gray", "bgr0", "gbrp10le"])
@pytest.mark.parametrize("matrix", [1, 5])
def test_an_unpainted_clip_keeps_every_code(tmp_path: Path, pix_fmt: str, matrix: int) -> None:
    rgb = "rgb" in pix_fmt or "bgr" in pix_fmt or "gbr" in pix_fmt
    tags = None if rgb or pix_fmt == "gray" else (matrix, 2 if "j" in pix_fmt else 1, 1, 1)
    codec, suffix = ("mjpeg", ".avi") if "j" in pix_fmt else ("ffv1", ".mkv")
    source = open_source(make_clip(tmp_path / f"a{suffix}", codec=codec, pix_fmt=pix_fmt, frames=2, tags=tags,
                           time_base=Fraction(1, 25), step=1, options={"level": "3"} if codec == "ffv1" else {}))
    copy(source, tmp_path / "b.mkv", clamp=False, codec="ffv1")
    with av.open(str(source.clip.path)) as first, av.open(str(tmp_path / "b.mkv")) as second:
        for one, two in zip(first.decode(video=0), second.decode(video=0), strict=True):
            if rgb or pix_fmt == "gray":
                break
            for p, q in zip(one.planes, two.planes, strict=True):
                kind = np.uint16 if source.clip.coding.depth > 8 else np.uint8
                a, b = (np.frombuffer(x, kind).reshape(x.height, -1)[:, :x.width].astype(int) for x in (p, q))
                assert abs(a - b).max() == 0  # also colours that RGB cannot hold
    for before, after in zip(source.decode(), open_source(tmp_path / "b.mkv").decode(), strict=True):
        codes = 1.5 if source.clip.coding.depth == 8 and not rgb else 0.5
        assert (before.image - after.image).abs().max() < codes / 255


@pytest.mark.parametrize("orientation", [Orientation(t, x, y) for t in (False, True) for x in (False, True)
                                         for y in (False, True)])
def test_every_orientation_is_the_matrixs(orientation: Orientation) -> None:
    a, b, c, d = 0, 0, 0, 0
    if orientation.transpose:
        c, b = (-1 if orientation.flip_x else 1), (-1 if orientation.flip_y else 1)
    else:
        a, d = (-1 if orientation.flip_x else 1), (-1 if orientation.flip_y else 1)
    packed = np.array([a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30], np.int32)
    assert read_matrix(packed.tobytes()) == orientation
    image = torch.arange(3 * 2 * 4).view(3, 2, 4).float()
    upright = orientation.apply(image)
    for y in range(2):
        for x in range(4):  # the place of each pixel by the display matrix, moved back into the frame
            to_x, to_y = a * x + c * y, b * x + d * y
            to_x, to_y = to_x % upright.shape[2] if to_x >= 0 else to_x, to_y
            to_x = to_x + upright.shape[2] - 1 if min(a, c) < 0 else to_x
            to_y = to_y + upright.shape[1] - 1 if min(b, d) < 0 else to_y
            assert torch.equal(upright[:, to_y, to_x], image[:, y, x])


@pytest.mark.slow
def test_a_full_hd_frame_is_quick() -> None:
    planes = [torch.randint(16, 235, size).to(torch.uint8) for size in ((1080, 1920), (540, 960), (540, 960))]
    best = min(_seconds(planes) for _ in range(5))
    assert best < 0.3  # seconds there and back; 0.025 on two idle cores


def _seconds(planes: list[torch.Tensor]) -> float:
    start = time.perf_counter()
    rgb_to_yuv(yuv_to_rgb(planes, matrix="bt709", full_range=False, depth=8), matrix="bt709", full_range=False, depth=8)
    return time.perf_counter() - start


PLACES = {"left": (0.0, 0.5), "center": (0.5, 0.5), "topleft": (0.0, 0.0), "top": (0.5, 0.0)}  # right and down, of H.265, E.3.1


def slope(location: str) -> av.VideoFrame:
    """Flat luma, and chroma that rises by 1.5 codes a column and 2 a row, sampled where `location` says."""
    right, down = PLACES[location]
    frame = av.VideoFrame(64, 48, "yuv420p")
    y, x = np.mgrid[:24, :32] * 2.0
    for plane, samples in zip(frame.planes, (np.full((48, 64), 100.0), 60 + 1.5 * (x + right) + 2 * (y + down),
                                             200 - 1.5 * (x + right) - (y + down)), strict=True):
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)[:, :plane.width] = samples.round()
    return frame


@pytest.mark.parametrize(("codec", "params"), [("libx264", "x264-params"), ("libx265", "x265-params")])
@pytest.mark.parametrize(("number", "location"), list(enumerate(PLACES)))
def test_chroma_is_read_and_written_where_the_file_says(tmp_path: Path, codec: str, params: str, number: int,
                                                        location: str) -> None:
    lossless = {"libx264": "qp=0", "libx265": "lossless=1:log-level=error"}[codec]
    path = make_clip(tmp_path / "a.mp4", frames=3, size=(64, 48), codec=codec, picture=lambda *_: slope(location),
                     options={params: f"{lossless}:chromaloc={number}"})
    source = open_source(path)
    assert source.clip.colour.location == location
    image = next(source.decode(clamp=False)).image.numpy()
    y, x = np.mgrid[:48, :64]
    blue = (image[2] - (100 - 16) / 219) / 1.772 * 224 + 128  # BT.601, as such a small clip is read
    # Away from the edges: a code is rounded by half, and a quarter of a pixel at 1.5 or 2 codes would be as much or more.
    assert np.abs((blue - 60 - 1.5 * x - 2 * y)[2:-2, 2:-2]).max() < 0.51
    assert abs((blue - 60 - 1.5 * x - 2 * y)[2:-2, 2:-2].mean()) < 0.26
    for name, kind in (("b.mp4", "h264"), ("b.mp4", "hevc"), ("b.mkv", "ffv1"), ("b.webm", "vp9"), ("b.mkv", "av1")):
        written = copy(source, tmp_path / name, overwrite=True, clamp=False, codec=kind)
        assert written.clip.colour.location == location
        if kind == "ffv1":
            again = next(written.decode(clamp=False)).image.numpy()
            assert np.abs(again - image).max() < 1e-6


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 40), st.integers(2, 300), st.booleans(), st.booleans(), st.integers(0, 2**31))
def test_chroma_at_any_position_is_kept_bit_for_bit(width: int, height: int, across: bool, down: bool, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    shape = (-(-height // 2), -(-width // 2))
    planes = [torch.randint(16, 236, size, generator=draw, dtype=torch.uint8) for size in ((height, width), shape, shape)]
    how = {"matrix": "bt709", "full_range": False, "depth": 8, "cosited": (across, down)}
    back = rgb_to_yuv(yuv_to_rgb(planes, clamp=False, **how), **how)
    assert all(torch.equal(before, after) for before, after in zip(planes, back, strict=True))
