"""A network as an ONNX graph, for programs that paint without Python."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vidstyle.core.atomic import PartFile, check_target
from vidstyle.core.errors import UsageError
from vidstyle.painting.feedforward.canvas import canvas_tiles, laid
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.stylizer import load_network, read_network
from vidstyle.painting.style_picture import Style, read_styles

NEEDS = ("onnx", "onnxruntime", "onnxscript")
INPUTS = ("image", "prior", "visibility")
OPSET = 18  # the oldest that torch's exporter writes
TRIED = ((72, 104), (61, 90))  # height and width of the pictures that both are tried on


@dataclass(frozen=True)
class Exported:
    """What was written."""

    target: Path
    difference: float
    """The largest that onnxruntime's picture differs from ours in any channel of any pixel, of 1; on two random pictures."""


def export_network(network: Path, target: Path, styles: Sequence[Style] = (), *, overwrite: bool = False) -> Exported:
    """Write the network of a file as an ONNX graph of float32, for any height and width from 16 pixels, one frame at a time.

    It takes `image` (1, 3, height, width), the frame as sRGB in [0, 1]; `prior`, as large, the last painting moved to where
    things are now; and `visibility` (1, 1, height, width), how far that can be trusted, 0 to 1. Both are zeros at the start
    of a shot. It gives `painting`, as large as `image`. The canvas grain is part of the graph, so that the picture is that
    of `vidstyle run`; so are the palette and the softness, which for a network from `vidstyle train` are those of all its
    clips together, where `run` makes them for the clip it paints. Flow and warping stay outside: see
    `stream.carry`. What the network's file says about itself is in the graph's metadata.

    styles: the blend to paint, for a network that knows several. Raises UsageError where what it takes is not installed or
    the styles do not fit, InputError and OutputError.
    """
    onnx, runtime, _ = _modules()
    check_target(target, network, overwrite)
    if not styles and read_network(network)[1] is not None:
        raise UsageError(f"{network}: knows several styles; say with --style which to export, or how to mix them.")
    ours, about = load_network(network, read_styles(styles) if styles else ())
    graph = _Graph(ours)
    side = torch.export.Dim.DYNAMIC
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, about itself
        program: Any = torch.onnx.export(
            graph, _example(*TRIED[0]), input_names=INPUTS, output_names=["painting"], opset_version=OPSET, dynamo=True,
            dynamic_shapes=({2: side, 3: side},) * 3, external_data=False, verbose=False)  # fmt: skip
    model = program.model_proto
    _name_sides(model.graph)
    onnx.helper.set_model_props(model, about)
    data = model.SerializeToString()
    difference = _difference(graph, runtime.InferenceSession(data, providers=["CPUExecutionProvider"]))
    part = PartFile(target)
    part.create()
    part.path.write_bytes(data)
    part.finish()
    return Exported(target, difference)


class _Graph(nn.Module):
    """The network and its canvas, as one function of three pictures."""

    def __init__(self, network: PaintNetwork) -> None:
        super().__init__()
        self.network = network
        for place, tile in enumerate(canvas_tiles()):
            self.register_buffer(f"tile{place}", tile)

    def forward(self, image: Tensor, prior: Tensor, visibility: Tensor) -> Tensor:
        tiles = [tile for name, tile in self.named_buffers(recurse=False)]
        image, prior, visibility = torch.split(torch.cat([image, prior, visibility], 1), [3, 3, 1], 1)  # all of one size
        painting: Tensor = self.network(image, prior, visibility, laid(tiles, image.shape[-2], image.shape[-1]))
        return painting


def _example(height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(height)
    image, prior = torch.rand(2, 1, 3, height, width, generator=generator)
    return image, prior, torch.rand(1, 1, height, width, generator=generator)


def _difference(ours: nn.Module, session: Any) -> float:
    largest = 0.0
    for size in TRIED:
        pictures = _example(*size)
        with torch.no_grad():
            expected = ours(*pictures)
        found = session.run(None, {name: picture.numpy() for name, picture in zip(INPUTS, pictures, strict=True)})[0]
        largest = max(largest, float((torch.from_numpy(found) - expected).abs().max()))
    return largest


def _name_sides(graph: Any) -> None:
    """Call the sides of the pictures by their names; torch numbers them."""
    sides = [side.dim_param for side in graph.input[0].type.tensor_type.shape.dim[2:]]
    for value in [*graph.input, *graph.output]:
        for side in value.type.tensor_type.shape.dim:
            if side.dim_param in sides:
                side.dim_param = ("height", "width")[sides.index(side.dim_param)]


def _modules() -> list[Any]:
    try:
        return [importlib.import_module(name) for name in NEEDS]
    except ImportError as error:
        raise UsageError(f"Exporting needs {error.name}, which is not installed; run: pip install 'vidstyle[onnx]'.") from error
