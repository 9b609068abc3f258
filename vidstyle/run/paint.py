"""Painting the frames of a plan: build its painter, then decode, flow, carry, paint, encode, frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from vidstyle.core.errors import OutputError, reason
from vidstyle.core.frame import Frame, Memory
from vidstyle.core.interfaces import FlowEstimator
from vidstyle.core.progress import Listener, Progress
from vidstyle.encoders import load_encoder
from vidstyle.painting.job import FitStore, Painter, PaintingJob
from vidstyle.painting.keyed import KeyedShots, paint_every_with_keys, paint_with_keys
from vidstyle.painting.methods import find_method
from vidstyle.painting.palette_file import load_palette
from vidstyle.painting.style import StyleTarget
from vidstyle.run.exemplars import read_exemplar
from vidstyle.run.finish import clipped_pixels, finish, frame_hash
from vidstyle.run.plan import Plan
from vidstyle.run.resume.frame_log import FrameLog
from vidstyle.run.sampling import at_paint_size, sample_frames, sample_pairs
from vidstyle.temporal.intervals import shot_at
from vidstyle.temporal.key_frames import paint_by_key_frames
from vidstyle.temporal.loop import paint_frames
from vidstyle.temporal.shots import cut_detector
from vidstyle.video import Sink, Source


def make_painter(plan: Plan, fit: FitStore, estimate_flow: FlowEstimator, listen: Listener) -> Painter:
    """The painter that the plan's method builds for its clip and styles, with the painted key frames of the plan."""
    options, method = plan.options, find_method(plan.options.method)
    if not plan.keyed_shots:
        return _method_painter(plan, fit, estimate_flow, listen)
    shots = KeyedShots(lambda index: () if (shot := shot_at(index, plan.keyed_shots)) is None else shot.keys,
                       lambda index: read_exemplar(plan, index))
    if not method.by_key_frames(options):
        return paint_every_with_keys(shots, _method_painter(plan, fit, estimate_flow, listen))
    base = None if plan.all_keyed else _method_painter(plan, fit, estimate_flow, listen)
    return paint_with_keys(shots, base, 1.0 if options.strokes is None else options.strokes, options.seed, options.key_every,
                           carried=options.temporal > 0)


def _method_painter(plan: Plan, fit: FitStore, estimate_flow: FlowEstimator, listen: Listener) -> Painter:
    options, device = plan.options, plan.device
    encoder = load_encoder(options.encoder, device)
    style = StyleTarget([style.image.to(device) for style in plan.styles], [style.weight for style in plan.styles], encoder,
                        options.style_scale, None if options.palette is None else load_palette(options.palette, plan.styles))
    return find_method(options.method).build(PaintingJob(
        options, device, plan.clip.path.name, plan.paint_size[1], encoder, style, plan.styles,
        sample_frames=lambda: sample_frames(plan, listen),
        sample_pairs=lambda: sample_pairs(plan, estimate_flow, cut_detector(), listen),
        fit_store=fit, listen=listen))


def write_frames(plan: Plan, painter: Painter | None, estimate_flow: FlowEstimator, log: FrameLog, sink: Sink,
                 memories: Sequence[Memory], listen: Listener,
                 collect: Callable[[Frame, Frame], None] = lambda source, written: None) -> None:
    """Paint and write the frames of the plan that are not in the log yet, and save the log.

    painter: None where nothing is painted (strength 0). memories: those for the next frame, as `FrameLog.restore` gives them.
    collect: called with each source frame and the frame that is written.
    """
    same_format = plan.target.suffix.lower() == plan.clip.path.suffix.lower()
    begin = plan.frames[0] + len(log.facts) if log.facts else plan.start.frame
    if memories and painter is not None and painter.key_frames is not None:
        begin = memories[0].frame.index  # of the key frame that the next frames are painted from
    for painted in painted_frames(plan, painter, estimate_flow, begin, memories):
        source = painted.source
        if source.index < plan.frames[0]:
            continue  # the preroll
        image = finish(source.image, painted.painting, plan.output.size, plan.options)
        written = replace(source, image=image)
        log.append(sink.write(written), painted.memories, sha256=frame_hash(image), index=source.index,
                   damage=source.damage, clipped=clipped_pixels(source, image, same_format=same_format))
        collect(source, written)
        listen(Progress("paint", len(log.facts), plan.count))
        del painted, source, image, written  # before the next frame is read
    log.save()


def make_folder(plan: Plan) -> None:
    """Create the folder of the output if it does not exist. Raises OutputError."""
    folder = plan.target.absolute().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be created ({reason(error)}); give another -o.") from error


@dataclass(frozen=True)
class PaintedFrame:
    """A source frame, its painting, and the memories for the next frame."""

    source: Frame
    painting: Tensor | None
    """(3, h, w) in [0, 1] at the painted size; None where nothing is painted (strength 0)."""
    memories: Sequence[Memory] = ()


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
                                           every=keys.every, given=plan.keyed_shots, memories=memories,
                                           shrink=lambda frame: at_paint_size(frame, plan)):
            yield PaintedFrame(painted.source, painted.painting, painted.memories)
            if painted.source.index == plan.frames[1]:
                return
            del painted  # before the next frame is read
        return
    for painted in paint_frames(frames, painter.stylize, estimate_flow, cut_detector(), references=references,
                                memories=memories, shrink=lambda frame: at_paint_size(frame, plan)):
        yield PaintedFrame(painted.source, painted.painting, painted.memories)
