"""Mattes: where the source is seen and where which painting, to the code; and mattes that do not fit, each in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from negative_method import Negative
from sequence_files import codes, read_coded, write_coded
from stopped_runs import save_often, until
from three_shots import CUTS, shots
from video_clips import make_clip

from vidstyle.cli import execute
from vidstyle.core.errors import OutputError, VidstyleError
from vidstyle.core.options import Options
from vidstyle.core.parse import SOURCE
from vidstyle.painting.methods import METHODS
from vidstyle.painting.style_picture import Style
from vidstyle.run import parts, pipeline
from vidstyle.run.estimate import estimate
from vidstyle.run.manifest import describe_run
from vidstyle.run.plan import Plan, Selection, plan_video
from vidstyle.video import open_source

SIZE, FRAMES = (64, 48), 10
EDGE = 24  # column at which the mattes of an image change from black to white
BY_KEYS = Options(method="palette", strokes=0.0, device="cpu")  # key frames; strokes would take most of the time here
Array = np.ndarray[Any, Any]


def grey(white: Array) -> Array:
    """The 8-bit image of a matte (H, W) in [0, 1]."""
    return np.repeat((white * 255).round().astype(np.uint8)[..., None], 3, 2)


def right(size: tuple[int, int] = SIZE) -> Array:
    """White from EDGE on, of 64 columns."""
    return np.tile(np.arange(size[0]) >= EDGE * size[0] // SIZE[0], (size[1], 1)).astype(float)


def window(index: int) -> Array:
    """A white rectangle that moves to the right by 4 pixels a frame."""
    white = np.zeros(SIZE[::-1])
    white[10:30, 4 + 4 * index:24 + 4 * index] = 1
    return white


def moving(index: int, width: int, height: int) -> Array:
    return grey(window(index))


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sequence `clip.####.png` and the same frames as `clip.mp4`, two styles, and mattes."""
    folder = tmp_path_factory.mktemp("media")
    for index in range(FRAMES):
        write_coded(folder / f"clip.{index:04}.png", shots(index, *SIZE))
        write_coded(folder / f"window.{index + 1:04}.png", moving(index, *SIZE))
    make_clip(folder / "clip.mkv", frames=FRAMES, size=SIZE, picture=shots, codec="ffv1", pix_fmt="yuv444p")
    make_clip(folder / "window.mkv", frames=FRAMES, size=SIZE, picture=moving, codec="ffv1", pix_fmt="gray")
    make_clip(folder / "short.mkv", frames=4, size=SIZE, picture=moving, codec="ffv1", pix_fmt="gray")
    for name, colour in (("red", (220, 20, 10)), ("blue", (20, 40, 200))):
        write_coded(folder / f"{name}.png", (codes(1, (96, 72), most=255) * 0.3 + np.array(colour) * 0.7).astype(np.uint8))
    write_coded(folder / "right.png", grey(right()))
    write_coded(folder / "small.png", grey(right((32, 24))))
    write_coded(folder / "black.png", grey(0 * right()))
    write_coded(folder / "square.png", grey(right((48, 48))))
    return folder


def planned(media: Path, target: Path, *mattes: str, clip: str = "clip.####.png", style: str = "blue.png",
            options: Options = BY_KEYS, frames: tuple[int, int] | None = None, **more: Any) -> Plan:
    """The plan of a run with these mattes, whose names of files are those of `media`."""
    where = tuple("=".join(part if part in ("", SOURCE) else str(media / part) for part in text.split("=")) for text in mattes)
    values = {name: getattr(options, name) for name in ("method", "strokes", "device", "fit_steps", "size")} | more
    return plan_video(media / clip, [Style(media / style)], target, Options(matte=where, **values),
                      Selection(frames), overwrite=True)


def images(plan: Plan) -> Array:
    """The written images (N, H, W, 3), 8 bits, of a run."""
    pipeline.run(plan)
    return np.stack([read_coded(plan.target.with_name(plan.target.name.replace("####", f"{number:04}")))[..., :3]
                     for number in range(plan.numbers[0], plan.numbers[1] + 1)])


def source() -> Array:
    return np.stack([shots(index, *SIZE) for index in range(FRAMES)])


