"""Optical flow: directions and grids, any image size, determinism, and the errors that are stated."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision.models.optical_flow import raft_large, raft_small

from benchmarks.flow_truth import generated, measure
from vidstyle.core.errors import InputError, UsageError
from vidstyle.flow import load_flow
from vidstyle.flow.guided_raft import GuidedRaft
from vidstyle.flow.raft import Raft, from_princeton
from vidstyle.flow.truth import read_flo
from vidstyle.ops.warp import visibility, warp

LAST_TO_THIS = (3, -2)
"""Motion between `last` and `this` of `translated`, in pixels, x then y."""


def translated(height: int, width: int) -> tuple[Tensor, Tensor]:
    noise = torch.rand(1, 3, height // 4 + 6, width // 4 + 6, generator=torch.Generator().manual_seed(0))
    scene = interpolate(noise, scale_factor=4, mode="bicubic")[0].clamp(0, 1)
    dx, dy = LAST_TO_THIS
    return scene[:, 8:8 + height, 8:8 + width], scene[:, 8 - dy:8 - dy + height, 8 - dx:8 - dx + width]


@pytest.mark.parametrize("name", ["dis", "dis-fast", "farneback", "raft"])
def test_a_translation_is_found_in_both_directions(name: str) -> None:
    last, this = translated(96, 160)
    pair = load_flow(name)(last, this)
    moved = torch.tensor(LAST_TO_THIS, dtype=torch.float32)
    assert pair.to_last.shape == pair.to_this.shape == (2, 96, 160)
    assert pair.to_last.dtype == torch.float32
    torch.testing.assert_close(pair.to_this[:, 12:-12, 12:-12].mean((1, 2)), moved, atol=0.2, rtol=0)
    torch.testing.assert_close(pair.to_last[:, 12:-12, 12:-12].mean((1, 2)), -moved, atol=0.2, rtol=0)
    visible = visibility(pair.to_last, pair.to_this)
    assert visible.mean() > 0.85
    still = (last - this).abs().mean()
    assert (visible * (warp(last, pair.to_last) - this).abs()).mean() < 0.1 * still


def test_an_image_beyond_hd_is_searched_at_half_its_size_without_loss() -> None:
    last, this = translated(1200, 2000)
    pair = load_flow("dis")(last, this)
    moved = torch.tensor(LAST_TO_THIS)[:, None, None]
    for motion, tolerance in ((pair.to_last + moved, 0.02), (pair.to_this - moved, 0.2)):  # measured 0.002; 0.045 at a quarter
        assert motion[:, 12:-12, 12:-12].norm(dim=0).mean() < tolerance


def test_dis_does_not_depend_on_the_number_of_threads() -> None:
    last, this = translated(120, 200)
    threads = cv2.getNumThreads()
    pairs = [load_flow("dis")(last, this)]
    try:
        for count in (1, 2, 5):
            cv2.setNumThreads(count)
            pairs.append(load_flow("dis")(last, this))
    finally:
        cv2.setNumThreads(threads)
    assert all(torch.equal(pair.to_last, pairs[0].to_last) for pair in pairs)
    assert all(torch.equal(pair.to_this, pairs[0].to_this) for pair in pairs)


def test_a_plain_background_next_to_a_moving_object_stays_still() -> None:
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(1, 3, 30, 40, generator=generator)
    scene = 0.5 + 0.02 * interpolate(noise, (120, 160), mode="bicubic")[0]  # too little contrast for a local search
    object_ = interpolate(torch.rand(1, 3, 10, 10, generator=generator), (40, 40))[0]
    last, this = scene.clone(), scene.clone()
    last[:, 40:80, 40:80] = object_
    this[:, 40:80, 46:86] = object_
    motion = load_flow("dis")(last, this).to_last
    background = torch.zeros(120, 160, dtype=torch.bool)
    background[36:84, 92:110] = True  # 6 to 24 pixels next to the object, which moved by 6
    assert float(motion[:, background].abs().mean()) < 0.05
    assert abs(float(motion[0, 55:65, 60:70].mean()) + 6) < 0.2  # the object keeps its own motion


def test_dis_does_not_depend_on_earlier_pairs() -> None:
    last, this = translated(64, 64)
    estimate = load_flow("dis")
    first = estimate(last, this)
    estimate(this.flip(-1), last)
    assert torch.equal(estimate(last, this).to_last, first.to_last)


@pytest.mark.parametrize("size", [(16, 16), (12, 11), (1, 1), (2, 40), (8, 100), (12, 60), (16, 400), (15, 300),
                                  (400, 7)])
@pytest.mark.parametrize("name", ["dis", "farneback"])
def test_image_shapes_that_opencv_cannot_handle(size: tuple[int, int], name: str) -> None:
    """OpenCV 5.0's DIS reads beyond its memory on 12x60 and gives NaN on 16x400; its Farnebäck moves 8x100 by a pixel."""
    image = torch.rand(3, *size, generator=torch.Generator().manual_seed(0))
    pair = load_flow(name)(image, image)
    assert pair.to_last.shape == (2, *size)
    assert pair.to_last.isfinite().all()
    assert pair.to_last.abs().max() < 0.1


