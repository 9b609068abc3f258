"""Options: the presets, config files, what was given by the user, and the sentence for a wrong value."""

import inspect
from dataclasses import fields, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from fake_pipeline import ROOT, Asked, install, vidstyle_commands

from vidstyle.cli import execute
from vidstyle.cli.request import read_request
from vidstyle.core.config import given_options, load_config, load_options
from vidstyle.core.declare import options_of
from vidstyle.core.errors import UsageError
from vidstyle.core.options import Options
from vidstyle.core.parse import parse_key
from vidstyle.core.train_options import TrainOptions
from vidstyle.painting.style_picture import Style
from vidstyle.run.plan import Selection

CONFIGS = sorted((ROOT / "configs").glob("*.toml"))

# One value of each option that is not its default, as TOML writes it, and the same on the command line if it is there.
OTHER_VALUES = {
    "fps": ('"24000/1001"', "--fps 24000/1001"),
    "gaps": ('"hold"', "--gaps hold"),
    "on_damage": ('"hold"', "--on-damage hold"),
    "preroll": ("48", "--preroll 48"),
    "strength": ("0.5", "--strength 0.5"),
    "temporal": ("2", "--temporal 2"),
    "style_scale": ("1.5", "--style-scale 1.5"),
    "color": ('"source"', "--color source"),
    "color_from": ('"grade.png"', "--color-from grade.png"),
    "color_map": ('"symmetric"', "--color-map symmetric"),
    "palette": ('"scene.safetensors"', "--palette scene.safetensors"),
    "seed": ("3", "--seed 3"),
    "key": ('"12=a.png"', "--key 12=a.png"),
    "keys": ('"k_####.png"', "--keys k_####.png"),
    "matte": ('["face.png"]', "--matte face.png"),
    "key_every": ("6", "--key-every 6"),
    "strokes": ("0.5", "--strokes 0.5"),
    "forms": ("0.5", "--forms 0.5"),
    "stroke_direction": ('"edges"', "--stroke-direction edges"),
    "stroke_size": ('"detail"', "--stroke-size detail"),
    "boil": ('"twos"', "--boil twos"),
    "refresh": ("4.0", "--refresh 4"),
    "method": ('"feedforward"', "--method feedforward"),
    "network": ('"net.safetensors"', "--network net.safetensors"),
    "fit_steps": ("7", "--fit-steps 7"),
    "size": ("320", "--size 320"),
    "flow": ('"raft-small"', "--flow raft-small"),
    "encoder": ('"vgg19"', "--encoder vgg19"),
    "device": ('"cuda:1"', "--device cuda:1"),
    "content_weight": ("0.2", None),
    "style_weight": ("2.0", None),
    "tv_weight": ("2.0", None),
    "optimize_steps": ("10", None),
    "follow_steps": ("10", None),
    "references": ("[1, 3]", None),
    "passes": ("3", None),
    "init": ('"noise"', None),
    "follow_init": ('"source"', None),
    "optimizer": ('"lbfgs"', None),
    "style_loss": ('"covariance"', None),
    "style_layers": ('["relu1_1", "relu4_1=2"]', None),
    "pooling": ('"l2"', None),
    "output_size": ("640", "--output-size 640"),
    "codec": ('"h264"', "--codec h264"),
    "crf": ("20", "--crf 20"),
    "audio": ('"none"', "--audio none"),
    "hdr": ('"tonemap"', "--hdr tonemap"),
    "deinterlace": ('"force"', "--deinterlace force"),
    "compare": ('"side"', "--compare side"),
    "strict": ("true", None),  # a flag; tests/test_cli.py gives it
}
# What some of them need to have an effect, on the command line.
NEEDS = {"color_from": ["--color", "match"], "color_map": ["--color", "match"],
         "network": ["--method", "feedforward"], "fit_steps": ["--method", "feedforward"], "encoder": ["--forms", "0.5"]}


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


