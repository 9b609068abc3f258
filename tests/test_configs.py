"""The presets load, say how they are used, and a wrong config is one sentence."""

from dataclasses import fields
from pathlib import Path

import pytest
from fake_pipeline import ROOT, install, vidstyle_commands

from vidstyle.cli import execute
from vidstyle.core.errors import UsageError
from vidstyle.core.options import Options, load_options

CONFIGS = sorted((ROOT / "configs").glob("*.toml"))

# One value of each option that is not its default, as TOML writes it, and the same on the command line if it is there.
OTHER_VALUES = {
    "method": ('"optimize"', "--method optimize"),
    "network": ('"net.safetensors"', "--network net.safetensors"),
    "fit_steps": ("7", "--fit-steps 7"),
    "size": ("320", "--size 320"),
    "output_size": ("640", "--output-size 640"),
    "strength": ("0.5", "--strength 0.5"),
    "temporal": ("2", "--temporal 2"),
    "style_scale": ("1.5", "--style-scale 1.5"),
    "color": ('"source"', "--color source"),
    "seed": ("3", "--seed 3"),
    "flow": ('"raft-small"', "--flow raft-small"),
    "encoder": ('"vgg19"', "--encoder vgg19"),
    "device": ('"cuda:1"', "--device cuda:1"),
    "content_weight": ("0.2", None),
    "style_weight": ("2.0", None),
    "tv_weight": ("2.0", None),
    "optimize_steps": ("10", None),
    "follow_steps": ("10", None),
    "references": ("[1, 3]", None),
    "codec": ('"prores"', "--codec prores"),
    "crf": ("20", "--crf 20"),
    "audio": ('"none"', "--audio none"),
    "on_damage": ('"hold"', "--on-damage hold"),
    "fps": ('"24000/1001"', "--fps 24000/1001"),
    "gaps": ('"hold"', "--gaps hold"),
    "hdr": ('"tonemap"', "--hdr tonemap"),
    "deinterlace": ('"bwdif"', "--deinterlace bwdif"),
    "strict": ("true", None),  # a flag; tests/test_cli.py gives it
    "preroll": ("48", "--preroll 48"),
}


def test_there_are_three_presets():
    assert [path.stem for path in CONFIGS] == ["draft", "final", "standard"]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_first_line_is_the_command_that_uses_the_preset(path: Path, monkeypatch: pytest.MonkeyPatch):
    asked = install(monkeypatch)
    [command] = vidstyle_commands(path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# "))
    assert execute(command) == 0
    assert asked.options == load_options(path.stem)


def test_standard_is_the_defaults():
    assert load_options("standard") == load_options() == Options()


def test_every_option_is_listed_here():
    assert list(OTHER_VALUES) == [field.name for field in fields(Options)]


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_every_option_can_be_set_from_a_config(name: str, tmp_path: Path):
    config = tmp_path / "my.toml"
    config.write_text(f"{name} = {OTHER_VALUES[name][0]}")
    changed = load_options(config=config)
    assert getattr(changed, name) != getattr(Options(), name)


@pytest.mark.parametrize("name", [name for name, (_, flag) in OTHER_VALUES.items() if flag])
def test_an_option_on_the_command_line_wins_over_the_config(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asked = install(monkeypatch)
    config = tmp_path / "my.toml"
    config.write_text(f"{name} = {OTHER_VALUES[name][0]}")
    others = {"network": "other", "output_size": "100", "temporal": "1", "fps": "25", "preroll": "100"}
    default = others.get(name, str(getattr(Options(), name)))
    flag, value = OTHER_VALUES[name][1].split()
    assert execute(["run", "a.mp4", "--style", "b.jpg", flag, value]) == 0
    from_flag = asked.options
    assert execute(["run", "a.mp4", "--style", "b.jpg", "--config", str(config)]) == 0
    if name != "network":  # a config names files from where it lies
        assert asked.options == from_flag
    assert execute(["run", "a.mp4", "--style", "b.jpg", "--config", str(config), flag, default]) == 0
    assert str(getattr(asked.options, name)).removesuffix(".0") == default.removesuffix(".0")


def test_the_config_wins_over_the_preset_and_leaves_the_rest(tmp_path: Path):
    config = tmp_path / "my.toml"
    config.write_text("size = 320")
    mixed = load_options("draft", config)
    assert (mixed.size, mixed.fit_steps) == (320, load_options("draft").fit_steps)


def test_an_unknown_key_lists_the_known_ones(tmp_path: Path):
    config = tmp_path / "my.toml"
    config.write_text("sise = 320")
    with pytest.raises(UsageError, match="unknown sise") as error:
        load_options(config=config)
    assert all(field.name in str(error.value) for field in fields(Options))


@pytest.mark.parametrize(
    "line",
    [
        'size = "big"', "size = 1.5", "size = true", "size = 1", "strength = 2", "strength = nan", "strength = [1]",
        "crf = -1", "seed = 1" + "0" * 400, 'method = "paint"', "method = 3", "codec = []", "flow = 1",
        "network = 5", "network = true", "references = 1", 'references = ["a"]', "references = [1.5]",
        "references = [true]", "references = []", "references = [0]", "output_size = 'x'", "color = 0", "size =",
        "size = 1\nsize = 2", "[size]\nx = 1", "strict = 1", "strict = 'yes'", "preroll = -1",
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_sentence(line: str, tmp_path: Path):
    config = tmp_path / "my.toml"
    config.write_text(line)
    with pytest.raises(UsageError, match=r"my\.toml: .*\.$") as error:
        load_options(config=config)
    assert "\n" not in str(error.value)


def test_a_missing_config_and_preset_are_one_sentence(tmp_path: Path):
    with pytest.raises(UsageError, match="cannot be read"):
        load_options(config=tmp_path / "none.toml")
    with pytest.raises(UsageError, match="choose one of draft, final, standard"):
        load_options("best")
