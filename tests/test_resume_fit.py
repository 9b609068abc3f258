"""Runs that were stopped: a fit goes on where it was saved, and a finished fit is not done again."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save
from small_fit import pairs, random_network, settings
from stopped_runs import FRAMES, QUICK, is_whole, paint, until
from style_images import noise

from vidstyle.core.progress import Progress
from vidstyle.encoders import load_encoder
from vidstyle.painting.feedforward.fit import fit
from vidstyle.painting.style import StyleTarget
from vidstyle.painting.style_picture import Style
from vidstyle.run.pipeline import preview_video
from vidstyle.run.plan import Selection
from vidstyle.run.resume.folder import work_folder


@pytest.mark.parametrize(("changes", "fits"), [({"strength": 0.5, "crf": 20}, False), ({"seed": 1}, True)])
def test_restart_repeats_the_fit_only_if_the_change_affects_it(folder: Path, changes: dict[str, float], fits: bool):
    stages: list[str] = []
    paint(folder, "out.mp4", replace(QUICK, **changes), restart=True, listen=lambda step: stages.append(step.stage))
    assert ("fit" in stages) == fits
    assert stages.count("paint") == FRAMES
    paint(folder, "fresh.mp4", replace(QUICK, **changes))
    assert (folder / "out.mp4").read_bytes() == (folder / "fresh.mp4").read_bytes()


def test_a_network_written_by_the_stopped_run_is_accepted(folder: Path):
    options = replace(QUICK, network=folder / "net.safetensors")
    with pytest.raises(KeyboardInterrupt):
        paint(folder, "other.mp4", options, listen=until(3))
    assert (folder / "net.safetensors").exists()
    paint(folder, "other.mp4", options)
    assert (folder / "other.mp4").read_bytes() == (folder / "whole.mp4").read_bytes()


def test_a_fit_continues_where_it_was_stopped(folder: Path):
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


def test_the_state_of_a_fit_is_complete():
    encoder, saved = load_encoder("builtin"), dict[int, bytes]()
    target = StyleTarget([noise(1)], [1.0], encoder)
    networks = [random_network(pairs(), target) for _ in range(2)]
    fit(networks[0], pairs(), encoder, target, settings(5), lambda step, _, state: saved.update({step: save(state())}))
    fit(networks[1], pairs(), encoder, target, settings(5), resume_from=load(saved[2]))
    whole, later = (network.state_dict() for network in networks)
    assert all(torch.equal(value, later[name]) for name, value in whole.items())


def test_a_stopped_preview_saves_only_the_fit(folder: Path):
    arguments = (folder / "clip.mp4", [Style(folder / "style.png")], folder / "look.mp4", QUICK, Selection((0, FRAMES - 1)))
    with pytest.raises(KeyboardInterrupt) as stop:
        preview_video(*arguments, listen=until(4))
    assert stop.value.__notes__[0].endswith("goes on after the fit")
    stages: list[str] = []
    preview_video(*arguments, listen=lambda step: stages.append(step.stage))
    assert stages == ["resume"] + ["paint"] * FRAMES
    assert (folder / "look.mp4").read_bytes() == (folder / "whole.mp4").read_bytes()
