"""Every clip of a folder of real ones: the same frames at the same times, or one sentence why not."""

from __future__ import annotations

import os
from pathlib import Path

import av
import pytest
from unpainted import copy

from vidstyle.core.errors import VidstyleError
from vidstyle.video import default_suffix, open_source

FOLDER = Path(os.environ.get("VIDSTYLE_DATA", "")) / "video"
CLIPS = sorted(path for path in FOLDER.iterdir() if path.is_file()) if "VIDSTYLE_DATA" in os.environ else []


@pytest.mark.skipif(not CLIPS, reason="set VIDSTYLE_DATA to a folder with a folder `video` of clips")
@pytest.mark.parametrize("path", CLIPS, ids=lambda path: path.name)
def test_a_real_clip_goes_through(path: Path, tmp_path: Path) -> None:
    refused = ""
    try:
        source = open_source(path)
        last = min(11, source.clip.frames - 1)
        target = tmp_path / f"out{default_suffix(source.clip)}"
        copy(source, target, (0, last))
    except VidstyleError as error:
        refused = str(error)
    if refused:
        assert "\n" not in refused
        assert not list(tmp_path.iterdir())
        return
    written = open_source(target)
    base = source.clip.origin if last == source.clip.frames - 1 else source.clip.pts[0]
    expected = [(pts - base) * source.clip.time_base for pts in source.clip.pts[:last + 1]]
    assert [pts * written.clip.time_base for pts in written.clip.pts] == pytest.approx(expected, abs=0.0006)
    if target.suffix in (".mp4", ".mov"):
        assert [pts * written.clip.time_base for pts in written.clip.pts] == expected
    for before, after in zip(source.decode(0, last), written.decode(), strict=True):
        assert (before.image - after.image).abs().mean() < 0.015  # crf 16
    if source.clip.frames <= 100:
        with av.open(str(path)) as reader:
            try:
                count = sum(1 for _ in reader.decode(reader.streams[source.clip.coding.stream]))
            except av.FFmpegError:
                return  # a damaged clip, which the next test covers
        assert count == source.clip.frames


@pytest.mark.skipif(not CLIPS, reason="set VIDSTYLE_DATA to a folder with a folder `video` of clips")
def test_the_damage_of_real_clips_is_reported() -> None:
    for path in [path for path in CLIPS if "corrupt" in path.name or "out_of_range" in path.name]:
        with pytest.raises(VidstyleError) as caught:
            for _ in open_source(path).decode():
                pass
        assert "\n" not in str(caught.value)
