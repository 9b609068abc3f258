"""Evaluation: which frames are compared, which flow judges, how clips are read, and what is printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fake_pipeline import events
from judged_clips import HEIGHT, WIDTH, texture, uniform_truth, write, write_truth
from video_clips import make_clip

from vidstyle.cli import execute
from vidstyle.core.errors import InputError, UsageError
from vidstyle.core.options import Options
from vidstyle.evaluate import METRICS, Evaluation, JudgedFrame, evaluate_video, parse_threshold
from vidstyle.video.settings import ReadSettings


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A source of 5 frames, a painting of it, a painting of its frames 1-3, and a style image."""
    folder = tmp_path_factory.mktemp("shot")
    still = [texture(HEIGHT, WIDTH)] * 5
    painted = [255 - image + np.uint8(2 * index) for index, image in enumerate(still)]
    cv2.imwrite(str(folder / "style.png"), texture(80, 60, seed=5)[..., ::-1])
    return {"source": write(folder / "source.mkv", still), "styled": write(folder / "styled.mkv", painted),
            "part": write(folder / "part.mkv", painted[1:4]), "style": folder / "style.png", "folder": folder}


def test_nothing_is_compared_across_a_cut(tmp_path: Path) -> None:
    """Two shots of three frames: the painting changes its colours at the cut, which does not count as flicker."""
    one, two = texture(96, 128, 1) // 2, 255 - texture(96, 128, 2) // 2
    source = write(tmp_path / "source.mkv", [one] * 3 + [two] * 3)
    styled = write(tmp_path / "styled.mkv", [np.full_like(one, 40)] * 3 + [np.full_like(one, 200)] * 3)
    result = evaluate_video(styled, source)
    assert result.cuts == [3]
    assert [error is None for error in result.curves["e_stab"]["painting"]] == [True, False, False] * 2
    assert result.values["painting"]["e_stab"] == 0
    assert result.values["painting"]["flicker"] < 1e-6
    assert result.values["painting"]["drift"] < 1e-6


def test_the_worst_frame_is_found(tmp_path: Path) -> None:
    still = texture(HEIGHT, WIDTH)
    source = write(tmp_path / "source.mkv", [still] * 8)
    styled = write(tmp_path / "styled.mkv", [still + np.uint8(20 * (index == 4)) for index in range(8)])
    judged: list[JudgedFrame] = []
    result = evaluate_video(styled, source, on_frame=judged.append)
    assert {worst.frame for worst in result.worst[:2]} == {4, 5}
    assert result.worst[0].e_stab == pytest.approx(20 / 255, rel=0.001)
    assert result.worst[0].seconds == pytest.approx(result.worst[0].frame / 25)
    assert [frame.source.index for frame in judged] == list(range(8))
    assert judged[0].error is None
    assert judged[4].error == pytest.approx(20 / 255, rel=0.001)


def test_a_range_is_compared_with_its_own_frames(shot: dict[str, Path]) -> None:
    with pytest.raises(InputError, match=r"has 3 frames and .* has 5; say which .* --frames A-B\.$"):
        evaluate_video(shot["part"], shot["source"])
    with pytest.raises(UsageError, match="0-3 are 4 frames"):
        evaluate_video(shot["part"], shot["source"], frames=(0, 3))
    result = evaluate_video(shot["part"], shot["source"], frames=(1, 3), baseline=shot["styled"])
    assert result.frames == (1, 3)
    assert result.values["painting"]["e_stab_ratio"] == pytest.approx(1, rel=1e-5)  # the baseline's same three frames
    assert "e_stab_10" not in result.values["painting"]
    assert any("no shot has 11 frames" in note for note in result.notes)


def test_clips_are_compared_at_the_size_of_the_painting(shot: dict[str, Path], tmp_path: Path) -> None:
    small = write(tmp_path / "small.mkv", [texture(32, 40)] * 5)
    assert evaluate_video(small, shot["source"]).size == (40, 32)


def pq_clip(path: Path, brighter: int = 0) -> Path:
    """A clip of 6 frames of 96x64 in BT.2020 with the PQ transfer, `brighter` by that many of 255 code values."""
    def image(index: int, width: int, height: int) -> np.ndarray[Any, Any]:
        return texture(height, width) + np.uint8(brighter * (index % 2))

    return make_clip(path, codec="libx265", pix_fmt="yuv420p10le", tags=(9, 1, 9, 16), frames=6, picture=image)


