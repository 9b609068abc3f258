"""Image files: values written by OpenCV are read back, PNG files are whole."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

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
