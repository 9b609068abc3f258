"""What a machine of a cluster does: see whether it has the same files, and paint what it is given."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import torch

from vidstyle import __version__
from vidstyle.batch.conduct import Planned
from vidstyle.batch.engines.pool import Done, Failed, attempt
from vidstyle.batch.engines.tasks import Task
from vidstyle.core.atomic import write_failed
from vidstyle.core.errors import InputError, OutputError, UsageError
from vidstyle.core.progress import Progress
from vidstyle.run.paint import make_folder
from vidstyle.run.plan import Plan

SECONDS_BETWEEN_STEPS = 0.5
"""Least time between two reports of a task."""
_MOST_CHECKED = 50  # files of a sequence


@dataclass(frozen=True)
class Inputs:
    """What a machine must see in order to paint a shot as the machine of the command does."""

    version: str
    folder: Path
    """The working folder of the command."""
    paths: tuple[Path, ...]
    """The names that the plan holds, which may be relative to `folder`."""
    sizes: tuple[tuple[Path, int], ...]
    """Absolute names and sizes in bytes of files that are read."""
    marker: Path
    """An empty file in the folder of the output."""

    @classmethod
    def of(cls, plan: Plan) -> Inputs:
        """Those of a plan; creates the marker. Raises OutputError."""
        make_folder(plan)
        files = list(plan.source.files[:: max(1, len(plan.source.files) // _MOST_CHECKED)])
        files += [style.path for style in plan.styles]
        files += [file for control in plan.control_files.values() for file in control[:: max(1, len(control) // _MOST_CHECKED)]]
        files += [file for file in (plan.options.network, plan.options.palette) if file is not None and os.path.exists(file)]
        if "=" in plan.options.flow:
            files.append(Path(plan.options.flow.partition("=")[2]))
        try:
            handle, marker = tempfile.mkstemp(prefix=".vidstyle-", dir=plan.target.absolute().parent)
        except OSError as error:
            raise write_failed(plan.target, error) from error
        os.close(handle)
        return cls(__version__, Path.cwd(), (plan.clip.path, plan.target, *files),
                   tuple((file.absolute(), file.stat().st_size) for file in files), Path(marker))

    def check(self) -> None:
        """Raise UsageError, InputError or OutputError where this machine does not see the same; enters `folder`."""
        here = socket.gethostname()
        if self.version != __version__:
            raise UsageError(f"vidstyle {__version__} is installed on {here}, and the command is of {self.version}; "
                             "install the same version on every machine.")
        try:
            os.chdir(self.folder)
        except OSError:
            if relative := [path for path in self.paths if not path.is_absolute()]:
                raise InputError(f"{relative[0]}: is relative to {self.folder}, which is not on {here}; "
                                 "give absolute paths that every machine of the cluster sees.") from None
        for file, size in self.sizes:
            if not os.path.isfile(file):
                raise InputError(f"{file}: is not on {here}; put it where every machine of the cluster sees it "
                                 "under this name.")
            if file.stat().st_size != size:
                raise InputError(f"{file}: has {file.stat().st_size} bytes on {here} and {size} where the command runs; "
                                 "put it where every machine of the cluster sees the same file.")
        if not os.path.exists(self.marker):
            raise OutputError(f"{self.marker.parent}: is another folder on {here} than where the command runs; "
                              "write to a folder that every machine of the cluster sees, with -o.")


def work(number: int, board: Any, task: Task, planned: Planned, inputs: Inputs, cpus: int) -> Done | Failed:
    """Do a task, in a process of Ray's. number: of the task, for its reports. planned: its shot, in place of a reference."""
    import ray

    torch.set_num_threads(cpus)
    cv2.setNumThreads(cpus)
    last = 0.0, ""

    def listen(step: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last[0] < SECONDS_BETWEEN_STEPS and step.stage == last[1] and step.done != step.total:
            return
        last = now, step.stage
        try:
            stops = ray.get(board.report.remote(number, step))
        except ray.exceptions.RayError:  # the command is gone
            stops = True
        if stops:
            raise KeyboardInterrupt

    return attempt(task, planned, listen, inputs.check)