@pytest.fixture(scope="module")
def alone(media: Path) -> dict[str, Array]:
    """The paintings of the clip without mattes, by style."""
    return {style: images(planned(media, media / f"{style}.####.png", style=f"{style}.png")) for style in ("red", "blue")}


def test_a_matte_alone_leaves_the_source_to_the_code_where_it_is_black(media: Path, alone: dict[str, Array], tmp_path: Path):
    written = images(planned(media, tmp_path / "out.####.png", "right.png"))
    assert (written[:, :, :EDGE] == source()[:, :, :EDGE]).all()
    assert (written[:, :, EDGE:] == alone["blue"][:, :, EDGE:]).all()
    assert (alone["blue"] != source()).mean() > 0.9


@pytest.mark.parametrize("matte", ["window.mkv", "window.####.png"])
def test_a_style_in_a_moving_matte_leaves_nothing_behind(media: Path, alone: dict[str, Array], tmp_path: Path, matte: str):
    """Paint is carried from frame to frame; what the matte has left must be free of it."""
    written = images(planned(media, tmp_path / "out.####.png", f"{matte}=red.png", "window.mkv=none", f"{matte}=red.png"))
    inside = np.stack([window(index) == 1 for index in range(FRAMES)])
    assert (written[inside] == alone["red"][inside]).all()
    assert (written[~inside] == alone["blue"][~inside]).all()
    assert (alone["red"][inside][:, 0] > alone["blue"][inside][:, 0].astype(int) + 50).mean() > 0.9


def test_a_region_is_protected_and_another_has_its_own_style(media: Path, alone: dict[str, Array], tmp_path: Path):
    written = images(planned(media, tmp_path / "out.####.png", "right.png=red.png", "window.mkv=none"))
    kept = np.stack([window(index) == 1 for index in range(FRAMES)])
    red = ~kept & (right() == 1)
    for where, wanted in ((kept, source()), (red, alone["red"]), (~kept & ~red, alone["blue"])):
        assert (written[where] == wanted[where]).all()


def test_strokes_of_two_styles_are_those_of_each_alone(media: Path, tmp_path: Path):
    def run(name: str, style: str, *mattes: str) -> Array:
        return images(planned(media, tmp_path / f"{name}.####.png", *mattes, style=style, strokes=1.0, size=32, frames=(0, 1)))

    one, other, both = run("a", "blue.png"), run("b", "red.png"), run("c", "blue.png", "right.png=red.png")
    assert (both[:, :, :EDGE] == one[:, :, :EDGE]).all()
    assert (both[:, :, EDGE:] == other[:, :, EDGE:]).all()
    assert (one != other).mean() > 0.5


def test_within_the_encoder_the_source_stays_the_source(media: Path, tmp_path: Path):
    plan = planned(media, tmp_path / "out.mkv", "right.png", clip="clip.mkv", codec="ffv1", style="red.png")
    pipeline.run(plan)
    for before, after in zip(plan.source.decode(), open_source(plan.target).decode(), strict=True):
        apart = (before.image - after.image).abs()
        assert apart[..., :EDGE].max() < 1.5 / 255  # one code of 8 bits, from rounding to YUV again
        assert apart[..., EDGE:].mean() > 0.1


def test_a_matte_of_another_size_is_resized(media: Path, alone: dict[str, Array], tmp_path: Path):
    written = images(planned(media, tmp_path / "out.####.png", "small.png", frames=(0, 1)))
    assert (written[:, :, :EDGE - 2] == source()[:2, :, :EDGE - 2]).all()
    assert (written[:, :, EDGE + 2:] == alone["blue"][:2, :, EDGE + 2:]).all()


@pytest.mark.parametrize("matte", ["window.mkv", "short.mkv"])
def test_a_range_has_the_mattes_of_its_frames(media: Path, alone: dict[str, Array], tmp_path: Path, matte: str):
    """A matte with a frame for each frame of the clip, and one for the four frames of the range alone."""
    written = images(planned(media, tmp_path / "out.####.png", matte, frames=(3, 6)))
    for place, index in enumerate(range(3, 7)):
        white = window(index if matte == "window.mkv" else place) == 1
        assert (written[place][~white] == source()[index][~white]).all()
        assert (written[place][white] == alone["blue"][index][white]).all()


