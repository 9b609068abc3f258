"""From a plan to the painted clip: decode, flow, carry, paint, encode."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from vidstyle.core.devices import deterministic
from vidstyle.core.errors import OutputError, reason
from vidstyle.core.frame import Frame, Memory
from vidstyle.core.interfaces import FlowEstimator
from vidstyle.core.options import Options
from vidstyle.core.progress import Listener, Progress
from vidstyle.encoders import load_encoder
from vidstyle.flow import load_flow
from vidstyle.painting.job import Painter, PaintingJob
from vidstyle.painting.methods import find_method
from vidstyle.painting.palette_file import load_palette
from vidstyle.painting.style import StyleTarget
from vidstyle.painting.style_picture import Style, StylePicture
from vidstyle.run.compare import write_comparison
from vidstyle.run.finish import clipped_pixels, finish, frame_hash
from vidstyle.run.manifest import describe_run, job_of, write_manifest
from vidstyle.run.plan import Plan, Selection, plan_video
from vidstyle.run.result import Result
from vidstyle.run.resume.fit_checkpoint import FitCheckpoint
from vidstyle.run.resume.folder import RunFolder
from vidstyle.run.resume.frame_log import FrameLog
from vidstyle.run.sampling import at_paint_size, sample_frames, sample_pairs
from vidstyle.run.sheet import ContactSheet
from vidstyle.temporal.key_frames import paint_by_key_frames
from vidstyle.temporal.loop import paint_frames
from vidstyle.temporal.shots import cut_detector
from vidstyle.video import Source


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
    """
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


@dataclass(frozen=True)
class PaintedFrame:
    """A source frame, its painting, and the memories for the next frame."""

    source: Frame
    painting: Tensor | None
    """(3, h, w) in [0, 1] at the painted size; None where nothing is painted (strength 0)."""
    memories: Sequence[Memory] = ()


def _run(plan: Plan, restart: bool, listen: Listener, sheet: ContactSheet | None) -> Result:
    began, options, first = time.monotonic(), plan.options, plan.frames[0]
    _make_folder(plan)
    record = describe_run(plan)
    same_format = plan.target.suffix.lower() == plan.clip.path.suffix.lower()
    with (deterministic(plan.device),
          RunFolder(plan.target, job_of(record), restart=restart, keep_frames=sheet is None) as folder,
          FrameLog(folder, plan.count) as log, plan.output.open(overwrite=plan.overwrite) as sink):
        fit = FitCheckpoint(folder)
        estimate_flow = load_flow(options.flow, plan.device)
        painter = None if options.strength == 0 else make_painter(plan, fit, estimate_flow, listen)
        memories = log.restore(sink, plan.device)
        prepared = time.monotonic()
        begin = first + len(log.facts) if log.facts else plan.start.frame
        if memories and painter is not None and painter.key_frames is not None:
            begin = memories[0].frame.index  # of the key frame that the next frames are painted from
        for painted in painted_frames(plan, painter, estimate_flow, begin, memories):
            source = painted.source
            if source.index < first:
                continue  # the preroll
            image = finish(source.image, painted.painting, plan.output.size, options)
            written = replace(source, image=image)
            log.append(sink.write(written), painted.memories, sha256=frame_hash(image), index=source.index,
                       damage=source.damage, clipped=clipped_pixels(source, image, same_format=same_format))
            if sheet is not None:
                sheet.add(source, written)
            listen(Progress("paint", len(log.facts), plan.count))
            del painted, source, image, written  # before the next frame is read
        log.save()
        seconds = {"prepare": prepared - began, "paint": time.monotonic() - prepared, "save": folder.seconds}
        whole = sink.close()
        if plan.comparison is not None:  # before the output gets its name: a run that stops here continues here
            write_comparison(plan, whole or plan.target, listen)
        write_manifest(plan, record, whole, log, fit.network, seconds)
    losses = {} if painter is None else painter.losses
    return Result.of(plan, log.facts, seconds, losses, time.monotonic() - began)


def make_painter(plan: Plan, fit: FitCheckpoint, estimate_flow: FlowEstimator, listen: Listener) -> Painter:
    """The painter that the plan's method builds for its clip and styles."""
    options, device = plan.options, plan.device
    encoder = load_encoder(options.encoder, device)
    style = StyleTarget([style.image.to(device) for style in plan.styles], [style.weight for style in plan.styles], encoder,
                        options.style_scale, None if options.palette is None else load_palette(options.palette, plan.styles))
    return find_method(options.method).build(PaintingJob(
        options, device, plan.clip.path.name, plan.paint_size[1], encoder, style, plan.styles,
        sample_frames=lambda: sample_frames(plan, listen),
        sample_pairs=lambda: sample_pairs(plan, estimate_flow, cut_detector(), listen),
        fit_store=fit, listen=listen))


@dataclass(frozen=True)
class _Frames:
    """The frames from `begin` to the clip's end: the last key frame of a range may lie behind the range."""

    source: Source
    begin: int

    def __iter__(self) -> Iterator[Frame]:
        return self.source.decode(self.begin, clamp=False)


def painted_frames(plan: Plan, painter: Painter | None, estimate_flow: FlowEstimator, begin: int,
                    memories: Sequence[Memory]) -> Iterator[PaintedFrame]:
    """Frames from `begin` to the last, painted in order; memories: those of the frame before `begin`."""
    frames = plan.source.decode(begin, plan.frames[1], clamp=False)
    if painter is None:
        yield from (PaintedFrame(frame, None) for frame in frames)
        return
    keys, references = painter.key_frames, find_method(plan.options.method).references(plan.options)
    if keys is not None:
        for painted in paint_by_key_frames(_Frames(plan.source, begin), keys.paint, keys.mend, estimate_flow, cut_detector(),
                                           every=keys.every, memories=memories,
                                           shrink=lambda frame: at_paint_size(frame, plan)):
            yield PaintedFrame(painted.source, painted.painting, painted.memories)
            if painted.source.index == plan.frames[1]:
                return
            del painted  # before the next frame is read
        return
    for painted in paint_frames(frames, painter.stylize, estimate_flow, cut_detector(), references=references,
                                memories=memories, shrink=lambda frame: at_paint_size(frame, plan)):
        yield PaintedFrame(painted.source, painted.painting, painted.memories)


def _make_folder(plan: Plan) -> None:
    """Create the folder of the output if it does not exist."""
    folder = plan.target.absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be created ({reason(error)}); give another -o.") from error
