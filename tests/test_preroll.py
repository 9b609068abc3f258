"""A range is a slice of the full run: exactly from a cut on, and what is not exact is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from three_shots import shots
from torch import Tensor
from video_clips import make_clip

from vidstyle.core.frame import Frame, Prior
from vidstyle.core.options import Options
from vidstyle.flow import load_flow
from vidstyle.run.preroll import find_start
from vidstyle.temporal.loop import paint_frames
from vidstyle.temporal.shots import cut_detector
from vidstyle.video import Source, open_source

SIZE = (96, 64)
FITTED, EVERY_FRAME = Options(method="feedforward"), Options(key_every=1, strokes=0)


def remember(frame: Frame, priors: Sequence[Prior]) -> Tensor:
    """A painter that keeps nine tenths of what it painted, and so shows whether it remembers the same."""
    return 0.9 * priors[0].image + 0.1 * frame.image if priors else 1 - frame.image


def painted(clip: Source, begin: int, first: int, last: int) -> list[Frame]:
    frames = paint_frames(clip.decode(begin, last), remember, load_flow("dis", "cpu"), cut_detector())
    return [replace(one.source, image=one.painting) for one in frames if one.source.index >= first]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return open_source(make_clip(tmp_path_factory.mktemp("preroll") / "a.mp4", frames=44, picture=shots,
                                 options={"x264-params": "keyint=10:bframes=3"}))


@pytest.mark.parametrize(("first", "begin", "words"), [
    (0, 0, ""), (5, 0, "where the clip begins"), (14, 14, "where a shot begins"), (20, 14, "where a shot begins"),
    (40, 31, "where a shot begins"), (30, 14, "where a shot begins")])
def test_painting_begins_at_a_cut_or_at_the_first_frame(clip: Source, first: int, begin: int, words: str) -> None:
    start = find_start(clip, first, FITTED, SIZE, "cpu")
    assert start.frame == begin
    assert words in start.reason
    assert ("exactly" in start.reason) == bool(first)
    full = painted(clip, 0, 0, 43)
    part = painted(clip, begin, first, min(first + 6, 43))
    assert all(torch.equal(frame.image, full[frame.index].image) for frame in part)


def test_a_range_that_is_not_exact_is_reported(clip: Source) -> None:
    start = find_start(clip, 30, replace(FITTED, preroll=5), SIZE, "cpu")
    assert start.frame == 25
    assert "may differ" in start.reason
    full, part = painted(clip, 0, 30, 30), painted(clip, start.frame, 30, 30)
    assert not torch.equal(full[0].image, part[0].image)  # so the sentence is true
    assert find_start(clip, 30, replace(FITTED, temporal=0), SIZE, "cpu").frame == 30
    assert find_start(clip, 30, EVERY_FRAME, SIZE, "cpu").frame == 29
    assert find_start(clip, 30, replace(EVERY_FRAME, preroll=20), SIZE, "cpu").frame == 14
    assert find_start(clip, 30, replace(EVERY_FRAME, references=(1, 4)), SIZE, "cpu").frame == 26
    assert find_start(clip, 30, Options(strength=0), SIZE, "cpu").frame == 30


def test_the_default_method_looks_two_key_frames_back(clip: Source) -> None:
    assert find_start(clip, 30, Options(), SIZE, "cpu").frame == 14  # a cut
    assert find_start(clip, 30, Options(preroll=5), SIZE, "cpu").frame == 25
    assert find_start(clip, 30, Options(temporal=0), SIZE, "cpu").frame == 30
