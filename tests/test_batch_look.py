"""`--same-look`: one palette, and one network, for the shots of a style; palette files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from negative_method import Negative
from video_clips import make_clip

from vidstyle.cli import execute
from vidstyle.core.errors import InputError, UsageError
from vidstyle.core.images import write_png
from vidstyle.painting.methods import METHODS
from vidstyle.painting.palette import Palette
from vidstyle.painting.palette_file import load_palette, save_palette
from vidstyle.painting.style_picture import Style, read_styles
from vidstyle.run.manifest_file import manifest_path

QUICK = ["--size", "48", "--device", "cpu", "--json"]


def one_colour(colour: tuple[int, int, int]):
    """Frames of nearly one colour, in which something moves."""
    def picture(index: int, width: int, height: int) -> np.ndarray:
        image = np.tile(np.array(colour, np.uint8), (height, width, 1))
        image[8:24, 4 + 2 * index:20 + 2 * index] //= 2
        return image
    return picture


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A red and a blue clip, and a style."""
    make_clip(tmp_path / "red.mp4", frames=4, size=(64, 48), picture=one_colour((220, 30, 30)))
    make_clip(tmp_path / "blue.mp4", frames=4, size=(64, 48), picture=one_colour((30, 30, 220)))
    write_png(tmp_path / "style.png", torch.rand(3, 60, 80, generator=torch.Generator().manual_seed(0)))
    return tmp_path


def decoded(path: Path) -> torch.Tensor:
    """(3, H, W): all frames one below the other, by PyAV itself."""
    with av.open(str(path)) as file:
        frames = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    return torch.from_numpy(np.concatenate(frames)).permute(2, 0, 1) / 255


def batch(scene: Path, clips: str, *words: str) -> int:
    lines = [f"{clip}.mp4,style.png" for clip in clips.split()]
    (scene / "shots.csv").write_text("\n".join(["clip,style", *lines]) + "\n")
    return execute(["batch", str(scene / "shots.csv"), *QUICK, *words])


def manifest(scene: Path, clip: str) -> dict:
    return json.loads(manifest_path(scene / f"{clip}_style.mp4").read_text())


def test_shots_share_a_palette_made_of_all_of_them(scene: Path):
    assert batch(scene, "red blue") == 0
    own = manifest(scene, "red")["frame_sha256"]
    assert batch(scene, "red blue", "--same-look") == 0
    [file] = (scene / "shots_report").glob("palette_style_*.safetensors")
    styles = read_styles([Style(scene / "style.png")])
    palette = load_palette(file, styles)
    mean = styles[0].image.mean((1, 2))
    painted = {clip: palette(decoded(scene / f"{clip}.mp4")).mean((1, 2)) for clip in ("red", "blue")}
    # A palette takes the mean of the colours that it was made of to the style's mean (Pitié & Kokaram 2007). It was made of
    # every fourth pixel of every fourth row, and stretches differences up to tenfold.
    assert (painted["red"] + painted["blue"]).div(2) == pytest.approx(mean, abs=0.06)
    assert (painted["red"] - mean).abs().max() > 0.1
    assert manifest(scene, "red")["palette"] == manifest(scene, "blue")["palette"] != "none"
    assert manifest(scene, "red")["frame_sha256"] != own
    shared = manifest(scene, "red")
    assert execute(["run", str(scene / "red.mp4"), "--style", str(scene / "style.png"), *QUICK, "--palette", str(file),
                    "-o", str(scene / "again_style.mp4")]) == 0
    assert manifest(scene, "again")["frame_sha256"] == shared["frame_sha256"]  # one shot of the scene, painted alone


def test_a_shot_that_is_added_gets_the_look_of_the_others(scene: Path):
    assert batch(scene, "red", "--same-look") == 0
    before = manifest(scene, "red")
    assert batch(scene, "red blue", "--same-look") == 0
    assert manifest(scene, "red") == before  # finished, and not painted again
    assert manifest(scene, "blue")["palette"] == before["palette"]


def test_shots_share_the_network_that_the_first_has_fitted(scene: Path, capsys: pytest.CaptureFixture[str]):
    words = ("--method", "feedforward", "--fit-steps", "2")
    assert batch(scene, "red blue", "--same-look", *words) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {Path(line["source"]).name for line in lines if line.get("stage") == "fit"} == {"red.mp4"}
    [file] = (scene / "shots_report").glob("network_style_*.safetensors")
    assert manifest(scene, "red")["network"] == manifest(scene, "blue")["network"]
    assert batch(scene, "red blue", "--same-look", *words) == 0
    assert not any(json.loads(line).get("stage") for line in capsys.readouterr().out.splitlines())
    assert file.exists()


def test_a_dry_run_makes_no_palette(scene: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(METHODS, "negative", Negative())
    assert batch(scene, "red blue", "--same-look", "--dry-run") == 0
    assert not (scene / "shots_report").exists()


def test_a_palette_file_is_read_back_and_belongs_to_its_styles(tmp_path: Path):
    for name, seed in (("a.png", 0), ("b.png", 1)):
        write_png(tmp_path / name, torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(seed)))
    a, b = (read_styles([Style(tmp_path / name)]) for name in ("a.png", "b.png"))
    palette = Palette(torch.eye(3) * 0.5, torch.tensor([0.1, 0.2, 0.3]), torch.zeros(3), torch.ones(3))
    save_palette(tmp_path / "p.safetensors", palette, [*a, *b])
    found = load_palette(tmp_path / "p.safetensors", [*b, *a])
    assert torch.equal(found.matrix, palette.matrix)
    assert torch.equal(found.light, palette.light)
    with pytest.raises(UsageError, match="was made for other styles"):
        load_palette(tmp_path / "p.safetensors", a)
    shutil.copy(tmp_path / "a.png", tmp_path / "q.safetensors")
    with pytest.raises(InputError, match="is not a palette"):
        load_palette(tmp_path / "q.safetensors", a)
    with pytest.raises(InputError, match="cannot be read"):
        load_palette(tmp_path / "none.safetensors", a)
    save_palette(tmp_path / "n.safetensors", Palette(torch.full((3, 3), torch.nan), *(torch.zeros(3) for _ in range(3))), a)
    with pytest.raises(InputError, match="is not a palette"):
        load_palette(tmp_path / "n.safetensors", a)


def test_shots_share_the_image_of_a_style_while_it_is_used(tmp_path: Path):
    """A hundred shots with a picture of twelve megapixels would hold fourteen gigabytes otherwise."""
    for name, seed in (("a.png", 0), ("other.png", 1)):
        write_png(tmp_path / name, torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(seed)))
    shutil.copy(tmp_path / "a.png", tmp_path / "copy.png")
    first, copy, other = (read_styles([Style(tmp_path / name, 2)])[0] for name in ("a.png", "copy.png", "other.png"))
    assert first.image is copy.image
    assert (first.path.name, copy.path.name, copy.weight) == ("a.png", "copy.png", 2)
    assert other.image is not first.image
    (tmp_path / "a.png").write_bytes((tmp_path / "other.png").read_bytes())
    assert read_styles([Style(tmp_path / "a.png")])[0].image is other.image
