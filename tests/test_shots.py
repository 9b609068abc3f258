"""Cut detection: a new scene is a cut, a change of light or a camera motion is not."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from vidstyle.core.frame import Frame
from vidstyle.temporal.shots import cut_detector

is_cut = cut_detector()


def scene(seed: int, height: int = 180, width: int = 320) -> Tensor:
    """Smooth colour noise at several scales, (3, H, W) in [0, 1], different for every seed."""
    generator = torch.Generator().manual_seed(seed)
    image = torch.zeros(3, height, width)
    for cells, strength in ((3, 0.5), (8, 0.3), (24, 0.2)):
        noise = torch.rand(1, 3, cells, 2 * cells, generator=generator)
        image += strength * interpolate(noise, size=(height, width), mode="bicubic")[0].clamp(0, 1)
    return ((image - 0.5) * 2 + 0.5).clamp(0, 1)


def frame(image: Tensor) -> Frame:
    return Frame(image, 0, Fraction(1, 25), 0)


@pytest.mark.parametrize("seed", range(0, 20, 2))
def test_a_change_of_scene_is_a_cut(seed: int) -> None:
    assert is_cut(frame(scene(seed)), frame(scene(seed + 1)))


@pytest.mark.parametrize("seed", range(6))
def test_changes_of_light_and_camera_motion_are_not_cuts(seed: int) -> None:
    wide = scene(seed, 180, 400)
    here = wide[..., :320]
    changes = {
        "nothing": here,
        "twice the light": (here * 2).clamp(0, 1),
        "a flash": (here + 0.3).clamp(0, 1),
        "fading out": here * 0.3,
        "a pan by a tenth of the width": wide[..., 32:352],
        "a pan by a fifth": wide[..., 64:384],
        "blur": avg_pool2d(here[None], 9, 1, 4)[0],
        "grain": (here + 0.1 * torch.randn(here.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1),
    }
    assert [name for name, image in changes.items() if is_cut(frame(here), frame(image))] == []


def test_a_fade_from_black_is_not_a_cut() -> None:
    """Hue is noise in dark images: PySceneDetect's ContentDetector scores them up to 107; its threshold is 27."""
    noise = torch.rand(3, 180, 320, generator=torch.Generator().manual_seed(0)) * 0.02
    assert not is_cut(frame(noise), frame(noise.flip(-1) + scene(0) * 0.03))


def test_cuts_do_not_depend_on_the_size() -> None:
    small, large = scene(4, 90, 160), interpolate(scene(4)[None], size=(720, 1280), mode="bilinear")[0]
    assert not is_cut(frame(small), frame(large))
    assert is_cut(frame(small), frame(interpolate(scene(5)[None], size=(720, 1280), mode="bilinear")[0]))


@pytest.mark.parametrize("size", [(16, 16), (1, 1), (17, 900), (400, 9)])
def test_odd_sizes(size: tuple[int, int]) -> None:
    assert not is_cut(frame(torch.full((3, *size), 0.5)), frame(torch.full((3, *size), 0.5)))


@pytest.mark.slow  # 75 s on two busy cores, most of it decoding
@pytest.mark.parametrize(("clip", "cuts"), [
    ("mpy_big_buck_bunny_0_30.webm", [283, 376, 551]),
    ("exo_video_big_buck_bunny.mp4", [44, 137]),
    ("tc_nasa_13013.mp4", [202]),
    ("mdn_friday.mp4", []),
    ("sam2_03_blocks.mp4", []),
])
def test_cuts_of_real_clips(clip: str, cuts: list[int]) -> None:
    """The cuts were checked by eye (in the second clip by their scores). The first clip fades in, the third has dissolves."""
    if "VIDSTYLE_DATA" not in os.environ:
        pytest.skip("VIDSTYLE_DATA, the folder of the test clips, is not set")
    found, last = [], None
    with av.open(str(Path(os.environ["VIDSTYLE_DATA"]) / "video" / clip)) as container:
        for index, decoded in enumerate(container.decode(video=0)):
            small = decoded.reformat(width=320, height=round(320 * decoded.height / decoded.width), format="rgb24")
            this = frame(torch.from_numpy(small.to_ndarray()).permute(2, 0, 1) / 255)
            if last is not None and is_cut(last, this):
                found.append(index)
            last = this
    assert found == cuts
