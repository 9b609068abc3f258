"""The registry of methods: what each looks back at and uses, that naming them is quick, and that a new one is one line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from negative_method import Negative
from video_clips import make_clip

from vidstyle.core.errors import UsageError
from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.painting import methods
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.network_file import save_network
from vidstyle.painting.methods import METHODS, find_method, unused_options, way_to_use
from vidstyle.painting.style_picture import Style
from vidstyle.run.pipeline import stylize_video
from vidstyle.run.plan import plan_video
from vidstyle.run.unused import refuse_unused
from vidstyle.video import open_source

QUICK = Options(size=48, device="cpu", crf=0)
FITTED = replace(QUICK, method="feedforward", fit_steps=1)
EVERY_FRAME = Options(key_every=1, strokes=0)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mp4", frames=4, size=(48, 32))


@pytest.fixture
def style(tmp_path: Path) -> list[Style]:
    write_png(tmp_path / "style.png", torch.rand(3, 40, 40, generator=torch.Generator().manual_seed(0)))
    return [Style(tmp_path / "style.png")]


def warnings_of(clip: Path, style: list[Style], options: Options, given: Iterable[str]) -> list[str]:
    plan = plan_video(clip, style, options=options, given=set(given))
    return [warning for warning in plan.warnings if "no effect" in warning]


def test_a_method_is_added_by_one_line(clip: Path, style: list[Style], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(METHODS, "negative", Negative())
    result = stylize_video(clip, style, options=replace(QUICK, method="negative", codec="ffv1"), target=clip.with_name("n.mkv"))
    pairs = zip(open_source(clip).decode(), open_source(result.plan.target).decode(), strict=True)
    # Two codes: one for each way between RGB and the codec's YUV.
    assert all(float((1 - source.image - written.image).abs().mean()) < 2 / 255 for source, written in pairs)


def test_an_unknown_method_is_refused_with_the_names_of_all():
    with pytest.raises(UsageError, match="feedforward, optimize"):
        find_method("wavelets")


def test_naming_the_methods_loads_no_torch():
    code = "import sys, vidstyle.painting.methods; print(sorted({'torch', 'cv2', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=Path(__file__).parent.parent)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(("options", "references"), [
    (Options(), (1,)), (Options(temporal=0), ()), (Options(references=(1, 3)), (1,)),
    (Options(method="feedforward"), (1,)), (Options(method="feedforward", temporal=0), ()),
    (replace(EVERY_FRAME, references=(1, 3)), (1, 3)), (replace(EVERY_FRAME, references=(1, 3), temporal=0), ())])
def test_the_references_of_each_method(options: Options, references: tuple[int, ...]):
    assert find_method(options.method).references(options) == references


def test_every_option_that_a_method_uses_is_an_option():
    names = set(Options.__dataclass_fields__)
    assert all(method.uses(replace(options, method=name)) <= names
               for name, method in METHODS.items() for options in (Options(), Options(forms=0.5), EVERY_FRAME))


def test_options_that_a_method_does_not_use_are_named():
    fitted, keys = Options(method="feedforward"), {"key_every", "forms"}
    given = {"seed", "network", "fit_steps", "encoder", "optimize_steps", "references", "temporal", "crf", "strokes", *keys}
    descent = ["encoder", "optimize_steps"]
    assert unused_options(Options(), given) == sorted([*descent, "fit_steps", "network", "references"])
    assert unused_options(Options(forms=0.5), given) == ["fit_steps", "network", "references"]
    assert unused_options(EVERY_FRAME, given) == ["fit_steps", "network", "seed"]
    nothing = Options(strokes=0, forms=0)
    assert unused_options(nothing, given) == sorted([*descent, "fit_steps", "network", "references", "seed"])
    assert unused_options(fitted, given) == sorted([*keys, "optimize_steps", "references"])


@pytest.mark.parametrize(("name", "options", "way"), [
    ("network", Options(), {"method": "feedforward"}), ("fit_steps", EVERY_FRAME, {"method": "feedforward"}),
    ("encoder", Options(), {"forms": 0.5}), ("content_weight", Options(strokes=0, forms=0), {"forms": 0.5}),
    ("seed", EVERY_FRAME, {"strokes": 1}), ("references", Options(), {"key_every": 1, "strokes": 0}),
    ("follow_steps", Options(forms=0.5), {"key_every": 1, "strokes": 0, "forms": 1}),
    ("forms", Options(method="feedforward"), {"strokes": 1}),
    ("forms", Options(method="palette"), {"method": "feedforward", "strokes": 1}),
    ("optimize_steps", Options(method="feedforward"), {"method": "optimize", "forms": 0.5}), ("crf", Options(), None)])
def test_what_makes_an_option_work_is_found(name: str, options: Options, way: dict[str, Any] | None):
    assert way_to_use(name, options) == way


def test_a_plan_warns_of_options_that_its_method_does_not_use(clip: Path, style: list[Style]):
    options = replace(QUICK, network=clip.with_name("net.safetensors"))
    assert warnings_of(clip, style, options, {"network", "fit_steps", "encoder", "temporal"}) == [
        "--encoder has no effect: give --forms 0.5 too, or leave it out.",
        "--fit-steps, --network have no effect: give --method feedforward too, or leave them out."]
    assert warnings_of(clip, style, options, {"temporal", "size", "seed"}) == []


def test_a_command_with_options_that_its_method_does_not_use_is_refused(tmp_path: Path):
    network = tmp_path / "net.safetensors"
    with pytest.raises(UsageError, match=r"^--network has no effect: give --method feedforward too, or leave it out\.$"):
        refuse_unused({"network", "seed"}, Options(network=network))
    refuse_unused({"network", "seed"}, Options(network=network, method="feedforward"))
    with pytest.raises(UsageError, match=r"^--follow-steps has no effect: give --key-every 1 --strokes 0 too, or leave it out"):
        refuse_unused({"follow_steps"}, Options())
    refuse_unused({"network"}, Options(strength=0))  # a warning
    save_network(PaintNetwork(width=8, blocks=1), network, {})
    refuse_unused({"network", "seed"}, Options(network=network, method="feedforward"))  # a warning
    with pytest.raises(UsageError, match=r"^--follow-init has no effect: give --passes 1 too, or leave it out"):
        refuse_unused({"follow_init"}, Options(key_every=1, strokes=0.0, passes=3))
    with pytest.raises(UsageError, match=r"^--fit-steps has no effect: --method optimize does not use it\. --network has no"):
        refuse_unused({"network", "fit_steps"}, Options(network=network))


def test_a_plan_warns_of_options_that_a_fitted_network_cannot_follow(clip: Path, style: list[Style], tmp_path: Path):
    options = replace(FITTED, network=tmp_path / "net.safetensors")
    given = {"network", "temporal", "style_scale", "seed", "style_weight"}
    assert warnings_of(clip, style, options, given) == []  # it will be fitted with all of them
    stylize_video(clip, style, tmp_path / "a.mp4", options)
    [warning] = warnings_of(clip, style, options, given)
    assert warning == (f"--seed, --style-scale, --style-weight, --temporal have no effect: the network {options.network} is "
                       "used as it was made.")
    [warning] = warnings_of(clip, style, replace(options, temporal=0.0), {"temporal", "seed"})
    assert warning.startswith("--seed has no effect")


@pytest.mark.parametrize("method", METHODS)
def test_strength_zero_builds_nothing_and_warns(clip: Path, style: list[Style], method: str, monkeypatch: pytest.MonkeyPatch):
    def build(_: object) -> None:
        raise AssertionError("a painter was built")

    monkeypatch.setattr(type(METHODS[method]), "build", lambda self, job: build(job))
    options = replace(QUICK, method=method, strength=0.0, codec="ffv1")
    result = stylize_video(clip, style, clip.with_name("same.mkv"), options)
    pairs = zip(open_source(clip).decode(), open_source(result.plan.target).decode(), strict=True)
    assert all(torch.equal(source.image, written.image) for source, written in pairs)
    [warning] = warnings_of(clip, style, options, {"seed", "strength", "crf"})
    assert warning == "--seed has no effect: with --strength 0 the source is written and nothing is painted."


def test_a_plan_warns_of_what_only_sequences_and_ranges_use(clip: Path, style: list[Style]):
    assert warnings_of(clip, style, QUICK, {"gaps"}) == [
        "--gaps has no effect: a movie keeps its own times and has no missing files."]
    assert warnings_of(clip, style, QUICK, {"preroll"}) == [
        "--preroll has no effect: the range begins with the clip's first frame."]


def test_the_fixture_method_is_not_registered():
    assert "negative" not in methods.METHODS
