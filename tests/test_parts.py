"""A clip painted in parts: joined, it is the very file that one process writes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from stopped_runs import save_often, until
from three_shots import CUTS, shots
from video_clips import make_clip

from vidstyle.core.errors import UsageError
from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.core.progress import Progress
from vidstyle.painting.style_picture import Style
from vidstyle.run import parts, pipeline
from vidstyle.run.manifest_file import manifest_path
from vidstyle.run.parts import PaintedPart, join, paint_part, parts_of, split
from vidstyle.run.plan import Plan, Selection, plan_video
from vidstyle.run.resume.folder import work_folder
from vidstyle.video.write import segment

FRAMES, LENGTH = 46, 8
BY_KEYS = Options(size=64, strokes=0.0, forms=0.0, device="cpu")  # key frames; strokes would take most of the time here
FITTED = Options(method="feedforward", fit_steps=2, size=48, device="cpu")
PLAIN = Options(size=48, strokes=0, forms=0.0, temporal=0, device="cpu")  # every frame on its own
WANTED = [(0, 13), (14, 30), (31, 45)]


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    save_often(monkeypatch)
    assert segment.LENGTH == LENGTH


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    make_clip(folder / "clip.mp4", frames=FRAMES, size=(64, 48), picture=shots, sound=[("aac", "eng")])
    write_png(folder / "style.png", torch.rand(3, 24, 32, generator=torch.Generator().manual_seed(0)).repeat_interleave(6, 1)
              .repeat_interleave(6, 2))
    return folder


def plan(media: Path, target: Path, options: Options, frames: tuple[int, int] | None = None) -> Plan:
    return plan_video(media / "clip.mp4", [Style(media / "style.png")], target, options, Selection(frames))


def painted(plan: Plan, found: list[tuple[int, int]]) -> list[PaintedPart]:
    """Paint the parts, the last one first."""
    done = {part: paint_part(plan, part) for part in reversed(found)}
    return [done[part] for part in found]


def facts(target: Path) -> dict[str, object]:
    """What the manifest states, without what differs from run to run; a network's file does in the order of its metadata."""
    stated = json.loads(manifest_path(target).read_text())
    return {name: value for name, value in stated.items() if name not in ("seconds", "network")}


@pytest.mark.parametrize(("name", "options", "frames"), [
    ("out.mp4", BY_KEYS, None), ("out.mp4", BY_KEYS, (3, 44)), ("out.mkv", FITTED, None), ("out.mov", PLAIN, (10, 45)),
    ("out.mp4", replace(BY_KEYS, strength=0.0), None), ("out.####.png", BY_KEYS, (5, 45))])
def test_the_joined_file_is_that_of_one_process(media: Path, tmp_path: Path, name: str, options: Options,
                                                frames: tuple[int, int] | None):
    (tmp_path / "one").mkdir()
    whole, target = tmp_path / "one" / name, tmp_path / name
    one = pipeline.run(plan(media, whole, options, frames))
    split_plan = plan(media, target, options, frames)
    found = split(split_plan, 6)
    assert len(found) >= 3
    joined = join(split_plan, painted(split_plan, found))
    assert joined.frame_hashes == one.frame_hashes
    files = sorted(path for path in whole.parent.iterdir() if path.suffix == whole.suffix)
    assert len(files) == (1 if "#" not in name else 41)
    for file in files:
        assert file.read_bytes() == (tmp_path / file.name).read_bytes()
    expected = facts(whole)
    for description in (expected["source"], *expected["styles"]):
        description["path"] = description["path"].removeprefix("../")
    assert facts(target) == expected
    assert joined.losses == one.losses
    assert not work_folder(target).exists()


def test_parts_begin_at_cuts(media: Path, tmp_path: Path):
    assert CUTS == (14, 31)
    whole = plan(media, tmp_path / "out.mp4", BY_KEYS)
    assert split(whole, 6) == parts_of(whole.target) == WANTED
    again = split(whole, 17)  # an unfinished run keeps its parts
    assert again == WANTED
    assert split(plan(media, tmp_path / "long.mp4", BY_KEYS), 15) == [(0, 30), (31, 45)]
    assert split(plan(media, tmp_path / "one.mp4", BY_KEYS), 24) == [(0, 45)]
    assert not work_folder(tmp_path / "one.mp4").exists()


