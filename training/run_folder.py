"""The folder of a training script: a log of JSON lines and a state from which the script goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch


class TrainingRun:
    """`log.jsonl` and `state.pt` in a folder, which is created."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log_file, self.state_file = folder / "log.jsonl", folder / "state.pt"

    def log(self, line: dict[str, Any]) -> None:
        """Add a line to the log and print it."""
        text = json.dumps(line)
        with self.log_file.open("a") as file:
            file.write(text + "\n")
        print(text, flush=True)

    def save(self, state: dict[str, Any]) -> None:
        """Replace the state; the earlier one stays until the new one is whole."""
        new = self.state_file.with_suffix(".new")
        torch.save(state, new)
        new.replace(self.state_file)

    def load(self, device: torch.device | str = "cpu") -> dict[str, Any] | None:
        """The state, with its tensors on `device`; None where nothing was saved."""
        if not self.state_file.exists():
            return None
        state: dict[str, Any] = torch.load(self.state_file, weights_only=True, map_location=device)
        return state
