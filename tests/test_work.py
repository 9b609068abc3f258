"""Jobs that survive: what a stopped or killed run has kept is trusted only where it is whole, and leads to the same file."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save
from test_feedforward import fresh, pairs, settings
from test_optimize import noise
from video_clips import make_clip

from vidstyle import work as work_module
from vidstyle.encoders import load_encoder
from vidstyle.errors import OutputError, UsageError, VidstyleError
from vidstyle.journal import Journal, locked
from vidstyle.manifest import verify
from vidstyle.options import Options
from vidstyle.painter import Progress
from vidstyle.pictures import write_png
from vidstyle.pipeline import Result, Selection, Style, preview_video, stylize_video
from vidstyle.stylizers.fit import fit
from vidstyle.stylizers.target import StyleTarget
from vidstyle.video import Encoder, decode, probe, segment
from vidstyle.work import Work, work_folder

QUICK = Options(fit_steps=3, size=48, device="cpu")
FRAMES, STOP = 29, 21
SAMPLES = 96 * 64 * 3 // 2 + 8  # bytes of a frame, and of their number


def until(frame: int) -> Callable[[Progress], None]:
    """A listener that stops the painting after so many frames."""

    def listen(progress: Progress) -> None:
        if progress.stage == "paint" and progress.done == frame:
            raise KeyboardInterrupt

    return listen


@pytest.fixture(scope="module", autouse=True)
def _short() -> Iterator[None]:
    """Segments of 8 frames, saved after each frame."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segment, "LENGTH", 8)
        patch.setattr(segment, "SHORTEST", 2)
        patch.setattr(work_module, "LEAST_SECONDS", 0.0)
        patch.setattr(work_module, "MOST_SHARE", 1e9)
        yield


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clip, a style, `whole.mp4` as it should be, and what a run stopped after frame STOP left of `out.mp4`."""
    folder = tmp_path_factory.mktemp("stopped")
    make_clip(folder / "clip.mp4", frames=FRAMES, sound=[("aac", "eng")])
    write_png(folder / "style.png", torch.rand(3, 80, 64, generator=torch.Generator().manual_seed(0)))
    paint(folder, "whole.mp4")
    with pytest.raises(KeyboardInterrupt) as stop:
        paint(folder, "out.mp4", listen=until(STOP))
    assert stop.value.__notes__ == [f"give the same command again and it goes on after {STOP} of {FRAMES} frames"]
    return folder


@pytest.fixture
def folder(stopped: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stopped, tmp_path / "copy"))


def paint(folder: Path, name: str, options: Options = QUICK, **more: object) -> Result:
    return stylize_video(folder / "clip.mp4", [Style(folder / "style.png")], folder / name, options, **more)


def is_whole(folder: Path) -> bool:
    stated = [json.loads((folder / f"{name}.vidstyle.json").read_text())["frame_sha256"] for name in ("whole.mp4", "out.mp4")]
    return stated[0] == stated[1] and (folder / "whole.mp4").read_bytes() == (folder / "out.mp4").read_bytes()


def newest(work: Path, pattern: str) -> Path:
    return sorted(work.glob(pattern))[-1]


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGE: dict[str, tuple[Callable[[Path], object], int]] = {
    "none": (lambda work: None, STOP),
    "a torn last line": (lambda work: os.truncate(work / "journal", (work / "journal").stat().st_size - 3), STOP - 1),
    "a state that lost its end": (lambda work: os.truncate(newest(work, "state-*"), 1000), STOP - 1),
    "a state with a flipped bit": (lambda work: flip_a_bit(newest(work, "state-*")), STOP - 1),
    "both states gone": (lambda work: [path.unlink() for path in work.glob("state-*")], 0),
    "samples gone": (lambda work: newest(work, "tail-*").unlink(), 0),
    "samples that lost the last frame": (lambda work: os.truncate(newest(work, "tail-*"), 4 * SAMPLES), STOP - 1),
    "a damaged segment": (lambda work: flip_a_bit(newest(work, "segment-*")), 0),
    "a damaged network": (lambda work: flip_a_bit(work / "network.safetensors"), 0),
    "a damaged first line": (lambda work: (work / "journal").write_bytes(b"?" + (work / "journal").read_bytes()), 0),
    "a file of an unwritten line": (lambda work: (work / "segment-00002").write_bytes(b"half"), STOP),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_is_painted_again(folder: Path, damage: str):
    harm, kept = DAMAGE[damage]
    harm(work_folder(folder / "out.mp4"))
    seen: list[int] = []
    paint(folder, "out.mp4", listen=lambda step: seen.append(step.done) if step.stage == "paint" else None)
    assert seen == list(range(kept + 1, FRAMES + 1))
    assert is_whole(folder)
    assert not work_folder(folder / "out.mp4").exists()


@pytest.mark.parametrize(("changes", "words"), [
    ({"crf": 20, "seed": 3}, "seed was 0 and is 3; crf was 16 and is 20"), ({"fit_steps": 2}, "fit_steps was 3 and is 2")])
def test_another_job_is_refused(folder: Path, changes: dict[str, int], words: str):
    with pytest.raises(UsageError, match=f"{words}.*--restart"):
        paint(folder, "out.mp4", replace(QUICK, **changes))
    paint(folder, "out.mp4")  # what was kept is still there
    assert is_whole(folder)


def test_the_sound_may_be_another(folder: Path):
    silent = replace(QUICK, audio="none")
    paint(folder, "silent.mp4", silent)
    seen: list[int] = []
    paint(folder, "out.mp4", silent, listen=lambda step: seen.append(step.done) if step.stage == "paint" else None)
    assert seen == list(range(STOP + 1, FRAMES + 1))
    assert (folder / "out.mp4").read_bytes() == (folder / "silent.mp4").read_bytes()


def test_another_style_is_refused_and_restart_begins_anew(folder: Path):
    write_png(folder / "style.png", torch.rand(3, 80, 64, generator=torch.Generator().manual_seed(9)))
    with pytest.raises(UsageError, match=r"styles was .* and is "):
        paint(folder, "out.mp4")
    result = paint(folder, "out.mp4", restart=True)
    assert result.frames == FRAMES
    assert not is_whole(folder)


@pytest.mark.parametrize(("changes", "fits"), [({"strength": 0.5, "crf": 20}, False), ({"seed": 1}, True)])
def test_a_run_that_begins_anew_fits_anew_only_where_it_matters(folder: Path, changes: dict[str, float], fits: bool):
    stages: list[str] = []
    paint(folder, "out.mp4", replace(QUICK, **changes), restart=True, listen=lambda step: stages.append(step.stage))
    assert ("fit" in stages) == fits
    assert stages.count("paint") == FRAMES
    paint(folder, "fresh.mp4", replace(QUICK, **changes))
    assert (folder / "out.mp4").read_bytes() == (folder / "fresh.mp4").read_bytes()


def test_a_network_that_the_stopped_run_has_written_is_its_own(folder: Path):
    options = replace(QUICK, network=folder / "net.safetensors")
    with pytest.raises(KeyboardInterrupt):
        paint(folder, "other.mp4", options, listen=until(3))
    assert (folder / "net.safetensors").exists()
    paint(folder, "other.mp4", options)
    assert (folder / "other.mp4").read_bytes() == (folder / "whole.mp4").read_bytes()


def test_a_fit_goes_on_where_it_was_stopped(folder: Path):
    def listen(progress: Progress) -> None:
        if progress.stage == "fit" and progress.done == 2:
            raise KeyboardInterrupt

    shutil.rmtree(work_folder(folder / "out.mp4"))
    with pytest.raises(KeyboardInterrupt) as stop:
        paint(folder, "out.mp4", listen=listen)
    assert "after 2 steps of the fit" in stop.value.__notes__[0]
    steps: list[int] = []
    paint(folder, "out.mp4", listen=lambda step: steps.append(step.done) if step.stage == "fit" else None)
    assert steps == [3]
    assert is_whole(folder)


def test_the_state_of_a_fit_is_all_of_it():
    encoder, kept = load_encoder("builtin"), dict[int, bytes]()
    target = StyleTarget([noise(1)], [1.0], encoder)
    networks = [fresh(pairs(), target) for _ in range(2)]
    fit(networks[0], pairs(), encoder, target, settings(5), lambda step, _, state: kept.update({step: save(state())}))
    fit(networks[1], pairs(), encoder, target, settings(5), begun=load(kept[2]))
    whole, later = (network.state_dict() for network in networks)
    assert all(torch.equal(value, later[name]) for name, value in whole.items())


def test_a_stop_before_anything_is_done_leaves_nothing(folder: Path):
    def listen(progress: Progress) -> None:
        raise KeyboardInterrupt

    before = sorted(folder.iterdir())
    with pytest.raises(KeyboardInterrupt) as stop:
        paint(folder, "new.mp4", listen=listen)
    assert not hasattr(stop.value, "__notes__")
    assert sorted(folder.iterdir()) == before


def test_of_a_preview_the_fit_is_kept(folder: Path):
    arguments = (folder / "clip.mp4", [Style(folder / "style.png")], folder / "look.mp4", QUICK)
    with pytest.raises(KeyboardInterrupt) as stop:
        preview_video(*arguments, listen=until(4))
    assert stop.value.__notes__[0].endswith("goes on after the fit")
    seen: list[str] = []
    preview_video(*arguments, listen=lambda step: seen.append(step.stage))
    assert seen == ["paint"] * FRAMES
    assert (folder / "look.mp4").read_bytes() == (folder / "whole.mp4").read_bytes()


def test_two_runs_of_one_output_are_kept_apart(folder: Path):
    words = rf"another run \(process {os.getpid()} on .*\)"
    with locked(work_folder(folder / "out.mp4") / "lock", "out.mp4"), pytest.raises(OutputError, match=words):
        paint(folder, "out.mp4")
    paint(folder, "out.mp4")
    assert is_whole(folder)


def test_a_work_folder_that_vanishes_is_told_in_a_sentence(folder: Path):
    work = work_folder(folder / "out.mp4")

    def listen(progress: Progress) -> None:
        if progress.done == STOP + 3:
            work.rename(folder / "elsewhere")

    with pytest.raises(OutputError, match=r"cannot be kept there \(no such file or directory\)"):
        paint(folder, "out.mp4", listen=listen)
    assert not (folder / "out.mp4").exists()
    (folder / "elsewhere").rename(work)
    paint(folder, "out.mp4")
    assert is_whole(folder)


def test_an_error_of_the_input_keeps_what_is_painted(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object, **__: object) -> None:
        raise VidstyleError("broke off.")

    work = work_folder(folder / "out.mp4")
    with monkeypatch.context() as patch:
        patch.setattr("vidstyle.pipeline.decode", broken)
        with pytest.raises(VidstyleError) as error:
            paint(folder, "out.mp4")
    assert "after 21 of 29 frames" in error.value.__notes__[0]
    assert work.is_dir()


def test_savings_are_rare_enough_to_cost_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    now = [0.0]
    monkeypatch.setattr(work_module, "LEAST_SECONDS", 10.0)
    monkeypatch.setattr(work_module, "MOST_SHARE", 0.01)
    monkeypatch.setattr(work_module.time, "monotonic", lambda: now[0])
    saved: list[float] = []

    def slow_disk(*_: object) -> str:
        now[0] += 0.5
        saved.append(now[0])
        return "hash"

    monkeypatch.setattr(work_module, "write_durably", slow_disk)
    monkeypatch.setattr(Journal, "append", lambda *_: None)
    with Work(tmp_path / "work", {}, 1) as work:
        for step in range(2000):
            now[0] += 0.1
            work.keep_fit(step, dict)
    assert saved[0] == pytest.approx(10.5, abs=0.2)  # LEAST_SECONDS after the start, and the disk's half
    assert saved[1] - saved[0] == pytest.approx(50.5, abs=0.2)  # half a second is MOST_SHARE of fifty
    assert len(saved) == 4


def test_a_journal_ends_where_it_is_damaged(tmp_path: Path):
    journal = Journal(tmp_path / "journal")
    assert journal.read() == []
    records = [{"n": n, "text": "a\nb é"} for n in range(4)]
    for record in records:
        journal.append(record)
    assert journal.read() == records
    whole = journal.path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for length in range(len(whole)):
        journal.path.write_bytes(whole[:length])
        lines_left = sum(length >= len(b"".join(lines[: n + 1])) for n in range(4))
        assert journal.read() == records[:lines_left]
    for place in range(len(lines[0]), len(lines[0]) + len(lines[1])):
        harmed = bytearray(whole)
        harmed[place] ^= 4
        journal.path.write_bytes(harmed)
        assert journal.read() == records[:1]


UNEVEN = [0, 40, 55, 80, 200, 210, 222, 231, 300, 305, 311, 500, 540, 580, 600, 601, 602, 700, 740, 780, 820, 1200, 1210]


@pytest.mark.parametrize(("name", "codec", "frames"), [
    ("a.mp4", "h264", 23), ("a.mov", "h264", 17), ("a.mkv", "h264", 23), ("a.mp4", "hevc", 19), ("a.webm", "vp9", 19),
    ("a.mkv", "av1", 19), ("a.mov", "prores", 19), ("a.mkv", "ffv1", 19)])
def test_an_encoder_is_brought_back_to_where_it_was(tmp_path: Path, name: str, codec: str, frames: int):
    pts = UNEVEN[:frames] if name == "a.mkv" and codec == "h264" else None  # there, with B-frames
    clip = probe(make_clip(tmp_path / ("clip.mkv" if name.endswith((".mkv", ".webm")) else "clip.mp4"), frames=frames, pts=pts,
                           time_base=Fraction(1, 1000) if pts else Fraction(1, 12800), sound=[("libopus", None)]))
    written, segments, samples = list(decode(clip)), list[bytes](), list[bytes]()
    with Encoder(tmp_path / f"whole_{name}", clip, codec=codec) as encoder:
        for frame in written[:13]:
            kept = encoder.write(frame)
            samples.append(kept.samples)
            if kept.segment is not None:
                segments.append(kept.segment)
                samples.clear()
        for frame in written[13:]:
            encoder.write(frame)
    assert (len(segments), len(samples)) == (1, 5)
    with Encoder(tmp_path / f"again_{name}", clip, codec=codec) as encoder:
        encoder.restore_segment(segments[0])
        for one in samples:
            encoder.restore(one)
        assert encoder.written == 13
        for frame in written[13:]:
            encoder.write(frame)
    whole, again = tmp_path / f"whole_{name}", tmp_path / f"again_{name}"
    found = probe(whole)
    assert [pts * found.time_base for pts in found.pts] == [pts * clip.time_base for pts in clip.pts]
    for before, after in zip(written, decode(found), strict=True):
        assert (before.image - after.image).abs().mean() < 0.03
    if codec == "hevc":  # x265's threads do not always make the same bytes of the same frames: in 3 runs of 10 they did not
        assert probe(again).pts == found.pts
        for before, after in zip(written, decode(probe(again)), strict=True):
            assert (before.image - after.image).abs().mean() < 0.03
    else:
        assert whole.read_bytes() == again.read_bytes()


def test_pictures_that_are_whole_stay_and_the_rest_follow(folder: Path):
    paint(folder, "whole.####.png")
    with pytest.raises(KeyboardInterrupt) as stop:
        paint(folder, "out.####.png", listen=until(STOP))
    assert f"after {STOP} of {FRAMES} frames" in stop.value.__notes__[0]
    assert len(list(folder.glob("out.*.png"))) == STOP
    (folder / "out.0021.png").write_bytes(b"painted after the last saving, and not whole")  # as a kill may leave it
    with pytest.raises(OutputError, match="exist already"):
        stylize_video(folder / "clip.mp4", [Style(folder / "style.png")], folder / "out.####.png", QUICK,
                      Selection(frames=(0, 9)))
    seen: list[int] = []
    paint(folder, "out.####.png", listen=lambda step: seen.append(step.done) if step.stage == "paint" else None)
    assert seen == list(range(STOP + 1, FRAMES + 1))
    for number in range(FRAMES):
        assert (folder / f"out.{number:04}.png").read_bytes() == (folder / f"whole.{number:04}.png").read_bytes()
    assert [check.good for check in verify(folder / "out.####.png")] == [True] * 4
    (folder / "out.0003.png").unlink()
    assert [check.good for check in verify(folder / "out.####.png")] == [False, False, True, True]


def test_pictures_of_a_run_whose_disk_was_full_from_the_start_are_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch):
    options = replace(QUICK, network=folder / "net.safetensors")
    paint(folder, "whole.####.png", options)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def listen(progress: Progress) -> None:
        if progress.done == 3:
            patch.setattr("vidstyle.video.still.write", full)

    with monkeypatch.context() as patch:
        patch.setattr("vidstyle.work.write_durably", full)
        patch.setattr(work_module, "LEAST_SECONDS", 1e9)  # nothing is saved before
        with pytest.raises(OutputError, match="no space left") as error:
            paint(folder, "out.####.png", options, listen=listen)
    assert error.value.__notes__ == [f"give the same command again and it goes on after 0 of {FRAMES} frames"]
    paint(folder, "out.####.png", options)
    for number in range(FRAMES):
        assert (folder / f"out.{number:04}.png").read_bytes() == (folder / f"whole.{number:04}.png").read_bytes()


def killed(method: str, kills: int, output: str = "out.mp4") -> dict[str, object]:
    script = Path(__file__).with_name("killed_runs.py")
    command = [sys.executable, str(script), "--method", method, "--kills", str(kills), "--output", output]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


METHODS = pytest.mark.parametrize("method", ["feedforward", "optimize"])
FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and kill -9")


@FORKS
@METHODS
def test_a_run_that_is_killed_writes_the_same_file(method: str):
    report = killed(method, 3)
    assert (report["frames_differ"], report["same_bytes"]) == (0, True), report
    assert report["left_over"] == ["out.mp4.vidstyle.json"]


@FORKS
@pytest.mark.parametrize(("method", "output"), [("feedforward", "out.####.png"), ("optimize", "out.####.exr")])
def test_a_run_that_is_killed_writes_the_same_pictures(method: str, output: str):
    if output.endswith(".exr"):
        pytest.importorskip("OpenEXR")
    report = killed(method, 2, output)
    assert (report["frames_differ"], report["same_bytes"]) == (0, True), report
    assert report["left_over"] == [f"{output}.vidstyle.json"]


@FORKS
@METHODS
@pytest.mark.slow
def test_a_run_that_is_killed_fifty_times_writes_the_same_file(method: str):
    report = killed(method, 50)
    assert (report["frames_differ"], report["same_bytes"]) == (0, True), report
    assert sum(report["killed"].values()) == 50
    assert sum(report["full"].values()) > 0
    assert report["left_over"] == ["out.mp4.vidstyle.json"]