def test_hdr_clips_are_evaluated_as_they_are_read(tmp_path: Path) -> None:
    source, styled = pq_clip(tmp_path / "source.mp4"), pq_clip(tmp_path / "styled.mp4", brighter=20)
    with pytest.raises(InputError, match="is HDR"):
        evaluate_video(styled, source)
    for hdr in ("passthrough", "tonemap"):
        result = evaluate_video(styled, source, baseline=styled, read=ReadSettings(hdr=hdr))
        assert result.values["painting"]["e_stab"] > 0.02 > result.values["source"]["e_stab"]
        assert result.values["painting"]["e_stab_ratio"] == pytest.approx(1)


def test_an_sdr_painting_is_compared_with_its_tone_mapped_source(tmp_path: Path) -> None:
    source = pq_clip(tmp_path / "source.mp4")
    styled = write(tmp_path / "styled.mkv", [texture(64, 96)] * 6)
    result = evaluate_video(styled, source, read=ReadSettings(hdr="tonemap"))
    assert result.values["painting"]["e_stab"] < 0.01


def test_an_interlaced_source_is_deinterlaced(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.mp4", pix_fmt="yuv444p", interlaced=True)
    styled = make_clip(tmp_path / "styled.mp4")
    found = [evaluate_video(styled, source, read=ReadSettings(deinterlace=how)) for how in ("force", "off")]
    assert found[0].frames == found[1].frames == (0, 11)
    assert found[0].values["source"] != found[1].values["source"]


def test_the_style_image_as_a_clip_has_no_style_loss(shot: dict[str, Path], tmp_path: Path) -> None:
    """A clip that shows the style image in every frame has a style loss of 0; the source has not."""
    style = cv2.imread(str(shot["style"]))[:HEIGHT, :, ::-1]
    cv2.imwrite(str(tmp_path / "crop.png"), style[..., ::-1])
    itself = write(tmp_path / "itself.mkv", [style] * 5)
    found = evaluate_video(itself, shot["source"], style=tmp_path / "crop.png")
    assert found.values["painting"]["style_loss"] < 1e-6
    assert found.values["painting"]["colour_distance"] < 1e-5  # the root of rounding errors in float64
    assert found.values["source"]["style_loss"] > 0.01
    assert found.values["source"]["content_loss"] == 0
    assert found.values["source"]["ssim"] == pytest.approx(1)
    # A quarter of 48 pixels is 12, too few for relu5_1.
    assert list(found.style_layers) == ["1"]
    assert list(found.style_layers["1"]) == ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]


@pytest.mark.parametrize(("judge", "by"), [("dis", "dis"), ("dis-fast", "dis"), ("farneback", "farneback"),
                                           ("raft-small=mine.pth", "raft-large"), ("dis", "raft"), ("raft", "dis")])
def test_a_flow_does_not_judge_what_it_stabilised(shot: dict[str, Path], judge: str, by: str) -> None:
    with pytest.raises(UsageError, match=r"both make the same errors; choose one of .*\.$"):
        evaluate_video(shot["styled"], shot["source"], judge_flow=judge, stabilised_by=by)


