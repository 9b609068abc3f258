"""Paint with a network: load and save it, and run it on one frame as a `Stylizer`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from vidstyle.core.atomic import write_atomically
from vidstyle.core.errors import InputError, OutputError
from vidstyle.core.files import check_plain
from vidstyle.core.frame import Prior
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.style_table import StyleRows, weights_for
from vidstyle.painting.feedforward.tiles import proposed
from vidstyle.painting.style import Palette, precision
from vidstyle.painting.style_picture import StylePicture

TRAINED = "train"  # what a network's file says that made it, where it is for any clip
_ROWS = "rows."  # before the names of the tensors of `StyleRows` in a file

_PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin")
_PICKLED = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")  # torch.save's archive, bare pickles
_RANGES = ((1, 256), (0, 32), (0, 1), (1, 64))  # of a network's width, blocks, keep and soft; ours have 16, 6, 0.9 and 3


@dataclass(frozen=True)
class FeedForward:
    """One pass of a network per frame; a `Stylizer`."""

    network: PaintNetwork

    @torch.no_grad()
    def __call__(self, image: Tensor, priors: Sequence[Prior] = ()) -> Tensor:
        """(3, H, W) frame -> (3, H, W) painting in [0, 1]; only the nearest prior is looked at."""
        prior = priors[0] if priors else Prior(torch.zeros_like(image), torch.zeros_like(image[:1]))
        with precision(image.device):
            proposal = proposed(self.network, image[None])
        return self.network.over(prior.image, prior.visibility, proposal[0]).clamp(0, 1)


def save_network(network: PaintNetwork, path: Path, about: dict[str, str], rows: StyleRows | None = None) -> None:
    """Write the network, its styles where it knows several, and what it was made from to a file, whole or not at all."""
    metadata = {**about, "format": "vidstyle-network-3", "width": str(network.width),
                "blocks": str(network.blocks), "keep": repr(network.keep),
                "soft": str(network.soft)}
    state = dict(network.state_dict())
    if rows is not None:
        state |= {f"{_ROWS}changes": rows.changes}
        state |= {f"{_ROWS}{part.name}": getattr(rows.palette, part.name) for part in fields(Palette)}
    state = {key: value.detach().cpu().contiguous() for key, value in state.items()}
    try:
        write_atomically(path, save(state, metadata))
    except OSError as error:
        raise OutputError(f"{path}: the network cannot be written ({error.strerror}); choose another place.") from error


def load_network(path: Path, styles: Sequence[StylePicture] = ()) -> tuple[PaintNetwork, dict[str, str]]:
    """A network from a file of `save_network` that paints these styles, and what it says about itself.

    Without `styles`, those it was made for, in equal parts where it can paint any blend. Raises InputError for another
    file, UsageError for styles that it does not know.
    """
    network, rows, about = read_network(path)
    if "styles" in about and (styles or rows is not None):
        count = len(about["styles"].split(","))
        weights = weights_for(styles, about, path, mixable=rows is not None) if styles else torch.full((count,), 1 / count)
        if rows is not None:
            rows.bake(network, weights)
    return network, about


def is_trained(path: Path) -> bool:
    """Whether a network's file comes from `vidstyle train`, and so paints any clip. Raises InputError for another file."""
    return read_network(path)[2].get("made_by") == TRAINED


def _begins(path: Path, *heads: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(max(map(len, heads))).startswith(heads)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: cannot be read ({reason}); check who may read it.") from error


def read_network(path: Path) -> tuple[PaintNetwork, StyleRows | None, dict[str, str]]:
    """All that is in a file of `save_network`. Raises InputError for anything else."""
    check_plain(path, "a .safetensors network")
    if path.suffix.lower() in _PICKLES or _begins(path, *_PICKLED):
        raise InputError(f"{path}: is a pickle, which can hold a program and is never run; "
                         "give a .safetensors network that vidstyle saved.")
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            made_of = int(about["width"]), int(about["blocks"]), float(about["keep"]), int(about["soft"])
            if not all(low <= value <= high for value, (low, high) in zip(made_of, _RANGES, strict=True)):
                raise ValueError("stated measures that no network of ours has")
            with torch.device("meta"):  # takes no memory, whatever the file states
                network = PaintNetwork(*made_of)
            sizes = {key: list(tensor.shape) for key, tensor in network.state_dict().items()}
            found = {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118  safe_open is no dict
            if _ROWS + "changes" in found:
                sizes |= _rows_shapes(network, len(about["styles"].split(",")))
            if sizes != found:
                raise ValueError("holds tensors of other shapes than it states")
            state = {key: file.get_tensor(key) for key in sizes}
        if not all(bool(tensor.isfinite().all()) for tensor in state.values()):
            raise ValueError("holds weights that are no numbers")
        own = {key.removeprefix(_ROWS): state.pop(key) for key in list(state) if key.startswith(_ROWS)}
        rows = StyleRows(own.pop("changes"), Palette(**own)) if own else None
        network = PaintNetwork(*made_of)
        network.load_state_dict(state)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: is not a network that vidstyle saved; give a file written by --network.") from error
    network.eval().requires_grad_(False)
    return network.to(memory_format=torch.channels_last), rows, about


def _rows_shapes(network: PaintNetwork, styles: int) -> dict[str, list[int]]:
    """Shapes of the tensors of `StyleRows` for so many styles, by their names in a file."""
    shapes = {"changes": [styles, 2, sum(network.changeable)], "matrix": [styles, 3, 3],
              "light": [styles, 3], "darkest": [styles, 3], "lightest": [styles, 3]}
    return {_ROWS + name: shape for name, shape in shapes.items()}
