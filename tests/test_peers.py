"""The benchmark against published networks: their weights load completely, they paint correctly, the table is complete."""

from __future__ import annotations

import json
import os
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmarks.paintings import judge_of, measured
from benchmarks.peer_networks import FIXED, PEERS, MicroAST, fast_neural_style, load_peer
from benchmarks.peers import main
from samples import scene
from vidstyle.core.frame import Frame
from vidstyle.core.images import read_image, resize
from vidstyle.ops.metrics import gradient_energy
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.network_file import save_network

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
DATA = Path(os.environ.get("VIDSTYLE_DATA", "nowhere"))


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with random weights, under the file names and keys of the published ones."""
    folder = tmp_path_factory.mktemp("data")
    weights, micro = folder / "weights", MicroAST()
    (weights / "fast_neural_style").mkdir(parents=True)
    (weights / "microast").mkdir()
    published = {key.replace("conv3.", "conv3.conv2d."): value for key, value in fast_neural_style().state_dict().items()}
    for name in FIXED:
        torch.save({**published, "in1.running_mean": torch.zeros(32)}, weights / "fast_neural_style" / f"{name}.pth")
    for name, part in micro.named_children():
        torch.save({key.replace(".0.", ".0.conv_layer.") if name == "modulator" else key: value
                    for key, value in part.state_dict().items()}, weights / "microast" / f"{name}.pth")
    return folder


@cache
def sample_frame(index: int) -> Tensor:
    """A frame of the sample, (3, H, W) in [0, 1]."""
    return torch.as_tensor(scene.render(index)).permute(2, 0, 1)


@pytest.mark.parametrize("name", PEERS)
def test_a_painting_has_the_size_of_its_frame(name: str, untrained: Path) -> None:
    image = torch.rand(3, 37, 50)
    painting = load_peer(name, untrained / "weights", torch.rand(3, 40, 33))(image)
    assert painting.shape == image.shape
    assert 0 <= painting.min() <= painting.max() <= 1


def test_a_file_that_lacks_a_tensor_is_refused(untrained: Path, tmp_path: Path) -> None:
    state = torch.load(untrained / "weights" / "fast_neural_style" / "candy.pth", weights_only=True)
    del state["deconv3.conv2d.bias"]
    (tmp_path / "fast_neural_style").mkdir()
    torch.save(state, tmp_path / "fast_neural_style" / "candy.pth")
    with pytest.raises(RuntimeError, match=r"deconv3\.bias"):
        load_peer("candy", tmp_path, torch.rand(3, 32, 32))


# Mean value, and sharpness relative to the source, of paintings that were checked by eye; a wrong layer changes both.
@pytest.mark.parametrize(("name", "mean", "sharper"), [("mosaic", 0.639, 1.852), ("candy", 0.537, 1.314),
                                                       ("udnie", 0.392, 0.639), ("microast", 0.565, 0.929)])
def test_published_weights_paint_as_before(name: str, mean: float, sharper: float) -> None:
    if not (DATA / "weights").is_dir():
        pytest.skip("VIDSTYLE_DATA does not name a folder with the peers' weights")
    image = resize(sample_frame(0), (90, 160))
    painting = load_peer(name, DATA / "weights", read_image(SAMPLES / "styles" / "wave.jpg"))(image)
    assert float(painting.mean()) == pytest.approx(mean, abs=0.01)
    assert gradient_energy(painting) / gradient_energy(image) == pytest.approx(sharper, rel=0.03)


def test_the_sample_is_judged_along_its_true_motion() -> None:
    frames = [Frame(sample_frame(index), index, Fraction(1, 24), index) for index in (0, 1)]
    size = (scene.HEIGHT, scene.WIDTH)
    motion = judge_of(SAMPLES / "harbour.mp4", size, "farneback", "dis")(*frames)
    assert torch.equal(motion.to_later, torch.as_tensor(scene.true_flow(0, 1)))
    clips = {"source": [frame.image for frame in frames], "flat": [torch.full((3, *size), 0.5)] * 2}
    found = measured(clips, frames, torch.rand(3, 64, 64), lambda last, this: motion)
    assert 0 < found["source"]["e_stab"] < 0.02
    assert found["source"]["ssim"] == pytest.approx(1)
    assert found["flat"]["e_stab"] == found["flat"]["sharpness"] == 0


def test_the_table_has_a_row_for_the_source_and_each_painter(untrained: Path, tmp_path: Path,
                                                             capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    for name in ("net", "net-alone"):
        save_network(PaintNetwork(width=8, blocks=1), tmp_path / f"{name}.safetensors", {})
    command = [str(SAMPLES / "harbour.mp4"), str(SAMPLES / "styles" / "wave.jpg"), "--frames", "3-4", "--size", "64",
           "--rounds", "1", "--network", str(tmp_path / "net.safetensors"), "--data", str(untrained)]
    main([*command, "--json", "--sheet", str(tmp_path / "sheet.png")])
    rows = {row["name"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert list(rows) == ["source", "per frame", "vidstyle", "mosaic", "microast"]
    assert rows["mosaic"]["times"] == 1
    assert rows["mosaic"]["style"] is None  # it was trained for another style image
    assert rows["microast"]["style"] > 0
    assert rows["vidstyle"]["fit"] is None  # the network existed
    assert rows["source"]["e_stab"] > 0
    assert all(row["e_stab"] is not None and row["e_stab_10"] is None for row in rows.values())
    assert read_image(tmp_path / "sheet.png").shape == (3, 3 * 36, 5 * 64)
    main([*command, "--peer", "microast"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 4
    assert lines[-1].startswith("microast")
