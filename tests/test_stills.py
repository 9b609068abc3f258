"""One picture as a clip, one frame as a picture, and files that hold several pictures."""

from __future__ import annotations

import json
import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from negative_method import Negative
from PIL import Image, ImageCms
from sequence_files import make_sequence, write_coded
from test_images import linear_profile
from typer.testing import CliRunner
from video_clips import make_clip

from vidstyle.batch.clips import find_clips
from vidstyle.cli import app
from vidstyle.core.errors import InputError, OutputError, UsageError
from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.painting import methods
from vidstyle.painting.style_picture import Style
from vidstyle.run.pipeline import stylize_video
from vidstyle.run.plan import Selection, plan_video
from vidstyle.run.verify import verify
from vidstyle.video import open_source, probe

OPTIONS = Options(method="negative", size=40, device="cpu")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a style picture, where painting makes negatives."""
    monkeypatch.setitem(methods.METHODS, "negative", Negative())
    write_png(tmp_path / "style.png", torch.rand(3, 20, 20, generator=torch.Generator().manual_seed(0)))
    return tmp_path


def photo(path: Path, size: tuple[int, int] = (40, 24), **save: Any) -> np.ndarray[Any, Any]:
    """Save a smooth picture; its pixels (H, W, 3) in [0, 255], as Pillow reads them again."""
    x, y = np.meshgrid(np.linspace(40, 200, size[0]), np.linspace(60, 180, size[1]))
    Image.fromarray(np.stack([x, y, (x + y) / 2], -1).astype(np.uint8)).save(path, **save)
    return np.array(Image.open(path).convert("RGB")).astype(np.float32)


@pytest.mark.parametrize("name", ["photo.jpg", "photo.JPEG", "photo.webp", "photo.bmp", "photo.tga", "photo.png", "photo.tif",
                                  "photo.avif", "photo.jp2", "take#3.png"])
def test_a_picture_becomes_a_painted_picture(folder: Path, name: str) -> None:
    seen = photo(folder / name)
    result = stylize_video(folder / name, [Style(folder / "style.png")], options=OPTIONS)
    target = result.plan.target
    assert target.name == f"{Path(name).stem.replace('#', '_')}_style{'.tif' if name.endswith('.tif') else '.png'}"
    painted = np.array(Image.open(target).convert("RGB")).astype(np.float32) if target.suffix == ".png" else None
    if painted is not None:
        assert abs(painted - (255 - seen)).max() <= 2.01  # decoders of JPEG differ by a code or two
    assert all(check.good for check in verify(target))
    with pytest.raises(OutputError, match="exists already"):
        plan_video(folder / name, [Style(folder / "style.png")], options=OPTIONS)


def test_a_picture_of_sixteen_bits_with_alpha_keeps_both(folder: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, (12, 16, 4)).astype(np.uint16)
    write_coded(folder / "photo.png", pixels)
    stylize_video(folder / "photo.png", [Style(folder / "style.png")], folder / "out.tif",
                  Options(method="negative", size=40, device="cpu", strength=0.0))
    [frame] = open_source(folder / "out.tif").decode()
    assert frame.alpha is not None
    both = torch.cat([frame.image, frame.alpha]).permute(1, 2, 0).numpy() * 65535
    assert np.array_equal(both.round().astype(np.uint16), pixels)


def test_a_movie_of_a_picture_needs_a_rate(folder: Path) -> None:
    photo(folder / "photo.jpg")
    with pytest.raises(UsageError, match=r"out\.mp4: a movie of images needs to know how many .*--fps"):
        plan_video(folder / "photo.jpg", [Style(folder / "style.png")], folder / "out.mp4", OPTIONS)
    stylize_video(folder / "photo.jpg", [Style(folder / "style.png")], folder / "out.mp4",
                  Options(method="negative", size=40, device="cpu", fps=Fraction(24)))
    clip = probe(folder / "out.mp4")
    assert (clip.frames, clip.duration) == (1, pytest.approx(1 / 24))


def test_one_frame_of_a_movie_becomes_a_picture(folder: Path) -> None:
    movie = make_clip(folder / "clip.mp4", frames=8)
    whole = stylize_video(movie, [Style(folder / "style.png")], folder / "all.mp4", OPTIONS)
    one = stylize_video(movie, [Style(folder / "style.png")], folder / "frame.png", OPTIONS, Selection((5, 5)))
    assert one.frame_hashes == (whole.frame_hashes[5],)
    assert Image.open(folder / "frame.png").size == (96, 64)
    with pytest.raises(UsageError, match=r"two\.png: is one image for 2 frames"):
        plan_video(movie, [Style(folder / "style.png")], folder / "two.png", OPTIONS, Selection((5, 6)))


def test_a_preview_of_a_picture_is_refused(folder: Path) -> None:
    photo(folder / "photo.jpg")
    with pytest.raises(UsageError, match=r"is one image, and a preview of it would be all of it; .*`vidstyle run`"):
        plan_video(folder / "photo.jpg", [Style(folder / "style.png")], options=OPTIONS, preview=True)


def test_one_image_of_a_sequence_is_painted_and_the_others_named(tmp_path: Path) -> None:
    make_sequence(tmp_path, range(1001, 1004))
    source = open_source(tmp_path / "shot.1001.png")
    assert source.clip.frames == 1
    assert "shot.1001.png is painted alone; shot.####.png names it and 2 others." in source.warnings
    assert open_source(tmp_path / "shot.####.png").warnings == ()


@pytest.mark.parametrize(("name", "refused"), [("anim.webp", True), ("pages.tif", True), ("anim.png", False)])
def test_a_file_of_several_pictures_is_no_still(tmp_path: Path, name: str, refused: bool) -> None:
    """FFmpeg reads the animated PNG, as a movie; it reads only the first of the others."""
    shades = [Image.new("RGB", (40, 24), (80 * number, 90, 200)) for number in range(3)]
    times = {} if name == "pages.tif" else {"duration": 100}
    shades[0].save(tmp_path / name, save_all=True, append_images=shades[1:], **times)
    if refused:
        with pytest.raises(InputError, match=rf"{name}: holds 3 images; save each to a file of its own"):
            probe(tmp_path / name)
        return
    reds = [float(frame.image[0].mean()) * 255 for frame in open_source(tmp_path / name).decode()]
    assert reds == pytest.approx([0, 80, 160], abs=0.01)


def test_globs_and_folders_name_what_is_meant(tmp_path: Path) -> None:
    for name in ("img_0008.jpg", "img_0009.jpg", "img_0010.jpg", "lake.jpg", "style.png"):
        photo(tmp_path / name)
    make_clip(tmp_path / "clip.mp4", frames=1)
    make_clip(tmp_path / "raw.h264", frames=1)
    assert find_clips(tmp_path) == [tmp_path / "clip.mp4", tmp_path / "raw.h264"]
    assert find_clips(tmp_path / "*.jpg") == [tmp_path / "img_####.jpg", tmp_path / "lake.jpg"]
    assert find_clips(tmp_path / "l*.jpg") == [tmp_path / "lake.jpg"]
    assert find_clips(tmp_path / "*.h264") == [tmp_path / "raw.h264"]
    assert find_clips(tmp_path / "lake.jpg") == [tmp_path / "lake.jpg"]


def test_the_command_line_paints_and_repeats_a_picture(folder: Path) -> None:
    photo(folder / "photo.jpg")
    words = ["--style", str(folder / "style.png"), "--size", "40", "--device", "cpu", "--method", "palette", "--json"]
    out = CliRunner().invoke(app, ["run", str(folder / "photo.jpg"), *words, "-o", str(folder / "out.png")])
    assert out.exit_code == 0, out.output
    assert json.loads(out.stdout.splitlines()[-1])["target"] == str(folder / "out.png")
    again = CliRunner().invoke(app, ["run", "--from", str(folder / "out.png.vidstyle.json"), "--json"])
    assert again.exit_code == 0, again.output
    assert (folder / "out_2.png").read_bytes() == (folder / "out.png").read_bytes()


@pytest.mark.parametrize("name", ["photo.png", "photo.tif", "photo.webp", "photo.####.png"])
def test_the_colours_of_a_photograph_are_converted_by_its_profile(tmp_path: Path, name: str) -> None:
    # A profile with the primaries of sRGB and no curve: linear light, whose sRGB values are known from the formula.
    linear = np.dstack([np.tile(np.arange(0, 240, 12, np.uint8), (8, 1))] * 3)
    light = linear / 255
    expected = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    for number in (1, 2):
        exactly = {"lossless": True} if name.endswith("webp") else {}
        Image.fromarray(linear).save(tmp_path / name.replace("####", f"000{number}"), icc_profile=linear_profile(), **exactly)
    source = open_source(tmp_path / name)
    assert source.warnings == ("The colours (linear) are converted to sRGB, with 8 bits a sample.",)
    for frame in source.decode():
        # One code of rounding, one of the profile's fixed point.
        assert np.abs(frame.image.permute(1, 2, 0).numpy() - expected).max() <= 2 / 255


def test_a_profile_of_srgb_costs_no_bits(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, (12, 16, 3)).astype(np.uint16)
    write_coded(tmp_path / "bare.png", pixels)
    data, profile = (tmp_path / "bare.png").read_bytes(), ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    chunk = b"iCCPsRGB\0\0" + zlib.compress(profile)
    whole = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "photo.png").write_bytes(data[:33] + whole + data[33:])  # behind the header
    source = open_source(tmp_path / "photo.png")
    assert (source.warnings, source.clip.coding.depth) == ((), 16)
    [frame] = source.decode()
    assert np.array_equal((frame.image.permute(1, 2, 0).numpy() * 65535).round().astype(np.uint16), pixels)


@pytest.mark.parametrize("compression", ["raw", "jpeg"])
def test_a_tiff_of_ycbcr_is_read_as_pillow_reads_it(tmp_path: Path, compression: str) -> None:
    x, y = np.meshgrid(np.linspace(40, 200, 32), np.linspace(60, 180, 24))
    picture = Image.fromarray(np.stack([x, y, (x + y) / 2], -1).astype(np.uint8)).convert("YCbCr")
    picture.save(tmp_path / "photo.tif", compression=compression)
    expected = np.array(Image.open(tmp_path / "photo.tif").convert("RGB")) / np.float32(255)
    source = open_source(tmp_path / "photo.tif")
    assert source.warnings == ("The colours (YCbCr) are converted to sRGB, with 8 bits a sample.",)
    [frame] = source.decode()
    assert np.array_equal(frame.image.permute(1, 2, 0).numpy(), expected)


def test_a_damaged_second_page_of_a_tiff_is_one_sentence(tmp_path: Path) -> None:
    """Pillow raises a TypeError, and other things, where the table of a page lacks what it needs."""
    pages = [Image.new("RGB", (8, 6), colour) for colour in ("red", "blue")]
    pages[0].save(tmp_path / "photo.tif", save_all=True, append_images=pages[1:])
    data = bytearray((tmp_path / "photo.tif").read_bytes())
    [first] = struct.unpack_from("<I", data, 4)
    [count] = struct.unpack_from("<H", data, first)
    [second] = struct.unpack_from("<I", data, first + 2 + 12 * count)
    struct.pack_into("<H", data, second + 2, 250)  # no longer the width
    (tmp_path / "photo.tif").write_bytes(data)
    assert [frame.image[0].mean() for frame in open_source(tmp_path / "photo.tif").decode()] == [1]
