"""Encoding: same frames, same times, same tags; whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import pytest
import torch
from unpainted import copy, plan
from video_clips import make_clip

from vidstyle.core.atomic import check_target
from vidstyle.core.choices import WITHOUT_CRF
from vidstyle.core.errors import OutputError, UsageError, VidstyleError
from vidstyle.core.frame import Frame
from vidstyle.video import Clip, WriteSettings, default_suffix, open_source, plan_output, probe
from vidstyle.video.write.codecs import CODECS
from vidstyle.video.write.formats import choose_format

UNEVEN = [0, 3003, 7000, 7100, 20000, 26000, 90000, 91001, 99999]


def seconds(clip: Clip) -> list[Fraction]:
    return [pts * clip.time_base for pts in clip.pts]


@pytest.mark.parametrize(("name", "target", "codec"), [
    ("a.mp4", "b.mp4", "h264"), ("a.mp4", "b.mov", "h264"), ("a.mkv", "b.mkv", "h264"), ("a.mp4", "b.mp4", "hevc"),
    ("a.mkv", "b.webm", "vp9"), ("a.mkv", "b.webm", "av1"), ("a.mp4", "b.mov", "prores"), ("a.mkv", "b.mkv", "ffv1"),
    ("a.ts", "b.mp4", "h264"), ("a.mp4", "b.mp4", "av1")])
def test_every_frame_at_its_time(tmp_path: Path, name: str, target: str, codec: str) -> None:
    source = open_source(make_clip(tmp_path / name, frames=14))
    written = copy(source, tmp_path / target, codec=codec)
    zero = source.clip.origin * source.clip.time_base  # of the transport stream's clock
    assert seconds(written.clip) == [time - zero for time in seconds(source.clip)]
    assert written.clip.duration == pytest.approx(source.clip.duration, abs=0.0011)  # Matroska's milliseconds
    for before, after in zip(source.decode(), written.decode(), strict=True):
        assert (before.image - after.image).abs().mean() < 0.03


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_uneven_times_are_kept_to_the_tick(tmp_path: Path, suffix: str) -> None:
    source = open_source(make_clip(tmp_path / "a.mp4", time_base=Fraction(1, 90000), pts=UNEVEN))
    written = copy(source, tmp_path / f"b{suffix}")
    after, before = written.clip, source.clip
    assert (after.pts, after.time_base, after.durations) == (before.pts, before.time_base, before.durations)
    with av.open(str(written.clip.path)) as reader:
        stated = reader.duration / av.time_base
    assert stated == pytest.approx(source.clip.duration, abs=0.002)


@pytest.mark.parametrize("tags", [(1, 1, 1, 1), (1, 2, 1, 1), (5, 1, 5, 6), (6, 1, 6, 6), (9, 1, 9, 14), (2, 0, 2, 2)])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_colour_tags_are_written_as_read(tmp_path: Path, tags: tuple[int, int, int, int], suffix: str) -> None:
    source = open_source(make_clip(tmp_path / "a.mp4", frames=2, tags=tags))
    written = copy(source, tmp_path / f"b{suffix}")
    assert written.clip.colour == source.clip.colour
    with av.open(str(written.clip.path)) as reader:  # of the container, not of the first frame
        context = reader.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc) == (tags[0], tags[2], tags[3])


def test_colours_are_right_for_another_reader(tmp_path: Path) -> None:
    source = open_source(make_clip(tmp_path / "a.mp4", frames=2, size=(320, 240), tags=(1, 1, 1, 1)))
    image = torch.tensor([220, 40, 60])[:, None, None].expand(3, 240, 320) / 255
    with plan(source, tmp_path / "b.mp4").open() as sink:
        for frame in source.decode():
            sink.write(Frame(image, frame.pts, frame.time_base, frame.index, frame.duration))
    with av.open(str(tmp_path / "b.mp4")) as reader:
        pixel = next(reader.decode(video=0)).to_ndarray(format="rgb24")[120, 160]
    assert abs(pixel.astype(int) - [220, 40, 60]).max() <= 2


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le"])
def test_chroma_and_depth_follow_the_source(tmp_path: Path, pix_fmt: str) -> None:
    source = open_source(make_clip(tmp_path / "a.mkv", codec="ffv1", pix_fmt=pix_fmt, frames=2, options={"level": "3"}))
    assert copy(source, tmp_path / "b.mp4").clip.coding.pix_fmt == pix_fmt


@pytest.mark.parametrize("codec", CODECS)
def test_odd_sizes_are_kept(tmp_path: Path, codec: str) -> None:
    source = open_source(make_clip(tmp_path / "a.mkv", codec="ffv1", size=(641, 361), frames=2, tags=(1, 1, 1, 1),
                           options={"level": "3"}))
    target = tmp_path / ("b.mov" if codec == "dnxhr" else "b.mkv")
    written = copy(source, target, codec=codec)
    assert (written.clip.width, written.clip.height) == (641, 361)
    planned = plan(source, target, codec=codec)
    assert any("4:4:4" in warning for warning in planned.warnings) == (codec in ("h264", "hevc", "prores"))
    for before, after in zip(source.decode(), written.decode(), strict=True):
        difference = (before.image - after.image).abs() * 255
        for part in (difference, difference[..., -1], difference[..., -1, :]):
            assert part.mean() < 4  # crf 16; a lost row or column was off by 100


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("tags", [(1, 1, 1, 1), (1, 2, 1, 1), (6, 1, 6, 6), (6, 2, 6, 6), (9, 1, 9, 14), (2, 0, 2, 2)])
def test_every_codec_tags_its_matrix_and_range(tmp_path: Path, codec: str, tags: tuple[int, int, int, int]) -> None:
    source = open_source(make_clip(tmp_path / "a.mkv", codec="ffv1", size=(320, 192), frames=1, tags=tags,
                                   options={"level": "3"}))
    target = tmp_path / ("b.mov" if codec == "dnxhr" else "b.mkv")
    written = copy(source, target, codec=codec)
    for before, after in zip(source.decode(), written.decode(), strict=True):
        assert (before.image - after.image).abs().mean() * 255 < 2  # crf 16; a wrong matrix or range is off by 3 to 8
    asked, found = (one.colour.as_dict()["tags"] for one in (source.clip, written.clip))
    changed = [name for name, tag in asked.items() if tag and tag != found[name]]
    planned = plan(source, target, codec=codec)
    warnings = [warning for warning in planned.warnings if "the output" in warning]
    assert bool(changed) == bool(warnings), (changed, warnings)


def test_colour_tags_of_a_webm_with_alpha_are_those_of_the_file(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.webm", codec="libvpx-vp9", pix_fmt="yuva420p", frames=2, tags=(1, 1, 1, 1),
                     time_base=Fraction(1, 1000), step=40, options={"auto-alt-ref": "0", "cpu-used": "8"})
    with av.open(str(path)) as reader:
        stated = reader.streams.video[0].codec_context
        assert (stated.color_primaries, stated.color_trc) == (1, 1)
    source = open_source(path)
    assert "yuva" in source.clip.coding.pix_fmt
    assert (source.clip.colour.primaries_tag, source.clip.colour.transfer_tag) == (1, 1)


def test_rotation_ratio_and_tags(tmp_path: Path) -> None:
    turn = [0, 65536, 0, -65536, 0, 0, 0, 0, 2**30]
    source = open_source(make_clip(tmp_path / "a.mp4", frames=2, matrix=turn, ratio=Fraction(4, 3),
                           metadata={"title": "Impression", "com.studio.shot": "sc01"},
                           container_options={"movflags": "use_metadata_tags"}))
    written = copy(source, tmp_path / "b.mp4")
    assert (written.clip.width, written.clip.height, written.clip.rotation) == (64, 96, 0)
    assert written.clip.sample_aspect_ratio == Fraction(3, 4)
    assert {"title": "Impression", "com.studio.shot": "sc01"}.items() <= dict(written.clip.metadata).items()
    reader = cv2.VideoCapture(str(written.clip.path))
    assert reader.read()[1].shape[:2] == (96, 64)


def test_another_size_is_written(tmp_path: Path) -> None:
    source = open_source(make_clip(tmp_path / "a.mp4", frames=2))
    with plan_output(tmp_path / "b.mp4", source, None, WriteSettings(size=(48, 32))).open() as sink:
        for frame in source.decode():
            with pytest.raises(ValueError, match="expected an image of shape"):
                sink.write(frame)
            sink.write(Frame(frame.image[:, ::2, ::2], frame.pts, frame.time_base, frame.index))
    assert probe(tmp_path / "b.mp4").width == 48


def test_a_range_starts_at_zero(tmp_path: Path) -> None:
    source = open_source(make_clip(tmp_path / "a.mp4", frames=30))
    written = copy(source, tmp_path / "b.mp4", frames=(7, 19))
    assert written.clip.pts == tuple(pts - source.clip.pts[7] for pts in source.clip.pts[7:20])


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_clips_of_very_few_frames(tmp_path: Path, codec: str) -> None:
    for count in (1, 2, 3):
        source = open_source(make_clip(tmp_path / f"{count}.mp4", frames=count))
        for attempt in range(4):  # x265 used to fail one time in three
            assert seconds(copy(source, tmp_path / f"{count}-{attempt}.mp4", codec=codec).clip) == seconds(source.clip)


def test_the_same_frames_make_the_same_file(tmp_path: Path) -> None:
    source = open_source(make_clip(tmp_path / "a.mp4", frames=20, size=(320, 240)))
    files = [copy(source, tmp_path / name).clip.path.read_bytes() for name in ("b.mp4", "c.mp4")]
    assert files[0] == files[1]


@pytest.mark.parametrize("codec", CODECS)
def test_the_command_line_knows_which_codecs_take_a_crf(tmp_path: Path, codec: str) -> None:
    source = open_source(make_clip(tmp_path / "a.mp4", frames=1))
    target = tmp_path / ("b.mov" if codec in ("prores", "dnxhr") else "b.mkv")
    chosen = choose_format(target, source, WriteSettings(codec=codec))
    assert ("crf" in chosen.options) == (codec not in WITHOUT_CRF)


def test_crf_changes_the_size(tmp_path: Path) -> None:
    source = open_source(make_clip(tmp_path / "a.mp4"))
    sizes = [copy(source, tmp_path / f"{crf}.mp4", crf=crf).clip.path.stat().st_size for crf in (0, 16, 40)]
    assert sizes[0] > sizes[1] > sizes[2]


@pytest.mark.parametrize(("name", "codec", "crf"), [
    ("b.avi", "h264", 16), ("b", "h264", 16), ("b.webm", "h264", 16), ("b.mp4", "prores", 16), ("b.mp4", "h264", 60),
    ("b.mp4", "theora", 16)])
def test_settings_that_do_not_fit_are_refused_before_writing(tmp_path: Path, name: str, codec: str, crf: int) -> None:
    source = open_source(make_clip(tmp_path / "a.mp4", frames=1))
    with pytest.raises(UsageError) as caught:
        plan(source, tmp_path / name, codec=codec, crf=crf)
    assert "\n" not in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["a.mp4"]


@pytest.mark.parametrize(("name", "codec", "described"), [
    ("b.mp4", "h264", "h264, crf 16"), ("b.mov", "h264", "h264, crf 16"), ("b.mkv", "h264", "h264, crf 16"),
    ("b.webm", "vp9", "vp9, crf 16")])
def test_without_a_codec_the_container_chooses(tmp_path: Path, name: str, codec: str, described: str) -> None:
    source = open_source(make_clip(tmp_path / "a.mp4", frames=3))
    assert plan(source, tmp_path / name).describe() == described
    assert copy(source, tmp_path / name).clip.coding.codec == codec


def test_a_plan_can_be_recorded(tmp_path: Path) -> None:
    source = open_source(make_clip(tmp_path / "a.mp4", frames=1))
    record = plan(source, tmp_path / "b.mov", codec="prores").record()
    assert (record["container"], record["encoder"], record["pix_fmt"]) == ("mov", "prores_ks", "yuv422p10le")
    assert plan(source, tmp_path / "b.####.png").record()["depth"] == 8


def test_default_suffix_is_the_sources_own_where_it_can(tmp_path: Path) -> None:
    source = open_source(make_clip(tmp_path / "a.ts", frames=3))
    assert tuple(default_suffix(source.clip, codec) for codec in ("auto", "prores", "ffv1")) == (
        ".mp4", ".mov", ".mkv")
    assert default_suffix(probe(make_clip(tmp_path / "a.mkv", frames=3))) == ".mkv"


def test_bad_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_clip(tmp_path / "a.mp4", frames=1)
    there = tmp_path / "there.mp4"
    there.touch()
    link, hard = tmp_path / "link.mp4", tmp_path / "hard.mp4"
    link.symlink_to(source)
    hard.hardlink_to(source)
    for target, overwrite, words in [
            (there / "no" / "b.mp4", False, "is no folder"), (tmp_path, False, "is a folder"),
            (there, False, "exists already"), (source, True, "is the clip"), (link, True, "is the clip"),
            (hard, True, "is the clip")]:
        with pytest.raises(OutputError, match=words) as caught:
            check_target(target, {"the clip": [source]}, overwrite)
        assert caught.value.exit_code == 4
    check_target(there, {"the clip": [source]}, overwrite=True)
    check_target(tmp_path / "new.mp4", {"the clip": [source]})
    monkeypatch.setattr(os, "access", lambda *_: False)  # tests may run as root, whom no folder refuses
    with pytest.raises(OutputError, match="read-only"):
        check_target(tmp_path / "new.mp4", {"the clip": [source]})


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OutputError])
def test_an_exception_leaves_nothing_behind(tmp_path: Path, error: type[BaseException]) -> None:
    source = open_source(make_clip(tmp_path / "a.mp4", frames=5, sound=[("aac", None)]))
    old = tmp_path / "b.mp4"
    old.write_text("old")

    def stopped() -> None:
        with plan(source, old).open(overwrite=True) as sink:
            for frame in source.decode(0, 2):
                sink.write(frame)
            assert sorted(os.listdir(tmp_path)) == ["a.mp4", "b.mp4", "b.mp4.part"]
            raise error("stop")

    with pytest.raises(error):
        stopped()
    assert sorted(os.listdir(tmp_path)) == ["a.mp4", "b.mp4"]
    assert old.read_text() == "old"


def test_too_few_frames_raise_an_error_and_leave_no_file(tmp_path: Path) -> None:
    source = open_source(make_clip(tmp_path / "a.mp4", frames=5))
    planned = plan(source, tmp_path / "b.mp4")
    with pytest.raises(VidstyleError, match="got 1 of 5 frames"), planned.open() as sink:
        sink.write(next(source.decode()))
    assert sorted(os.listdir(tmp_path)) == ["a.mp4"]


def test_a_part_left_by_a_killed_run_is_replaced(tmp_path: Path) -> None:
    source = open_source(make_clip(tmp_path / "a.mp4", frames=2))
    (tmp_path / "b.mp4.part").write_text("half")
    assert copy(source, tmp_path / "b.mp4").clip.frames == 2
    assert sorted(os.listdir(tmp_path)) == ["a.mp4", "b.mp4"]


FULL = """
import resource, sys
from pathlib import Path
from vidstyle.core.errors import OutputError
from vidstyle.video import WriteSettings, open_source, plan_output
source, target, limit = open_source(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    with plan_output(target, source, None, WriteSettings(crf=1)).open() as sink:
        for frame in source.decode():
            sink.write(frame)
except OutputError as error:
    print(error)
    sys.exit(4)
"""


@pytest.mark.parametrize("limit", [0, 300, 4000, 60_000])
def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path: Path, limit: int) -> None:
    """A limit on file size fails as a full disk does: at the header, in the middle, or only at the end."""
    source = make_clip(tmp_path / "a.mp4", frames=40, size=(192, 128), sound=[("aac", None)])
    run = subprocess.run([sys.executable, "-c", FULL, str(source), str(tmp_path / "b.mp4"), str(limit)],
                         capture_output=True, text=True, timeout=60, cwd=Path(__file__).parent.parent)
    assert run.returncode == 4, run.stderr
    assert run.stdout.count("\n") == 1
    assert "cannot be written" in run.stdout
    assert "Traceback" not in run.stderr
    assert os.listdir(tmp_path) == ["a.mp4"]


SCHEDULED = """
import os, sys
os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))  # whatever started this, and before a library starts threads
import av
from vidstyle.video.write.priority import own_priority
with av.open(sys.argv[1], "w") as sink:
    stream = sink.add_stream("libsvtav1", 25, width=64, height=64, pix_fmt="yuv420p")
    with own_priority():
        stream.codec_context.open()
    # While the encoder lives, its threads do too.
    print({os.sched_getscheduler(int(thread)) for thread in os.listdir("/proc/self/task")} == {os.SCHED_OTHER})
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the policy of threads is Linux's")
def test_no_thread_runs_in_real_time(tmp_path: Path) -> None:
    """SVT-AV1 that root starts would make the thread that opens it, and its own, stop every other program.

    In a process of its own, which states what it starts from: what other tests open cannot change it.
    """
    written = copy(open_source(make_clip(tmp_path / "a.mp4")), tmp_path / "b.mp4", codec="av1")
    assert written.clip.coding.codec == "av1"
    run = subprocess.run([sys.executable, "-c", SCHEDULED, str(tmp_path / "c.webm")],
                         capture_output=True, text=True, timeout=60, cwd=Path(__file__).parent.parent)
    assert run.stdout.strip() == "True", run.stderr