def test_a_part_that_was_stopped_goes_on(media: Path, tmp_path: Path):
    """Stopped in the samples before its first segment, in a segment, and in the samples after the last."""
    one = pipeline.run(plan(media, tmp_path / "one.mp4", BY_KEYS))
    whole = plan(media, tmp_path / "out.mp4", BY_KEYS)
    done, steps = list[PaintedPart](), list[int]()
    for part in split(whole, 6):
        for stop in (1, 5, 9, 13):
            with pytest.raises(KeyboardInterrupt):
                paint_part(whole, part, listen=until(stop))
        done.append(paint_part(whole, part, listen=lambda step: steps.append(step.done) if step.stage == "paint" else None))
    assert steps == [13, 14, *range(13, 18), *range(13, 16)]
    assert join(whole, done).frame_hashes == one.frame_hashes
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "out.mp4").read_bytes()


def test_a_plain_run_goes_on_in_parts(media: Path, tmp_path: Path):
    one = pipeline.run(plan(media, tmp_path / "one.mp4", BY_KEYS))
    whole, steps = plan(media, tmp_path / "out.mp4", BY_KEYS), list[Progress]()
    split(whole, 6)
    paint_part(whole, WANTED[1])
    with pytest.raises(UsageError, match="seed was 0 and is 3"):
        pipeline.run(plan(media, whole.target, replace(BY_KEYS, seed=3)))
    result = pipeline.run(whole, listen=steps.append)
    assert result.frame_hashes == one.frame_hashes
    assert [step.done for step in steps if step.stage == "paint"] == [*range(1, 15), 31, *range(32, 47)]
    assert {step.total for step in steps if step.stage == "paint"} == {FRAMES}
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "out.mp4").read_bytes()


def test_restart_drops_the_parts(media: Path, tmp_path: Path):
    whole = plan(media, tmp_path / "out.mp4", BY_KEYS)
    split(whole, 6)
    paint_part(whole, WANTED[1])
    steps = list[int]()
    pipeline.run(whole, restart=True, listen=lambda step: steps.append(step.done) if step.stage == "paint" else None)
    assert steps == list(range(1, FRAMES + 1))
    assert not work_folder(whole.target).exists()


def test_a_run_that_was_begun_whole_is_not_split(media: Path, tmp_path: Path):
    whole = plan(media, tmp_path / "out.mp4", BY_KEYS)
    with pytest.raises(KeyboardInterrupt):
        pipeline.run(whole, listen=until(20))
    assert split(whole, 6) == [(0, 45)]
    steps = list[int]()
    pipeline.run(whole, listen=lambda step: steps.append(step.done) if step.stage == "paint" else None)
    assert steps[0] == 21


def test_a_network_is_fitted_once(media: Path, tmp_path: Path):
    whole, stages = plan(media, tmp_path / "out.mp4", FITTED), list[str]()
    found = split(whole, 6, listen=lambda step: stages.append(step.stage))
    assert stages.count("fit") == 2
    stages.clear()
    for part in found:
        paint_part(whole, part, listen=lambda step: stages.append(step.stage))
    assert set(stages) == {"paint"}


def test_another_machine_is_refused(media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = plan(media, tmp_path / "out.mp4", BY_KEYS)
    split(whole, 6)
    here = parts.describe_machine("cpu")
    monkeypatch.setattr(parts, "describe_machine", lambda device: here | {"device": "cpu (other)"})
    with pytest.raises(UsageError, match=r"device was cpu .* and is cpu \(other\)"):
        paint_part(whole, WANTED[0])


def test_an_unfinished_run_keeps_its_number_of_threads(media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole, before = plan(media, tmp_path / "out.mp4", PLAIN), torch.get_num_threads()
    with pytest.raises(KeyboardInterrupt):
        pipeline.run(whole, listen=until(20))
    torch.set_num_threads(before + 1)
    try:
        seen = set[int]()
        pipeline.run(whole, listen=lambda step: seen.add(torch.get_num_threads()))
        assert seen == {before}
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)
    assert json.loads((tmp_path / "out.mp4.vidstyle.json").read_text())["threads"]["torch"] == before