def test_an_unknown_name_lists_the_known_ones() -> None:
    for name in ("brox", "dis=file", "farneback=file", "raft=", "raft-small=", ""):
        with pytest.raises(UsageError, match="dis, dis-fast, farneback, raft, raft-small, raft-large"):
            load_flow(name)


def test_raft_takes_any_size_and_both_directions() -> None:
    torch.manual_seed(0)
    estimate = Raft(raft_small(weights=None))
    estimate.updates = 2
    last, this = translated(97, 131)
    pair = estimate(last, this)
    assert pair.to_last.shape == pair.to_this.shape == (2, 97, 131)
    swapped = estimate(this, last)
    # The order of the batch differs, so results are equal up to float32 rounding.
    torch.testing.assert_close(swapped.to_this, pair.to_last, atol=1e-3, rtol=1e-3)


def test_a_fresh_raft_of_ours_keeps_the_motion_it_starts_from() -> None:
    torch.manual_seed(0)
    image, start = torch.rand(1, 3, 64, 72), 5 + torch.rand(1, 2, 64, 72)
    found, refined = GuidedRaft()(image, image, start, -start)
    # 86 % of a pixel's own start, the rest the means over 8x8 pixels around it, which lie within the same pixel.
    assert (found - torch.cat([start, -start])).abs().max() < 0.14
    assert [tuple(one.shape) for one in refined] == [(2, 2, 8, 9)] * 4


def test_our_raft_takes_any_size_and_is_nearer_to_the_truth_than_dis() -> None:
    ours, dis = load_flow("raft"), load_flow("dis")
    odd = torch.rand(3, 31, 131, generator=torch.Generator().manual_seed(0))
    assert ours(odd, odd).to_last.abs().max() < 0.5
    scenes = generated(6)  # none of them was trained on
    found, start = (measure(flow, scenes)["generated"].epe for flow in (ours, dis))
    assert found < 0.97 * start


def princeton_name(name: str) -> str:
    """The name of princeton-vl/RAFT (core/extractor.py, core/update.py) for a name of torchvision; written by hand."""
    for ours, theirs in (
            ("feature_encoder.", "fnet."), ("context_encoder.", "cnet."), (".convnormrelu.0.", ".conv1."),
            (".convnormrelu.1.", ".norm1."), ("net.conv.", "net.conv2."), (".convnormrelu1.0.", ".conv1."),
            (".convnormrelu2.0.", ".conv2."), (".convnormrelu3.0.", ".conv3."), (".convnormrelu1.1.", ".norm1."),
            (".convnormrelu2.1.", ".norm2."), ("motion_encoder.convcorr1.0", "encoder.convc1"),
            ("motion_encoder.convcorr2.0", "encoder.convc2"), ("motion_encoder.convflow1.0", "encoder.convf1"),
            ("motion_encoder.convflow2.0", "encoder.convf2"), ("motion_encoder.conv.0", "encoder.conv"),
            ("recurrent_block.convgru1.convz", "gru.convz1"), ("recurrent_block.convgru1.convr", "gru.convr1"),
            ("recurrent_block.convgru1.convq", "gru.convq1"), ("recurrent_block.convgru2.convz", "gru.convz2"),
            ("recurrent_block.convgru2.convr", "gru.convr2"), ("recurrent_block.convgru2.convq", "gru.convq2"),
            ("mask_predictor.convrelu.0", "update_block.mask.0"), ("mask_predictor.conv.", "update_block.mask.2.")):
        name = name.replace(ours, theirs)
    return "module." + name


