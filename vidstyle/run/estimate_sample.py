"""The cost of a few frames, painted for real at the run's own size in a temporary folder."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from vidstyle.core.devices import deterministic
from vidstyle.core.frame import FlowPair, Prior
from vidstyle.core.options import Options
from vidstyle.core.progress import Listener, Progress
from vidstyle.flow import load_flow
from vidstyle.painting.job import Painter
from vidstyle.run.compare import write_comparison
from vidstyle.run.compare_plan import plan_comparison
from vidstyle.run.cuts import Range
from vidstyle.run.finish import finish, frame_hash
from vidstyle.run.paint import make_painter, painted_frames
from vidstyle.run.plan import Plan
from vidstyle.run.preroll import Start
from vidstyle.run.resume.fit_checkpoint import FitCheckpoint
from vidstyle.run.resume.folder import RunFolder
from vidstyle.run.sampling import at_paint_size
from vidstyle.run.settings import write_settings
from vidstyle.video import plan_output

FRAMES, CARRIED = 8, 24
"""Frames that are painted; with key frames, whose paint is carried to most frames, as many as one interval has at most."""
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
    redraw: float = 0.0
    """To draw the strokes of a frame anew; 0 where that is not done."""


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

    def timing(self, painter: Painter, given: Container[int]) -> Painter:
        """`painter`, whose paintings are timed; given: indices of the key frames that an artist has painted, which are read."""
        def timed(priors: Sequence[Prior], paint: Callable[[], Tensor]) -> Tensor:
            began = self.now()
            painting = paint()
            (self.follow if priors else self.first).append(self.now() - began)
            return painting

        keys = painter.key_frames
        if keys is None:
            return replace(painter, stylize=lambda frame, priors: timed(priors, lambda: painter.stylize(frame, priors)))
        return replace(painter, key_frames=replace(keys, paint=lambda frame, prior: keys.paint(frame, prior)
                                                   if frame.index in given else
                                                   timed(() if prior is None else (prior,), lambda: keys.paint(frame, prior))))

    def listening(self, listen: Listener) -> Listener:
        def heard(step: Progress) -> None:
            if step.stage == "fit":
                self.fit.append(self.now())
            else:
                listen(step)

        return heard


def measure(plan: Plan, shot: Range, listen: Listener = lambda progress: None) -> Sample:
    """Paint the middle of `shot` (indices of its first and last frame) as `plan` says, in a temporary folder that is removed.

    Raises what a run would raise.
    """
    clock, work_bytes, compare = _Clock(plan.device), 0, 0.0
    given = {key.index for key in plan.keys}
    plan = replace(plan, options=_quick(plan.options))
    flow = clock.counting(load_flow(plan.options.flow, plan.device))
    with (tempfile.TemporaryDirectory(prefix="vidstyle-") as name, deterministic(plan.device),
          RunFolder(Path(name) / "sample", {"network": "none"}, keep_frames=False) as work):
        folder, began, painter = Path(name), clock.now(), None
        if plan.options.strength != 0:
            painter = clock.timing(make_painter(plan, partial(FitCheckpoint, work), flow, clock.listening(listen)), given)
        redraw = None if painter is None or painter.key_frames is None else painter.key_frames.redraw
        if painter is not None and painter.key_frames is not None:  # drawings are measured by themselves, below
            painter = replace(painter, key_frames=replace(painter.key_frames, redraw=None))
        times, flows, steady = [clock.now()], [clock.flows], None
        most = FRAMES if painter is None or painter.key_frames is None else CARRIED
        begin = max(shot[0], (shot[0] + shot[1] + 1 - most) // 2)
        short = _shortened(plan, (begin, min(begin + most - 1, shot[1])), folder)
        with short.output.open(overwrite=True) as sink:
            mattes = short.mattes.read(*short.frames)
            for painted in painted_frames(short, painter, flow, begin, (), work.path):
                values = () if painter is None else next(mattes)
                image = finish(painted.source, painted.painting, short.output.size, short.options, short.mattes, values)
                frame_hash(image)
                work_bytes = max(work_bytes, len(sink.write(replace(painted.source, image=image)).samples))
                times.append(clock.now())
                flows.append(clock.flows)
                if painted.memories and painted.source.index not in given:
                    steady = painted
                listen(Progress("measure", len(times) - 1, short.count))
            sink.close()
        redrawn = clock.now()
        if redraw is not None and steady is not None:
            redraw(at_paint_size(steady.source, short), steady.memories[-1].painting)
        redrawn = clock.now() - redrawn
        size, done = _size_of(folder), clock.now()
        if short.comparison is not None:
            write_comparison(short, short.target)
            compare = (clock.now() - done) / short.count
        compare_bytes = (_size_of(folder) - size) / short.count
    keys = None if painter is None else painter.key_frames
    prepare, fit_step = _times_of_fit(clock.fit, times[0] - began)
    scan, rest = _times_of_frames(clock, times, flows, by_key_frames=keys is not None)
    first = sum(clock.first or clock.follow) / max(1, len(clock.first or clock.follow))
    return Sample(
        prepare, fit_step, first, sum(clock.follow) / len(clock.follow) if clock.follow else first, scan, rest, compare,
        memory=peak_memory(), interval=max(after - before for before, after in pairwise(flows)),
        by_key_frames=keys is not None, every=None if keys is None else keys.every, frame_bytes=size / short.count,
        work_bytes=work_bytes, compare_bytes=compare_bytes, redraw=redrawn)


def peak_memory() -> int | None:
    """Largest resident set of this process so far, in bytes; None where the system does not say."""
    if sys.platform == "win32":
        return None
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _times_of_fit(steps: Sequence[float], prepare: float) -> tuple[float, float]:
    """Seconds before the first frame without the fit, and of one of its steps; steps: when each of them ended."""
    # The median: between the fits of two layers, the second one is prepared.
    step = median(after - before for before, after in pairwise(steps)) if len(steps) > 1 else 0.0
    return prepare - step * len(steps), step


def _times_of_frames(clock: _Clock, times: Sequence[float], flows: Sequence[int], *,
                     by_key_frames: bool) -> tuple[float, float]:
    """`Sample.scan` and `Sample.rest`.

    times: when painting began, and when each frame was written; flows: how many flows had been estimated at each of these.
    """
    count, spent = len(times) - 1, times[-1] - times[0] - sum(clock.first) - sum(clock.follow)
    followed = [after - before for before, after in pairwise(flows)]
    if not by_key_frames or not any(followed):
        # The first frame is left out where there are others: an encoder and a network take their time to begin.
        begun = times[1] - times[0] - sum(clock.first[:1])
        return 0.0, (spent - begun) / (count - 1) if count > 1 else spent
    # Where no flow was estimated between two frames, the second one was carried and written, and nothing else was done.
    carried = [after - before for (before, after), new in zip(pairwise(times), followed, strict=True) if not new]
    rest = sum(carried) / len(carried) if carried else 0.0
    return max(0.0, spent - rest * count) / sum(followed), rest


def _quick(options: Options) -> Options:
    """The options in one pass, with fewer steps of a fit, whose network is not saved, and without sound: it takes no time."""
    network = options.network if options.network is not None and os.path.exists(options.network) else None
    return replace(options, network=network, fit_steps=min(FIT_STEPS, options.fit_steps), passes=1, audio="none", strict=False)


def _shortened(plan: Plan, frames: Range, folder: Path) -> Plan:
    """The plan of a run of these frames into `folder`."""
    target = folder / plan.target.name
    return replace(plan, output=plan_output(target, plan.source, frames, write_settings(plan.options, plan.clip)),
                   frames=frames, start=Start(frames[0]), overwrite=True, sheet=None,
                   comparison=plan_comparison(target, plan.source, frames, plan.options, {}))


def _size_of(folder: Path) -> int:
    """Bytes of all files in a folder; those of its subfolders do not count."""
    return sum(file.stat().st_size for file in folder.iterdir() if os.path.isfile(file))
