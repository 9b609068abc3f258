"""Variants: what `--vary` states, the sheet and its tiles, the command of each, and variants that fail."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fake_pipeline import Asked
from negative_method import Negative
from PIL import Image
from test_configs import NEEDS, OTHER_VALUES
from video_clips import make_clip

from vidstyle.cli import execute
from vidstyle.core.command_line import run_command
from vidstyle.core.config import load_options
from vidstyle.core.contact_sheet import Tile, tile_side, variant_sheet
from vidstyle.core.errors import DeviceError, UsageError
from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.core.text import draw_text, wrap
from vidstyle.core.vary import label_of, parse_vary
from vidstyle.painting.job import Painter, PaintingJob
from vidstyle.painting.methods import METHODS
from vidstyle.painting.style_picture import Style, StylePicture
from vidstyle.run import variants
from vidstyle.run.pipeline import stylize_video
from vidstyle.run.plan import Selection
from vidstyle.run.variant_sheet import Variant
from vidstyle.run.variants import paint_variants, plan_variants

PREVIEW = ["preview", "clip.mp4", "--style", "a.png", "--device", "cpu"]


class Counted(Negative):
    """The negative, which counts how often it is built and fails for one seed."""

    def __init__(self) -> None:
        self.built = list[int]()

    def uses(self, options: Options) -> frozenset[str]:
        return frozenset({"seed"})

    def check(self, options: Options, styles: Iterable[StylePicture]) -> None:
        pass

    def build(self, job: PaintingJob) -> Painter:
        self.built.append(job.options.seed)
        if job.options.seed == 13:
            raise DeviceError("There is not enough memory for seed 13; give a smaller --size.")
        return super().build(job)


@pytest.fixture
def method(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counted:
    """A working folder with a clip and styles, and the method that paints there."""
    method = Counted()
    monkeypatch.setitem(METHODS, Options().method, method)
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "clip.mp4", frames=9, size=(64, 48), tags=(1, 1, 1, 1))
    for seed, name in enumerate(("a.png", "b.png", "c,d.png")):
        write_png(tmp_path / name, torch.rand(3, 24, 24, generator=torch.Generator().manual_seed(seed)))
    return method


def test_values_are_told_apart_as_in_csv():
    grid = parse_vary(["strength=0.3,0.6, 1.0"])
    assert [values["strength"] for values in grid.variants] == ["0.3", "0.6", "1.0"]
    [axis] = parse_vary(['--style=a.jpg,"c,d.jpg",e.jpg:0.7;f.jpg:0.3']).axes
    assert axis.values == ("a.jpg", "c,d.jpg", "e.jpg:0.7;f.jpg:0.3")
    assert parse_vary(["style-scale=1,2"]).names == {"style_scale"}
    assert label_of({"style_scale": "2", "style": "art/a.jpg;art/b.jpg:0.5"}) == "style-scale 2, style a.jpg + b.jpg:0.5"


@pytest.mark.parametrize(
    ("texts", "across", "begin"),
    [
        (["strength=0.1,0.2"], 2, [("0.1",), ("0.2",)]),
        (["strength=0.1,0.2,0.3,0.4"], 2, [("0.1",), ("0.2",)]),
        (["strength=0.1,0.2,0.3,0.4,0.5"], 3, [("0.1",), ("0.2",)]),
        (["strength=0.1,0.2,0.3", "seed=1,2"], 2, [("0.1", "1"), ("0.1", "2"), ("0.2", "1")]),
        (["seed=1,2", "strength=0.1,0.2,0.3"], 2, [("0.1", "1"), ("0.1", "2"), ("0.2", "1")]),
        (["seed=1,2", "strength=0.1,0.2", "strokes=0,0.5,1"], 3, [("1", "0.1", "0"), ("1", "0.1", "0.5")]),
    ],
)
def test_rows_and_columns(texts: list[str], across: int, begin: list[tuple[str, ...]]):
    grid = parse_vary(texts)
    assert grid.across == across
    assert [tuple(values.values()) for values in grid.variants[:len(begin)]] == begin
    assert len({tuple(values.items()) for values in grid.variants}) == len(grid.variants)


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        (["strength"], "states no values"),
        (["strength="], "states no values"),
        (["stile=a,b"], "there is no option 'stile'"),
        (["crf=10,20"], "crf does not change a painted frame"),
        (["frames=1,2"], "there is no option 'frames'"),
        (["strength=0.5,0.5"], "a value is empty or there twice"),
        (["strength=0.5,"], "a value is empty or there twice"),
        (["strength=0.5,7"], "strength is 7.0; give a value from 0 to 1"),
        (["strength=much"], "strength has 'much'; give a number"),
        (["color=red,style"], "color is 'red'; choose one of"),
        (["style=a.jpg:0"], "give a weight above 0"),
        (["preset=draft,best"], "there is no preset 'best'"),
        (['style="a'], "the values are not told apart"),
        (["strength=0.1", "strength=0.2"], "names an option twice"),
        (["seed=1,2,3,4,5", "strokes=0,0.2,0.4,0.6,0.8"], "asks for 25 variants; give values for at most 24"),
    ],
)
def test_what_is_wrong_is_one_sentence(texts: list[str], sentence: str):
    with pytest.raises(UsageError) as caught:
        parse_vary(texts)
    assert str(caught.value).startswith("--vary ")
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--strength", "0.5", "--vary", "strength=0.1,0.2"], "strength is given and varied"),
        (["--preset", "draft", "--vary", "preset=draft,final"], "preset is given and varied"),
        (["--vary", "style=b.png,x.png"], "--style a.png is given and is none of the styles of --vary"),
        (["--vary", "fit_steps=1,2"], "--fit-steps has no effect: give --method feedforward too"),
        (["--vary", "seed=1,2", "--count", "3"], "--count is given and has no effect with --vary"),
        (["--vary", "seed=1,2", "--restart"], "--restart is given and has no effect with --vary"),
        (["--vary", "seed=1,2", "-o", "x.mp4"], "-o x.mp4 is no .png"),
        (["--vary", "style=a.png,none.png"], "none.png: cannot be read"),
    ],
)
def test_contradictions_are_one_sentence(words: list[str], sentence: str, method: Counted, tmp_path: Path,
                                         capsys: pytest.CaptureFixture[str]):
    before = sorted(tmp_path.iterdir())
    assert execute([*PREVIEW, *words]) in (2, 3)
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err.splitlines()[-1]
    assert (method.built, sorted(tmp_path.iterdir())) == ([], before)


def tile(path: Path, column: int, row: int, rows: int) -> np.ndarray[Any, Any]:
    """The middle of a tile of clip.mp4, of a sheet with two columns whose commands take one line."""
    with Image.open(path) as sheet:
        pixels = np.asarray(sheet.convert("RGB"), np.float32) / 255
    side, high = tile_side(2), tile_side(2) * 48 // 64
    line, caption = draw_text("", 14).shape[0], draw_text("", 18).shape[0]
    full = 12 + caption + 6 + high + 6 + line
    top = pixels.shape[0] - 12 - (rows - row) * full + 12 + caption + 6
    left = 12 + column * (side + 12)
    return pixels[top + 100:top + high - 100, left + 100:left + side - 100]


def test_the_sheet_shows_each_variant_and_its_command_paints_it(method: Counted, tmp_path: Path,
                                                                 capsys: pytest.CaptureFixture[str]):
    assert execute([*PREVIEW, "--vary", "strength=0,0.5,1", "--vary", "color=style,source", "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    sheet = tmp_path / "clip_a_vary_strength_color.png"
    assert (result["sheet"], result["commands"]) == (sheet.name, sheet.with_suffix(".json").name)
    assert method.built == [0], "strength and the source's colours share one painting; strength 0 needs none"
    # The method gives the negative: with strength 0 the source, with 0.5 grey, and both tiles of one row add up to white.
    source, grey, negative = (tile(sheet, 0, row, 3) for row in range(3))
    assert np.abs(source + negative - 1).mean() < 0.02  # 8 bits, and the ends of the range that resizing clips
    assert np.abs(grey - 0.5).max() < 0.02
    assert np.abs(source - tile(sheet, 1, 0, 3)).max() == 0
    assert np.abs(negative - tile(sheet, 1, 2, 3)).mean() > 0.05
    written = json.loads(sheet.with_suffix(".json").read_text())
    assert written["variants"] == result["variants"]
    for each in (result["variants"][4], result["variants"][5]):
        assert each["values"]["strength"] == "1"
        words = shlex.split(each["command"])
        assert execute([*words[1:], "-o", f"{each['values']['color']}.mp4", "--json"]) == 0
        hashes = json.loads(capsys.readouterr().out.splitlines()[-1])["frame_hashes"]
        assert hashes[4] == each["frame_sha256"]  # the middle of nine


def test_matched_colours_are_painted_anew(method: Counted):
    assert execute([*PREVIEW, "--vary", "color=style,source,match"]) == 0
    assert method.built == [0, 0]


def test_the_same_picture_is_named(method: Counted, capsys: pytest.CaptureFixture[str]):
    assert execute([*PREVIEW, "--vary", "flow=dis,farneback"]) == 0  # the negative follows no motion
    assert "warning: The same picture, bit for bit: flow dis; flow farneback." in capsys.readouterr().err


def test_a_variant_that_fails_is_named_and_the_others_are_shown(method: Counted, tmp_path: Path,
                                                                capsys: pytest.CaptureFixture[str]):
    assert execute([*PREVIEW, "--vary", "seed=1,13,2", "--json"]) == 5
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    result = next(line for line in lines if line["event"] == "result")
    assert [each["exit_code"] for each in result["variants"]] == [0, 6, 0]
    assert "seed 13" in result["variants"][1]["error"]
    assert lines[-1]["message"] == "1 of 3 variants failed; the others are on clip_a_vary_seed.png."
    assert (tmp_path / "clip_a_vary_seed.png").is_file()


def test_if_all_fail_there_is_no_sheet(method: Counted, tmp_path: Path):
    before = sorted(tmp_path.iterdir())
    assert execute([*PREVIEW, "--seed", "13", "--vary", "style=a.png,b.png"]) == 6
    assert sorted(tmp_path.iterdir()) == before


def test_a_stop_leaves_nothing(method: Counted, tmp_path: Path):
    before = sorted(tmp_path.iterdir())
    styles = (Style(tmp_path / "a.png"),)
    variants = [Variant(str(seed), {"seed": str(seed)}, styles, Options(seed=seed, device="cpu"), frozenset(), "")
                for seed in (1, 2)]
    plan = plan_variants(tmp_path / "clip.mp4", variants, Selection((2, 5)), across=2)
    assert (plan.frame, plan.sheet.name) == (4, "clip_a_2-5_vary_seed.png")

    def stop(step: Any) -> None:
        if step.done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        paint_variants(plan, lambda error: (1, str(error)), stop)
    assert method.built == [1]
    assert sorted(tmp_path.iterdir()) == before


def test_only_an_earlier_sheet_is_replaced(method: Counted, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    words = [*PREVIEW, "--vary", "seed=1,2", "-o", "sheet.png"]
    assert execute(words) == 0
    assert execute([*words, "--strength", "0.5"]) == 0
    write_png(tmp_path / "sheet.png", torch.zeros(3, 8, 8))  # somebody has changed it
    assert execute(words) == 4
    assert execute([*words, "--overwrite"]) == 0


def test_a_folder_for_the_sheet(method: Counted, tmp_path: Path):
    assert execute(["preview", "clip.mp4", "--device", "cpu", "-o", "look/", "--vary", 'style=a.png,"c,d.png"']) == 0
    assert sorted(path.name for path in (tmp_path / "look").iterdir()) == ["clip_vary_style.json", "clip_vary_style.png"]
    commands = [each["command"] for each in json.loads((tmp_path / "look" / "clip_vary_style.json").read_text())["variants"]]
    assert [shlex.split(command)[4] for command in commands] == ["a.png", "c,d.png"]


@pytest.mark.parametrize("name", [name for name, (_, words) in OTHER_VALUES.items() if words])
def test_a_command_states_every_option(name: str, asked: Asked, tmp_path: Path):
    """The command line itself reads the options back."""
    value = OTHER_VALUES[name][1]
    assert value is not None
    assert execute(["run", "my clip.mp4", "--style", "a.jpg", *shlex.split(value), *NEEDS.get(name, [])]) == 0
    options = asked.options
    command = run_command(Path("my clip.mp4"), [(Path("a.jpg"), 0.1)], options, selection=["--frames", "3-9"])
    assert execute(shlex.split(command)[1:]) == 0
    assert asked.options == options != Options()
    assert (asked.styles[0].path, asked.styles[0].weight, asked.selection) == (Path("a.jpg"), 0.1, Selection((3, 9)))


def test_a_command_states_what_the_preset_and_the_config_do_not(asked: Asked, tmp_path: Path):
    config = tmp_path / "my.toml"
    config.write_text("strength = 0.5\ncontent_weight = 0.2\n")
    options = load_options("final", config, seed=3, key_every=0, strength=1 / 3)
    command = run_command(Path("a.mp4"), [(Path("a.jpg"), 1)], options, preset="final", config=config)
    assert execute(shlex.split(command)[1:]) == 0
    assert asked.options == options
    changed = replace(options, content_weight=0.7)
    command = run_command(Path("a.mp4"), [(Path("a.jpg"), 1)], changed, preset="final", config=config)
    assert command.endswith("  # and in a --config: content_weight = 0.7")


def test_what_a_config_states_may_be_varied(method: Counted, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "my.toml").write_text('style = "a.png"\nstrength = 0.5\nseed = 4\n')
    words = ["preview", "clip.mp4", "--device", "cpu", "--config", "my.toml", "--vary", "strength=0.5,1", "--vary",
             "style=b.png"]
    assert execute([*words, "--json"]) == 0
    variants = json.loads(capsys.readouterr().out.splitlines()[-1])["variants"]
    assert [each["command"] for each in variants] == [
        f"vidstyle run clip.mp4 --style b.png --config my.toml{strength} --device cpu" for strength in ("", " --strength 1")]
    assert method.built == [4]


def test_presets_may_be_varied(method: Counted, capsys: pytest.CaptureFixture[str]):
    assert execute([*PREVIEW, "--size", "32", "--vary", "preset=draft,final", "--json"]) == 0
    variants = json.loads(capsys.readouterr().out.splitlines()[-1])["variants"]
    assert [each["command"] for each in variants] == [
        f"vidstyle run clip.mp4 --style a.png --preset {preset} --size 32 --device cpu" for preset in ("draft", "final")]


def test_a_sheet_of_upright_pictures_has_room_for_text():
    image = torch.zeros(3, 160, 90)
    image[0] = 1
    sheet = variant_sheet([Tile(image, "a", "word " * 60), Tile(None, "b", "failed " * 20), Tile(image, "c", "")], (160, 90), 3)
    reds = (sheet[0] > 0.99) & (sheet[1] < 0.01)
    assert int(reds.any(1).sum()) == tile_side(3)
    assert int(reds.any(0).sum()) == 2 * round(tile_side(3) * 90 / 160)
    assert (sheet.min() >= 0, sheet.max() <= 1) == (True, True)


@pytest.mark.parametrize("text", ["vidstyle run clip.mp4 --style monet.jpg " * 4, "x" * 300, "", "short"])
def test_text_is_wrapped(text: str):
    lines = wrap(text, 14, 200)
    assert all(draw_text(line, 14).shape[1] <= 201 for line in lines)  # the width is rounded to whole pixels
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_variants_estimate_the_motion_once_and_paint_what_the_command_paints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Flow is kept between variants, exact to the last bit: the frame of each is that of its run."""
    clip = make_clip(tmp_path / "clip.mp4", frames=9, size=(48, 32), tags=(1, 1, 1, 1))
    write_png(tmp_path / "a.png", torch.rand(3, 24, 24, generator=torch.Generator().manual_seed(0)))
    estimated, load = [0], variants.load_flow

    def counting(name: str, device: str) -> Any:
        estimate = load(name, device)

        def counted(last: torch.Tensor, this: torch.Tensor) -> Any:
            estimated[0] += 1
            return estimate(last, this)

        return counted

    monkeypatch.setattr(variants, "load_flow", counting)
    styles, plain = (Style(tmp_path / "a.png"),), Options(method="palette", strokes=0.0, device="cpu")
    for number, changes in enumerate(([{}], [{}, {"key_every": 2}])):
        choices = [Variant("", {}, styles, replace(plain, **each), frozenset(), "") for each in changes]
        painted = paint_variants(plan_variants(clip, choices, Selection(), across=2, target=tmp_path / f"{number}.png"),
                                 lambda error: (1, str(error)))
        if number == 0:
            once = estimated[0]
    assert estimated[0] == 2 * once > 0
    for each, choice in zip(painted, choices, strict=True):
        run = stylize_video(clip, styles, tmp_path / "out.mp4", choice.options, Selection((4, 4)), overwrite=True)
        assert (each.sha256,) == tuple(run.frame_hashes)