def test_the_default_judge_is_not_the_default_flow(shot: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    result = evaluate_video(shot["styled"], shot["source"])
    assert (result.judge, Options().flow) == ("farneback", "dis")
    assert execute(["evaluate", str(shot["styled"]), "--source", str(shot["source"]), "--json"]) == 0
    assert events(capsys)[-1]["judge"] == result.judge  # the command states its own default
    with pytest.raises(UsageError, match="no optical flow 'dsi'"):
        evaluate_video(shot["styled"], shot["source"], stabilised_by="dsi")
    assert evaluate_video(shot["styled"], shot["source"], judge_flow="dis", stabilised_by="none").judge == "dis"


def test_the_folders_of_sintel_are_understood(shot: dict[str, Path], tmp_path: Path) -> None:
    """training/flow/SCENE, with masks in training/occlusions/SCENE and training/invalid/SCENE."""
    truth = uniform_truth(tmp_path / "own", 4, 0)
    for kind in ("flow", "occlusions"):
        (tmp_path / "training" / kind).mkdir(parents=True)
        (truth / kind).rename(tmp_path / "training" / kind / "alley_1")
    scene = tmp_path / "training" / "flow" / "alley_1"
    result = evaluate_video(shot["styled"], shot["source"], truth=scene)
    assert (result.judge, result.visible["e_stab"]) == ("truth", 1)
    invalid = tmp_path / "training" / "invalid" / "alley_1"
    invalid.mkdir(parents=True)
    half = np.zeros((HEIGHT, WIDTH), np.uint8)
    half[:, :WIDTH // 2] = 255
    for index in range(4):
        cv2.imwrite(str(invalid / f"{index:04}.png"), half)
    assert evaluate_video(shot["styled"], shot["source"], truth=scene).visible["e_stab"] == 0.5


def test_truth_that_does_not_fit_is_refused(shot: dict[str, Path], tmp_path: Path) -> None:
    def refused(truth: Path, match: str, styled: str = "styled") -> None:
        with pytest.raises(InputError, match=match) as caught:
            evaluate_video(shot[styled], shot["source"], truth=truth, frames=(1, 3) if styled == "part" else None)
        assert str(caught.value).endswith(".")

    refused(tmp_path, "holds no true motion")
    refused(uniform_truth(tmp_path / "short", 3, 0), "holds 3 motions, and the source has 5 frames")
    truth = uniform_truth(tmp_path / "truth", 4, 0)
    assert evaluate_video(shot["part"], shot["source"], truth=truth, frames=(1, 3)).judge == "truth"
    flows = [np.zeros((2, 24, 32))] * 4
    refused(write_truth(tmp_path / "small", flows, [np.zeros((24, 32))] * 4), "is 32x24 and the painting 64x48")
    (truth / "flow" / "0001.flo").write_bytes(b"PIEH")
    refused(truth, r"0001\.flo: is not a \.flo file", "part")
    (truth / "occlusions" / "0001.png").unlink()
    refused(truth, "holds 3 masks for 4 motions")


@pytest.mark.parametrize(("text", "message"), [
    ("e_stab", "is not a condition"), ("e_stab=0.1", "is not a condition"), ("e_stab>much", "is not a condition"),
    ("warp>0.1", "there is no metric 'warp'; known are e_stab, "), ("style_loss>0.1", "give --style too"),
    ("e_stab_ratio>1", "give --baseline too")])
def test_impossible_conditions_are_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_threshold(text, set())


def test_every_metric_can_be_a_condition(shot: dict[str, Path], tmp_path: Path) -> None:
    moving = write(tmp_path / "long.mkv", [np.roll(texture(HEIGHT, WIDTH), index, 1) for index in range(11)])
    result = evaluate_video(moving, moving, style=shot["style"], baseline=moving)
    assert set(result.values["painting"]) == set(METRICS)
    for name, value in result.values["painting"].items():
        for sign, hit in ((">", False), ("<", False), (">=", True), ("<=", True)):
            condition = f"{name} {sign} {value!r}"
            assert parse_threshold(condition, {"--style", "--baseline"}).hit(result) is hit
    short = Evaluation(**{**vars(result), "values": {"painting": {}}})
    with pytest.raises(UsageError, match="e_stab_10 could not be measured on this clip"):
        parse_threshold("e_stab_10>1", set()).hit(short)


def test_json_holds_values_with_their_units(shot: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", str(shot["styled"]), "--source", str(shot["source"]), "--style", str(shot["style"]), "--json"]
    assert execute([*command, "--fail-if", "ssim<1", "--fail-if", "e_stab>0.5"]) == 5
    last = events(capsys)[-1]
    assert (last["event"], last["exit_code"], last["failed"]) == ("result", 5, ["ssim<1"])
    assert set(last["values"]["painting"]) <= set(last["metrics"])
    assert all(metric["unit"] and metric["better"] in ("lower", "higher") for metric in last["metrics"].values())
    assert last["curves"]["e_stab"]["painting"][0] is None
    assert last["curves"]["e_stab"]["painting"][1] == pytest.approx(2 / 255, rel=0.01)
    assert len(last["curves"]["luma"]["source"]) == last["frames"][1] + 1 == 5


def test_the_printed_table(shot: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    command = ["evaluate", str(shot["styled"]), "--source", str(shot["source"]), "--style", str(shot["style"])]
    assert execute([*command, "--fail-if", "e_stab>0.001"]) == 5
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert "source." in lines[0]
    assert next(line for line in lines if line.startswith("METRIC")).split() == [
        "METRIC", "painting", "source", "blurred", "UNIT"]
    assert next(line for line in lines if line.startswith("e_stab ")).split()[1] == "0.00784"  # 2 / 255
    assert next(line for line in lines if line.startswith("WORST_FRAME")).split()[2:] == ["e_stab", "source"]
    assert "The flow farneback judged" in out
    assert "fails e_stab>0.001." in err.splitlines()[-1]
