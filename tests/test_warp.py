"""Warping, visibility and trust against known motion and against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates
from torch import Tensor

from vidstyle.core.frame import FlowPair
from vidstyle.ops.warp import compose, likeness, long_term_weights, trust, visibility, warp

SIZE = 48
SIDE, SHIFT = 12, 6
TOP, LEFT = 18, 14  # corner of the square in the last frame


def constant_flow(u: float, v: float, height: int = SIZE, width: int = SIZE) -> Tensor:
    return torch.tensor([u, v])[:, None, None].expand(2, height, width).clone()


def moved_square() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A textured square that moves SHIFT px to the right over a still background.

    Returns last and this (3, H, W) and the true motion: to_last on this frame's grid, to_this on the last frame's.
    """
    generator = torch.Generator().manual_seed(3)
    background, square = (torch.rand(3, side, side, generator=generator) for side in (SIZE, SIDE))
    last, this = background.clone(), background.clone()
    to_last, to_this = torch.zeros(2, SIZE, SIZE), torch.zeros(2, SIZE, SIZE)
    rows = slice(TOP, TOP + SIDE)
    before, now = slice(LEFT, LEFT + SIDE), slice(LEFT + SHIFT, LEFT + SHIFT + SIDE)
    last[:, rows, before] = square
    this[:, rows, now] = square
    to_last[0, rows, now] = -SHIFT
    to_this[0, rows, before] = SHIFT
    return last, this, to_last, to_this


@pytest.mark.parametrize(("height", "width"), [(13, 17), (1, 9), (9, 1), (32, 20)])
def test_warp_agrees_with_scipy(height: int, width: int) -> None:
    generator = torch.Generator().manual_seed(height)
    image = torch.rand(3, height, width, generator=generator)
    flow = torch.randn(2, height, width, generator=generator) * 4
    rows, columns = np.mgrid[0:height, 0:width]
    expected = [map_coordinates(channel.numpy().astype(np.float64), [rows + flow[1].numpy(), columns + flow[0].numpy()],
                                order=1, mode="nearest") for channel in image]
    # float32 rounds numbers near 1 by up to 6e-8, several times
    np.testing.assert_allclose(warp(image, flow).numpy(), np.stack(expected), atol=3e-7)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (5, 0), (0, -3), (-7, 4)])
def test_whole_pixel_motion_copies_pixels(mode: str, dx: int, dy: int) -> None:
    image = (torch.rand(3, 40, 60, generator=torch.Generator().manual_seed(0)) * 255).round() / 255
    warped = warp(image, constant_flow(dx, dy, 40, 60), mode=mode)  # type: ignore[arg-type]
    padded = torch.nn.functional.pad(image[None], (8, 8, 8, 8), mode="replicate")[0]
    expected = padded[:, 8 + dy:48 + dy, 8 + dx:68 + dx]
    # float32 rounds numbers near 1 by up to 6e-8; a pixel of 0 may become 1e-13
    torch.testing.assert_close(warped, expected, atol=6e-8, rtol=0)


def test_a_hundred_warps_by_zero_do_not_blur() -> None:
    image = torch.rand(1, 4, 1920, generator=torch.Generator().manual_seed(1))
    warped = image
    for _ in range(100):
        warped = warp(warped, constant_flow(0, 0, 4, 1920))
    assert (warped - image).abs().max() < 1e-6


def test_bicubic_keeps_texture_that_bilinear_blurs() -> None:
    stripes = torch.sin(torch.arange(64) * 0.9).expand(1, 64, 64)
    deviation = {mode: warp(stripes, constant_flow(0.5, 0, 64, 64), mode=mode).std() for mode in ("bilinear", "bicubic")}
    assert deviation["bilinear"] < 0.95 * stripes.std()
    assert abs(deviation["bicubic"] / stripes.std() - 1) < 0.03


def test_direction_and_magnitude() -> None:
    """Content that moved by +8 px is warped by −8 px: the error vanishes. A known bug of another program warped by −4 px."""
    last = torch.rand(3, 32, 64, generator=torch.Generator().manual_seed(2))
    this = last.roll(8, dims=-1)  # content moves 8 px to the right
    warped = warp(last, constant_flow(-8, 0, 32, 64))
    torch.testing.assert_close(warped[..., 8:], this[..., 8:], atol=1e-6, rtol=0)
    assert (warp(last, constant_flow(8, 0, 32, 64)) - this)[..., 8:-8].abs().mean() > 0.2


def test_x_comes_before_y() -> None:
    image = torch.arange(20.0).view(1, 4, 5)
    assert warp(image, constant_flow(1, 0, 4, 5))[0, 1, 1] == image[0, 1, 2]
    assert warp(image, constant_flow(0, 1, 4, 5))[0, 1, 1] == image[0, 2, 1]


def test_a_batch_equals_single_images() -> None:
    images, flows = torch.rand(2, 3, 9, 7), torch.randn(2, 2, 9, 7)
    singles = torch.stack([warp(image, flow) for image, flow in zip(images, flows, strict=True)])
    assert torch.equal(warp(images, flows), singles)
    assert torch.equal(warp(images[0], flows)[0], singles[0])
    assert torch.equal(warp(images, flows[0])[0], singles[0])
    back = torch.randn(2, 2, 9, 7)
    visible = visibility(flows, back)
    assert visible.shape == (2, 1, 9, 7)
    assert torch.equal(visible[1], visibility(flows[1], back[1]))


