"""Paintings whose options change over the clip: exact at the keys, gradual between, the same for ranges and after a stop."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from negative_method import Negative
from sequence_files import codes, write_coded
from stopped_runs import save_often, until
from three_shots import shots
from video_clips import make_clip

from vidstyle.core.curve import Curve, parse_number
from vidstyle.core.errors import UsageError
from vidstyle.core.frame import FlowPair, Prior
from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.painting.changing import Changes, ChangingIndex
from vidstyle.painting.feedforward.network import kept_share
from vidstyle.painting.methods import METHODS
from vidstyle.painting.strokes import StrokeIndex
from vidstyle.painting.strokes.index import Patches
from vidstyle.painting.style_picture import Style
from vidstyle.run import parts, pipeline
from vidstyle.run.manifest_file import manifest_path
from vidstyle.run.paint import make_painter
from vidstyle.run.plan import Selection, plan_video
from vidstyle.run.result import Result
from vidstyle.video import ReadSettings, open_source

FRAMES, SIZE = 9, (48, 32)
QUICK = Options(method="palette", size=48, device="cpu")


def curve(text: str) -> Curve:
    found = parse_number(text, "x")
    assert isinstance(found, Curve)
    return found


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip that moves little, and a red and a blue style of random patches."""
    folder = tmp_path_factory.mktemp("media")
    make_clip(folder / "clip.mp4", frames=FRAMES, size=SIZE, picture=drifting)
    noise = torch.rand(16, 24, generator=torch.Generator().manual_seed(0)).repeat_interleave(6, 0).repeat_interleave(6, 1)
    for name, channel in (("red", 0), ("blue", 2)):
        image = torch.full((3, *noise.shape), 0.1)
        image[channel] = 0.4 + 0.5 * noise
        write_png(folder / f"{name}.png", image)
    return folder


def paint(media: Path, target: Path, options: Options, *, frames: tuple[int, int] | None = None, clip: str = "clip.mp4",
          weights: dict[str, float | Curve] | None = None, **more: Any) -> Result:
    styles = [Style(media / f"{name}.png", weight) for name, weight in (weights or {"red": 1.0}).items()]
    return pipeline.stylize_video(media / clip, styles, target, options, Selection(frames), **more)


def drifting(index: int, width: int, height: int) -> np.ndarray:
    """A pattern that moves by one pixel in every frame."""
    y, x = np.mgrid[0:height, 0:width] + index
    return np.stack([128 + 100 * np.sin(x / 3) * np.sin(y / 4), 128 + 90 * np.sin(x / 7 + y / 9),
                     128 + 90 * np.cos(x / 5)], -1).astype(np.uint8)


def no_motion(last: torch.Tensor, this: torch.Tensor) -> FlowPair:
    return FlowPair(torch.zeros_like(last[:2]), torch.zeros_like(last[:2]))


def frames_of(path: Path) -> list[np.ndarray]:
    """The frames of a lossless movie, (H, W, 3) in BGR, as OpenCV decodes them."""
    movie, found = cv2.VideoCapture(str(path)), []
    while (read := movie.read())[0]:
        found.append(read[1].astype(float))
    return found


def test_strength_is_the_source_at_0_and_the_painting_at_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(METHODS, QUICK.method, Negative())
    for number in range(1001, 1007):
        write_coded(tmp_path / f"shot.{number}.png", codes(number, SIZE, most=255))
    write_coded(tmp_path / "red.png", codes(1, SIZE, most=255))
    options = replace(QUICK, temporal=0.0, strength=curve("1002:0 1005:1 ease"))
    paint(tmp_path, tmp_path / "out.####.png", options, clip="shot.####.png")
    for number in range(1001, 1007):
        source, out = (cv2.imread(str(tmp_path / f"{name}.{number}.png")).astype(float) for name in ("shot", "out"))
        t = np.clip((number - 1002) / 3, 0, 1)
        share = 3 * t**2 - 2 * t**3
        wanted = (1 - share) * source + share * (255 - source)
        np.testing.assert_allclose(out, wanted, atol=0 if share == 0 else 0.51)  # rounding to whole codes


