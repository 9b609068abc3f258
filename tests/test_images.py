"""Image files: values written by OpenCV are read back, PNG files are whole."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, ImageOps, features

from vidstyle.core.errors import InputError, OutputError
from vidstyle.core.images import read_image, resize, write_png


def random_image(height: int = 20, width: int = 30) -> torch.Tensor:
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(1))


def test_a_png_keeps_its_values(tmp_path: Path) -> None:
    image = random_image()
    write_png(tmp_path / "a.png", image)
    back = read_image(tmp_path / "a.png")
    assert back.dtype == torch.float32
    assert (back - image).abs().max() <= 0.5 / 255 + 1e-6
    assert os.listdir(tmp_path) == ["a.png"]


def test_gray_16_bit_and_alpha_images_are_read(tmp_path: Path) -> None:
    gray = np.arange(0, 240, 10, dtype=np.uint8).reshape(4, 6)
    cv2.imwrite(str(tmp_path / "gray.png"), gray)
    assert torch.equal(read_image(tmp_path / "gray.png"), torch.from_numpy(gray / np.float32(255)).expand(3, 4, 6))
    deep = np.full((2, 2, 3), (100, 20000, 65535), np.uint16)  # blue, green, red
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    assert read_image(tmp_path / "deep.png")[:, 0, 0] == pytest.approx([1.0, 20000 / 65535, 100 / 65535])
    clear = np.array([[[0, 0, 255, 255], [0, 0, 255, 0], [0, 0, 255, 51]]], np.uint8)  # red, fading
    cv2.imwrite(str(tmp_path / "clear.png"), clear)
    expected = torch.tensor([[1, 1, 1], [0, 1, 0.8], [0, 1, 0.8]])
    assert torch.allclose(read_image(tmp_path / "clear.png")[:, 0], expected)


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    image = np.full((40, 80, 3), 200, np.uint8)
    image[:10, :10] = 0, 0, 255
    data = cv2.imencode(".jpg", image)[1].tobytes()
    exif = bytes.fromhex("ffe1 0022 457869660000 4d4d002a00000008 0001 0112 0003 00000001 0006 0000 00000000")
    (tmp_path / "a.jpg").write_bytes(data[:2] + exif + data[2:])
    back = read_image(tmp_path / "a.jpg")
    assert back.shape == (3, 80, 40)  # orientation 6: rotated clockwise, so the red corner is at the top right
    assert back[0, 3, -4] > 0.9
    assert back[1, 3, -4] < 0.2


def test_a_png_with_alpha_is_turned_too(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (4, 2), (0, 0, 255, 255))
    picture.putpixel((0, 0), (255, 0, 0, 255))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        picture.save(tmp_path / "a.png", exif=exif)
        expected = np.array(ImageOps.exif_transpose(Image.open(tmp_path / "a.png")).convert("RGB")) / np.float32(255)
        assert np.array_equal(read_image(tmp_path / "a.png").permute(1, 2, 0).numpy(), expected), orientation


def test_colours_of_another_space_are_converted_to_srgb(tmp_path: Path) -> None:
    # A profile with the primaries of sRGB and no curve: linear light, whose sRGB values are known from the formula.
    linear = np.array([[[10, 60, 200], [128, 128, 128], [255, 0, 255]]], np.uint8)
    light = linear / 255
    expected = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    for name in ("a.png", "a.tif", "a.webp"):
        exactly = {"lossless": True} if name == "a.webp" else {}
        Image.fromarray(linear).save(tmp_path / name, icc_profile=linear_profile(), **exactly)
        found = read_image(tmp_path / name).permute(1, 2, 0).numpy()
        assert np.abs(found - expected).max() <= 2 / 255, name  # one code of rounding, one of the profile's fixed point
    alpha = np.dstack([linear, np.array([[255, 0, 255]], np.uint8)])
    Image.fromarray(alpha).save(tmp_path / "b.png", icc_profile=linear_profile())
    found = read_image(tmp_path / "b.png").permute(1, 2, 0).numpy()
    assert np.array_equal(found[0, 1], (1, 1, 1))  # the hidden colour stays hidden: white shows
    assert np.abs(found[0, 0] - expected[0, 0]).max() <= 2 / 255


def test_a_broken_profile_changes_nothing(tmp_path: Path) -> None:
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    for profile in (b"no profile", ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()):
        Image.fromarray(pixels).save(tmp_path / "a.png", icc_profile=profile)
        assert np.array_equal(read_image(tmp_path / "a.png").permute(1, 2, 0).numpy(), pixels / np.float32(255))


def test_a_cmyk_picture_is_read_as_pillow_reads_it(tmp_path: Path) -> None:
    picture = Image.new("CMYK", (16, 16), (40, 200, 90, 30))
    picture.save(tmp_path / "a.jpg", quality=100)
    expected = np.array(Image.open(tmp_path / "a.jpg").convert("RGB")) / np.float32(255)
    assert np.array_equal(read_image(tmp_path / "a.jpg").permute(1, 2, 0).numpy(), expected)


@pytest.mark.parametrize(("name", "kind"), [("a.avif", "avif"), ("a.jp2", "jpg_2000")])
def test_newer_formats_are_read(tmp_path: Path, name: str, kind: str) -> None:
    if not features.check(kind):
        pytest.skip(f"this Pillow reads no {kind}")
    Image.new("RGB", (32, 24), (200, 40, 90)).save(tmp_path / name)
    found = read_image(tmp_path / name)
    assert found.shape == (3, 24, 32)
    assert found.mean((1, 2)).tolist() == pytest.approx([200 / 255, 40 / 255, 90 / 255], abs=3 / 255)  # lossy


def linear_profile() -> bytes:
    """An ICC profile (version 2) of linear light with the primaries of sRGB."""
    def fixed(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def xyz(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(map(fixed, values))

    curve = b"curv\0\0\0\0\0\0\0\0"  # no entries: the identity
    text = b"desc\0\0\0\0\0\0\0\7linear\0" + bytes(78)
    tags = [(b"desc", text + bytes(-len(text) % 4)), (b"wtpt", xyz(0.9642, 1, 0.8249)),
            (b"rXYZ", xyz(0.43607, 0.22249, 0.01392)), (b"gXYZ", xyz(0.38515, 0.71687, 0.09708)),
            (b"bXYZ", xyz(0.14307, 0.06061, 0.71410)), *((name, curve) for name in (b"rTRC", b"gTRC", b"bTRC"))]
    offset, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, data in tags:
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    size = offset + len(body)
    head = struct.pack(">I4xI4s4s4s12x4s", size, 0x02100000, b"mntr", b"RGB ", b"XYZ ", b"acsp") + bytes(28)
    head += fixed(0.9642) + fixed(1) + fixed(0.8249)
    return head + bytes(128 - len(head)) + table + body


def test_a_file_that_is_not_an_image_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    for name in ("text.png", "empty.png", "folder.png", "missing.png"):
        with pytest.raises(InputError) as caught:
            read_image(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_png_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    for path in (tmp_path / "no" / "a.png", tmp_path / "folder.png"):
        with pytest.raises(OutputError) as caught:
            write_png(path, random_image())
        assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == ["folder.png"]


def test_resize_averages_when_it_shrinks_and_stays_in_range_when_it_grows() -> None:
    image = random_image(64, 96)
    small = resize(image, (16, 24))
    theirs = cv2.resize(image.permute(1, 2, 0).numpy(), (24, 16), interpolation=cv2.INTER_AREA)
    assert (small.permute(1, 2, 0) - torch.from_numpy(theirs)).abs().mean() < 0.05
    assert resize(image, (64, 96)) is image
    large = resize((image > 0.5).float(), (128, 192))
    assert (large.min(), large.max()) == (0, 1)
