"""What a matte states: its values, its names, how it mixes; and the layers that it chooses between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sequence_files import codes, light, write_coded, write_exr
from video_clips import make_clip

from vidstyle.core.errors import UsageError
from vidstyle.core.frame import Frame, Original, Prior
from vidstyle.core.options import Options
from vidstyle.core.parse import SOURCE, parse_matte
from vidstyle.painting.job import KeyFrames, Painter
from vidstyle.painting.layers import stack_painters
from vidstyle.painting.style_picture import Style
from vidstyle.run.mattes import Matte, Mattes, to_grey
from vidstyle.run.plan import plan_video
from vidstyle.video.images import image_file


def test_a_feather_is_a_linear_mix_and_later_mattes_lie_over_earlier_ones():
    random = np.random.default_rng(0)
    below, one, two = random.random((3, 3, 6, 8), np.float32)
    first, second = random.random((2, 1, 6, 8), np.float32)
    first[..., :2], second[..., 6:] = 0, 1
    mattes = Mattes((Matte(Path("a"), (), 0), Matte(Path("b"), (), 1)), ((), ), on_source=True)
    found = mattes.compose(torch.tensor(below), [torch.tensor(one), torch.tensor(two)],
                           [torch.tensor(first), torch.tensor(second)]).numpy()
    wanted = below * (1 - first) + one * first
    wanted = wanted * (1 - second) + two * second
    assert np.abs(found - wanted).max() < 1e-6  # rounding of float32
    assert (found[..., 6:] == two[..., 6:]).all()
    second[:] = 0
    found = mattes.compose(torch.tensor(below), [torch.tensor(one), torch.tensor(two)],
                           [torch.tensor(first), torch.tensor(second)]).numpy()
    assert (found[..., :2] == below[..., :2]).all()


def test_white_with_alpha_is_a_matte_and_light_counts_as_stored(tmp_path: Path):
    rgba = np.full((4, 6, 4), 255, np.uint8)
    rgba[..., 3] = np.arange(6) * 51
    assert to_grey(*image_file.read(write_coded(tmp_path / "a.png", rgba)))[0, 0].tolist() == pytest.approx(
        [0, 0.2, 0.4, 0.6, 0.8, 1], abs=1e-5)
    stored = np.full((4, 6), 0.25, np.float16)
    exr = write_exr(tmp_path / "a.exr", dict.fromkeys("RGB", stored))
    assert to_grey(*image_file.read(exr)).unique().tolist() == pytest.approx([0.25], abs=1e-5)
    black, bright = torch.zeros(3, 12, 16), torch.tensor(light(3).astype(np.float32)).permute(2, 0, 1)  # from below 0 to 4
    assert (bright.max() > 2, to_grey(black, None, Original(black, bright)).max()) == (True, 1)


def test_the_luma_of_white_is_one_and_of_black_zero():
    assert to_grey(torch.tensor([0.0, 1.0]).expand(3, 1, 2), None).tolist() == [[[0.0, 1.0]]]
    nearly = torch.tensor([1e-8, 1 - 1e-7]).expand(3, 1, 2)  # as sums of floats give them
    assert to_grey(nearly, None).tolist() == [[[0.0, 1.0]]]


def test_each_painter_is_given_its_own_layer():
    def painter(add: float) -> Painter:
        return Painter(lambda frame, priors: priors[0].image + add, {"style": add},
                       KeyFrames(lambda frame, prior: frame.image if prior is None else prior.image + add,
                                 lambda frame, painting, known: painting * known + add, None))

    stacked = stack_painters([painter(1.0), painter(2.0)])
    before = torch.arange(6.0)[:, None, None].expand(6, 2, 2)
    prior, frame = Prior(before, torch.ones(1, 2, 2)), Frame(torch.zeros(3, 2, 2), 0, 1, 0)  # type: ignore[arg-type]
    wanted = before + torch.tensor([1.0, 1, 1, 2, 2, 2])[:, None, None]
    keys = stacked.key_frames
    assert keys is not None
    assert torch.equal(stacked.stylize(frame, [prior]), wanted)
    assert torch.equal(keys.paint(frame, prior), wanted)
    assert torch.equal(keys.mend(frame, before, torch.ones(1, 2, 2)), wanted)
    assert keys.paint(frame, None).shape == (6, 2, 2)
    assert stacked.losses == {"style": 1.0, "style of layer 2": 2.0}


@pytest.mark.parametrize(("text", "file", "style"), [
    ("a.png", "a.png", None), ("a.png=none", "a.png", SOURCE), ("a.png=b.jpg", "a.png", Path("b.jpg")),
    ("x=1/a.png=b.jpg", "x=1/a.png", Path("b.jpg"))])
def test_a_matte_names_a_file_and_perhaps_a_style(text: str, file: str, style: Path | str | None):
    assert parse_matte(text) == (Path(file), style)


def test_a_file_with_an_equals_sign_in_its_name_is_that_file(tmp_path: Path):
    (tmp_path / "a=b.png").touch()
    assert parse_matte(f"{tmp_path}/a=b.png") == (tmp_path / "a=b.png", None)


def test_a_gap_in_a_matte_is_held_and_a_dot_is_no_matte(tmp_path: Path):
    clip = make_clip(tmp_path / "clip.mp4", frames=4, size=(64, 48))
    write_coded(tmp_path / "style.png", codes(1, (64, 48), most=255))
    for number in (0, 1, 3):
        write_coded(tmp_path / f"m.{number:04}.png", np.full((48, 64, 3), 100 * number // 3 + 50, np.uint8))
    write_coded(tmp_path / "dot.png", np.full((1, 1, 3), 255, np.uint8))
    for option in ("matte", "stroke_size"):
        pattern = str(tmp_path / "m.####.png")
        options = Options(gaps="hold", device="cpu", **{option: (pattern,) if option == "matte" else pattern})
        plan = plan_video(clip, [Style(tmp_path / "style.png")], None, options)
        assert not any("--gaps" in warning for warning in plan.warnings)
        [matte] = plan.mattes.mattes or [plan.stroke_size]
        assert matte is not None
        assert torch.equal(matte.at(2), matte.at(1))
        assert not torch.equal(matte.at(3), matte.at(2))
    with pytest.raises(UsageError, match=r"dot\.png: is 1x1 and the clip is 64x48, which is another shape"):
        plan_video(clip, [Style(tmp_path / "style.png")], None, Options(matte=(str(tmp_path / "dot.png"),), device="cpu"))
    plan = plan_video(clip, [Style(tmp_path / "style.png")], None, Options(gaps="hold", device="cpu"))
    assert any("--gaps has no effect" in warning for warning in plan.warnings)
