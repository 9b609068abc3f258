"""Sound: the very packets of the source, at the very moments, beside the picture."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from test_video_encode import copy
from video_clips import make_clip, packets

from vidstyle.video import plan, probe


@pytest.mark.parametrize(("source", "target", "codecs"), [
    ("a.mp4", "b.mp4", ["aac", "aac"]), ("a.mp4", "b.mov", ["aac"]), ("a.mkv", "b.mkv", ["flac", "aac", "libopus"]),
    ("a.mov", "b.mov", ["pcm_s16le"]), ("a.ts", "b.mp4", ["mp2"]), ("a.mkv", "b.mp4", ["flac"])])
def test_every_packet_is_copied_in_step(tmp_path: Path, source: str, target: str, codecs: list[str]) -> None:
    languages = ["fra", "deu", "spa"]
    sound = list(zip(codecs, languages, strict=False))
    clip = probe(make_clip(tmp_path / source, frames=40, sound=sound))
    written = copy(clip, tmp_path / target)
    assert len(written.audio) == len(codecs)
    for before, after in zip(clip.audio, written.audio, strict=True):
        assert (after.language, after.codec, after.rate) == (before.language, before.codec.replace("mp2", "mp3"),
                                                             before.rate)  # MP4 has one name for MPEG layers 2 and 3
        assert set(before.disposition) <= set(after.disposition)  # MP4 always has a default track
        theirs, ours = packets(clip.path, before.index), packets(written.path, after.index)
        assert [data for data, _ in ours] == [data for data, _ in theirs]
        begins = written.pts[0] * written.time_base - clip.pts[0] * clip.time_base
        for (_, was), (_, now) in zip(theirs, ours, strict=True):
            assert abs(now - begins - was) <= (Fraction(1, 1000) if target.endswith("mkv") else Fraction(1, 90000))


def test_sound_and_picture_alternate_in_the_file(tmp_path: Path) -> None:
    clip = probe(make_clip(tmp_path / "a.mp4", frames=100, sound=[("aac", None)]))
    written = copy(clip, tmp_path / "b.mp4")
    with av.open(str(written.path)) as reader:
        order = sorted((packet.pos, packet.stream.index, packet.dts * packet.time_base)
                       for packet in reader.demux() if packet.size)
    newest = {0: Fraction(-1), 1: Fraction(-1)}
    for _, index, time in order:
        newest[index] = max(newest[index], time)
        if min(newest.values()) >= 0:
            assert abs(newest[0] - newest[1]) < 1.5  # a player that streams needs to hold no more than this


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_a_range_keeps_its_sound_in_step(tmp_path: Path, suffix: str) -> None:
    clip = probe(make_clip(tmp_path / f"a{suffix}", frames=60, sound=[("aac", None)]))
    first, last = 20, 44
    written = copy(clip, tmp_path / f"b{suffix}", first=first, last=last)
    start = clip.pts[first] * clip.time_base
    end = (clip.pts[last] + clip.durations[last]) * clip.time_base
    theirs = packets(clip.path, 1)
    ours = packets(written.path, written.audio[0].index)
    step = Fraction(1024, 48000)
    assert written.pts[0] == 0
    assert ours[0][1] <= (step if suffix == ".mkv" else 0)
    assert ours[-1][1] + step >= end - start
    skipped = min(range(len(theirs)), key=lambda n: abs(theirs[n][1] - start - ours[0][1]))
    for (data, now), (source, was) in zip(ours, theirs[skipped:], strict=False):
        assert data == source
        assert abs(now + start - was) <= Fraction(1, 500 if suffix == ".mkv" else 48000)


def test_a_late_picture_stays_late(tmp_path: Path) -> None:
    """Picture that begins 0.37 s after the sound does so in the copy, to the tick."""
    late = [round(0.37 * 12800) + index * 512 for index in range(20)]
    clip = probe(make_clip(tmp_path / "a.mp4", pts=late, sound=[("aac", None)]))
    written = copy(clip, tmp_path / "b.mp4")
    assert written.pts == clip.pts == tuple(late)
    assert [time for _, time in packets(written.path, 1)] == [time for _, time in packets(clip.path, 1)]


def test_what_the_container_cannot_hold_is_known_beforehand(tmp_path: Path) -> None:
    clip = probe(make_clip(tmp_path / "a.mkv", frames=5, sound=[("flac", "fra"), ("libopus", "deu")]))
    webm = plan(clip, ".webm")
    assert webm.audio == (2,)
    assert len(webm.warnings) == 1
    assert "flac" in webm.warnings[0]
    assert len(webm.kept) == 3
    assert "cannot hold" in webm.kept[1]
    assert "copied" in webm.kept[2]
    assert plan(clip, ".webm", "none").audio == ()
    assert plan(clip, ".webm", "none").warnings == ()
    assert len(copy(clip, tmp_path / "b.webm", codec="vp9").audio) == 1
    assert copy(clip, tmp_path / "c.mkv", audio="none").audio == ()
