"""Random ranges of clips in six containers: each painted and written exactly as the full run paints and writes them."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
import torch
from three_shots import shots
from video_clips import make_clip

from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.painting.style_picture import Style
from vidstyle.run.pipeline import stylize_video
from vidstyle.run.plan import Selection
from vidstyle.run.result import Result
from vidstyle.video import probe

FRAMES = 44
OPEN = {"x264-params": "open-gop=1:keyint=9:bframes=3:scenecut=0"}
SHAPES: dict[str, dict[str, Any]] = {
    "a.mp4": {"options": OPEN, "sound": [("aac", None)]},
    "a.mov": {"time_base": Fraction(1, 90000), "pts": [i * 3000 + i % 3 * 700 for i in range(FRAMES)]},
    "a.mkv": {"codec": "libx265", "options": {"x265-params": "open-gop=1:keyint=9:bframes=3:log-level=error"}},
    "a.webm": {"codec": "libvpx-vp9", "options": {"g": "12", "lag-in-frames": "16", "auto-alt-ref": "1", "cpu-used": "8"}},
    "a.ts": {"options": OPEN},
    "a.avi": {"codec": "mpeg4", "time_base": Fraction(1, 25), "step": 1, "options": {"g": "9"}},
}


@dataclass
class Full:
    """A clip and its full run, written without loss."""

    clip: Path
    styles: list[Style]
    options: Options
    result: Result
    hashes: list[str]


def decoded(path: Path) -> list[str]:
    """A hash of each frame's samples, as decoded from the written file."""
    with av.open(str(path)) as reader:
        return [hashlib.sha256(b"".join(bytes(plane) for plane in frame.planes)).hexdigest()
                for frame in reader.decode(video=0)]


@pytest.fixture(scope="module")
def full(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Full:
    folder = tmp_path_factory.mktemp("ranges")
    write_png(folder / "style.png", torch.rand(3, 40, 32, generator=torch.Generator().manual_seed(0)))
    clip = make_clip(folder / request.param, **({"frames": FRAMES, "size": (64, 48), "picture": shots} | SHAPES[request.param]))
    styles = [Style(folder / "style.png")]
    options = Options(method="feedforward", fit_steps=2, size=64, device="cpu", codec="ffv1",
                      network=folder / "net.safetensors")
    result = stylize_video(clip, styles, folder / "full.mkv", options)
    hashes = decoded(folder / "full.mkv")
    assert len(set(hashes)) == len(hashes) == FRAMES
    return Full(clip, styles, options, result, hashes)


def check(full: Full, first: int, last: int) -> None:
    target = full.clip.with_name("part.mkv")
    part = stylize_video(full.clip, full.styles, target, full.options, Selection(frames=(first, last)), overwrite=True)
    assert part.plan.start.reason == "" or "exactly" in part.plan.start.reason
    assert part.frame_hashes == full.result.frame_hashes[first:last + 1], (first, last)
    assert decoded(target) == full.hashes[first:last + 1], (first, last)
    source, written = probe(full.clip), probe(target)
    for index, time in enumerate(written.pts):
        expected = (source.pts[first + index] - source.pts[first]) * source.time_base
        # Matroska counts milliseconds, and sound that begins before the first frame delays everything.
        assert abs((time - written.pts[0]) * written.time_base - expected) <= Fraction(1, 1000)


@pytest.mark.parametrize("full", SHAPES, indirect=True)
def test_a_range_is_a_slice_of_the_full_run(full: Full) -> None:
    check(full, 22, 24)


@pytest.mark.slow
@pytest.mark.parametrize("full", SHAPES, indirect=True)
def test_fifty_random_ranges_are_slices_of_the_full_run(full: Full) -> None:
    order = random.Random(full.clip.suffix)
    for _ in range(50):
        first = order.randrange(FRAMES)
        check(full, first, min(FRAMES - 1, first + order.choice([0, 1, 2, 5])))
