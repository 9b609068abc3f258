"""Paint with a network: load and save it, and run it on one frame as a `Stylizer`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from vidstyle.errors import InputError, OutputError
from vidstyle.frame import Prior
from vidstyle.stylizers.network import PaintNetwork
from vidstyle.stylizers.rows import Share, StyleRows, weights_for
from vidstyle.stylizers.target import Palette, precision

_ROWS = "rows."  # before the names of the tensors of `StyleRows` in a file


@dataclass(frozen=True)
class FeedForward:
    """One pass of a network per frame; a `Stylizer`."""

    network: PaintNetwork

    @torch.no_grad()
    def __call__(self, image: Tensor, priors: Sequence[Prior] = ()) -> Tensor:
        """(3, H, W) frame -> (3, H, W) painting in [0, 1]; only the nearest prior is looked at."""
        prior = priors[0] if priors else Prior(torch.zeros_like(image), torch.zeros_like(image[:1]))
        with precision(image.device):
            painting: Tensor = self.network(image[None], prior.image[None], prior.visibility[None])[0]
        return painting.clamp(0, 1)


def save_network(network: PaintNetwork, path: Path, about: dict[str, str], rows: StyleRows | None = None) -> None:
    """Write the network, its styles where it knows several, and what it was made from to a file, whole or not at all."""
    metadata = {**about, "format": "vidstyle-network-2", "width": str(network.width),
                "blocks": str(network.blocks), "keep": repr(network.keep),
                "soft": str(network.soft)}
    state = dict(network.state_dict())
    if rows is not None:
        state |= {f"{_ROWS}changes": rows.changes}
        state |= {f"{_ROWS}{part.name}": getattr(rows.palette, part.name) for part in fields(Palette)}
    state = {key: value.detach().cpu().contiguous() for key, value in state.items()}
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(save(state, metadata))
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"{path}: the network cannot be written ({error.strerror}); choose another place.") from error


def load_network(path: Path, styles: Sequence[Share] = ()) -> tuple[PaintNetwork, dict[str, str]]:
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


def read_network(path: Path) -> tuple[PaintNetwork, StyleRows | None, dict[str, str]]:
    """All that is in a file of `save_network`. Raises InputError for anything else."""
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  safe_open is no dict
        own = {key.removeprefix(_ROWS): state.pop(key) for key in list(state) if key.startswith(_ROWS)}
        rows = StyleRows(own.pop("changes"), Palette(**own)) if own else None
        network = PaintNetwork(int(about["width"]), int(about["blocks"]), float(about["keep"]), int(about["soft"]))
        network.load_state_dict(state)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: is not a network that vidstyle saved; give a file written by --network.") from error
    network.eval().requires_grad_(False)
    return network.to(memory_format=torch.channels_last), rows, about
