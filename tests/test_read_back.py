"""A finished movie is read once before it is called finished; what differs from the plan is an error."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from style_images import bricks
from unpainted import copy, plan
from video_clips import make_clip

from vidstyle.cli import execute
from vidstyle.core.errors import OutputError, UsageError
from vidstyle.core.images import write_png
from vidstyle.run.verify import verify
from vidstyle.video import Source, open_source
from vidstyle.video.images import image_file
from vidstyle.video.write import sink


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return open_source(make_clip(tmp_path / "a.mp4", frames=20, sound=[("aac", None)]))


def changed(source: Source, **facts: Any) -> Source:
    return replace(source, clip=replace(source.clip, **facts))  # type: ignore[type-var]


def test_negative_times_are_noticed(tmp_path: Path, source: Source) -> None:
    """As if the start of the clock were not known: the frames before zero would not be displayed."""
    with pytest.raises(OutputError, match=r"b\.mp4: reads back otherwise than planned \(.* of 20 frames are displayed\)"):
        copy(changed(source, origin=source.clip.pts[9]), tmp_path / "b.mp4")
    assert not list(tmp_path.glob("b.mp4*"))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_wrong_time_is_noticed(tmp_path: Path, source: Source, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    check = sink.check_written

    def late(path: Path, layout: Any, planned: Any) -> None:
        pts = [time + 2000 * (index == 7) for index, time in enumerate(layout.source.clip.pts)]
        check(path, replace(layout, source=changed(layout.source, pts=tuple(pts))), planned)

    monkeypatch.setattr(sink, "check_written", late)
    with pytest.raises(OutputError, match=r"frame 7 is displayed at 0\.\d+ s, not at 0\.43\d+ s"):
        copy(source, tmp_path / f"b{suffix}")


def test_lost_sound_is_noticed(tmp_path: Path, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    def with_more(*closed: Any) -> Any:
        found = written(*closed)
        return [*found[:1], replace(found[1], packets=99)]

    written = sink.written_streams
    monkeypatch.setattr(sink, "written_streams", with_more)
    with pytest.raises(OutputError, match=r"the stream audio aac holds \d+ of 99 packets"):
        copy(source, tmp_path / "b.mp4")
    monkeypatch.setattr(sink, "written_streams", lambda *closed: [*written(*closed), *written(*closed)[1:]])
    with pytest.raises(OutputError, match="the stream audio aac is missing"):
        copy(source, tmp_path / "b.mp4")


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_sound_that_ends_early_is_noticed(tmp_path: Path, source: Source, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    """The last packet of AAC, 21 ms, is told to have been written and is not."""
    def longer(closed: Any, ends: Any) -> Any:
        return written(closed, {index: (begin + packet, end + packet) for index, (begin, end) in ends.items()})

    written, packet = sink.written_streams, Fraction(1024, 48000)
    monkeypatch.setattr(sink, "written_streams", longer)
    with pytest.raises(OutputError, match=r"the stream audio aac ends at 0\.\d+ s, not at 0\.\d+ s"):
        copy(source, tmp_path / f"b{suffix}")


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_last_frame_of_another_length_is_noticed(tmp_path: Path, source: Source, monkeypatch: pytest.MonkeyPatch,
                                                   suffix: str) -> None:
    check = sink.check_written

    def longer(path: Path, layout: Any, planned: Any) -> None:
        durations = (*layout.source.clip.durations[:-1], 1024)
        check(path, replace(layout, source=changed(layout.source, durations=durations)), planned)

    monkeypatch.setattr(sink, "check_written", longer)
    with pytest.raises(OutputError, match=r"the last frame is displayed for 0\.0400 s, not for 0\.0800 s"):
        copy(source, tmp_path / f"b{suffix}")


@pytest.mark.parametrize("length", [100, 512, 3000])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_last_frame_of_any_length_is_no_fault(tmp_path: Path, suffix: str, length: int) -> None:
    """A source may state that its last frame is displayed for longer or shorter than the others."""
    source = open_source(make_clip(tmp_path / "a.mp4", frames=20))
    durations = (*source.clip.durations[:-1], length)
    written = copy(changed(source, durations=durations), tmp_path / f"b{suffix}")
    assert suffix == ".mkv" or written.clip.durations[-1] == length


@pytest.mark.parametrize("suffix", [".png", ".tif", ".dpx", ".exr"])
def test_a_damaged_image_is_noticed_and_the_others_are_kept(tmp_path: Path, source: Source, monkeypatch: pytest.MonkeyPatch,
                                                            suffix: str) -> None:
    write, target = image_file.write, tmp_path / f"b.####{suffix}"

    def cut_short(path: Path, *rest: Any) -> None:
        write(path, *rest)
        if "0007" in path.name:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with monkeypatch.context() as patch:
        patch.setattr(image_file, "write", cut_short)
        with pytest.raises(OutputError, match=rf"b\.0007\{suffix}: reads back otherwise than planned \(.+\) and was removed"):
            copy(source, target)
    assert sorted(path.name for path in tmp_path.glob("b.*")) == [f"b.000{index}{suffix}" for index in range(7)]
    assert copy(source, target, overwrite=True).clip.frames == 20


def test_an_image_that_was_lost_or_changed_before_the_end_is_noticed(tmp_path: Path, source: Source) -> None:
    """Also one of an earlier run, which is restored and not written again."""
    planned = plan(source, tmp_path / "b.####.png")
    lost, sink = tmp_path / "b.0003.png", planned.open()
    with sink:
        for frame in source.decode():
            sink.write(frame)
        sink.close()
    again = planned.open(overwrite=True)
    again.restore([tmp_path / f"b.{index:04}.png" for index in range(20)])
    again.close()
    write_png(lost, bricks())
    with pytest.raises(OutputError, match=r"b\.0003\.png: reads back otherwise than planned \(it is \d+x\d+\)"):
        again.close()
    with pytest.raises(OutputError, match=r"b\.0003\.png: reads back otherwise than planned \(cannot be read"):
        again.close()  # what is not the planned image was removed


@pytest.mark.parametrize(("suffix", "offset"), [(".mkv", -1024), (".mp4", -1024), (".webm", 0), (".mov", 2048)])
def test_sound_that_begins_elsewhere_is_no_fault(tmp_path: Path, suffix: str, offset: int) -> None:
    """Matroska delays everything where sound begins before zero."""
    path = make_clip(tmp_path / "a.mp4", frames=20, time_base=Fraction(1, 48000), step=1920, sound=[("aac", None)])
    written = copy(open_source(path), tmp_path / f"b{suffix}")
    assert written.clip.frames == 20


def test_the_work_is_kept_and_the_next_run_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    clip, style, target = make_clip(tmp_path / "a.mp4", frames=12), tmp_path / "style.png", tmp_path / "b.mp4"
    write_png(style, bricks())
    words = ["run", str(clip), "--style", str(style), "-o", str(target), "--strength", "0"]

    def refuse(path: Path, layout: Any, planned: Any) -> None:
        raise OutputError(f"{layout.target}: reads back otherwise than planned.")

    with monkeypatch.context() as patch:
        patch.setattr(sink, "check_written", refuse)
        assert execute(words) == 4
    assert "reads back otherwise than planned" in capsys.readouterr().err
    assert not target.exists()
    assert execute(words) == 0
    assert "paint frame" not in capsys.readouterr().err  # all frames were there
    assert all(check.good for check in verify(target))


@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
def test_frames_at_one_millisecond_are_refused_before_painting(tmp_path: Path, suffix: str) -> None:
    path = make_clip(tmp_path / "a.mp4", time_base=Fraction(1, 90000), pts=[0, 3000, 6000, 6030, 9000], options={"bf": "0"})
    source = open_source(path)
    assert source.clip.frames == 5
    with pytest.raises(UsageError, match=rf"{suffix} counts milliseconds, and frames 2 and 3 appear at the same one"):
        copy(source, tmp_path / f"b{suffix}")
    assert copy(source, tmp_path / "b.mp4").clip.pts == source.clip.pts