def test_a_stopped_run_goes_on_with_all_its_layers(media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    save_often(monkeypatch)
    mattes = ("window.mkv=red.png", "right.png=none")
    whole = pipeline.run(planned(media, tmp_path / "whole.mkv", *mattes, clip="clip.mkv"))
    with pytest.raises(KeyboardInterrupt):
        pipeline.run(planned(media, tmp_path / "out.mkv", *mattes, clip="clip.mkv"), listen=until(5))
    resumed = pipeline.run(planned(media, tmp_path / "out.mkv", *mattes, clip="clip.mkv"))
    assert resumed.frame_hashes == whole.frame_hashes
    assert (tmp_path / "out.mkv").read_bytes() == (tmp_path / "whole.mkv").read_bytes()


def test_every_layer_has_a_network_of_its_own_that_a_stopped_run_goes_on_with(media: Path, tmp_path: Path,
                                                                              monkeypatch: pytest.MonkeyPatch):
    save_often(monkeypatch)
    options = Options(method="feedforward", strokes=None, fit_steps=2, size=48, device="cpu")
    steps = list[int]()

    def stop_in_the_second_fit(progress: Any) -> None:
        if progress.stage == "fit":
            steps.append(progress.done)
            if len(steps) == 3:
                raise KeyboardInterrupt

    def plan(name: str, *mattes: str, style: str = "blue.png") -> Plan:
        return planned(media, tmp_path / name, *mattes, style=style, options=options, frames=(0, 1))

    with pytest.raises(KeyboardInterrupt) as stop:
        pipeline.run(plan("out.####.png", "right.png=red.png"), listen=stop_in_the_second_fit)
    assert "after 1 steps of the fit" in stop.value.__notes__[0]
    pipeline.run(plan("out.####.png", "right.png=red.png"), listen=stop_in_the_second_fit)
    assert steps == [1, 2, 1, 2]  # the first layer was fitted, the second goes on
    red = images(plan("red.####.png", style="red.png"))
    for index in range(2):
        both = read_coded(tmp_path / f"out.{index:04}.png")
        assert (both[:, EDGE:] == red[index][:, EDGE:]).all()
        assert (both[:, :EDGE] != red[index][:, :EDGE]).mean() > 0.5


def test_parts_join_to_the_file_of_one_process(tmp_path: Path, media: Path, monkeypatch: pytest.MonkeyPatch):
    save_often(monkeypatch)
    count = CUTS[0] + 8
    make_clip(tmp_path / "clip.mp4", frames=count, size=SIZE, picture=shots)
    make_clip(tmp_path / "matte.mkv", frames=count, size=SIZE, codec="ffv1", pix_fmt="gray",
              picture=lambda index, width, height: grey(np.roll(right(), 2 * index, 1)))
    clip, matte = (str(tmp_path / name) for name in ("clip.mp4", "matte.mkv"))

    def plan(name: str) -> Plan:
        return planned(media, tmp_path / name, matte, "right.png=red.png", clip=clip)

    one = pipeline.run(plan("one.mp4"))
    whole = plan("parts.mp4")
    found = parts.split(whole, 6)
    assert found == [(0, CUTS[0] - 1), (CUTS[0], count - 1)]
    joined = parts.join(whole, [parts.paint_part(whole, part) for part in found])
    assert joined.frame_hashes == one.frame_hashes
    assert (tmp_path / "parts.mp4").read_bytes() == (tmp_path / "one.mp4").read_bytes()


def test_a_job_knows_what_its_mattes_show(media: Path, tmp_path: Path):
    found = [describe_run(planned(media, tmp_path / "out.####.png", *mattes))["controls"]
             for mattes in ((), ("right.png",), ("right.png=none",), ("right.png=red.png",), ("right.png=blue.png",),
                            ("small.png",), ("window.####.png",))]
    assert len({str(each) for each in found}) == len(found)
    assert found[1]["matte 1"] == found[2]["matte 1=none"]


def test_regions_of_one_style_share_a_painting(media: Path, tmp_path: Path):
    plan = planned(media, tmp_path / "out.####.png", "right.png=red.png", "small.png=red.png", "window.mkv=blue.png")
    assert [matte.layer for matte in plan.mattes.mattes] == [1, 1, 0]
    assert [[style.name for style in layer] for layer in plan.layers] == [["blue.png"], ["red.png"]]


def test_an_estimate_paints_with_mattes(media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(METHODS, "palette", Negative())
    plan = planned(media, tmp_path / "out.####.png", "short.mkv=red.png", "window.mkv", frames=(3, 6))
    assert estimate(plan).output_bytes > 0


@pytest.mark.parametrize(("mattes", "more", "words"), [
    (("missing.png",), {}, "cannot be read"),
    (("missing.mp4",), {}, "cannot be read"),
    (("missing.####.png",), {}, "####.png"),
    (("right.png=missing.jpg",), {}, "missing.jpg: cannot be read"),
    (("square.png",), {}, "is 48x48 and the clip is 64x48, which is another shape"),
    (("black.png=none",), {}, "is black everywhere"),
    (("short.mkv",), {}, "has 4 frames and the clip has 10; give --matte a file with a frame for each"),
    (("short.mkv",), {"frames": (0, 6)}, "has 4 frames and the clip has 10, of which 7 are painted"),
    (("right.png=",), {}, "names no style; give FILE, FILE=STYLE or FILE=none"),
    (("right.png=red.png",), {"method": "feedforward", "strokes": None, "network": Path("new.safetensors")},
     "one file cannot hold the networks"),
])
def test_a_matte_that_does_not_fit_is_one_sentence(media: Path, tmp_path: Path, mattes: tuple[str, ...],
                                                   more: dict[str, Any], words: str):
    with pytest.raises(VidstyleError) as error:
        planned(media, tmp_path / "out.####.png", *mattes, **more)
    assert words in str(error.value)
    assert str(error.value).endswith(".")
    assert str(error.value).count(". ") == 0


def test_a_matte_is_never_written_over(media: Path):
    with pytest.raises(OutputError):
        planned(media, media / "window.mkv", "window.mkv", clip="clip.mkv")


def test_another_rate_and_strength_0_are_named(media: Path, tmp_path: Path):
    make_clip(tmp_path / "fast.mkv", frames=FRAMES, size=SIZE, step=256, codec="ffv1", pix_fmt="gray", picture=moving)
    plan = planned(media, tmp_path / "out.mkv", str(tmp_path / "fast.mkv"), clip="clip.mkv")
    [warning] = [text for text in plan.warnings if "matched one to one" in text]
    assert "fast.mkv has 50 frames a second and the clip 25" in warning
    plan = planned(media, tmp_path / "out.mkv", "right.png", clip="clip.mkv", strength=0.0)
    assert any("--matte" in text and "no effect" in text for text in plan.warnings)


def test_a_job_of_a_farm_names_mattes_from_everywhere(media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "shots.csv").write_text(f"clip\n{media / 'clip.mkv'}\n", encoding="utf-8")
    monkeypatch.chdir(media)
    words = ["--style", "blue.png", "--matte", "right.png=red.png", "--matte", "window.####.png"]
    assert execute(["farm", str(tmp_path / "shots.csv"), *words, "-o", str(tmp_path / "job.yaml")]) == 0
    job = (tmp_path / "job.yaml").read_text(encoding="utf-8")
    for text in (f"{media / 'right.png'}={media / 'red.png'}", f"{media / 'window.####.png'}"):
        assert f'- "--matte"\n            - "{text}"\n' in job


def test_a_config_names_mattes_of_its_own_folder(media: Path, monkeypatch: pytest.MonkeyPatch):
    (media / "my.toml").write_text('style = "blue.png"\nmatte = ["right.png=red.png", "window.mkv=none"]\n', encoding="utf-8")
    monkeypatch.setitem(METHODS, "optimize", Negative())
    assert execute(["run", str(media / "clip.mkv"), "--config", str(media / "my.toml"), "-o", str(media / "config.mkv")]) == 0
    plan = planned(media, media / "config.mkv", "right.png=red.png", "window.mkv=none", clip="clip.mkv")
    assert json.loads((media / "config.mkv.vidstyle.json").read_text())["controls"] == describe_run(plan)["controls"]
