"""A range is a slice of the full run: exactly from a cut on, and what is not exact is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from video_clips import make_clip

from vidstyle.core.frame import Frame, Prior
from vidstyle.core.options import Options
from vidstyle.flow import load_flow
from vidstyle.run.preroll import find_start
from vidstyle.temporal.loop import paint_frames
from vidstyle.temporal.shots import cut_detector
from vidstyle.video import Source, open_source

CUTS = (14, 31)
SIZE = (96, 64)


def shots(index: int, width: int, height: int) -> np.ndarray[Any, Any]:
    """Three shots of unlike things, each of which drifts."""
    number = sum(index >= cut for cut in CUTS)
    y, x = np.mgrid[0:height, 0:width] + index
    waves = [np.sin(x / 5) * np.sin(y / 9), np.sign(np.sin(x / 11 + y / 7)), np.sin((x - y) / 3) * np.cos(y / 4)][number]
    tint = [(220, 60, 40), (40, 200, 90), (60, 80, 230)][number]
    return np.clip(np.stack([c * (0.6 + 0.4 * waves) for c in tint], -1), 0, 255).astype(np.uint8)


def remember(image: Tensor, priors: Sequence[Prior]) -> Tensor:
    """A painter that keeps nine tenths of what it painted, and so shows whether it remembers the same."""
    return 0.9 * priors[0].image + 0.1 * image if priors else 1 - image


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
def test_painting_begins_where_it_owes_nothing(clip: Source, first: int, begin: int, words: str) -> None:
    found, sentence = find_start(clip, first, Options(), SIZE, "cpu")
    assert found == begin
    assert words in sentence
    assert ("exactly" in sentence) == bool(first)
    full = painted(clip, 0, 0, 43)
    part = painted(clip, begin, first, min(first + 6, 43))
    assert all(torch.equal(frame.image, full[frame.index].image) for frame in part)


def test_what_is_not_exact_is_said(clip: Source) -> None:
    begin, sentence = find_start(clip, 30, Options(preroll=5), SIZE, "cpu")
    assert begin == 25
    assert "may differ" in sentence
    full, part = painted(clip, 0, 30, 30), painted(clip, begin, 30, 30)
    assert not torch.equal(full[0].image, part[0].image)  # so the sentence is true
    assert find_start(clip, 30, Options(temporal=0), SIZE, "cpu")[0] == 30
    assert find_start(clip, 30, Options(method="optimize"), SIZE, "cpu")[0] == 29
    assert find_start(clip, 30, Options(method="optimize", preroll=20), SIZE, "cpu")[0] == 14