def test_the_command_line_has_the_options_that_are_declared_for_it():
    on_command_line = {name for name, option in options_of(Options).items() if option.command_line}
    assert on_command_line == {name for name, (_, words) in OTHER_VALUES.items() if words} | {"strict"}


@pytest.mark.parametrize("record", [Options, TrainOptions])
def test_every_option_has_a_help_sentence(record: type):
    for name, option in options_of(record).items():
        assert option.full_help.endswith("."), name
        assert option.panel or not option.command_line, name


def test_an_option_of_both_records_is_declared_once():
    of_run, of_train = options_of(Options), options_of(TrainOptions)
    shared = of_run.keys() & of_train.keys() - {"size"}  # one size for a run, several for a training
    plain = {name: replace(of_run[name], keyframed=False, parse=of_train[name].parse) for name in shared}
    assert {name: of_train[name] for name in shared} == plain  # a training has no clip over which a number could change
    assert shared >= {"style_scale", "temporal", "seed", "flow", "encoder", "device", "content_weight"}


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
    others = {"network": "other", "palette": "other", "color_from": "other", "matte": "other", "output_size": "100",
              "temporal": "1", "fps": "25", "preroll": "100", "forms": "1", "strokes": "1", "key_every": "1",
              "refresh": "2", "keys": "o_####.png", "key": "3=o.png", "stroke_size": "other"}
    default = others.get(name, str(getattr(Options(), name)))
    flag, value = OTHER_VALUES[name][1].split()
    words = ["run", "a.mp4", "--style", "b.jpg", *NEEDS.get(name, [])]
    assert execute([*words, flag, value]) == 0
    from_flag = asked.options
    assert execute([*words, "--config", str(config)]) == 0
    if name not in ("network", "palette", "matte", "color_from", "key", "keys"):  # a config names files from where it lies
        assert asked.options == from_flag
    assert execute([*words, "--config", str(config), flag, default]) == 0
    value = getattr(asked.options, name)
    expected = str(parse_key(default)) if name == "key" else default
    assert str(value[0] if isinstance(value, tuple) else value).removesuffix(".0") == expected.removesuffix(".0")


def test_the_config_wins_over_the_preset_and_leaves_the_rest(tmp_path: Path):
    config = tmp_path / "my.toml"
    config.write_text("size = 300")
    mixed = load_options("draft", config)
    assert (mixed.size, mixed.crf) == (300, load_options("draft").crf)


def test_options_of_a_preset_do_not_count_as_given(tmp_path: Path):
    config = tmp_path / "my.toml"
    config.write_text("size = 320\ncodec = 'h264'")
    assert given_options() == frozenset()
    assert given_options(None, crf=9, strict=None) == {"crf"}
    assert given_options(config, crf=9, size=None) == {"size", "codec", "crf"}


def test_options_that_were_given_reach_the_request(tmp_path: Path):
    config = tmp_path / "my.toml"
    config.write_text("size = 320")
    words = {"style": ["a.jpg"], "preset": "final", "config": config}
    request = read_request(several=False, **no_options() | words | {"seed": 0})
    assert request.given == {"size", "seed"}
    assert (request.options.size, request.options.crf) == (320, load_options("final").crf)


def no_options() -> dict[str, Any]:
    """What the command line passes on where nothing is given."""
    shown = inspect.signature(read_request).parameters.values()
    return {word.name: word.default for word in shown if word.name not in ("several", "style")}


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
        "crf = -1", "seed = 1" + "0" * 400, "method = 3", "codec = []", "flow = 1",
        "network = 5", "network = true", "references = 1", 'references = ["a"]', "references = [1.5]",
        "references = [true]", "references = []", "references = [0]", "output_size = 'x'", "color = 0", "size =",
        "references = [65]", "references = [[1]]", "fps = 0", "fps = true", "fps = [24]", 'codec = "h265"',
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


def test_references_are_sorted_and_without_repeats():
    assert Options(references=(4, 1, 2, 1)).references == (1, 2, 4)
    assert Options(references=(2,)).references == (2,)