def test_a_hold_is_a_step(media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(METHODS, QUICK.method, Negative())
    paint(media, tmp_path / "out.mkv", replace(QUICK, temporal=0.0, codec="ffv1", strength=curve("0:0 0.2s:1 hold")))
    paint(media, tmp_path / "whole.mkv", replace(QUICK, temporal=0.0, codec="ffv1"))
    paint(media, tmp_path / "source.mkv", replace(QUICK, strength=0.0, codec="ffv1"))
    found, whole, source = (frames_of(tmp_path / f"{name}.mkv") for name in ("out", "whole", "source"))
    for index, frame in enumerate(found):  # 0.2 s is frame 5
        np.testing.assert_array_equal(frame, source[index] if index < 5 else whole[index])


CHANGES: dict[str, tuple[dict[str, Any], dict[str, float | Curve] | None]] = {
    "strokes": ({"strokes": curve("2:0 6:1")}, None),
    "style": ({"style_scale": curve("0:1 8:1.5")}, {"red": curve("0:1 8:0"), "blue": curve("0:0 8:1")}),
    "forms": ({"method": "optimize", "strokes": 0.0, "forms": curve("0:0 8:1"), "optimize_steps": 3}, None),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_range_and_a_run_that_was_stopped_are_as_the_whole(media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                             name: str):
    changed, weights = CHANGES[name]
    options = replace(QUICK, **changed)
    save_often(monkeypatch)
    whole = paint(media, tmp_path / "whole.mp4", options, weights=weights)
    part = paint(media, tmp_path / "part.mp4", options, weights=weights, frames=(2, 6))
    assert part.frame_hashes == whole.frame_hashes[2:7]
    with pytest.raises(KeyboardInterrupt):
        paint(media, tmp_path / "out.mp4", options, weights=weights, listen=until(4))
    resumed = paint(media, tmp_path / "out.mp4", options, weights=weights)
    assert resumed.frame_hashes == whole.frame_hashes
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_strokes_that_change_come_evenly(media: Path, tmp_path: Path):
    paint(media, tmp_path / "out.mkv", replace(QUICK, strokes=curve("0:0 8:1"), codec="ffv1"))
    none, full = (paint(media, tmp_path / f"{strokes}.mkv", replace(QUICK, strokes=float(strokes), codec="ffv1"))
                  for strokes in (0, 1))
    found, last = json.loads(manifest_path(tmp_path / "out.mkv").read_text()), FRAMES - 1
    assert found["options"]["strokes"] == "0:0 8:1"
    assert (found["frame_sha256"][0], found["frame_sha256"][last]) == (none.frame_hashes[0], full.frame_hashes[last])
    out, without, painted = (frames_of(tmp_path / f"{name}.mkv") for name in ("out", "0", "1"))
    for index, frame in enumerate(out):
        share = index / last
        wanted = (1 - share) * without[index] + share * painted[index]
        assert np.abs(frame - wanted).mean() < 2.0  # codes: which key frames there are differs a little


def test_a_style_that_changes_does_so_little_by_little(media: Path, tmp_path: Path):
    paint(media, tmp_path / "out.mkv", replace(QUICK, codec="ffv1"),
          weights={"red": curve("0:1 8:0"), "blue": curve("0:0 8:1")})
    ends = [frames_of(tmp_path / f"{name}.mkv")[0].mean((0, 1)) for name in ("red", "blue")
            if paint(media, tmp_path / f"{name}.mkv", replace(QUICK, codec="ffv1"), weights={name: 1.0}, frames=(0, 0))]
    means = np.array([frame.mean((0, 1)) for frame in frames_of(tmp_path / "out.mkv")])
    span = ends[1][0] - ends[0][0]  # of the blue channel
    assert span > 60
    assert abs(means[0] - ends[0]).max() < 0.1 * span
    assert abs(means[-1] - ends[1]).max() < 0.1 * span
    steps = np.diff(means[:, 0])
    assert steps.min() > -0.05 * span
    assert steps.max() < span / 3


def test_where_temporal_is_0_frames_are_painted_on_their_own(media: Path, tmp_path: Path):
    changing = paint(media, tmp_path / "out.mp4", replace(QUICK, temporal=curve("2:0 3:1 5:1 6:0")))
    alone = paint(media, tmp_path / "alone.mp4", replace(QUICK, temporal=0.0))
    same = [one == other for one, other in zip(changing.frame_hashes, alone.frame_hashes, strict=True)]
    assert same == [index not in (3, 4, 5) for index in range(FRAMES)]


def test_a_network_keeps_the_share_of_the_frame(media: Path, tmp_path: Path):
    options = Options(method="feedforward", fit_steps=0, size=64, device="cpu", temporal=curve("0:1 6:0.25"))
    plan = plan_video(media / "clip.mp4", [Style(media / "red.png")], tmp_path / "out.mp4", options)

    class Store:
        network: Path | None = None

        def state(self) -> None:
            return None

        def save(self, *done: Any, **how: Any) -> None:
            pass

        def save_network(self, save_to: Callable[[Path], None]) -> None:
            save_to(tmp_path / "net.safetensors")
            self.network = tmp_path / "net.safetensors"

    store = Store()
    painter = make_painter(plan, lambda number: store, no_motion, lambda progress: None)
    frames = [*open_source(media / "clip.mp4", ReadSettings()).decode(0, 6)]
    prior = Prior(torch.zeros(3, *SIZE[::-1]), torch.ones(1, *SIZE[::-1]))
    for frame, temporal in ((frames[0], 1.0), (frames[6], 0.25)):
        alone, carried = painter.stylize(frame, ()), painter.stylize(frame, (prior,))
        torch.testing.assert_close(carried, (1 - kept_share(temporal)) * alone)  # the prior is black


def test_the_optimizer_follows_the_last_painting_as_much_as_the_frame_says(media: Path, tmp_path: Path):
    every = Options(size=64, device="cpu", key_every=1, strokes=0.0, optimize_steps=3, follow_steps=3)
    found = paint(media, tmp_path / "out.mp4", replace(every, temporal=curve("0:1 1:1 2:0")), frames=(0, 2))
    alone = paint(media, tmp_path / "alone.mp4", replace(every, temporal=0.0), frames=(0, 2))
    follows = paint(media, tmp_path / "follows.mp4", every, frames=(0, 2))
    assert found.frame_hashes == (*follows.frame_hashes[:2], alone.frame_hashes[2])


def test_parts_are_joined_to_the_file_of_one_process(media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    save_often(monkeypatch)
    make_clip(tmp_path / "clip.mp4", frames=46, size=(64, 48), picture=shots)
    options = replace(QUICK, strokes=0.0, temporal=curve("0:1 20:2"), strength=curve("0:0 40:1"))
    style = [Style(media / "red.png"), Style(media / "blue.png", curve("0:0 1.5s:1 ease"))]
    whole = pipeline.stylize_video(tmp_path / "clip.mp4", style, tmp_path / "whole.mp4", options)
    plan = plan_video(tmp_path / "clip.mp4", style, tmp_path / "out.mp4", options)
    found = parts.split(plan, 6)
    assert len(found) == 3
    joined = parts.join(plan, [parts.paint_part(plan, part) for part in found])
    assert joined.frame_hashes == whole.frame_hashes
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()


def test_another_curve_is_another_job(media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(METHODS, QUICK.method, Negative())
    save_often(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        paint(media, tmp_path / "out.mp4", replace(QUICK, temporal=0.0, strength=curve("0:0 8:1")), listen=until(3))
    with pytest.raises(UsageError, match="strength was 0:0 8:1 and is 0:0 9:1"):
        paint(media, tmp_path / "out.mp4", replace(QUICK, temporal=0.0, strength=curve("0:0 9:1")))


def test_scales_and_weights_change_in_steps_and_are_exact_at_their_keys(media: Path, monkeypatch: pytest.MonkeyPatch):
    changes = Changes(curve("0:0 100:0.87").on(float, "x"), curve("0:0.7 100:1.5").on(float, "x"),
                      [curve("0:1 100:0").on(float, "x"), 1.0])
    settings = [changes.at(seconds) for seconds in range(101)]
    assert (settings[0].scale, settings[100].scale) == (0.7, 1.5)
    assert settings[100].forms == 0.87
    assert settings[0].shares == (0.5, 0.5)
    assert settings[100].shares == (0.0, 1.0)
    scales = sorted({each.scale for each in settings})
    assert len(scales) == 9
    assert max(after / before for before, after in itertools.pairwise(scales)) < 1.13
    built = list[float]()

    def build(images: Any, weights: Any, height: int, scale: float, **more: Any) -> StrokeIndex:
        built.append(scale)
        return whole(images, weights, height, scale, **more)

    whole = StrokeIndex.build
    monkeypatch.setattr(StrokeIndex, "build", build)
    images = [torch.rand(3, 80, 80, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]
    index = ChangingIndex(images, None, 48, 0)
    shares = [share_of_first(index.at(each).passes[0]) for each in settings[::25]]
    assert shares == pytest.approx([each.shares[0] for each in settings[::25]], abs=0.01)  # rounding to whole patches
    assert built == [each.scale for each in settings[::25]]  # each once


def share_of_first(style: Patches) -> float:
    """Share of the first of two pictures in the patches that are searched."""
    return float((style.drawn // style.columns * style.grid < style.boxes[1].top).float().mean())


def test_what_one_fit_or_one_palette_cannot_follow_is_refused(media: Path, tmp_path: Path):
    both: dict[str, float | Curve] = {"red": curve("0:1 8:0"), "blue": 1.0}
    with pytest.raises(UsageError, match="its weight changes and there is no other style"):
        paint(media, tmp_path / "out.mp4", QUICK, weights={"red": curve("0:1 8:0")})
    with pytest.raises(UsageError, match="fitted to one blend of styles"):
        paint(media, tmp_path / "out.mp4", replace(QUICK, method="feedforward"), weights=both)
    with pytest.raises(UsageError, match="fitted to one style scale"):
        paint(media, tmp_path / "out.mp4", replace(QUICK, method="feedforward", style_scale=curve("0:1 9:2")))
