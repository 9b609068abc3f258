"""The checkpoint of a fit: its last state until it is finished, then the fitted network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from safetensors.torch import load_file, save
from torch import Tensor

from vidstyle.core.atomic import fsync, write_atomically
from vidstyle.core.files import named_in_utf8, sha256
from vidstyle.run.resume.folder import RunFolder
from vidstyle.run.resume.records import FIT, NETWORK, of_kind, of_layer


class FitCheckpoint:
    """Saves the fit of a layer in `folder`, and finds what an earlier run saved there. Raises OutputError for the disk."""

    def __init__(self, folder: RunFolder, layer: int = 0) -> None:
        self.folder, self.layer = folder, layer
        self._number = f"-{layer}" if layer else ""
        self._record = {"layer": layer} if layer else {}

    def state(self) -> dict[str, Tensor] | None:
        """The state that was saved last, on the CPU; None where there is none."""
        records = of_layer(of_kind(self.folder.records, FIT), self.layer)
        if not records:
            return None
        [(name, _)] = records[-1]["files"]
        with self.folder.disk_errors(), named_in_utf8(self.folder.path / name) as named:
            return load_file(named)

    def save(self, step: int, state: Callable[[], dict[str, Tensor]], *, now: bool = False) -> None:
        """Save `state()` as that after `step` steps, where a save is due, or `now`."""
        if not now and not self.folder.schedule.is_due():
            return
        with self.folder.saving():
            name = f"fit{self._number}-{step:06}.safetensors"
            digest = write_atomically(self.folder.path / name, save(state()))
            self.folder.append({"kind": FIT, "files": [[name, digest]], "resume": f"after {step} steps of the fit",
                                **self._record})

    @property
    def network(self) -> Path | None:
        """The file of the fitted network; None where the fit is not finished."""
        return self._file if of_layer(of_kind(self.folder.records, NETWORK), self.layer) else None

    def save_network(self, save_to: Callable[[Path], None]) -> None:
        """Save the fitted network: `save_to(path)` writes it to a safetensors file, atomically."""
        with self.folder.saving():
            path = self._file
            save_to(path)
            fsync(self.folder.path)
            self.folder.append({"kind": NETWORK, "files": [[path.name, sha256(path)]], "resume": "after the fit",
                                **self._record})

    @property
    def _file(self) -> Path:
        return self.folder.path / f"network{self._number}.safetensors"

    def adopt(self, network: Path) -> None:
        """Save a copy of a network that another run has fitted in the same way."""
        def copy(path: Path) -> None:
            write_atomically(path, network.read_bytes())

        self.save_network(copy)
