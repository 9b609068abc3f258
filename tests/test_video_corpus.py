"""Every clip of a folder of real ones: the same frames at the same times, or one sentence why not."""

from __future__ import annotations

import os
from pathlib import Path

import av
import pytest

from vidstyle.core.errors import VidstyleError
from vidstyle.video import Encoder, decode, default_suffix, probe

FOLDER = Path(os.environ.get("VIDSTYLE_DATA", "")) / "video"
CLIPS = sorted(path for path in FOLDER.iterdir() if path.is_file()) if "VIDSTYLE_DATA" in os.environ else []


@pytest.mark.skipif(not CLIPS, reason="set VIDSTYLE_DATA to a folder with a folder `video` of clips")
@pytest.mark.parametrize("path", CLIPS, ids=lambda path: path.name)
def test_a_real_clip_goes_through(path: Path, tmp_path: Path) -> None:
    refused = ""
    try:
        clip = probe(path)
        last = min(11, clip.frames - 1)
        target = tmp_path / f"out{default_suffix(clip)}"
        with Encoder(target, clip, last=last) as encoder:
            for frame in decode(clip, 0, last):
                encoder.write(frame)
    except VidstyleError as error:
        refused = str(error)
    if refused:
        assert "\n" not in refused
        assert not list(tmp_path.iterdir())
        return
    written = probe(target)
    base = 0 if last == clip.frames - 1 else clip.pts[0]
    expected = [(pts - base) * clip.time_base for pts in clip.pts[:last + 1]]
    assert [pts * written.time_base for pts in written.pts] == pytest.approx(expected, abs=0.0006)
    if target.suffix in (".mp4", ".mov"):
        assert [pts * written.time_base for pts in written.pts] == expected
    for before, after in zip(decode(clip, 0, last), decode(written), strict=True):
        assert (before.image - after.image).abs().mean() < 0.015  # crf 16
    if clip.frames <= 100:
        with av.open(str(path)) as reader:
            try:
                count = sum(1 for _ in reader.decode(reader.streams[clip.stream]))
            except av.FFmpegError:
                return  # a damaged clip, as the next test tells
        assert count == clip.frames


@pytest.mark.skipif(not CLIPS, reason="set VIDSTYLE_DATA to a folder with a folder `video` of clips")
def test_the_damaged_clips_are_told() -> None:
    for path in [path for path in CLIPS if "corrupt" in path.name or "out_of_range" in path.name]:
        with pytest.raises(VidstyleError) as caught:
            for _ in decode(probe(path)):
                pass
        assert "\n" not in str(caught.value)
