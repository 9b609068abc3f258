"""Refresh: in the time that is asked for every place is painted anew once, patch by patch, and no frame changes at once."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from style_images import noise
from torch import Tensor
from video_clips import make_clip

from vidstyle.core.errors import UsageError
from vidstyle.core.frame import FlowPair, Frame, Prior
from vidstyle.core.images import resize, write_png
from vidstyle.core.options import Options
from vidstyle.painting.style_picture import Style
from vidstyle.run.pipeline import stylize_video
from vidstyle.run.plan import plan_video
from vidstyle.temporal.key_frames import paint_by_key_frames
from vidstyle.temporal.refresh import lose_trust, patch_phases
from vidstyle.video import open_source

HEIGHT, WIDTH, RATE = 90, 160, 25


def lost(before: float, now: float, seconds: float) -> Tensor:
    whole = torch.ones(1, HEIGHT, WIDTH)
    return 1 - lose_trust(Prior(whole, whole), before, now, seconds).visibility


def test_every_place_is_renewed_once_in_the_time_asked_for():
    times = [7.3 + 0.4 * step for step in range(11)]  # eleven key frames, 4 seconds
    renewed = torch.stack([lost(before, now, 4.0) for before, now in pairwise(times)])
    assert torch.equal(renewed.sum(0), torch.ones(1, HEIGHT, WIDTH))
    # A tenth of 252 patches each; their areas vary by half, so the sum of 25 of them by a tenth: three times that.
    assert all(0.07 < float(share.mean()) < 0.13 for share in renewed)


def test_patches_are_not_smaller_than_a_stroke_and_not_larger_than_a_face():
    phases = patch_phases(HEIGHT, WIDTH)
    assert phases.min() >= 0
    assert phases.max() < 1
    count = phases.unique().numel()
    assert 12 * 21 * 0.95 <= count <= 12 * 21  # a twelfth of the height across; some centres may share a pixel


def anew(frame: Frame, prior: Prior | None) -> Tensor:
    """Paints the time of the frame, and keeps what is trusted."""
    now = torch.full((3, HEIGHT, WIDTH), frame.index / 1000)
    return now if prior is None else torch.where(prior.visibility >= 0.5, prior.image, now)


def still(last: Tensor, this: Tensor) -> FlowPair:
    return FlowPair(torch.zeros(2, HEIGHT, WIDTH), torch.zeros(2, HEIGHT, WIDTH))


@pytest.mark.parametrize("every", [1, 10])
def test_of_a_still_shot_the_share_is_renewed_that_is_asked_for_and_never_much_in_one_frame(every: int):
    count, seconds = 51, 4.0
    image = torch.rand(3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))
    frames = [Frame(image, index, Fraction(1, RATE), index) for index in range(count)]
    paintings = [painted.painting[0] for painted in paint_by_key_frames(
        frames, anew, lambda frame, painting, known: painting, still, lambda last, this: False, every=every, refresh=seconds)]
    # The locked painting is 0 everywhere. Key frames at 0 and 50: two of four seconds have passed, and half is renewed.
    renewed = float((paintings[-1] > 0.0005).float().mean())
    assert renewed == pytest.approx(0.5, abs=0.05)  # areas of patches vary
    changed = [float(((now - before).abs() > 0.0005).float().mean()) for before, now in pairwise(paintings)]
    # A key frame renews every / RATE / seconds of all places, between two of them one patch after another. Twice that, for
    # of 252 patches of unlike size only 2 or 3 are due at a time.
    assert max(changed) < 2 * every / RATE / seconds
    assert float(torch.tensor(changed).sum()) > 0.4


def test_strokes_of_a_still_clip_are_renewed_a_part_at_a_time(tmp_path: Path):
    def scene(index: int, width: int, height: int) -> object:
        return (resize(noise(5, 64), (height, width)) * 255).byte().permute(1, 2, 0).numpy()

    make_clip(tmp_path / "clip.mp4", frames=13, size=(96, 64), picture=scene)
    write_png(tmp_path / "style.png", resize(noise(3, 64), (96, 128)))
    options = Options(size=96, device="cpu", codec="ffv1", key_every=6)

    def paint(name: str, refresh: float | None) -> list[Tensor]:
        target = tmp_path / f"{name}.mkv"
        stylize_video(tmp_path / "clip.mp4", [Style(tmp_path / "style.png")], target,
                      Options(**{**vars(options), "refresh": refresh}))
        return [frame.image for frame in open_source(target).decode()]

    locked, renewed = paint("locked", None), paint("renewed", 0.96)
    shares = [float(((one - other).abs().amax(0) > 0.04).float().mean()) for one, other in zip(locked, renewed, strict=True)]
    assert shares[0] == 0
    # Key frames at 6 and 12, each of which renews 6 / 25 / 0.96 = a quarter; strokes reach a little beyond their patches,
    # and some of the new ones look like the old.
    assert 0.1 < shares[6] < 0.4
    assert shares[6] < shares[12] < 0.7


def test_key_frames_that_are_too_far_apart_are_refused(tmp_path: Path):
    make_clip(tmp_path / "clip.mp4", frames=4)
    write_png(tmp_path / "style.png", noise(1))

    def plan(**options: object) -> object:
        return plan_video(tmp_path / "clip.mp4", [Style(tmp_path / "style.png")], tmp_path / "out.mp4", Options(**options))

    with pytest.raises(UsageError, match=r"^--refresh is 1 seconds .* give --refresh 1\.92 or more, or --key-every 12\.$"):
        plan(refresh=1.0)
    plan(refresh=1.92)
    plan(refresh=1.0, key_every=12)
