"""The exported graph gives our painting at any size, as other programs run it."""

from __future__ import annotations

import errno
import re
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_pipeline import ROOT
from style_images import noise

from vidstyle.cli import execute
from vidstyle.core import atomic
from vidstyle.core.errors import OutputError, UsageError
from vidstyle.core.frame import Prior
from vidstyle.core.images import write_png
from vidstyle.export import Exported, export_network
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.network_file import save_network
from vidstyle.painting.feedforward.style_table import StyleTable, style_metadata
from vidstyle.painting.feedforward.stylizer import FeedForwardStylizer
from vidstyle.painting.palette import Palette
from vidstyle.painting.style_picture import Style, read_styles

onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


def small_network() -> PaintNetwork:
    """A small network whose weights are all random: a new one leaves the frame nearly as it is."""
    torch.manual_seed(0)
    network = PaintNetwork(width=8, blocks=1, soft=3).eval().requires_grad_(False)
    for parameter in network.parameters():
        parameter += 0.05 * torch.randn_like(parameter)
    network.palette[:] = torch.tensor([[0.8, 0.1, 0], [0, 1.1, 0], [0.1, 0, 0.7]])
    return network


@dataclass(frozen=True)
class Graph:
    """A network for two styles, exported for the second."""

    network: PaintNetwork
    """That of the second style."""
    file: Path
    exported: Exported
    printed: str
    """On stdout while exporting."""


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    folder, network = tmp_path_factory.mktemp("export"), small_network()
    styles = [Style(folder / "a.png"), Style(folder / "b.png")]
    for seed, style in enumerate(styles):
        write_png(style.path, noise(seed))
    changes = 0.3 * torch.randn(2, 2, sum(network.modulated_channels), generator=torch.Generator().manual_seed(0))
    palette = Palette.stacked([Palette(torch.eye(3), network.light, network.darkest, network.lightest),
                               Palette(network.palette, network.light, network.darkest, network.lightest)])
    metadata = {"clip": "a.mp4", **style_metadata(read_styles(styles))}
    save_network(network, folder / "net.safetensors", metadata, StyleTable(changes, palette))
    network.add_changes(changes[1])
    with redirect_stdout(StringIO()) as printed:
        exported = export_network(folder / "net.safetensors", folder / "net.onnx", styles[1:])
    return Graph(network, folder / "net.safetensors", exported, printed.getvalue())


@pytest.mark.parametrize("size", [(16, 16), (61, 90), (72, 104), (40, 700)])
def test_onnxruntime_gives_the_same_painting(graph: Graph, size: tuple[int, int],
                                             monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)  # the graph is float32
    session = onnxruntime.InferenceSession(graph.exported.target, providers=["CPUExecutionProvider"])
    assert [(value.name, value.shape) for value in session.get_inputs()] == [
        ("image", [1, 3, "height", "width"]), ("prior", [1, 3, "height", "width"]), ("visibility", [1, 1, "height", "width"])]
    generator = torch.Generator().manual_seed(1)
    frame, prior = (torch.rand(3, *size, generator=generator) for _ in range(2))
    half = (torch.rand(1, *size, generator=generator) > 0.5).float()
    for visible in (half, torch.zeros_like(half)):
        expected = FeedForwardStylizer(graph.network)(frame, [Prior(prior, visible)]).numpy()
        given = {"image": frame[None].numpy(), "prior": prior[None].numpy(), "visibility": visible[None].numpy()}
        found = session.run(None, given)[0][0]
        # float32 with its sums in another order, through about twenty layers; a step of 8-bit video is 4e-3.
        assert np.abs(found - expected).max() < 2e-5
        assert 0 < graph.exported.difference < 2e-5


def test_the_canvas_is_in_the_graph(graph: Graph):
    plain = np.full((1, 3, 128, 160), 0.5, np.float32)
    session = onnxruntime.InferenceSession(graph.exported.target, providers=["CPUExecutionProvider"])
    painting = session.run(None, {"image": plain, "prior": 0 * plain, "visibility": 0 * plain[:, :1]})[0]
    assert painting[..., 32:96, 32:128].std(axis=(0, 2, 3)).min() > 1e-3  # convolutions of one value give one value


def test_the_metadata_goes_with_it(graph: Graph):
    model = onnx.load(graph.exported.target)
    onnx.checker.check_model(model)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert (metadata["clip"], metadata["format"], metadata["soft"]) == ("a.mp4", "vidstyle-network-3", "3")


def test_one_of_several_styles_must_be_named(graph: Graph, tmp_path: Path, capsys):
    assert graph.printed == ""  # torch's exporter prints, and stdout is for data
    assert execute(["export", str(graph.file), "-o", str(tmp_path / "net.onnx")]) == 2
    assert "knows several styles; choose one" in capsys.readouterr().err
    assert execute(["export", str(graph.file), "-o", str(tmp_path / "net.onnx"), "--style", "none.png"]) == 3
    assert "none.png: cannot be read (no such file or directory)" in capsys.readouterr().err
    assert not (tmp_path / "net.onnx").exists()


def test_without_onnx_the_error_names_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("vidstyle.export.NEEDS", ("onnx", "a_missing_package"))
    with pytest.raises(UsageError, match=r"needs a_missing_package, which .* run: .* -m pip install onnx a_missing_package$"):
        export_network(tmp_path / "net.safetensors", tmp_path / "net.onnx")


def test_a_full_disk_leaves_nothing(graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(part: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic, "_publish", full)
    with pytest.raises(OutputError, match=r"(?i)space left"):
        export_network(graph.file, tmp_path / "net.onnx", [Style(graph.file.with_name("a.png"))])
    assert not list(tmp_path.iterdir())


def test_a_graph_that_is_there_stays(graph: Graph):
    with pytest.raises(OutputError, match="exists already"):
        export_network(graph.file, graph.exported.target)


def test_the_snippet_of_the_docs_paints_a_frame(graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    page = (ROOT / "docs" / "python_api.md").read_text(encoding="utf-8")
    [snippet] = [code for code in re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S) if "onnxruntime" in code]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.onnx").write_bytes(graph.exported.target.read_bytes())
    write_png(tmp_path / "frame.png", noise(0))
    exec(compile(snippet, "python_api.md", "exec"), {})
    assert (tmp_path / "painted.png").stat().st_size > 1000
