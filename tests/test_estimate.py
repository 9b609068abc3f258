"""`--dry-run`: shots, key frames, disk and state against what a run then does; nothing is written but temporary files."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from negative_method import Negative
from sequence_files import make_sequence
from style_images import bricks
from three_shots import CUTS, shots
from video_clips import make_clip

from vidstyle.cli import execute
from vidstyle.core.curve import parse_number
from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.core.parse import KeyPicture
from vidstyle.core.progress import Progress
from vidstyle.painting import methods
from vidstyle.painting.style_picture import Style
from vidstyle.run import estimate as estimating
from vidstyle.run import estimate_sample
from vidstyle.run.estimate import Samples, estimate
from vidstyle.run.pipeline import run, stylize_video
from vidstyle.run.plan import Plan, Selection, plan_video
from vidstyle.temporal import key_frames

QUICK = Options(size=48, strokes=0.0, forms=0.0, device="cpu")
"""Key frames without strokes, which take no time."""


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """45 frames of three shots."""
    monkeypatch.setitem(methods.METHODS, "negative", Negative())
    write_png(tmp_path / "style.png", bricks())
    return make_clip(tmp_path / "clip.mp4", frames=45, picture=shots)


def planned(clip: Path, options: Options, frames: tuple[int, int] | None = None, name: str = "out.mp4") -> Plan:
    return plan_video(clip, [Style(clip.with_name("style.png"))], clip.with_name(name), options, Selection(frames),
                      overwrite=True)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(("frames", "expected"), [
    (None, [(0, CUTS[0] - 1), (CUTS[0], CUTS[1] - 1), (CUTS[1], 44)]), ((10, 20), [(10, CUTS[0] - 1), (CUTS[0], 20)]),
    ((CUTS[1], 40), [(CUTS[1], 40)])], ids=["whole", "range", "shot"])
def test_shots_are_those_that_are_written(clip: Path, frames: tuple[int, int] | None,
                                          expected: list[tuple[int, int]]) -> None:
    before = files(clip.parent)
    found = estimate(planned(clip, Options(method="negative", device="cpu"), frames))
    assert list(found.shots) == expected
    assert found.key_frames is None
    assert found.seconds == pytest.approx(sum(found.parts.values()))
    assert found.memory is None or found.memory > 50_000_000  # torch alone takes more
    assert files(clip.parent) == before


@pytest.mark.parametrize(("every", "more"), [
    (5, {}), (0, {}), (5, {"temporal": parse_number("0:1 33:0 40:1 hold", "temporal")}), (5, {"key": (7, 18, 22)}),
    (3, {"key": (2, 11)})], ids=["every 5", "auto", "curve", "painted", "painted early"])
def test_key_frames_are_about_those_that_are_painted(clip: Path, every: int, more: dict[str, Any],
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    """The truth is counted while the run paints; with a fixed distance the estimate is exact. Painted ones do not count."""
    write_png(clip.with_name("key.png"), torch.rand(3, 64, 96))
    given = more.get("key", ())
    more = more | {"key": tuple(KeyPicture(number, clip.with_name("key.png")) for number in given)}
    plan = planned(clip, replace(QUICK, key_every=every, **more))
    expected = estimate(plan).key_frames
    painted, find = [-len(given)], key_frames.find_intervals

    def counting(*arguments: object):  # type: ignore[no-untyped-def]
        for interval in find(*arguments):  # type: ignore[arg-type]
            painted[0] += 1
            yield interval

    monkeypatch.setattr(key_frames, "find_intervals", counting)
    run(plan)
    assert expected is not None
    assert expected == painted[0] if every else 0.6 < expected / painted[0] < 1.7


def test_the_preroll_counts(clip: Path) -> None:
    found = estimate(planned(clip, replace(QUICK, size=96, key_every=4), (20, 24)))
    assert found.preroll == 20 - CUTS[0]
    assert found.shots == ((20, 24),)
    assert found.key_frames == 1 + 3  # frames 14 to 24: at 14, 18, 22 and 26


@pytest.mark.parametrize("name", ["out.mp4", "out.####.png"])
def test_a_run_of_a_few_frames_is_measured_as_it_is(clip: Path, name: str) -> None:
    """Of so few frames all are painted, and so the size of the output is known to the byte."""
    options = Options(method="negative", device="cpu", compare="side")
    found = estimate(planned(clip, options, (2, 7), name))
    stylize_video(clip, [Style(clip.with_name("style.png"))], clip.with_name(name), options, Selection((2, 7)))
    outputs = [path for path in clip.parent.glob("out*") if path.suffix in (".mp4", ".png")]
    assert found.output_bytes == pytest.approx(sum(path.stat().st_size for path in outputs), abs=6)
    assert found.disk_bytes > found.output_bytes


def test_runs_that_are_alike_share_a_sample(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[tuple[int, int]] = []
    measure = estimating.measure

    def counted(plan, frames, listen):  # type: ignore[no-untyped-def]
        measured.append(frames)
        return measure(plan, frames, listen)

    monkeypatch.setattr(estimating, "measure", counted)
    samples: Samples = {}
    options = Options(method="negative", device="cpu")
    for other in (planned(clip, options), planned(clip, options, (31, 40)), planned(clip, replace(options, size=32))):
        estimate(other, samples=samples)
    assert measured == [(14, 30), (14, 30)]  # the longest shot; of the third run, which paints at another size


def test_a_fit_is_estimated_by_a_few_steps(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate_sample, "FIT_STEPS", 2)
    samples: Samples = {}
    network = clip.with_name("net.safetensors")
    options = replace(QUICK, method="feedforward", size=32, network=network, fit_steps=10_000)
    found = estimate(planned(clip, options, (0, 3)), samples=samples)
    [sample] = samples.values()
    assert sample.fit_step > 0
    assert found.parts["prepare"] == pytest.approx(sample.prepare + 10_000 * sample.fit_step)
    assert not network.exists()


def dry_run(clip: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict:  # type: ignore[type-arg]
    command = ["run", str(clip), "--style", str(clip.with_name("style.png")), "--method", "negative", "--device", "cpu"]
    assert execute([*command, *words, "--dry-run", "--json"]) == 0
    found: dict = json.loads(capsys.readouterr().out.splitlines()[-1])["plans"][0]  # type: ignore[type-arg]
    return found


def test_what_becomes_of_an_output_is_said(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dry_run(clip, capsys)["state"] == "new"
    target, options = clip.with_name("clip_style.mp4"), Options(method="negative", device="cpu")

    def stop(progress: Progress) -> None:
        if progress.stage == "paint" and progress.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stylize_video(clip, [Style(clip.with_name("style.png"))], target, options, listen=stop)
    assert dry_run(clip, capsys)["state"] == "begun, and goes on where it was stopped"
    stylize_video(clip, [Style(clip.with_name("style.png"))], target, options)
    before = files(clip.parent)
    assert dry_run(clip, capsys)["state"] == "is finished; give --overwrite to replace it"
    assert "other settings (strength was 1.0 and is 0.5)" in dry_run(clip, capsys, "--strength", "0.5")["state"]
    assert dry_run(clip, capsys, "--overwrite")["state"] == "is finished; is replaced"
    assert files(clip.parent) == before


def test_a_list_says_what_is_skipped_and_adds_up(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    style = clip.with_name("style.png")
    stylize_video(clip, [Style(style)], clip.with_name("a.mp4"), Options(method="negative", device="cpu"), Selection((0, 5)))
    rows = ["clip,frames,output", "clip.mp4,0-5,a.mp4", "clip.mp4,10-19,b.mp4", "clip.mp4,0-44,c.mp4"]
    clip.with_name("shots.csv").write_text("\n".join(rows))
    before = files(clip.parent)
    command = ["batch", str(clip.with_name("shots.csv")), "--style", str(style), "--method", "negative", "--device", "cpu",
               "--dry-run"]
    assert execute([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [plan["skipped"] for plan in found["plans"]] == [True, False, False]
    estimates = [plan["estimate"] for plan in found["plans"][1:]]
    assert found["plans"][0]["estimate"] is None
    assert (found["total"]["skipped"], found["total"]["frames"]) == (1, 55)
    assert found["total"]["seconds"] == pytest.approx(sum(each["seconds"] for each in estimates))
    assert execute(command) == 0
    assert re.match(r"3 shots, 1 skipped; 55 frames to paint: about \d+:\d\d", capsys.readouterr().out.splitlines()[-1])
    assert files(clip.parent) == before


def test_images_have_an_estimate_too(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pattern = make_sequence(clip.parent, range(1001, 1005))
    command = ["run", str(pattern), "--style", str(clip.with_name("style.png")), "--method", "negative", "--device", "cpu"]
    assert execute([*command, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "every frame, 4" in out
    assert list(clip.parent.glob("*negative*")) == []
