"""The folder of a training: its checkpoint, its log, its sheets of samples, and a record of its settings."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vidstyle.core.atomic import write_atomically
from vidstyle.core.errors import OutputError, UsageError, reason
from vidstyle.core.images import write_png
from vidstyle.train.learner import Learner

# Names in checkpoints of the learner's parameters that were renamed, so that trainings of older versions can continue.
_STORED = {"style_changes": "rows"}


@dataclass(frozen=True)
class TrainingFolder:
    """The files of a training in `folder`. The log and the sheets stay when it is finished."""

    folder: Path

    @property
    def log(self) -> Path:
        """JSON lines: the losses of every step, and the metrics of every validation."""
        return self.folder / "log.jsonl"

    @property
    def pairs(self) -> Path:
        """The folder of the pairs of frames read from the videos, until the training is finished."""
        return self.folder / "material"

    def claim(self, job: dict[str, Any], restart: bool) -> None:
        """Create the folder, or continue the training in it.

        job: everything that the result depends on, by name. restart: delete an earlier training. Raises UsageError if it holds
        an unfinished training with another job, OutputError where it holds other files or cannot be written.
        """
        record, job = self.folder / "job.json", json.loads(json.dumps(job))
        try:
            if self.folder.exists() and not (record.exists() or self.log.exists()) and any(self.folder.iterdir()):
                raise OutputError(f"{self.folder}: exists and does not belong to a training; name another -o.")
            if restart or not record.exists():
                shutil.rmtree(self.folder, ignore_errors=True)
            elif (found := json.loads(record.read_text("utf-8"))) != job:
                differ = sorted(name for name in job.keys() | found.keys() if job.get(name) != found.get(name))
                raise UsageError(f"{self.folder}: holds a training with other {', '.join(differ)}; give the same as before to "
                                 "continue it, or --restart to begin anew.")
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(record, json.dumps(job, indent=1).encode() + b"\n")
            (self.folder / "sheets").mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be written ({reason(error)}); name another -o.") from error

    def append_log(self, line: dict[str, Any]) -> None:
        """Add a line to the log."""
        with self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def write_sheet(self, step: int, sheet: Tensor) -> None:
        """Write the contact sheet (3, H, W) of a step as PNG."""
        write_png(self.folder / "sheets" / f"step_{step:07}.png", sheet)

    def save_checkpoint(self, step: int, learner: Learner, steppers: Sequence[torch.optim.Optimizer], quality: Any) -> None:
        """Write the state after `step`, whole or not at all."""
        parameters = {_STORED.get(name, name): parameter for name, parameter in learner.named_parameters()}
        content = BytesIO()
        torch.save({"step": step, "quality": quality, "learner": parameters,
                    "steppers": [stepper.state_dict() for stepper in steppers]}, content)
        write_atomically(self.folder / "state.pt", content.getvalue())

    def load_checkpoint(self, learner: Learner, steppers: Sequence[torch.optim.Optimizer], device: str) -> tuple[int, Any]:
        """Restore learner and optimizers; returns the steps done and the last quality, (0, None) without a checkpoint."""
        path = self.folder / "state.pt"
        if not path.exists():
            return 0, None
        state = torch.load(path, weights_only=True, map_location=device)
        with torch.no_grad():
            for name, parameter in learner.named_parameters():
                parameter.copy_(state["learner"][_STORED.get(name, name)])
        for stepper, found in zip(steppers, state["steppers"], strict=True):
            stepper.load_state_dict(found)
        return state["step"], state["quality"]

    def truncate_log(self, step: int) -> None:
        """Remove the log's lines after `step`, that of the checkpoint: those steps are done again."""
        if self.log.exists():
            lines = self.log.read_text("utf-8").splitlines()
            remaining = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= step]
            write_atomically(self.log, "".join(f"{line}\n" for line in remaining).encode())

    def finish(self) -> None:
        """Remove the files that are only needed to continue the training."""
        shutil.rmtree(self.pairs, ignore_errors=True)
        for name in ("job.json", "state.pt"):
            (self.folder / name).unlink(missing_ok=True)
