"""Network files: a painting network, its style table and its metadata as .safetensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from vidstyle.core.atomic import write_atomically
from vidstyle.core.errors import InputError, OutputError, reason
from vidstyle.core.files import check_plain, named_in_utf8
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.style_table import StyleTable, blend_weights
from vidstyle.painting.palette import Palette
from vidstyle.painting.style_picture import StylePicture

FORMAT = "vidstyle-network-3"
TRAINED = "train"
"""Value of `made_by` in the metadata of a network from `vidstyle train`, which paints any clip."""
_TABLE = "rows."  # before the names of a style table's tensors

_PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin")
_PICKLED = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")  # torch.save's archive, bare pickles
_RANGES = ((1, 256), (0, 32), (0, 1), (1, 64))  # of a network's width, blocks, keep and soft; ours have 16, 6, 0.9 and 3


def save_network(network: PaintNetwork, path: Path, metadata: dict[str, str], table: StyleTable | None = None) -> None:
    """Write a network, its style table where it has one, and `metadata` to a file, whole or not at all. Raises OutputError."""
    metadata = {**metadata, "format": FORMAT, "width": str(network.width), "blocks": str(network.blocks),
                "keep": repr(network.keep), "soft": str(network.soft)}
    state = dict(network.state_dict())
    if table is not None:
        state |= {f"{_TABLE}changes": table.changes}
        state |= {f"{_TABLE}{part.name}": getattr(table.palette, part.name) for part in fields(Palette)}
    state = {key: value.detach().cpu().contiguous() for key, value in state.items()}
    try:
        write_atomically(path, save(state, metadata))
    except OSError as error:
        raise OutputError(f"{path}: the network cannot be written ({reason(error)}); choose another place.") from error


def load_network(path: Path, styles: Sequence[StylePicture] = ()) -> tuple[PaintNetwork, dict[str, str]]:
    """The network of a file, set to paint the blend `styles`, and the file's metadata.

    Without `styles`: the blend it was made for, or equal parts where it can paint any blend. Raises InputError for any other
    file, UsageError for styles that the network does not know.
    """
    network, table, metadata = read_network(path)
    if "styles" in metadata and (styles or table is not None):
        count = len(metadata["styles"].split(","))
        weights = (blend_weights(styles, metadata, path, mixable=table is not None) if styles
                   else torch.full((count,), 1 / count))
        if table is not None:
            table.apply_blend(network, weights)
    return network, metadata


def is_trained(path: Path) -> bool:
    """Whether a network file comes from `vidstyle train`. Raises InputError for a file that is no network's."""
    return read_network(path)[2].get("made_by") == TRAINED


def read_network(path: Path) -> tuple[PaintNetwork, StyleTable | None, dict[str, str]]:
    """The network, the style table and the metadata of a file of `save_network`. Raises InputError for any other file."""
    check_plain(path, "a .safetensors network")
    if path.suffix.lower() in _PICKLES or _begins(path, *_PICKLED):
        raise InputError(f"{path}: is a pickle, which can hold a program and is never run; "
                         "give a .safetensors network that vidstyle saved.")
    try:
        with named_in_utf8(path) as named, safe_open(named, framework="pt") as file:
            metadata = file.metadata() or {}
            settings = int(metadata["width"]), int(metadata["blocks"]), float(metadata["keep"]), int(metadata["soft"])
            if not all(low <= value <= high for value, (low, high) in zip(settings, _RANGES, strict=True)):
                raise ValueError("states settings that no network of ours has")
            with torch.device("meta"):  # takes no memory, whatever the file states
                network = PaintNetwork(*settings)
            expected = {key: list(tensor.shape) for key, tensor in network.state_dict().items()}
            found = {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118  safe_open is no dict
            if _TABLE + "changes" in found:
                expected |= _table_shapes(network, len(metadata["styles"].split(",")))
            if expected != found:
                raise ValueError("holds tensors of other shapes than it states")
            state = {key: file.get_tensor(key) for key in expected}
        if not all(bool(tensor.isfinite().all()) for tensor in state.values()):
            raise ValueError("holds weights that are no numbers")
        tensors = {key.removeprefix(_TABLE): state.pop(key) for key in list(state) if key.startswith(_TABLE)}
        table = StyleTable(tensors.pop("changes"), Palette(**tensors)) if tensors else None
        network = PaintNetwork(*settings)
        network.load_state_dict(state)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: is not a network that vidstyle saved; give a file written by --network.") from error
    network.eval().requires_grad_(False)
    return network.to(memory_format=torch.channels_last), table, metadata


def _begins(path: Path, *heads: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(max(map(len, heads))).startswith(heads)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason(error)}); check who may read it.") from error


def _table_shapes(network: PaintNetwork, styles: int) -> dict[str, list[int]]:
    """Shapes of the tensors of a `StyleTable` for so many styles, by their names in a file."""
    shapes = {"changes": [styles, 2, sum(network.modulated_channels)], "matrix": [styles, 3, 3],
              "light": [styles, 3], "darkest": [styles, 3], "lightest": [styles, 3]}
    return {_TABLE + name: shape for name, shape in shapes.items()}
