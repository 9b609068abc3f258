"""One clip painted in parts, by several processes or machines, and joined to the very file that one process writes.

    parts = split(plan, shortest=96)
    done = [paint_part(plan, part) for part in parts]   # in any order, each in a process of its own
    result = join(plan, done)

A cut begins anew: what is painted from there on does not depend on the frames before it. So parts begin at cuts. What a part
has painted is saved in the folder of the run, which all processes see, as segments and samples of the output; `join` writes
them in order, and encodes no segment that was coded already.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from torch import Tensor

from vidstyle.core.devices import deterministic, threads
from vidstyle.core.errors import UsageError, VidstyleError
from vidstyle.core.progress import Listener, Progress
from vidstyle.flow import load_flow
from vidstyle.painting.methods import find_method
from vidstyle.run.compare import write_comparison
from vidstyle.run.kept_fit import find_fit
from vidstyle.run.manifest import describe_machine, describe_run, job_of, write_manifest
from vidstyle.run.paint import make_folder, make_painter, write_frames
from vidstyle.run.plan import Plan
from vidstyle.run.preroll import Start
from vidstyle.run.result import Result
from vidstyle.run.resume.fit_checkpoint import FitCheckpoint
from vidstyle.run.resume.folder import RunFolder, saved_records, work_folder
from vidstyle.run.resume.frame_log import FrameLog
from vidstyle.run.resume.job import differences
from vidstyle.run.resume.journal import Record
from vidstyle.run.resume.records import FRAMES, NETWORK, PARTS, of_kind, of_layer
from vidstyle.run.sampling import at_paint_size
from vidstyle.temporal.shots import cut_detector
from vidstyle.video import parse_pattern

Part = tuple[int, int]
"""Indices of the first and last frame, both included."""


@dataclass(frozen=True)
class PaintedPart:
    """What painting a part took."""

    seconds: dict[str, float] = field(default_factory=dict)
    """By stage; see `Result.stage_seconds`."""
    losses: dict[str, float] = field(default_factory=dict)


def parts_of(target: Path) -> list[Part]:
    """The parts in which an unfinished run of `target` is painted; empty where there are none."""
    return [(first, last) for record in of_kind(saved_records(target)[1:], PARTS) for first, last in record["parts"]]


def split(plan: Plan, shortest: int, *, restart: bool = False, listen: Listener = lambda progress: None) -> list[Part]:
    """Find the parts of a clip, and save what they have in common: their frames, and the network where one is fitted.

    shortest: fewest frames of a part. Parts begin at cuts, or anywhere where every frame is painted on its own.
    Returns those of an unfinished run where there is one, and one part where the clip cannot be divided, or where an
    unfinished run has painted frames of it already: then nothing is saved. Raises as `pipeline.run` does.
    """
    make_folder(plan)
    with threads_of(None if restart else plan.target):
        record, whole = describe_run(plan), [plan.frames]
        job = job_of(record)
        with deterministic(plan.device), RunFolder(plan.target, job, restart=restart, stays=True) as folder:
            if of_kind(folder.records, FRAMES):
                return whole
            if found := parts_of(plan.target):
                return found
            parts = list(_parts(plan, shortest, listen))
            if len(parts) == 1:
                return whole
            if record["network"] == "fitted":
                fit = FitCheckpoint(folder)
                kept = None if folder.records else find_fit([plan.target.parent, plan.clip.path.parent], job)
                if kept is not None:
                    fit.adopt(kept)
                    listen(Progress("resume", 0, plan.count, note=f"uses the network of a preview, {kept}"))
                make_painter(plan, partial(FitCheckpoint, folder), load_flow(plan.options.flow, plan.device), listen)
            folder.append({"kind": PARTS, "files": [], "parts": parts, "folders": [_folder(plan, part).name for part in parts],
                           "run": json.loads(json.dumps(record, default=str)), "resume": "after the frames that are painted"})
            return parts


def paint_part(plan: Plan, part: Part, *, listen: Listener = lambda progress: None) -> PaintedPart:
    """Paint one of the parts that `split` found, and save it; goes on where an earlier call was stopped.

    Raises UsageError on a machine that would paint otherwise than the one that split the clip.
    """
    began, (job, record) = time.monotonic(), _saved(plan)
    own = replace(plan, frames=part, start=plan.start if part[0] == plan.frames[0] else Start(part[0]))
    with threads_of(plan.target):
        _check_machine(plan, record)
        with (deterministic(plan.device), RunFolder(_target(plan, part), _part_job(job, part), stays=True) as folder,
              FrameLog(folder, own.count) as log, plan.output.open_part(part) as sink):
            memories, losses = log.restore(sink, plan.device), dict[str, float]()
            if log.facts:
                listen(Progress("paint", len(log.facts), own.count))
            prepared = time.monotonic()
            if len(log.facts) < own.count:
                estimate_flow, painter = load_flow(plan.options.flow, plan.device), None
                if plan.options.strength != 0:
                    painter = make_painter(own, partial(_Fitted, plan), estimate_flow, listen)
                    losses = painter.losses
                prepared = time.monotonic()
                write_frames(own, painter, estimate_flow, log, sink, memories, listen)
    return PaintedPart({"prepare": prepared - began, "paint": time.monotonic() - prepared, "save": folder.seconds}, losses)


def join(plan: Plan, done: Sequence[PaintedPart], *, listen: Listener = lambda progress: None) -> Result:
    """Write the output and its manifest from the parts, all of which are painted, and remove the folder of the run.

    done: what `paint_part` returned for the parts; the seconds of stages are added up.
    """
    began, (job, record) = time.monotonic(), _saved(plan)
    # Images have their names already, which those of the parts gave them.
    overwrite = plan.overwrite or parse_pattern(plan.target) is not None
    with (RunFolder(plan.target, job) as folder, FrameLog(folder, plan.count) as log,
          plan.output.open(overwrite=overwrite) as sink):
        for first, last in record["parts"]:
            with (RunFolder(_target(plan, (first, last)), _part_job(job, (first, last)), stays=True) as own,
                  FrameLog(own, last - first + 1) as painted):
                if len(painted.facts) < painted.total:
                    raise VidstyleError(f"{own.path}: has {len(painted.facts)} of {painted.total} frames of its part.")
                painted.restore(sink, "cpu")
                log.adopt(painted)
            listen(Progress("join", len(log.facts), plan.count))
        seconds = {stage: sum(part.seconds.get(stage, 0.0) for part in done) for stage in ("prepare", "paint", "save")}
        whole = sink.close()
        if plan.comparison is not None:
            write_comparison(plan, whole or plan.target, listen)
        write_manifest(plan, record["run"], whole, log, FitCheckpoint(folder).network, seconds)
    losses = next((part.losses for part in done if part.losses), {})
    return Result.of(plan, log.facts, seconds, losses, sum(seconds[stage] for stage in ("prepare", "paint"))
                     + time.monotonic() - began)


def run_in_parts(plan: Plan, listen: Listener) -> Result:
    """Go on with a run that was begun in parts, one part after another in this process; see `pipeline.run`."""
    before, done = 0, list[PaintedPart]()
    for part in split(plan, plan.count, listen=listen):
        done.append(paint_part(plan, part, listen=_after(before, plan.count, listen)))
        before += part[1] - part[0] + 1
    return join(plan, done, listen=listen)


def threads_of(target: Path | None) -> AbstractContextManager[None]:
    """Compute with as many threads as the unfinished run of `target` began with; None changes nothing.

    torch splits and rounds its sums differently for another number.
    """
    records = () if target is None else saved_records(target)
    return threads(int(records[0]["job"]["threads"])) if records else nullcontext()


def _after(before: int, total: int, listen: Listener) -> Listener:
    """A listener for a part, before which `before` of `total` frames are painted."""
    return lambda step: listen(replace(step, done=before + step.done, total=total) if step.stage == "paint" else step)


@dataclass(frozen=True)
class _Fitted:
    """The network that `split` has fitted, if any; a `FitStore` in which nothing is saved."""

    plan: Plan
    layer: int

    def state(self) -> dict[str, Tensor] | None:
        return None

    def save(self, step: int, state: Callable[[], dict[str, Tensor]], *, now: bool = False) -> None:
        raise AssertionError("split has fitted the network")

    @property
    def network(self) -> Path | None:
        records = of_layer(of_kind(saved_records(self.plan.target)[1:], NETWORK), self.layer)
        return work_folder(self.plan.target) / records[-1]["files"][0][0] if records else None

    def save_network(self, save_to: Callable[[Path], None]) -> None:
        raise AssertionError("split has fitted the network")


def _saved(plan: Plan) -> tuple[dict[str, str], Record]:
    """The job of an unfinished run, and the record of its parts. Raises VidstyleError where they are gone."""
    saved = saved_records(plan.target)
    records = of_kind(saved[1:], PARTS)
    if not records:
        raise VidstyleError(f"{work_folder(plan.target)}: the unfinished run is gone; give the same command again.")
    return saved[0]["job"], records[-1]


def _check_machine(plan: Plan, record: Record) -> None:
    """Raise UsageError on a machine that would paint otherwise than the one that split the clip."""
    run = record["run"]
    if changed := differences(job_of(run), job_of(run | describe_machine(plan.device))):
        raise UsageError(f"{plan.target}: this machine paints otherwise than the one that began it ({'; '.join(changed)}); "
                         "use machines with the same versions and the same kind of processor or GPU.")


def _folder(plan: Plan, part: Part) -> Path:
    return work_folder(_target(plan, part))


def _target(plan: Plan, part: Part) -> Path:
    """A name in the folder of the run, beside which the folder of a part lies."""
    return work_folder(plan.target) / f"part-{part[0]:07}-{part[1]:07}"


def _part_job(job: dict[str, str], part: Part) -> dict[str, str]:
    return job | {"frames": str(list(part))}


def _parts(plan: Plan, shortest: int, listen: Listener) -> Iterator[Part]:
    """The parts, each of at least `shortest` frames; one where the clip has fewer."""
    begin, last = plan.frames
    for start in _starts(plan, listen):
        if start - begin >= shortest and last - start + 1 >= shortest:
            yield begin, start - 1
            begin = start
    yield begin, last


def _starts(plan: Plan, listen: Listener) -> Iterator[int]:
    """Indices of the frames after the first at which painting begins anew."""
    first, last = plan.frames
    if plan.options.strength == 0 or not find_method(plan.options.method).references(plan.options):
        yield from range(first + 1, last + 1)
        return
    is_cut, before = cut_detector(), None
    for frame in plan.source.decode(first, last, clamp=False):
        small = at_paint_size(frame, plan)
        if before is not None and is_cut(before, small):
            yield frame.index
        before = small
        listen(Progress("cuts", frame.index - first + 1, last - first + 1))
