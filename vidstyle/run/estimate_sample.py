"""The cost of a few frames, painted for real at the run's own size in a temporary folder."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.core.devices import deterministic
from vidstyle.core.frame import FlowPair, Prior
from vidstyle.core.progress import Listener, Progress
from vidstyle.flow import load_flow
from vidstyle.painting.job import Painter
from vidstyle.run.compare import write_comparison
from vidstyle.run.compare_plan import plan_comparison
from vidstyle.run.cuts import Range
from vidstyle.run.finish import finish, frame_hash
from vidstyle.run.pipeline import make_painter, painted_frames
from vidstyle.run.plan import Plan
from vidstyle.run.preroll import Start
from vidstyle.run.resume.fit_checkpoint import FitCheckpoint
from vidstyle.run.resume.folder import RunFolder
from vidstyle.run.settings import write_settings
from vidstyle.video import plan_output

FRAMES = 8
"""Frames that are painted. Of key frames, the whole interval around them is read, and both its ends are painted."""
FIT_STEPS = 4


@dataclass(frozen=True)
class Sample:
    """What a few frames of a run cost; times in seconds, sizes in bytes."""

    prepare: float
    """Before the first frame, without the steps of a fit."""
    fit_step: float
    """One step of a fit; 0 where nothing is fitted."""
    first: float
    """To paint the first frame of a shot."""
    follow: float
    """To paint a frame, or a key frame, that follows another."""
    scan: float
    """To read a frame and follow its motion, where key frames are painted; else 0."""
    rest: float
    """For each frame, what is left: carrying and mending its paint, finishing, writing."""
    compare: float
    """For each frame of the review movie."""
    memory: int | None
    """Largest resident set of this process so far; None where the system does not say."""
    interval: int
    """Frames of the longest interval between key frames that was held."""
    by_key_frames: bool
    every: int | None
    """Frames from one key frame to the next; None: chosen by the motion."""
    frame_bytes: float
    """Each frame in the output."""
    work_bytes: float
    """Each frame in the work folder, until its segment is coded; 0 for images."""
    compare_bytes: float
    """Each frame in the review movie."""


@dataclass
class _Clock:
    """Counts and times the steps of a run."""

    device: str
    first: list[float] = field(default_factory=list)
    follow: list[float] = field(default_factory=list)
    fit: list[float] = field(default_factory=list)
    """When each step of a fit ended."""
    flows: int = 0

    def now(self) -> float:
        if self.device.startswith("cuda"):
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def counting(self, estimate: Callable[[Tensor, Tensor], FlowPair]) -> Callable[[Tensor, Tensor], FlowPair]:
        def counted(last: Tensor, this: Tensor) -> FlowPair:
            self.flows += 1
            return estimate(last, this)

        return counted

    def timing(self, painter: Painter) -> Painter:
        def timed(image: Tensor, priors: Sequence[Prior], paint: Callable[[], Tensor]) -> Tensor:
            began = self.now()
            painting = paint()
            (self.follow if priors else self.first).append(self.now() - began)
            return painting

        keys = painter.key_frames
        if keys is None:
            return replace(painter, stylize=lambda image, priors: timed(
                image, priors, lambda: painter.stylize(image, priors)))
        return replace(painter, key_frames=replace(keys, paint=lambda image, prior: timed(
            image, () if prior is None else (prior,), lambda: keys.paint(image, prior))))

    def listening(self, listen: Listener) -> Listener:
        def heard(step: Progress) -> None:
            if step.stage == "fit":
                self.fit.append(self.now())
            else:
                listen(step)

        return heard


def measure(plan: Plan, frames: Range, listen: Listener = lambda progress: None) -> Sample:
    """Paint `frames` (indices of the first and last, of one shot) as `plan` says, in a temporary folder that is removed.

    Raises what a run would raise.
    """
    with tempfile.TemporaryDirectory(prefix="vidstyle-") as folder:
        short, clock = _shortened(plan, frames, Path(folder)), _Clock(plan.device)
        flow = clock.counting(load_flow(plan.options.flow, plan.device))
        work_bytes, painter = 0, None
        with (deterministic(plan.device), RunFolder(short.target, {"network": "none"}, keep_frames=False) as run_folder,
              short.output.open(overwrite=True) as sink):
            began = clock.now()
            if plan.options.strength > 0:
                painter = make_painter(short, FitCheckpoint(run_folder), flow, clock.listening(listen))
            times, flows = [clock.now()], [clock.flows]
            timed = None if painter is None else clock.timing(painter)
            for painted in painted_frames(short, timed, flow, frames[0], ()):
                image = finish(painted.source.image, painted.painting, short.output.size, short.options)
                frame_hash(image)
                work_bytes = max(work_bytes, len(sink.write(replace(painted.source, image=image)).samples))
                times.append(clock.now())
                flows.append(clock.flows)
                listen(Progress("measure", len(times) - 1, short.count))
            sink.close()
        done = clock.now()
        size = _size_of(Path(folder))
        compare = compare_bytes = 0.0
        if short.comparison is not None:
            write_comparison(short, short.target)
            compare, compare_bytes = (clock.now() - done) / short.count, (_size_of(Path(folder)) - size) / short.count
    return _sample(clock, short, painter, times[0] - began, times, flows, size, work_bytes, compare, compare_bytes)


def peak_memory() -> int | None:
    """Largest resident set of this process so far, in bytes; None where the system does not say."""
    if sys.platform == "win32":
        return None
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _sample(clock: _Clock, short: Plan, painter: Painter | None, prepare: float, times: list[float], flows: list[int],
            size: int, work_bytes: int, compare: float, compare_bytes: float) -> Sample:
    """The sample of a run. times: when painting began, and when each frame was written; flows: how many flows had been
    estimated at each of these times."""
    keys = None if painter is None else painter.key_frames
    fit_step = (clock.fit[-1] - clock.fit[0]) / (len(clock.fit) - 1) if len(clock.fit) > 1 else 0.0
    painting = sum(clock.first) + sum(clock.follow)
    scan, rest = 0.0, (times[-1] - times[0] - painting) / short.count
    followed = [after - before for before, after in pairwise(flows)]
    if keys is not None and any(followed):
        # Where no flow was estimated between two frames, the second one was carried and written, and nothing else was done.
        carried = [after - before for (before, after), count in zip(pairwise(times), followed, strict=True) if not count]
        rest = sum(carried) / len(carried) if carried else 0.0
        scan = max(0.0, times[-1] - times[0] - painting - rest * short.count) / sum(followed)
    first = sum(clock.first) / max(1, len(clock.first))
    return Sample(
        prepare=prepare - fit_step * len(clock.fit), fit_step=fit_step, first=first,
        follow=sum(clock.follow) / len(clock.follow) if clock.follow else first, scan=scan, rest=rest, compare=compare,
        memory=peak_memory(), interval=max(followed),
        by_key_frames=keys is not None, every=None if keys is None else keys.every, frame_bytes=size / short.count,
        work_bytes=work_bytes, compare_bytes=compare_bytes)


def _shortened(plan: Plan, frames: Range, folder: Path) -> Plan:
    """The plan of a run of these frames into `folder`, which writes no network, and no sound."""
    options, source = replace(plan.options, audio="none", strict=False), plan.source
    if options.network is not None and not options.network.exists():
        options = replace(options, network=None)
    options = replace(options, fit_steps=min(FIT_STEPS, options.fit_steps))
    target = folder / plan.target.name
    output = plan_output(target, source, frames, write_settings(options, source.clip))
    comparison = plan_comparison(target, source, frames, options)
    return replace(plan, output=output, frames=frames, start=Start(frames[0]), options=options, overwrite=True, sheet=None,
                   comparison=comparison)


def _size_of(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
