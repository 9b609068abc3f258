"""The style target: the size a style image is measured at, and one resize for single images and batches."""

import pytest
import torch
from style_images import bricks

from vidstyle.core.images import resize, size_at_height
from vidstyle.core.interfaces import SMALLEST_ENCODED
from vidstyle.encoders import load_encoder
from vidstyle.painting.style import StyleTarget


@pytest.mark.parametrize(("shape", "height", "size"), [
    ((400, 600), 200, (200, 300)),
    ((400, 600), 800, (800, 1200)),
    ((400, 600), 20, (32, 48)),  # the shorter side is 32
    ((100, 1000), 16, (32, 320)),
    ((600, 40), 360, (480, 32)),
])
def test_an_image_is_scaled_to_the_painted_height(shape: tuple[int, int], height: int, size: tuple[int, int]):
    assert size_at_height(shape, height, SMALLEST_ENCODED) == size


@pytest.mark.parametrize("size", [(20, 31), (90, 70)])
def test_a_batch_is_resized_as_its_images_are(size: tuple[int, int]):
    images = torch.rand(3, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(resize(images, size), torch.stack([resize(image, size) for image in images]))
    assert resize(images, (48, 64)) is images


def test_the_scale_multiplies_the_height_of_the_style_image():
    encoder = load_encoder("builtin")
    one, double = StyleTarget([bricks()], [1.0], encoder), StyleTarget([bricks()], [1.0], encoder, scale=2.0)
    assert all(torch.equal(value, one.grams(128)[layer]) for layer, value in double.grams(64).items())
    assert not torch.equal(one.grams(64)["relu2_1"], double.grams(64)["relu2_1"])
