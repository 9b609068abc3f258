"""One image of each format: what is read is what another library wrote, and what is written reads the same there."""

import struct
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
import sequence_files as files
import torch

from vidstyle.core.errors import InputError, UsageError
from vidstyle.video.images import dpx, exr, ffmpeg_image, image_file
from vidstyle.video.images.facts import read_facts
from vidstyle.video.images.image_file import ImageFormat
from vidstyle.video.pixels.light import light_from_log, light_from_srgb, log_from_light, srgb_from_light

SUFFIXES = [".png", ".tif"]


def again(path: Path, target: Path, depth: int) -> None:
    """Read `path` and write it to `target` unpainted, as --strength 0 does."""
    image, alpha, original = image_file.read(path)
    image_file.write(target, image, alpha, original, ImageFormat(target.suffix, depth, own=path.suffix == target.suffix))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("most", [255, 65535])
@pytest.mark.parametrize("channels", [3, 4])
def test_coded_images_are_written_and_read_exactly(tmp_path: Path, suffix: str, most: int, channels: int):
    pixels = np.dstack([files.codes(0, most=most), files.codes(1, most=most)])[..., :channels]
    source = files.write_coded(tmp_path / f"a{suffix}", np.ascontiguousarray(pixels))
    image, alpha, _ = image_file.read(source)
    np.testing.assert_array_equal((image.permute(1, 2, 0).double() * most).round().numpy(), pixels[..., :3])
    assert (alpha is not None) == (channels == 4)
    depth = 16 if suffix == ".tif" or most > 255 else 8  # TIFF is always written with 16 bits
    again(source, tmp_path / f"b{suffix}", depth)
    found = files.read_coded(tmp_path / f"b{suffix}")
    np.testing.assert_array_equal(found, pixels * np.uint16(257) if found.dtype != pixels.dtype else pixels)


@pytest.mark.parametrize("kind", [np.float16, np.float32])
@pytest.mark.parametrize("alpha", [False, True])
def test_an_exr_is_written_and_read_bit_for_bit(tmp_path: Path, kind: type, alpha: bool):
    pixels = files.light(most=6.0)
    pixels[0, :4] = [[np.inf] * 3, [-np.inf] * 3, [65504.0] * 3, [6e-8] * 3]
    channels = files.rgb(pixels.astype(kind))
    if alpha:
        channels["A"] = np.linspace(0, 1, 12 * 16, dtype=np.float16).reshape(12, 16)
    again(files.write_exr(tmp_path / "a.exr", channels), tmp_path / "b.exr", 16)
    found = files.read_exr_by_ffmpeg(tmp_path / "b.exr")
    assert found.dtype == np.float16  # half is what is written, and FFmpeg says so
    np.testing.assert_array_equal(found[..., :3], pixels)
    assert found.shape[2] == 3 + alpha
    if alpha:
        np.testing.assert_array_equal(found[..., 3], channels["A"])


def test_an_exr_is_read_as_srgb_and_its_highlights_counted(tmp_path: Path):
    pixels = np.zeros((4, 4, 3), np.float16)
    pixels[0], pixels[1, 0], pixels[1, 1] = 0.18, (0.5, 2.0, 0.5), (-1, 1, np.nan)
    image, _, original = image_file.read(files.write_exr(tmp_path / "a.exr", files.rgb(pixels)))
    # IEC 61966-2-1, worked out by hand: 1.055 * 0.18^(1/2.4) - 0.055 = 0.4613, 1.055 * 0.5^(1/2.4) - 0.055 = 0.7354.
    assert image[:, 0, 0].tolist() == pytest.approx([0.4613] * 3, abs=2e-4)
    assert image[:, 1, 0].tolist() == pytest.approx([0.7354, 1, 0.7354], abs=1e-4)
    assert image[:, 1, 1].tolist() == [0, 1, 0]
    assert original.clipped == 1


def test_a_painted_exr_is_written_as_light(tmp_path: Path):
    source = files.write_exr(tmp_path / "a.exr", files.rgb(files.light()))
    _, _, original = image_file.read(source)
    painted = torch.rand(3, 12, 16, generator=torch.Generator().manual_seed(0))
    image_file.write(tmp_path / "b.exr", painted, None, original, ImageFormat(".exr", 16))
    found = files.read_exr_by_ffmpeg(tmp_path / "b.exr").astype(np.float64)
    code = painted.permute(1, 2, 0).double().numpy()
    truth = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    np.testing.assert_allclose(found, truth, rtol=2**-10, atol=2**-24)  # half a step of a half, and float32's own rounding


