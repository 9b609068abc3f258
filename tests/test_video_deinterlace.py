"""Interlaced clips: whole frames are made where pictures show two moments, as many as before; every range is a slice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from unpainted import copy
from video_clips import gradient, make_clip, remux

from vidstyle.core.errors import InputError
from vidstyle.video import ReadSettings, Source, describe, open_source


def woven(index: int, width: int, height: int) -> np.ndarray[Any, Any]:
    """Two fields of the moving image in one frame, the lower field first, as x264 codes it by default."""
    picture = gradient(4 * index, width, height)
    picture[::2] = gradient(4 * index + 2, width, height)[::2]
    return picture


def interlaced(path: Path, frames: int = 20) -> Path:
    return make_clip(path, frames=frames, picture=woven, pix_fmt="yuv444p", interlaced=True,
                     options={"x264-params": "keyint=8:bframes=2", "crf": "4"})


def deinterlaced(path: Path) -> Source:
    return open_source(path, ReadSettings(deinterlace="force"))


def film(shot: int) -> np.ndarray[Any, Any]:
    """(64, 96, 3) uint8: a gray texture that moves by two pixels from picture to picture."""
    noise = np.random.default_rng(5).normal(size=(64, 400)).astype(np.float32)
    texture = cv2.GaussianBlur(noise, (0, 0), 2.5)
    codes = np.clip(128 + 50 * texture / texture.std(), 0, 255).round().astype(np.uint8)
    return np.repeat(codes[:, 2 * shot : 2 * shot + 96, None], 3, 2)


def weave(top: int, bottom: int) -> np.ndarray[Any, Any]:
    picture = film(bottom)
    picture[::2] = film(top)[::2]
    return picture


def pulled_down(index: int) -> tuple[int, int]:
    """Pictures of the top and the bottom field of frame `index` after 2:3 pulldown: A A, B B, B C, C D, D D."""
    cycle, place = divmod(index, 5)
    top, bottom = ((0, 0), (1, 1), (1, 2), (2, 3), (3, 3))[place]
    return 4 * cycle + top, 4 * cycle + bottom


def filmed(path: Path, fields: Callable[[int], tuple[int, int]], *, flagged: bool, frames: int = 24,
           pix_fmt: str = "yuv444p", **how: Any) -> Path:
    """A clip without loss whose frames are woven of two pictures of `film`."""
    options = {"x264-params": f"keyint=8:bframes=2{':tff=1' if flagged else ''}", "qp": "0"}
    return make_clip(path, frames=frames, pix_fmt=pix_fmt, interlaced=flagged, options=options,
                     picture=lambda index, width, height: weave(*fields(index)), **how)


def errors(source: Source, truth: Callable[[int], int]) -> list[float]:
    """Mean difference of each frame from the picture that it should be, in codes of 255."""
    return [float((frame.image.permute(1, 2, 0) * 255 - torch.from_numpy(film(truth(frame.index)))).abs().mean())
            for frame in source.decode()]


def test_an_interlaced_frame_becomes_its_first_field(tmp_path: Path) -> None:
    path = interlaced(tmp_path / "a.mp4")
    assert describe(path)["interlaced"]
    source = open_source(path)
    assert any("are interlaced and are deinterlaced; --deinterlace off" in warning for warning in source.warnings)
    frames = list(source.decode())
    assert [frame.index for frame in frames] == list(range(20))
    assert [frame.pts for frame in frames] == list(source.clip.pts)
    for frame in frames[1:-1]:
        truth = torch.from_numpy(gradient(4 * frame.index, 96, 64)).permute(2, 0, 1) / 255
        mixed = torch.from_numpy(woven(frame.index, 96, 64)).permute(2, 0, 1) / 255
        # The lines that were filled in are guessed; half the error of leaving them is easily had.
        assert (frame.image - truth).abs().mean() < 0.5 * (mixed - truth).abs().mean()
    written = copy(source, tmp_path / "b.mp4")
    assert (written.clip.frames, written.clip.pts) == (20, source.clip.pts)
    assert not written.clip.interlaced


def test_whole_pictures_that_are_flagged_interlaced_stay_as_they_are(tmp_path: Path) -> None:
    """Cameras record 25 or 30 whole pictures a second in interlaced formats."""
    path = filmed(tmp_path / "a.mp4", lambda index: (index, index), flagged=True)
    source = open_source(path)
    assert source.clip.interlaced
    assert any("state that they are interlaced, but are whole" in warning for warning in source.warnings)
    plain, left, forced = (errors(open_source(path, ReadSettings(deinterlace=how)), lambda index: index)
                           for how in ("auto", "off", "force"))
    assert plain == left
    assert max(plain) < 1  # RGB to YUV and back
    assert all(one < other for one, other in zip(plain, forced, strict=True))


@pytest.mark.parametrize("top_first", [True, False])
def test_combing_that_no_flag_states_is_found(tmp_path: Path, top_first: bool) -> None:
    def fields(index: int) -> tuple[int, int]:
        return (2 * index, 2 * index + 1) if top_first else (2 * index + 1, 2 * index)

    path = filmed(tmp_path / "a.mkv", fields, flagged=False)
    source = open_source(path)
    assert not source.clip.interlaced
    assert any("interlaced, which they do not state" in warning for warning in source.warnings)
    left = errors(open_source(path, ReadSettings(deinterlace="off")), lambda index: 2 * index)
    for found in (source, deinterlaced(path)):
        made = errors(found, lambda index: 2 * index)
        assert all(one < 0.7 * other for one, other in zip(made[1:-1], left[1:-1], strict=True))


@pytest.mark.parametrize(("flagged", "pix_fmt"), [(True, "yuv444p"), (False, "yuv444p"), (True, "yuv444p10le"),
                                                  (False, "yuvj444p")])
def test_pulldown_is_undone(tmp_path: Path, flagged: bool, pix_fmt: str) -> None:
    path = filmed(tmp_path / "a.mp4", pulled_down, flagged=flagged, frames=30, pix_fmt=pix_fmt)
    source = open_source(path)
    assert any("2:3 pulldown" in warning for warning in source.warnings)
    film_frame = (0, 1, 1, 2, 3)  # of A B C D: which of two neighbours a woven frame becomes is the filter's choice
    for found in (source, open_source(path, ReadSettings(deinterlace="telecine"))):
        assert len(list(found.decode())) == 30
        choices = [errors(found, lambda index, more=more: min(4 * (index // 5) + film_frame[index % 5] + more, 60))
                   for more in (0, 1)]
        assert max(min(pair) for pair in zip(*choices, strict=True)) < 1.5
    left = errors(open_source(path, ReadSettings(deinterlace="off")), lambda index: pulled_down(index)[1])
    assert max(left) > 5


@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "yuv422p10le", "yuv444p10le", "yuvj420p", "yuvj422p"])
def test_whole_frames_of_any_depth_pass_the_undoing_of_pulldown_unchanged(tmp_path: Path, pix_fmt: str) -> None:
    path = make_clip(tmp_path / "a.mkv", pix_fmt=pix_fmt)
    plain, found = (list(open_source(path, ReadSettings(deinterlace=how)).decode()) for how in ("off", "telecine"))
    assert len(found) == len(plain) == 12
    assert all(torch.equal(one.image, other.image) for one, other in zip(plain, found, strict=True))


def test_pulldown_of_rgb_is_refused_where_it_is_asked_for(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mkv", pix_fmt="bgr0", codec="ffv1")
    with pytest.raises(InputError, match=r"bgr0 samples, .* give --deinterlace force"):
        open_source(path, ReadSettings(deinterlace="telecine"))


@pytest.mark.parametrize("how", ["auto", "force", "telecine", "telecine of 10 bits"])
@pytest.mark.parametrize("suffix", [".mp4", ".ts"])
def test_a_deinterlaced_range_is_a_slice(tmp_path: Path, suffix: str, how: str) -> None:
    how, _, deep = how.partition(" ")
    path = (filmed(tmp_path / f"a{suffix}", pulled_down, flagged=True, frames=20, pix_fmt="yuv444p10le") if deep else
            interlaced(tmp_path / f"a{suffix}"))
    source = open_source(path, ReadSettings(deinterlace=how))
    whole = list(source.decode())
    for first, last in ((0, 0), (0, 3), (5, 5), (7, 12), (18, 19), (19, 19)):
        part = list(source.decode(first, last))
        assert [frame.index for frame in part] == list(range(first, last + 1))
        assert all(torch.equal(frame.image, whole[frame.index].image) for frame in part)


def test_frames_that_are_interlaced_later_are_deinterlaced(tmp_path: Path) -> None:
    first = make_clip(tmp_path / "a.ts", frames=9, pix_fmt="yuv444p", options={"bf": "0"})
    later = remux(interlaced(tmp_path / "b.ts"), tmp_path / "c.ts", shift=9 * 3600)
    first.write_bytes(first.read_bytes() + later.read_bytes())
    plain, found = (list(open_source(first, ReadSettings(deinterlace=how)).decode()) for how in ("off", "auto"))
    same = [torch.equal(one.image, other.image) for one, other in zip(plain, found, strict=True)]
    assert same == [True] * 9 + [False] * 20
    assert torch.equal(found[9].image, next(open_source(first).decode(9, 9)).image)


def test_a_range_that_begins_behind_a_flagged_frame_is_a_slice(tmp_path: Path) -> None:
    """bwdif itself fills in the first frame that it deinterlaces by another equation than the others."""
    parts = [make_clip(tmp_path / "0.ts", frames=5, pix_fmt="yuv444p", options={"bf": "0"})]
    for number, make in enumerate((interlaced, make_clip, interlaced), 1):
        one = make(tmp_path / f"{number}a.ts", frames=5, **({} if make is interlaced else {"pix_fmt": "yuv444p"}))
        parts.append(remux(one, tmp_path / f"{number}.ts", shift=number * 5 * 3600))
    path = tmp_path / "whole.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    source = open_source(path)
    whole = list(source.decode())
    assert len(whole) == 20
    for first in range(20):
        part = list(source.decode(first, min(first + 2, 19)))
        assert all(torch.equal(frame.image, whole[frame.index].image) for frame in part), first


def test_progressive_frames_pass_unchanged(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4")
    source = open_source(path)
    for plain, passed in zip(open_source(path, ReadSettings(deinterlace="off")).decode(), source.decode(), strict=True):
        assert torch.equal(plain.image, passed.image)
    assert not any("interlaced" in warning for warning in source.warnings)
    assert len(list(deinterlaced(make_clip(tmp_path / "one.mp4", frames=1)).decode())) == 1
