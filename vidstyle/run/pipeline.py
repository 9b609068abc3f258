"""From a plan to the painted clip: decode, flow, carry, paint, encode."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from vidstyle.core.devices import deterministic
from vidstyle.core.options import Options
from vidstyle.core.progress import Listener, Progress
from vidstyle.flow import load_flow
from vidstyle.painting.style_picture import Style, StylePicture
from vidstyle.run.compare import write_comparison
from vidstyle.run.kept_fit import find_fit, keep_fit
from vidstyle.run.manifest import describe_run, job_of, write_manifest
from vidstyle.run.paint import make_folder, make_painter, write_frames
from vidstyle.run.parts import parts_of, run_in_parts, threads_of
from vidstyle.run.plan import Plan, Selection, plan_video
from vidstyle.run.result import Result
from vidstyle.run.resume.fit_checkpoint import FitCheckpoint
from vidstyle.run.resume.folder import RunFolder
from vidstyle.run.resume.frame_log import FrameLog
from vidstyle.run.sheet import ContactSheet


def stylize_video(source: Path, styles: Sequence[Style | StylePicture], target: Path | None = None,
                  options: Options | None = None, selection: Selection | None = None, *, overwrite: bool = False,
                  restart: bool = False, listen: Listener = lambda progress: None) -> Result:
    """Paint `source` in the style of `styles` and write it to `target`: `plan_video`, then `run`."""
    return run(plan_video(source, styles, target, options, selection, overwrite=overwrite), restart=restart, listen=listen)


def preview_video(source: Path, styles: Sequence[Style | StylePicture], target: Path | None = None,
                  options: Options | None = None, selection: Selection | None = None, *, count: int = 6,
                  overwrite: bool = False, restart: bool = False, listen: Listener = lambda progress: None) -> Result:
    """Paint a short piece of `source` and write it, and a contact sheet beside it: `plan_video`, then `preview`."""
    plan = plan_video(source, styles, target, options, selection, overwrite=overwrite, preview=True)
    return preview(plan, count=count, restart=restart, listen=listen)


def run(plan: Plan, *, restart: bool = False, listen: Listener = lambda progress: None) -> Result:
    """Paint the clip as planned.

    The output appears whole or not at all, and its manifest with it. Until then, finished work is saved in a folder beside
    the output. The same call after a stop or a kill continues from the last save; with `restart` it starts from the
    beginning. A `listen` that raises KeyboardInterrupt stops the run between two frames. Raises UsageError where the folder
    holds an unfinished run with other settings, InputError where the clip is damaged, OutputError where the disk fails.

    An unfinished run goes on with the number of threads that it began with, and in parts if it began so; see `parts`.
    """
    with threads_of(None if restart else plan.target):
        if not restart and parts_of(plan.target):
            return run_in_parts(plan, listen)
        return _run(plan, restart, listen, None)


def preview(plan: Plan, *, count: int = 6, restart: bool = False, listen: Listener = lambda progress: None) -> Result:
    """`run` for a plan that was made with `preview`, and a contact sheet PNG of `count` frames: source above, painting below.

    A preview that was stopped continues with its fit; its frames are painted again.
    """
    assert plan.sheet is not None, "the plan was made without `preview`"
    sheet = ContactSheet.of(plan, count)
    result = _run(plan, restart, listen, sheet)
    sheet.write(plan)
    return result


def _run(plan: Plan, restart: bool, listen: Listener, sheet: ContactSheet | None) -> Result:
    began, options = time.monotonic(), plan.options
    make_folder(plan)
    record = describe_run(plan)
    job = job_of(record)
    with (deterministic(plan.device),
          RunFolder(plan.target, job, restart=restart, keep_frames=sheet is None) as folder,
          FrameLog(folder, plan.count) as log, plan.output.open(overwrite=plan.overwrite) as sink):
        fit = FitCheckpoint(folder)
        if folder.records:
            listen(Progress("resume", len(log.facts), plan.count, note=f"continues {folder.resume_point}"))
        elif (kept := find_fit([plan.target.parent, plan.clip.path.parent], job)) is not None:
            fit.adopt(kept)
            listen(Progress("resume", 0, plan.count, note=f"uses the network of a preview, {kept}"))
        estimate_flow = load_flow(options.flow, plan.device)
        painter = None if options.strength == 0 else make_painter(plan, partial(FitCheckpoint, folder), estimate_flow, listen)
        memories = log.restore(sink, plan.device)
        prepared = time.monotonic()
        collect = (lambda source, written: None) if sheet is None else sheet.add
        write_frames(plan, painter, estimate_flow, log, sink, memories, listen, collect)
        if sheet is not None:
            keep_fit(fit.network, plan.target)
        seconds = {"prepare": prepared - began, "paint": time.monotonic() - prepared, "save": folder.seconds}
        whole = sink.close()
        if plan.comparison is not None:  # before the output gets its name: a run that stops here continues here
            write_comparison(plan, whole or plan.target, listen)
        write_manifest(plan, record, whole, log, fit.network, seconds)
    losses = {} if painter is None else painter.losses
    return Result.of(plan, log.facts, seconds, losses, time.monotonic() - began)