def test_premultiplied_light_is_painted_without_its_alpha_and_multiplied_again(tmp_path: Path):
    channels = files.rgb(np.full((4, 4, 3), 0.25, np.float16)) | {"A": np.full((4, 4), 0.5, np.float16)}
    image, alpha, original = image_file.read(files.write_exr(tmp_path / "a.exr", channels))
    assert image[0, 0, 0].item() == pytest.approx(0.7354, abs=1e-4)  # of 0.5, not of 0.25
    image_file.write(tmp_path / "b.exr", torch.ones(3, 4, 4), alpha, original, ImageFormat(".exr", 16))
    assert files.read_exr_by_ffmpeg(tmp_path / "b.exr")[0, 0].tolist() == [0.5, 0.5, 0.5, 0.5]


def test_the_image_is_the_display_window(tmp_path: Path):
    window = (np.array([10, 20], np.int32), np.array([17, 25], np.int32))  # 8x6
    stored = (np.array([12, 18], np.int32), np.array([27, 29], np.int32))  # 16x12: over three edges, short of the left one
    pixels = files.light()
    source = files.write_exr(tmp_path / "a.exr", files.rgb(pixels), displayWindow=window, dataWindow=stored)
    assert read_facts(source).size == (8, 6)
    assert "overscan" in " ".join(read_facts(source).doubts)
    again(source, tmp_path / "b.exr", 16)
    with OpenEXR.File(str(tmp_path / "b.exr")) as file:  # FFmpeg shows nothing of a window that does not begin at zero
        found = file.channels()["RGB"].pixels.copy()
    np.testing.assert_array_equal(found[:, 2:], pixels[2:8, :6])
    assert not found[:, :2].any()
    assert np.array_equal(np.ravel(files.exr_header(tmp_path / "b.exr")["displayWindow"]), np.ravel(window))


def test_the_attributes_of_an_exr_are_copied(tmp_path: Path):
    timecode = OpenEXR.TimeCode()
    timecode.hours, timecode.frame = 10, 7
    said = {"timeCode": timecode, "framesPerSecond": Fraction(24000, 1001), "owner": "studio", "nuke/version": "15",
            "worldToCamera": np.eye(4, dtype=np.float32), "pixelAspectRatio": 2.0}
    source = files.write_exr(tmp_path / "a.exr", files.rgb(files.light()) | {"Z": np.ones((12, 16), np.float32)}, **said)
    facts = read_facts(source)
    assert (facts.rate, facts.pixel_aspect) == (Fraction(24000, 1001), 2)
    assert facts.doubts == ("The images' other channels are dropped: Z.",)
    again(source, tmp_path / "b.exr", 16)
    header = files.exr_header(tmp_path / "b.exr")
    assert (header["timeCode"].hours, header["timeCode"].frame) == (10, 7)
    assert {name: header[name] for name in ("owner", "nuke/version", "framesPerSecond")} == {
        name: said[name] for name in ("owner", "nuke/version", "framesPerSecond")}
    assert np.array_equal(header["worldToCamera"], np.eye(4))
    assert header["pixelAspectRatio"] == 1.0  # what the clip says counts, and `again` says nothing


def test_a_dpx_is_written_and_read_exactly_with_its_timecode(tmp_path: Path):
    pixels = files.codes(most=1023)
    source = files.write_dpx(tmp_path / "a.dpx", pixels, timecode=0x01020304, rate=23.976)
    facts = read_facts(source)
    assert (facts.size, facts.depth, facts.linear, facts.rate) == ((16, 12), 10, False, Fraction(24000, 1001))
    image, _, original = image_file.read(source)
    np.testing.assert_array_equal((image.permute(1, 2, 0).double() * 1023).round().numpy(), pixels)
    image_file.write(tmp_path / "b.dpx", image, None, original, ImageFormat(".dpx", 10, rate=facts.rate, own=True))
    found, head = files.read_dpx(tmp_path / "b.dpx")
    np.testing.assert_array_equal(found, pixels)
    assert struct.unpack_from(">I", head, 1920)[0] == 0x01020304
    assert struct.unpack_from(">f", head, 1940)[0] == pytest.approx(24000 / 1001)
    assert head[801] == 6


@pytest.mark.parametrize("order", [">", "<"])
def test_a_dpx_of_either_byte_order_is_read(tmp_path: Path, order: str):
    pixels = files.codes(most=1023)
    image, _, _ = image_file.read(files.write_dpx(tmp_path / "a.dpx", pixels, order=order))
    np.testing.assert_array_equal((image.permute(1, 2, 0).double() * 1023).round().numpy(), pixels)


@pytest.mark.parametrize("depth", [12, 16])
def test_a_dpx_keeps_its_bit_depth(depth: int):
    codes = torch.from_numpy(files.codes(most=2**depth - 1).astype(np.int32)).permute(2, 0, 1)
    data = dpx.encode(codes / (2**depth - 1), depth, None, pixel_aspect=Fraction(1), rate=None)
    body = np.frombuffer(data, ">u2", offset=2048).reshape(12, 16, 3) >> (16 - depth)  # 12 bits lie at the upper end
    np.testing.assert_array_equal(body, codes.permute(1, 2, 0).numpy())


