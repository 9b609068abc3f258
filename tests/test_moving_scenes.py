"""Generated pairs: exact motion, exact visibility, and pairs that depend on the seed and their number alone."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from training.moving_scenes import MovingScenes, Pair, scene
from training.scene_layers import LAST, THIS, Layer, draw, invertible, motion, pixel_grid, visible_in_other
from vidstyle.ops.warp import warp

SIZE = (160, 192)


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    scenes = MovingScenes(24, SIZE, seed=5)
    return [scenes[index] for index in range(len(scenes))]


class Drawn(NamedTuple):
    """One scene without effects: images, motion, and where to compare, for LAST and THIS."""

    image: list[torch.Tensor]
    flow: list[torch.Tensor]
    comparable: list[torch.Tensor]
    """(H, W) bool: visible in the other frame, and on both grids at least two pixels from where layers meet."""


@pytest.fixture(scope="module")
def drawn() -> list[Drawn]:
    found = []
    for seed in range(24):
        layers = scene(np.random.default_rng(seed), SIZE, {})
        images, flows, comparable, pure = [], [], [], []
        for frame in (LAST, THIS):
            flow, owner = motion(layers, frame, SIZE)
            hidden = ~visible_in_other(layers, frame, flow, owner)
            around = np.ones((5, 5), np.uint8)
            mixed = (cv2.dilate(owner, around) != cv2.erode(owner, around)) | (cv2.dilate(hidden.astype(np.uint8), around) > 0)
            images.append(torch.from_numpy(draw(layers, frame, SIZE)).permute(2, 0, 1))
            flows.append(torch.from_numpy(flow).permute(2, 0, 1))
            pure.append(torch.from_numpy(~mixed))
        for frame in (LAST, THIS):
            comparable.append(pure[frame] & (warp(pure[1 - frame][None].double(), flows[frame])[0] > 0.999))
        found.append(Drawn(images, flows, comparable))
    return found


def test_the_last_frame_warped_along_the_motion_is_this_frame(drawn: list[Drawn]) -> None:
    for pair in drawn:
        # Blurred first, so that positions are compared and not how `warp` interpolates fine texture.
        blurred = [torch.from_numpy(cv2.GaussianBlur(image.permute(1, 2, 0).numpy(), (0, 0), 1.0)).permute(2, 0, 1)
                for image in pair.image]
        for frame in (LAST, THIS):
            there, flow = pair.comparable[frame], pair.flow[frame]
            if int(there.sum()) < 500:
                continue
            error = (warp(blurred[1 - frame], flow) - blurred[frame]).abs().mean(0)[there]
            assert float(error.mean()) < 0.008
            # Half a pixel of error in the motion is worse wherever there is texture.
            shifted = (warp(blurred[1 - frame], flow + 0.5) - blurred[frame]).abs().mean(0)[there]
            assert float(error.mean()) < 0.4 * float(shifted.mean()) + 0.001


def test_both_directions_agree(drawn: list[Drawn]) -> None:
    compared = 0
    for pair in drawn:
        for frame in (LAST, THIS):
            error = (pair.flow[frame] + warp(pair.flow[1 - frame], pair.flow[frame])).norm(dim=0)[pair.comparable[frame]]
            assert not error.numel() or float(error.max()) < 0.05
            compared += error.numel()
    assert compared > 0.5 * 2 * len(drawn) * SIZE[0] * SIZE[1]


def test_a_bend_is_inverted_to_a_hundredth_of_a_pixel() -> None:
    rng = np.random.default_rng(0)
    bend = invertible(cv2.resize(rng.normal(0, 12, (3, 3, 2)).astype(np.float32), SIZE[::-1], interpolation=cv2.INTER_CUBIC))
    assert np.abs(bend).max() > 5
    affine = np.array([[1.1, -0.15, 9.0], [0.15, 0.9, -20.0]])
    layer = Layer(np.zeros((8, 8, 3), np.uint8), np.eye(2, 3), affine, bend=bend)
    points = pixel_grid(SIZE)
    assert np.abs(layer.to_plane(layer.to_frame(points)) - points).max() < 0.01
    assert np.abs(layer.to_frame(layer.to_plane(points)) - points).max() < 0.01


def test_visibility_around_a_moving_square() -> None:
    """A square of 20 px moves 7 px right and 3 px down over a still background; the masks are written by hand."""
    size, (dx, dy) = (64, 80), (7, 3)
    ground = Layer(np.full((9, 9, 3), 90, np.uint8), np.eye(2, 3), np.eye(2, 3))
    mask = np.zeros((60, 60), np.uint8)
    mask[10:50, 10:50] = 255  # two mask pixels per pixel; plane pixels 25 .. 44 across and 20 .. 39 down
    square = Layer(np.full((9, 9, 3), 200, np.uint8), np.eye(2, 3), np.array([[1.0, 0, -dx], [0, 1.0, -dy]]), mask,
                   (20.0, 15.0))
    at = {LAST: np.zeros(size, bool), THIS: np.zeros(size, bool)}
    at[LAST][20:40, 25:45] = True
    at[THIS][20 + dy:40 + dy, 25 + dx:45 + dx] = True
    for frame, sign in ((LAST, 1), (THIS, -1)):
        flow, owner = motion([ground, square], frame, size)
        np.testing.assert_array_equal(owner == 1, at[frame])
        np.testing.assert_allclose(flow[at[frame]], np.broadcast_to([sign * dx, sign * dy], (400, 2)), atol=1e-5)
        assert not flow[~at[frame]].any()
        # The background is hidden where the square is in the other frame; the square is always visible.
        np.testing.assert_array_equal(visible_in_other([ground, square], frame, flow, owner), at[frame] | ~at[1 - frame])
        image = draw([ground, square], frame, size) * 255
        np.testing.assert_allclose(image[at[frame]], 200, atol=0.01)
        far = cv2.dilate(at[frame].astype(np.uint8), np.ones((3, 3))) == 0
        np.testing.assert_allclose(image[far], 90, atol=0.01)


def test_a_pair_depends_on_the_seed_and_its_number_alone() -> None:
    scenes, again = MovingScenes(6, (64, 96), seed=1), MovingScenes(50, (64, 96), seed=1)
    for index in (5, 0):
        for one, two in zip(scenes[index], again[index], strict=True):
            assert torch.equal(one, two)
    assert not torch.equal(scenes[0].this, scenes[1].this)
    assert not torch.equal(scenes[0].this, MovingScenes(6, (64, 96), seed=2)[0].this)
    by_workers = [pair for batch in DataLoader(scenes, 2, num_workers=2) for pair in batch.this]
    assert all(torch.equal(image, scenes[index].this) for index, image in enumerate(by_workers))


def test_scenes_have_the_motion_of_real_clips(pairs: list[Pair]) -> None:
    """Still objects, motion below and above two pixels, and hidden pixels in most."""
    longest = torch.stack([pair.to_last.norm(dim=0).max() for pair in pairs])
    assert int((longest < 2).sum()) >= 3
    assert int((longest > 10).sum()) >= 3
    assert any(bool((pair.to_last == 0).all(0).float().mean() > 0.3) for pair in pairs)
    hidden = torch.stack([1 - pair.visible_in_last.float().mean() for pair in pairs])
    assert 0.005 < float(hidden.mean()) < 0.3
    assert all(pair.to_last.isfinite().all() and pair.to_this.isfinite().all() for pair in pairs)
    assert all(float(pair.this.float().std()) > 2 for pair in pairs)