@pytest.mark.parametrize("references", [(), (0,), (-1,), (65,), (1.0,), (True,), [1], 1])
def test_references_are_distances_from_1_to_64(references: Any):
    with pytest.raises(UsageError, match=r"^references is .*\.$"):
        Options(references=references)


@pytest.mark.parametrize(
    ("name", "value"),
    [("steps", 0), ("steps", 1.5), ("size", ()), ("size", (16,)), ("size", ("a",)), ("rate", -1), ("workers", "two"),
     ("device", 3), ("temporal", float("inf"))],
)  # fmt: skip
def test_a_wrong_option_of_a_training_is_one_sentence(name: str, value: Any):
    with pytest.raises(UsageError, match=rf"^{name} is .*; give .*\.$"):
        TrainOptions(**{name: value})


def test_a_rate_is_a_fraction_in_python():
    with pytest.raises(UsageError, match="fps is 24"):
        Options(fps=24)  # type: ignore[arg-type]
    assert Options(fps=Fraction(24)).fps == 24


@pytest.mark.parametrize("codec", ["prores", "dnxhr", "ffv1"])
def test_a_codec_without_crf_is_refused_with_one(codec: str, tmp_path: Path, asked: Asked, capsys):
    config = tmp_path / "my.toml"
    words = ["run", "a.mov", "--style", "b.jpg"]
    for text, more in ((f'codec = "{codec}"\ncrf = 9', []), (f'codec = "{codec}"', ["--crf", "9"]),
                       ("crf = 9", ["--codec", codec])):
        config.write_text(text)
        assert execute([*words, "--config", str(config), *more]) == 2
        assert capsys.readouterr().err == (
            f"vidstyle: crf is given and {codec} has no such scale of quality; leave crf out.\n")
    config.write_text(f'codec = "{codec}"')
    assert execute([*words, "--config", str(config), "--preset", "final"]) == 0  # the preset sets a crf for other codecs


def test_a_config_states_styles_and_a_range(tmp_path: Path, asked: Asked):
    config = tmp_path / "scene.toml"
    config.write_text('style = ["monet.jpg:0.7", "b.jpg"]\nframes = "3-9"\nsize = 320')
    run = ["run", "a.mp4", "--config", str(config)]
    assert execute(run) == 0
    assert asked.styles == [Style(tmp_path / "monet.jpg", 0.7), Style(tmp_path / "b.jpg")]
    assert asked.selection == Selection(frames=(3, 9))
    assert asked.given == {"size"}
    assert execute([*run, "--style", "c.jpg", "--start", "0:01", "--overwrite"]) == 0
    assert asked.styles == [Style(Path("c.jpg"))]
    assert asked.selection == Selection(start=1)
    config.write_text('style = "monet.jpg"\nstart = 0.5\nend = 00:01:00')
    assert execute([*run, "-o", "x.mp4"]) == 0
    assert asked.selection == Selection(start=0.5, end=60)


@pytest.mark.parametrize(
    ("line", "said"),
    [('style = "../monet.jpg"', r"which is not inside"), ("style = 3", r"style is 3; give a file name"),
     ('frames = "9-3"', r"ends before it starts"), ('frames = "1-2"\nstart = 1', "give one or the other"),
     ('start = "soon"', "is not a time"), ("clip = 'a.mp4'", "unknown clip; known names are audio, .*, frames, .*, style,")],
)  # fmt: skip
def test_a_wrong_style_or_range_of_a_config_is_one_sentence(line: str, said: str, tmp_path: Path):
    config = tmp_path / "my.toml"
    config.write_text(line)
    with pytest.raises(UsageError, match=rf"my\.toml: .*{said}") as error:
        load_config(config)
    assert str(error.value).count("my.toml") == 1
    assert "\n" not in str(error.value)


def test_without_a_style_it_is_said_where_to_name_one(asked: Asked, capsys):
    assert execute(["run", "a.mp4"]) == 2
    assert "No style is given; name a picture with --style" in capsys.readouterr().err