def test_a_log_dpx_is_painted_as_light_and_written_as_log(tmp_path: Path):
    pixels = np.zeros((32, 32, 3), np.uint16)
    pixels[..., 0] = np.arange(1024).reshape(32, 32)
    pixels[..., 1] = 685  # white of the Cineon curve
    pixels[..., 2] = 95  # and its black
    image, _, original = image_file.read(files.write_dpx(tmp_path / "a.dpx", pixels, transfer=3))
    assert image[1:, 0, 0].tolist() == pytest.approx([1, 0], abs=1e-6)
    assert original.clipped == 1023 - 685  # codes above white
    image_file.write(tmp_path / "b.dpx", image, None, original, ImageFormat(".dpx", 10, own=True))
    found, head = files.read_dpx(tmp_path / "b.dpx")
    np.testing.assert_array_equal(found, pixels)
    assert head[801] == 3
    image_file.write(tmp_path / "c.dpx", torch.full_like(image, 0.4613), None, original, ImageFormat(".dpx", 10, own=True))
    # Kodak's curve by hand: light 0.18 lies at 685 + log10(0.18 * (1 - 0.0108) + 0.0108) / (0.002 / 0.6) = 467.8.
    assert files.read_dpx(tmp_path / "c.dpx")[0][0, 0, 0] == 468


def test_the_curves_are_each_other_s_inverse():
    codes = torch.arange(65536) / 65535
    assert torch.equal((srgb_from_light(light_from_srgb(codes)) * 65535).round(), torch.arange(65536).float())
    log = torch.arange(4096) / 4095
    assert torch.equal((log_from_light(light_from_log(log)) * 4095).round(), torch.arange(4096).float())


def test_sizes_are_read_from_headers_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made = [files.write_coded(tmp_path / f"a{suffix}", files.codes()) for suffix in SUFFIXES]
    cv2.imwrite(str(tmp_path / "b.tif"), files.codes())  # OpenCV puts the table at the file's end, FFmpeg elsewhere
    made += [tmp_path / "b.tif", files.write_exr(tmp_path / "a.exr", files.rgb(files.light())),
             files.write_dpx(tmp_path / "a.dpx", files.codes(most=1023))]
    monkeypatch.setattr(cv2, "imdecode", None)
    monkeypatch.setattr(exr, "read", None)
    monkeypatch.setattr(ffmpeg_image, "decode", None)
    assert {read_facts(path).size for path in made} == {(16, 12)}


@pytest.mark.parametrize("suffix", [".png", ".tif", ".exr", ".dpx"])
@pytest.mark.parametrize("harm", ["cut", "empty", "text", "missing", "folder"])
def test_an_unreadable_image_is_one_sentence(tmp_path: Path, suffix: str, harm: str, capfd: pytest.CaptureFixture[str]):
    path = tmp_path / f"a{suffix}"
    if suffix == ".exr":
        files.write_exr(path, files.rgb(files.light(size=(64, 64))))
    elif suffix == ".dpx":
        files.write_dpx(path, files.codes(most=1023))
    else:
        files.write_coded(path, files.codes())
    data = path.read_bytes()
    path.unlink()
    if harm == "folder":
        path.mkdir()
    elif harm != "missing":
        path.write_bytes({"cut": data[: len(data) * 3 // 4], "empty": b"", "text": b"no image at all\n" * 200}[harm])
    with pytest.raises(InputError, match=r"^[^\n]*a\.\w+: [^\n]*\.$"):
        image_file.read(path)


def test_a_header_of_terabytes_is_refused_before_it_is_read(tmp_path: Path):
    path = files.write_coded(tmp_path / "a.png", files.codes())
    data = bytearray(path.read_bytes())
    struct.pack_into(">II", data, 16, 100_000, 100_000)
    path.write_bytes(data)
    with pytest.raises(InputError, match="states 100000x100000 pixels"):
        read_facts(path, closely=True)


def test_other_channels_are_refused_by_name(tmp_path: Path):
    with pytest.raises(InputError, match="no channels R, G and B but Z"):
        image_file.read(files.write_exr(tmp_path / "z.exr", {"Z": np.ones((4, 4), np.float32)}))
    with pytest.raises(InputError, match="render it as half"):
        image_file.read(files.write_exr(tmp_path / "i.exr", {name: np.ones((4, 4), np.uint32) for name in "RGB"}))
    image, _, _ = image_file.read(files.write_exr(tmp_path / "y.exr", {"Y": np.full((4, 4), 0.5, np.float16)}))
    assert image[:, 0, 0].tolist() == pytest.approx([0.7354] * 3, abs=1e-4)
    cv2.imwrite(str(tmp_path / "f.tif"), np.ones((4, 4, 3), np.float32))
    with pytest.raises(InputError, match=r"f\.tif: "):
        image_file.read(tmp_path / "f.tif")


def test_without_the_library_an_exr_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(UsageError, match=r"^[^\n]*pip install OpenEXR$"):
        exr.library()