def test_warp_is_differentiable_in_image_and_flow() -> None:
    generator = torch.Generator().manual_seed(5)
    image = torch.rand(1, 5, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    flow = torch.full((2, 5, 6), 0.3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(warp, (image, flow))


def test_unknown_motion_counts_as_zero_and_is_hidden() -> None:
    image = torch.rand(3, 8, 8)
    flow = torch.zeros(2, 8, 8)
    flow[:, 3, 3] = torch.nan
    assert torch.equal(warp(image, flow)[:, 3, 3], image[:, 3, 3])
    visible = visibility(flow, torch.zeros(2, 8, 8))
    assert visible[0, 3, 3] == 0
    assert visible[0, 6, 6] == 1


def test_sizes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="grid"):
        warp(torch.rand(3, 8, 8), torch.zeros(2, 4, 4))


def test_visibility_lives_on_this_frames_grid() -> None:
    """Hidden is where the square WAS in the last frame; the pixels that it covers now are visible in both frames."""
    last, this, to_last, to_this = moved_square()
    visible = visibility(to_last, to_this)[0].bool()
    middle = slice(TOP + 2, TOP + SIDE - 2)
    assert not visible[middle, LEFT:LEFT + SHIFT].any(), "the uncovered background was hidden in the last frame"
    assert visible[middle, LEFT + SHIFT + 2:LEFT + SHIFT + SIDE - 2].all(), "the square itself is visible in both"
    assert visible[:TOP - 2].all(), "the still background is visible"
    assert visible[TOP + SIDE + 2:].all()
    difference = (warp(last, to_last) - this).abs().amax(0)
    assert difference[visible].max() == 0, "every visible pixel is equal in both frames"
    assert difference[~visible].max() > 0.5


def test_motion_edges_are_marked_on_both_sides_and_only_there() -> None:
    to_last = torch.zeros(2, 20, 20)
    to_last[0, :, 10:] = 2.0
    visible = visibility(to_last, -to_last)[0]
    # |∇u|² = (2/2)² = 1 next to the jump: above 0.002 on the still side, and above 0.01·4 + 0.002 on the moving side
    assert torch.equal(visible[:, 6:16], torch.tensor([1, 1, 1, 0, 0, 1, 1, 1, 1, 1.0]).expand(20, 10))


@pytest.mark.parametrize(("back", "trusted"), [(-3.0, 1), (-2.21, 1), (-2.19, 0), (3.0, 0)])
def test_consistency_threshold_by_hand(back: float, trusted: int) -> None:
    """w = (3, 0): (3 − 2.21)² = 0.6241 < 0.01 (9 + 2.21²) + 0.5 = 0.6388, and (3 − 2.19)² = 0.6561 ≥ 0.6380."""
    visible = visibility(constant_flow(3, 0), constant_flow(back, 0))
    assert visible[0, 24, 24] == trusted


def test_points_from_outside_the_frame_are_hidden() -> None:
    visible = visibility(constant_flow(-4, 0), constant_flow(4, 0))[0]
    assert not visible[:, :4].any()
    assert visible[:, 4:].all()
    barely = visibility(constant_flow(-0.4, 0.4), constant_flow(0.4, -0.4))
    assert barely.all(), "less than half a pixel outside still shows the border pixel"


def test_compose_follows_a_point_through_two_frames() -> None:
    ramp = torch.arange(SIZE, dtype=torch.float32).expand(SIZE, SIZE) * 0.1
    first, second = constant_flow(-2, 1), torch.stack([ramp, torch.zeros(SIZE, SIZE)])
    both = compose(first, second)
    # Column 20 moves to column 18, where the second motion is 1.8.
    torch.testing.assert_close(both[:, 10, 20], torch.tensor([-2 + 1.8, 1.0]))
    image = torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    twice = warp(warp(image, constant_flow(3, 0)), first)
    once = warp(image, compose(first, constant_flow(3, 0)))
    torch.testing.assert_close(once[..., 4:-4, 4:-4], twice[..., 4:-4, 4:-4])


def test_long_term_weights_by_hand() -> None:
    near, middle, far = (torch.tensor(row).view(1, 1, 4) for row in
                         ([1.0, 0.0, 0.0, 0.25], [1.0, 1.0, 0.0, 0.5], [1.0, 1.0, 1.0, 1.0]))
    weights = long_term_weights([near, middle, far])
    assert [weight.flatten().tolist() for weight in weights] == [[1, 0, 0, 0.25], [0, 1, 0, 0.25], [0, 0, 1, 0.25]]
    assert long_term_weights([]) == []


def test_likeness_falls_with_the_difference():
    image = torch.full((3, 4, 4), 0.5)
    other = image.clone()
    other[:, :, 2:] += 0.1
    found = likeness(image, other)
    # A step between columns 1 and 2 after two means over 3x3 pixels.
    shares = torch.tensor([1 / 9, 1 / 3, 2 / 3, 8 / 9]).expand(4, 4)
    torch.testing.assert_close(found[0], torch.exp(-60 * 3 * (0.1 * shares) ** 2))
    assert math.isclose(float(likeness(image, image + 0.1)[0, 0, 0]), math.exp(-1.8), rel_tol=1e-5)


def test_likeness_ignores_the_interpolation_of_fine_texture():
    stripes = (torch.arange(16) % 2).float().expand(3, 16, 16)  # the worst case: half a pixel away they are uniform grey
    inner = likeness(stripes, torch.full_like(stripes, 0.5))[0, :, 2:-2]  # without the border, where there is no texture
    assert float(inner.min()) > 0.5  # without the means it would be exp(−45)


def test_trust_does_not_reject_small_motion_edges():
    image = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
    to_last = torch.zeros(2, 8, 8)
    to_last[0, :, 4:] = 0.4  # a motion edge, too small for the two flows to disagree
    flow = FlowPair(to_last, -to_last)
    this = warp(image, to_last)
    assert not visibility(flow.to_last, flow.to_this)[0, :, 3:5].any()
    torch.testing.assert_close(trust(image, this, flow), torch.ones(1, 8, 8))
