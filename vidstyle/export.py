"""Export a network as an ONNX graph, for programs that paint without Python."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vidstyle.core.atomic import check_target, write_atomically, write_failed
from vidstyle.core.errors import UsageError
from vidstyle.core.extras import pip_install
from vidstyle.painting.feedforward.canvas import canvas_tiles, tile_canvas
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.network_file import load_network, read_network
from vidstyle.painting.style_picture import Style, read_styles, weights_change

NEEDS = ("onnx", "onnxruntime", "onnxscript")
INPUTS = ("image", "prior", "visibility")
OPSET = 18  # the oldest that torch's exporter writes
TEST_SIZES = ((72, 104), (61, 90))  # height and width, in pixels, of the images that graph and network are compared on


@dataclass(frozen=True)
class Exported:
    """The result of an export."""

    target: Path
    difference: float
    """Largest difference between onnxruntime's painting and ours, in any value of two random images in [0, 1]."""


def export_network(network: Path, target: Path, styles: Sequence[Style] = (), *, overwrite: bool = False) -> Exported:
    """Write the network of a file as a float32 ONNX graph for one frame of any height and width from 16 pixels.

    Inputs: `image` (1, 3, height, width), the frame as sRGB in [0, 1]; `prior`, of the same shape, the last painting warped
    onto this frame; `visibility` (1, 1, height, width) in [0, 1], 1 = the warped pixel can be trusted. Prior and visibility are
    zeros in the first frame of a shot. Output: `painting`, of the shape of `image`.

    The canvas, the palette and the softness are part of the graph. Those of a network from `vidstyle train` are for all clips
    of the training together, where `vidstyle run` computes them for the clip that it paints. Flow and warping are not part of
    the graph; see `vidstyle.ops.warp`. The metadata of the network's file becomes that of the graph.

    styles: the blend to paint, for a network that knows several styles. Raises UsageError where a needed package is missing or
    the styles do not fit; InputError and OutputError for the files.
    """
    onnx, runtime, _ = _modules()
    check_target(target, {"the network": [network]}, overwrite)
    if not styles and read_network(network)[1] is not None:
        raise UsageError(f"{network}: knows several styles; choose one, or a mix, with --style.")
    if styles and weights_change(pictures := read_styles(styles)):
        raise UsageError("An exported network paints one blend of styles; give constant weights.")
    loaded, metadata = load_network(network, pictures if styles else ())
    graph = _Graph(loaded)
    side = torch.export.Dim.DYNAMIC
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of torch's exporter about itself
        program: Any = torch.onnx.export(
            graph, _random_inputs(*TEST_SIZES[0]), input_names=INPUTS, output_names=["painting"], opset_version=OPSET,
            dynamo=True, dynamic_shapes=({2: side, 3: side},) * 3, external_data=False, verbose=False)  # fmt: skip
    model = program.model_proto
    _name_sides(model.graph)
    onnx.helper.set_model_props(model, metadata)
    data = model.SerializeToString()
    difference = _difference(graph, runtime.InferenceSession(data, providers=["CPUExecutionProvider"]))
    try:
        write_atomically(target, data)
    except OSError as error:
        raise write_failed(target, error) from error
    return Exported(target, difference)


class _Graph(nn.Module):
    """The network and its canvas as one function of image, prior and visibility."""

    def __init__(self, network: PaintNetwork) -> None:
        super().__init__()
        self.network = network
        for place, tile in enumerate(canvas_tiles()):
            self.register_buffer(f"tile{place}", tile)

    def forward(self, image: Tensor, prior: Tensor, visibility: Tensor) -> Tensor:
        tiles = [tile for name, tile in self.named_buffers(recurse=False)]
        # Concatenated and split, so that the exporter gives all three the same height and width.
        image, prior, visibility = torch.split(torch.cat([image, prior, visibility], 1), [3, 3, 1], 1)
        painting: Tensor = self.network(image, prior, visibility, tile_canvas(tiles, image.shape[-2], image.shape[-1]))
        return painting


def _random_inputs(height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(height)
    image, prior = torch.rand(2, 1, 3, height, width, generator=generator)
    return image, prior, torch.rand(1, 1, height, width, generator=generator)


def _difference(graph: nn.Module, session: Any) -> float:
    """The largest difference between both over images of TEST_SIZES."""
    largest = 0.0
    for size in TEST_SIZES:
        inputs = _random_inputs(*size)
        with torch.no_grad():
            expected = graph(*inputs)
        found = session.run(None, {name: tensor.numpy() for name, tensor in zip(INPUTS, inputs, strict=True)})[0]
        largest = max(largest, float((torch.from_numpy(found) - expected).abs().max()))
    return largest


def _name_sides(graph: Any) -> None:
    """Name the dynamic dimensions `height` and `width`, which torch's exporter numbers."""
    sides = [side.dim_param for side in graph.input[0].type.tensor_type.shape.dim[2:]]
    for value in [*graph.input, *graph.output]:
        for side in value.type.tensor_type.shape.dim:
            if side.dim_param in sides:
                side.dim_param = ("height", "width")[sides.index(side.dim_param)]


def _modules() -> list[Any]:
    try:
        return [importlib.import_module(name) for name in NEEDS]
    except ImportError as error:
        raise UsageError(f"Exporting needs {error.name}, which is not installed; run: {pip_install(*NEEDS)}") from error
