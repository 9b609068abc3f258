"""Training the flow network: a stopped training goes on to the same weights, the export loads, and errors are counted right."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from benchmarks.flow_truth import TruePair, generated, measure, near_edges, pairs
from training.train_flow import COARSE, FARTHEST, GAMMA, SPOILT, error_loss, loss_of, main, rate_at, spoilt
from vidstyle.core.errors import InputError
from vidstyle.core.frame import FlowPair
from vidstyle.flow import load_flow
from vidstyle.flow.truth import read_flo

TINY = ["--steps", "6", "--batch", "1", "--size", "128", "128", "--workers", "0", "--device", "cpu"]


def weights(out: Path) -> dict[str, torch.Tensor]:
    state = torch.load(out / "state.pt", weights_only=True)
    return {"step": torch.tensor(state["step"]), **state["network"]}


def test_stopped_and_resumed_equals_never_stopped(tmp_path: Path) -> None:
    main([*TINY, "--out", str(tmp_path / "whole")])
    exported = tmp_path / "flow.safetensors"
    main([*TINY, "--out", str(tmp_path / "parts"), "--stop", "3"])
    halfway = weights(tmp_path / "parts")
    main([*TINY, "--out", str(tmp_path / "parts"), "--export", str(exported)])
    whole, parts = weights(tmp_path / "whole"), weights(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    assert int(halfway["step"]) == 3
    assert any(not torch.equal(halfway[name], parts[name]) for name in whole if name != "step")
    steps = [json.loads(line)["step"] for line in (tmp_path / "parts" / "log.jsonl").read_text().splitlines()]
    assert steps == [3, 6]

    flow = load_flow(f"raft={exported}")
    image = torch.rand(3, 128, 136, generator=torch.Generator().manual_seed(0))
    assert flow(image, image).to_last.isfinite().all()

    with pytest.raises(SystemExit, match="began with"):
        main([*TINY[2:], "--steps", "7", "--out", str(tmp_path / "parts")])


def test_errors_count_by_their_root_and_very_long_motion_not_at_all() -> None:
    truth = torch.zeros(1, 2, 8, 8)
    truth[..., 0, 0] = 1e6
    off = torch.zeros_like(truth)
    off[:, 0] = 3.0
    assert float(error_loss(off, truth)) == pytest.approx(3**0.7 * 63 / 64, rel=1e-4)


def test_later_refinements_weigh_more() -> None:
    truth = torch.zeros(1, 2, 16, 16)
    right = torch.zeros(1, 2, 2, 2)
    wrong = torch.ones(1, 2, 2, 2)
    first, last = (float(loss_of(truth, order, truth) - loss_of(truth, [right, right], truth))
                   for order in ([wrong, right], [right, wrong]))
    assert first == pytest.approx(GAMMA * last)
    assert last == pytest.approx(COARSE * (2**0.35 - 1e-4**0.35), rel=1e-3)  # an error of √2 px everywhere


def test_half_of_the_starts_are_spoilt_and_the_others_as_found() -> None:
    start = torch.full((2, 24, 32), 5.0)
    starts = [spoilt(np.random.default_rng(number), start) for number in range(300)]
    kept = sum(torch.equal(one, start) for one in starts) / len(starts)
    assert abs(kept - (1 - SPOILT)) < 0.09  # three standard deviations of 300 draws
    assert abs(sum(not one.any() for one in starts) / len(starts) - SPOILT / 3) < 0.07
    assert max(float((one - start).abs().max()) for one in starts if one.any()) < 4 * FARTHEST  # cubic knots of deviation 6


def test_the_rate_rises_then_falls_to_nothing() -> None:
    rates = [rate_at(step, 1000, 4e-4) for step in range(1000)]
    assert max(rates) == pytest.approx(4e-4)
    assert rates.index(max(rates)) == 49
    assert rates[0] < 1e-5
    assert 0 < rates[-1] < 1e-6


def write_flo(path: Path, motion: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = motion.shape[:2]
    header = np.float32(202021.25).tobytes() + np.array([width, height], "<i4").tobytes()
    path.write_bytes(header + motion.astype("<f4").tobytes())


def write_middlebury(data: Path) -> None:
    """One pair of 3x4 pixels; one motion of it is (5, −6) px, one unknown."""
    motion = np.zeros((3, 4, 2))
    motion[1, 2] = 5, -6
    motion[0, 0] = 1.7e9
    write_flo(data / "frames/middlebury/other-gt-flow/Bush/flow10.flo", motion)
    for number in (10, 11):
        path = data / f"frames/middlebury/other-data/Bush/frame{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((3, 4, 3), (0, 0, 10 * number), np.uint8))


def test_the_validation_is_logged_and_does_not_change_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_middlebury(tmp_path)
    monkeypatch.setattr("training.train_flow.generated", lambda count: generated(1, (128, 128)))
    command = ["--steps", "2", *TINY[2:]]
    main([*command, "--out", str(tmp_path / "plain")])
    main([*command, "--out", str(tmp_path / "validated"), "--validate", str(tmp_path), "--validate-every", "1"])
    plain, validated = weights(tmp_path / "plain"), weights(tmp_path / "validated")
    assert all(torch.equal(plain[name], validated[name]) for name in plain)
    lines = [json.loads(line) for line in (tmp_path / "validated" / "log.jsonl").read_text().splitlines()]
    measured = [line for line in lines if "validation" in line]
    assert [line["step"] for line in measured] == [1, 2]
    assert all(line["validation"].keys() == line["dis"].keys() == {"middlebury", "generated"} for line in measured)


def test_flo_files_are_read_x_first_and_unknown_motion_is_left_out(tmp_path: Path) -> None:
    write_middlebury(tmp_path)
    (pair,) = pairs(tmp_path)
    assert pair.flow[:, 1, 2].tolist() == [5, -6]
    assert not pair.valid[0, 0, 0]
    assert int(pair.valid.sum()) == 11
    assert float(pair.second[0, 0, 0]) == pytest.approx(110 / 255)  # red first
    (tmp_path / "bad.flo").write_bytes(b"PIEH")
    with pytest.raises(InputError, match=r"not a \.flo file"):
        read_flo(tmp_path / "bad.flo")
    with pytest.raises(FileNotFoundError, match="sintel_gt"):
        pairs(tmp_path / "nothing")


def test_flow_errors_are_counted_in_the_right_places() -> None:
    flow = torch.zeros(2, 20, 40)
    flow[0, :, 20:] = 4  # a motion edge between columns 19 and 20
    everywhere = torch.ones(1, 20, 40, dtype=torch.bool)
    visible = everywhere.clone()
    visible[..., 30:] = False
    image = torch.zeros(3, 20, 40)
    truth = TruePair("step", "made", image, image, flow, everywhere, visible)
    assert near_edges(flow, everywhere)[0, 0].nonzero().flatten().tolist() == list(range(14, 25))

    still = FlowPair(to_last=torch.zeros(2, 20, 40), to_this=torch.zeros(2, 20, 40))
    score = measure(lambda last, this: still, [truth])["made"]
    assert score.epe == pytest.approx(2)
    assert score.visible == pytest.approx(4 / 3)
    assert score.edges == pytest.approx(4 * 5 / 11)
    assert score.wrong == pytest.approx(0.5)


def test_held_out_scenes_need_no_data() -> None:
    (one,) = generated(1, (128, 160))
    assert one.first.shape == (3, 128, 160)
    assert one.first.max() <= 1
    assert torch.equal(one.flow, generated(2, (128, 160))[0].flow)
