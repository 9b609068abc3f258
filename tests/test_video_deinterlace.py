"""Interlaced clips: refused, or deinterlaced with as many frames as before, where every range is a slice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
    return open_source(path, ReadSettings(deinterlace="bwdif"))


def test_an_interlaced_frame_becomes_its_first_field(tmp_path: Path) -> None:
    path = interlaced(tmp_path / "a.mp4")
    with pytest.raises(InputError, match="--deinterlace bwdif"):
        open_source(path)
    assert describe(path)["interlaced"]
    source = deinterlaced(path)
    frames = list(source.decode())
    assert [frame.index for frame in frames] == list(range(20))
    assert [frame.pts for frame in frames] == list(source.clip.pts)
    for frame in frames[1:-1]:
        truth = torch.from_numpy(gradient(4 * frame.index, 96, 64)).permute(2, 0, 1) / 255
        mixed = torch.from_numpy(woven(frame.index, 96, 64)).permute(2, 0, 1) / 255
        # The lines that were filled in are guessed; half the error of leaving them is easily had.
        assert (frame.image - truth).abs().mean() < 0.5 * (mixed - truth).abs().mean()
    written = copy(source, tmp_path / "b.mp4")
    assert (written.clip.frames, written.clip.pts) == (20, source.clip.pts)  # and `copy` opened it as progressive


@pytest.mark.parametrize("suffix", [".mp4", ".ts"])
def test_a_deinterlaced_range_is_a_slice(tmp_path: Path, suffix: str) -> None:
    source = deinterlaced(interlaced(tmp_path / f"a{suffix}"))
    whole = list(source.decode())
    for first, last in ((0, 0), (0, 3), (5, 5), (7, 12), (18, 19), (19, 19)):
        part = list(source.decode(first, last))
        assert [frame.index for frame in part] == list(range(first, last + 1))
        assert all(torch.equal(frame.image, whole[frame.index].image) for frame in part)


def test_frames_that_are_interlaced_later_are_refused(tmp_path: Path) -> None:
    first = make_clip(tmp_path / "a.ts", frames=9, pix_fmt="yuv444p", options={"bf": "0"})
    later = remux(interlaced(tmp_path / "b.ts"), tmp_path / "c.ts", shift=9 * 3600)
    first.write_bytes(first.read_bytes() + later.read_bytes())
    with pytest.raises(InputError, match=r"frame 9 is interlaced, .*--deinterlace bwdif"):
        list(open_source(first).decode())
    assert len(list(deinterlaced(first).decode())) == 29


def test_progressive_frames_pass_unchanged(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4")
    for plain, passed in zip(open_source(path).decode(), deinterlaced(path).decode(), strict=True):
        assert torch.equal(plain.image, passed.image)
    assert len(list(deinterlaced(make_clip(tmp_path / "one.mp4", frames=1)).decode())) == 1
