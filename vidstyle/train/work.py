"""The folder a training works in: its checkpoint, its log and its sheets, and whose training it is."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vidstyle.core.errors import OutputError, UsageError
from vidstyle.core.images import write_png
from vidstyle.train.learner import Learner


@dataclass(frozen=True)
class Work:
    """Everything but the network itself. The log and the sheets stay when it is done."""

    folder: Path

    @property
    def log(self) -> Path:
        """JSON lines: the losses of every step, and at times what the yardstick says."""
        return self.folder / "log.jsonl"

    @property
    def material(self) -> Path:
        """Where what was read is kept until the end."""
        return self.folder / "material"

    def claim(self, job: dict[str, Any], restart: bool) -> None:
        """Make the folder this training's. Raises UsageError where it holds another one that is not finished."""
        record, job = self.folder / "job.json", json.loads(json.dumps(job))
        try:
            if self.folder.exists() and not (record.exists() or self.log.exists()) and any(self.folder.iterdir()):
                raise OutputError(f"{self.folder}: is there and is not a training's; name another -o.")
            if restart or not record.exists():
                shutil.rmtree(self.folder, ignore_errors=True)
            elif (found := json.loads(record.read_text("utf-8"))) != job:
                differ = sorted(name for name in job.keys() | found.keys() if job.get(name) != found.get(name))
                raise UsageError(f"{self.folder}: holds a training with other {', '.join(differ)}; give what it began with to "
                                 "go on, or --restart to begin anew.")
            self.folder.mkdir(exist_ok=True)
            record.write_text(json.dumps(job, indent=1) + "\n", encoding="utf-8")
            (self.folder / "sheets").mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be written ({error.strerror}); name another -o.") from error

    def note(self, line: dict[str, Any]) -> None:
        """Add a line to the log."""
        with self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def show(self, step: int, sheet: Tensor) -> None:
        """Write the sheet of a step."""
        write_png(self.folder / "sheets" / f"step_{step:07}.png", sheet)

    def save(self, step: int, learner: Learner, steppers: Sequence[torch.optim.Optimizer], quality: Any) -> None:
        """Write a checkpoint, whole or not at all."""
        state = {"step": step, "quality": quality, "learner": dict(learner.named_parameters()),
                 "steppers": [stepper.state_dict() for stepper in steppers]}
        part = self.folder / "state.part"
        with part.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.folder / "state.pt")

    def resume(self, learner: Learner, steppers: Sequence[torch.optim.Optimizer], device: str) -> tuple[int, Any]:
        """Steps already done and the last quality, with everything as it was then; (0, None) for a fresh training."""
        path = self.folder / "state.pt"
        if not path.exists():
            return 0, None
        state = torch.load(path, weights_only=True, map_location=device)
        with torch.no_grad():
            for name, parameter in learner.named_parameters():
                parameter.copy_(state["learner"][name])
        for stepper, kept in zip(steppers, state["steppers"], strict=True):
            stepper.load_state_dict(kept)
        return state["step"], state["quality"]

    def forget_after(self, step: int) -> None:
        """Cut the log back to a checkpoint: what came after it will be done again."""
        if self.log.exists():
            lines = self.log.read_text("utf-8").splitlines()
            kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= step]
            part = self.log.with_suffix(".part")
            part.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
            part.replace(self.log)

    def finish(self) -> None:
        """Remove what was only needed to go on."""
        shutil.rmtree(self.material, ignore_errors=True)
        for name in ("job.json", "state.pt"):
            (self.folder / name).unlink(missing_ok=True)
