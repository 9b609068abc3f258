"""Runs that were stopped: what they saved is trusted only where it is whole, and leads to the same file."""

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from stopped_runs import FRAMES, QUICK, STOP, is_whole, paint, until

from vidstyle.core.errors import OutputError, UsageError, VidstyleError
from vidstyle.core.images import write_png
from vidstyle.core.progress import Progress
from vidstyle.painting.style_picture import Style
from vidstyle.run.pipeline import stylize_video
from vidstyle.run.plan import Selection
from vidstyle.run.resume import schedule
from vidstyle.run.resume.folder import JOURNAL, work_folder
from vidstyle.run.resume.job import AFTER_FIT
from vidstyle.run.resume.journal import Journal
from vidstyle.run.resume.lock import locked
from vidstyle.run.verify import verify

SAMPLES = 96 * 64 * 3 // 2 + 8  # bytes of a frame, and of its length


def newest(folder: Path, pattern: str) -> Path:
    return sorted(folder.glob(pattern))[-1]


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGE: dict[str, tuple[Callable[[Path], object], int]] = {
    "none": (lambda saved: None, STOP),
    "a torn last line": (lambda saved: os.truncate(saved / "journal", (saved / "journal").stat().st_size - 3), STOP - 1),
    "memories that lost their end": (lambda saved: os.truncate(newest(saved, "memories-*"), 1000), STOP - 1),
    "memories with a flipped bit": (lambda saved: flip_a_bit(newest(saved, "memories-*")), STOP - 1),
    "both memories gone": (lambda saved: [path.unlink() for path in saved.glob("memories-*")], 0),
    "samples gone": (lambda saved: newest(saved, "samples-*").unlink(), 0),
    "samples that lost the last frame": (lambda saved: os.truncate(newest(saved, "samples-*"), 4 * SAMPLES), STOP - 1),
    "a damaged segment": (lambda saved: flip_a_bit(newest(saved, "segment-*")), 0),
    "a damaged network": (lambda saved: flip_a_bit(saved / "network.safetensors"), 0),
    "a damaged first line": (lambda saved: (saved / "journal").write_bytes(b"?" + (saved / "journal").read_bytes()), 0),
    "a file of an unwritten line": (lambda saved: (saved / "segment-00002").write_bytes(b"half"), STOP),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_is_painted_again(folder: Path, damage: str):
    harm, trusted = DAMAGE[damage]
    harm(work_folder(folder / "out.mp4"))
    painted: list[int] = []
    paint(folder, "out.mp4", listen=lambda step: painted.append(step.done) if step.stage == "paint" else None)
    assert painted == list(range(trusted + 1, FRAMES + 1))
    assert is_whole(folder)
    assert not work_folder(folder / "out.mp4").exists()


@pytest.mark.parametrize(("changes", "words"), [
    ({"crf": 20, "seed": 3}, "seed was 0 and is 3; crf was 16 and is 20"), ({"fit_steps": 2}, "fit_steps was 3 and is 2")])
def test_another_job_is_refused(folder: Path, changes: dict[str, int], words: str):
    with pytest.raises(UsageError, match=f"{words}.*--restart"):
        paint(folder, "out.mp4", replace(QUICK, **changes))
    paint(folder, "out.mp4")  # what was saved is still there
    assert is_whole(folder)


def test_a_run_continues_with_another_sound(folder: Path):
    silent = replace(QUICK, audio="none")
    paint(folder, "silent.mp4", silent)
    painted: list[int] = []
    paint(folder, "out.mp4", silent, listen=lambda step: painted.append(step.done) if step.stage == "paint" else None)
    assert painted == list(range(STOP + 1, FRAMES + 1))
    assert (folder / "out.mp4").read_bytes() == (folder / "silent.mp4").read_bytes()


def test_every_name_that_does_not_change_the_fit_is_one_of_a_job(folder: Path):
    [first, *_] = Journal(work_folder(folder / "out.mp4") / JOURNAL).read()
    assert set(AFTER_FIT) - {"key"} <= set(first["job"])  # a job has a name for each painted key frame, if there are any


def test_a_folder_of_another_version_is_refused(folder: Path):
    journal = Journal(work_folder(folder / "out.mp4") / JOURNAL)
    first, *rest = journal.read()
    journal.rewrite([{"job": first["job"]}, *({"step": 1, "files": {}} for _ in rest)])
    with pytest.raises(UsageError, match=r"another version of vidstyle.*--restart"):
        paint(folder, "out.mp4")
    paint(folder, "out.mp4", restart=True)
    assert is_whole(folder)


def test_another_style_is_refused_and_restart_begins_anew(folder: Path):
    write_png(folder / "style.png", torch.rand(3, 80, 64, generator=torch.Generator().manual_seed(9)))
    with pytest.raises(UsageError, match=r"styles was .* and is "):
        paint(folder, "out.mp4")
    result = paint(folder, "out.mp4", restart=True)
    assert result.frames == FRAMES
    assert not is_whole(folder)


def test_a_stop_before_anything_is_done_leaves_nothing(folder: Path):
    def listen(progress: Progress) -> None:
        raise KeyboardInterrupt

    before = sorted(folder.iterdir())
    with pytest.raises(KeyboardInterrupt) as stop:
        paint(folder, "new.mp4", listen=listen)
    assert not hasattr(stop.value, "__notes__")
    assert sorted(folder.iterdir()) == before


def test_a_second_run_of_one_output_is_refused(folder: Path):
    words = rf"another run \(process {os.getpid()} on .*\)"
    with locked(work_folder(folder / "out.mp4")), pytest.raises(OutputError, match=words):
        paint(folder, "out.mp4")
    paint(folder, "out.mp4")
    assert is_whole(folder)


def test_a_folder_that_vanishes_is_an_error_in_one_sentence(folder: Path):
    saved = work_folder(folder / "out.mp4")

    def listen(progress: Progress) -> None:
        if progress.done == STOP + 3:
            saved.rename(folder / "elsewhere")

    with pytest.raises(OutputError, match=r"cannot be saved there \(no such file or directory\)"):
        paint(folder, "out.mp4", listen=listen)
    assert not (folder / "out.mp4").exists()
    (folder / "elsewhere").rename(saved)
    paint(folder, "out.mp4")
    assert is_whole(folder)


def test_an_error_of_the_input_saves_what_is_painted(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object, **__: object) -> None:
        raise VidstyleError("broke off.")

    saved = work_folder(folder / "out.mp4")
    with monkeypatch.context() as patch:
        patch.setattr("vidstyle.video.read.movie.MovieSource.decode", broken)
        with pytest.raises(VidstyleError) as error:
            paint(folder, "out.mp4")
    assert "after 21 of 29 frames" in error.value.__notes__[0]
    assert saved.is_dir()


def test_finished_images_stay_and_the_rest_is_painted(folder: Path):
    paint(folder, "whole.####.png")
    with pytest.raises(KeyboardInterrupt) as stop:
        paint(folder, "out.####.png", listen=until(STOP))
    assert f"after {STOP} of {FRAMES} frames" in stop.value.__notes__[0]
    assert len(list(folder.glob("out.*.png"))) == STOP
    (folder / "out.0021.png").write_bytes(b"painted after the last save, and not whole")  # as a kill may leave it
    with pytest.raises(OutputError, match="exist already"):
        stylize_video(folder / "clip.mp4", [Style(folder / "style.png")], folder / "out.####.png", QUICK,
                      Selection(frames=(0, 9)))
    painted: list[int] = []
    paint(folder, "out.####.png", listen=lambda step: painted.append(step.done) if step.stage == "paint" else None)
    assert painted == list(range(STOP + 1, FRAMES + 1))
    for number in range(FRAMES):
        assert (folder / f"out.{number:04}.png").read_bytes() == (folder / f"whole.{number:04}.png").read_bytes()
    assert [check.good for check in verify(folder / "out.####.png")] == [True] * 4
    (folder / "out.0003.png").unlink()
    assert [check.good for check in verify(folder / "out.####.png")] == [False, False, True, True]


def test_a_run_whose_disk_was_full_at_its_start_can_continue(folder: Path, monkeypatch: pytest.MonkeyPatch):
    options = replace(QUICK, network=folder / "net.safetensors")
    paint(folder, "whole.####.png", options)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def listen(progress: Progress) -> None:
        if progress.done == 3:
            patch.setattr("vidstyle.video.images.image_file.write", full)

    with monkeypatch.context() as patch:
        patch.setattr("vidstyle.run.resume.frame_log.write_atomically", full)
        patch.setattr(schedule, "LEAST_SECONDS", 1e9)  # nothing is saved before
        with pytest.raises(OutputError, match="no space left") as error:
            paint(folder, "out.####.png", options, listen=listen)
    assert error.value.__notes__ == [f"give the same command again and it goes on after 0 of {FRAMES} frames"]
    paint(folder, "out.####.png", options)
    for number in range(FRAMES):
        assert (folder / f"out.{number:04}.png").read_bytes() == (folder / f"whole.{number:04}.png").read_bytes()