def test_names_of_princeton_map_one_to_one() -> None:
    expected = raft_large(weights=None).state_dict()
    theirs = {princeton_name(name): tensor for name, tensor in expected.items()}
    assert len(theirs) == len(expected)
    for layer in (2, 3):  # Princeton's file holds the shortcut's batch norm under a second name
        theirs[f"module.cnet.layer{layer}.0.norm3.weight"] = theirs[f"module.cnet.layer{layer}.0.downsample.1.weight"]
    mapped = from_princeton(theirs)
    assert mapped.keys() == expected.keys()
    assert all(mapped[name] is expected[name] for name in expected)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save(raft_small(weights=None).state_dict(), tmp_path / "small.pth")
    load_flow(f"raft-small={tmp_path / 'small.pth'}")
    with pytest.raises(InputError, match="give those of raft-large"):
        load_flow(f"raft-large={tmp_path / 'small.pth'}")
    with pytest.raises(InputError, match="give those of raft "):
        load_flow(f"raft={tmp_path / 'small.pth'}")
    with pytest.raises(InputError, match="check the path"):
        load_flow(f"raft-small={tmp_path / 'none.pth'}")


@pytest.fixture
def data() -> Path:
    if "VIDSTYLE_DATA" not in os.environ:
        pytest.skip("VIDSTYLE_DATA, the folder of the Sintel pairs and the RAFT checkpoint, is not set")
    return Path(os.environ["VIDSTYLE_DATA"])


def read_png(path: Path) -> Tensor:
    return torch.from_numpy(cv2.imread(str(path))[..., ::-1].copy()).permute(2, 0, 1) / 255


def end_point_error(name: str, data: Path, render: str, scene: str) -> float:
    """Mean distance in pixels to Sintel's true motion from frame 2 to frame 3, at full size."""
    folder = data / "frames" / "sintel_gt" / render / scene
    last, this = (read_png(folder / f"frame_000{i}.png") for i in (2, 3))
    truth = read_flo(data / "frames" / "sintel_gt" / "clean" / scene / "gt" / "frame_0002.flo")
    # `to_last`, because DIS estimates `to_this` at half size; with the frames swapped it lives on the grid of the truth.
    return float((load_flow(name)(this, last).to_last - truth).norm(dim=0).mean())


@pytest.mark.slow  # 4 pairs at 1024x436, 10 to 25 s each on two busy cores
@pytest.mark.parametrize(("render", "scene", "raft", "dis"), [
    ("clean", "easy", 0.27, 0.25), ("clean", "medium", 1.17, 1.38), ("final", "easy", 0.27, 0.28),
    ("final", "medium", 1.32, 1.72)])
def test_end_point_errors_on_sintel(data: Path, render: str, scene: str, raft: float, dis: float) -> None:
    found = end_point_error("dis", data, render, scene)
    assert found == pytest.approx(dis, abs=0.01)
    learned = end_point_error(f"raft-small={data / 'weights' / 'raft-small.pth'}", data, render, scene)
    assert learned == pytest.approx(raft, abs=0.01)


@pytest.mark.slow  # 4 pairs at 1024x436, 1 s each
@pytest.mark.parametrize(("render", "scene", "error"), [
    ("clean", "easy", 0.84), ("clean", "medium", 3.88), ("final", "easy", 1.06), ("final", "medium", 6.20)])
def test_end_point_errors_of_farneback_on_sintel(data: Path, render: str, scene: str, error: float) -> None:
    assert end_point_error("farneback", data, render, scene) == pytest.approx(error, abs=0.02)
