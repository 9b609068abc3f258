"""Painting the frames of a plan: build its painter, then decode, flow, carry, paint, encode, frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.core.devices import threads
from vidstyle.core.errors import OutputError, reason
from vidstyle.core.frame import Frame, Memory
from vidstyle.core.interfaces import Encoder, FlowEstimator
from vidstyle.core.progress import Listener, Progress
from vidstyle.encoders import load_encoder
from vidstyle.flow.refine import refine
from vidstyle.painting.job import FitStore, Painter, PaintingJob
from vidstyle.painting.keyed import KeyedShots, paint_every_with_keys, paint_with_keys
from vidstyle.painting.layers import stack_painters
from vidstyle.painting.methods import find_method
from vidstyle.painting.style import StyleTarget
from vidstyle.run.colours import colours_to_paint_in
from vidstyle.run.curves import key_frames_of
from vidstyle.run.exemplars import read_exemplar
from vidstyle.run.finish import clipped_pixels, finish, frame_hash
from vidstyle.run.plan import Plan
from vidstyle.run.resume.frame_log import FrameLog
from vidstyle.run.sampling import at_paint_size, sample_frames, sample_pairs
from vidstyle.temporal.boil import boil
from vidstyle.temporal.intervals import are_large, lookahead_of, shot_at
from vidstyle.temporal.key_frames import MEMORIES, paint_by_key_frames
from vidstyle.temporal.loop import Painted, paint_frames
from vidstyle.temporal.multipass import paint_in_passes
from vidstyle.temporal.shots import cut_detector
from vidstyle.video import Sink, Source


def make_painter(plan: Plan, fits: Callable[[int], FitStore], estimate_flow: FlowEstimator, listen: Listener) -> Painter:
    """The painter that the plan's method builds for its clip, and for the styles of each of its layers.

    The painted key frames belong to the first layer, that of the run's own styles. fits: number of a layer -> where its fit is
    saved.
    """
    by_key_frames = find_method(plan.options.method).by_key_frames(plan.options)

    @cache
    def encoder() -> Encoder:  # not needed by painted key frames alone
        return load_encoder(plan.options.encoder, plan.device)

    def of_layer(number: int) -> Painter:
        return _layer_painter(plan, number, encoder(), fits(number), estimate_flow, listen)

    own = None if plan.all_keyed and by_key_frames else of_layer(0)
    if plan.keyed_shots:
        shots = KeyedShots(lambda index: () if (shot := shot_at(index, plan.keyed_shots)) is None else shot.keys,
                           lambda index: read_exemplar(plan, index))
        own = paint_with_keys(shots, own, plan.options) if own is None or by_key_frames else paint_every_with_keys(shots, own)
    assert own is not None, "a shot has painted key frames or a style"
    return stack_painters([own, *map(of_layer, range(1, len(plan.layers)))])


def _layer_painter(plan: Plan, number: int, encoder: Encoder, fit: FitStore, estimate_flow: FlowEstimator,
                   listen: Listener) -> Painter:
    options, device = plan.options, plan.device
    styles, palette = colours_to_paint_in(plan, number, listen)
    style = StyleTarget([style.image.to(device) for style in styles], [style.weight for style in styles], encoder,
                        options.style_scale, palette)
    return find_method(options.method).build(PaintingJob(
        options, device, plan.clip.path.name, plan.paint_size[1], encoder, style, styles,
        sample_frames=lambda: (frame.image for frame in sample_frames(plan, listen)),
        sample_pairs=lambda: sample_pairs(plan, estimate_flow, cut_detector(), listen),
        fit_store=fit, listen=listen, stroke_sizes=None if plan.stroke_size is None else plan.stroke_size.at))


def write_frames(plan: Plan, painter: Painter | None, estimate_flow: FlowEstimator, log: FrameLog, sink: Sink,
                 memories: Sequence[Memory], listen: Listener,
                 collect: Callable[[Frame, Frame], None] = lambda source, written: None) -> None:
    """Paint and write the frames of the plan that are not in the log yet, and save the log.

    painter: None where nothing is painted (strength 0). memories: those for the next frame, as `FrameLog.restore` gives them.
    collect: called with each source frame and the frame that is written.
    """
    first = plan.frames[0] + len(log.facts)
    same_format = plan.target.suffix.lower() == plan.clip.path.suffix.lower()
    mattes = plan.mattes.read(first, plan.frames[1])
    with threads(_threads(plan, painter)):
        begin = _begin(plan, painter, first, memories)
        for painted in painted_frames(plan, painter, estimate_flow, begin, memories, log.folder.path):
            source = painted.source
            if source.index < plan.frames[0]:
                continue  # the preroll
            values = () if painted.painting is None else next(mattes)
            image = finish(source, painted.painting, plan.output.size, plan.options, plan.mattes, values)
            written = replace(source, image=image)
            log.append(sink.write(written), painted.memories, sha256=frame_hash(image), index=source.index,
                       damage=source.damage, clipped=clipped_pixels(source, image, same_format=same_format))
            collect(source, written)
            listen(Progress("paint", len(log.facts), plan.count))
            del painted, source, image, written  # before the next frame is read
    log.save()


def _threads(plan: Plan, painter: Painter | None) -> int:
    """How many threads torch shares each computation between, while a painter works.

    With key frames of moderate size three computations run side by side, see `paint_by_key_frames`, and each is a thousand
    small steps between which torch's threads wait by spinning: on two cores one thread each took 65 s where two each took 74 s.
    """
    beside = painter is not None and painter.key_frames is not None and not are_large(*plan.paint_size)
    return max(1, torch.get_num_threads() // 2) if beside else torch.get_num_threads()


def _begin(plan: Plan, painter: Painter | None, first: int, memories: Sequence[Memory]) -> int:
    """Where reading begins. first: the first frame that is not written yet. memories: those for it."""
    if painter is not None and painter.key_frames is not None and memories:
        return memories[0].frame.index  # of the key frame that the next frames are painted from
    if painter is not None and painter.passes is not None:
        # The window of the last frame is painted anew; without a frame before it, it is the first one.
        return memories[-2].frame.index + 1 if len(memories) > 1 else plan.start.frame
    return first if first > plan.frames[0] else plan.start.frame


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
    """(3 L, h, w) in [0, 1] at the painted size, L layers; None where nothing is painted (strength 0)."""
    memories: Sequence[Memory] = ()


@dataclass(frozen=True)
class _Frames:
    """The frames from `begin` to the clip's end: the last key frame or window of a range may lie behind it."""

    source: Source
    begin: int

    def __iter__(self) -> Iterator[Frame]:
        return self.source.decode(self.begin, clamp=False)


def painted_frames(plan: Plan, painter: Painter | None, estimate_flow: FlowEstimator, begin: int,
                   memories: Sequence[Memory], folder: Path | None = None) -> Iterator[PaintedFrame]:
    """Frames from `begin` to the last, painted in order.

    memories: those of the frame before `begin`. folder: where large frames may wait in a file, see `paint_by_key_frames`.
    """
    if painter is None:
        yield from (PaintedFrame(frame, None) for frame in plan.source.decode(begin, plan.frames[1], clamp=False))
        return
    keys = painter.key_frames
    for painted in _painted(plan, painter, estimate_flow, begin, memories, folder):
        image = painted.painting if keys is None else keys.show(painted.source, painted.painting)
        yield PaintedFrame(painted.source, image, painted.memories)
        if painted.source.index == plan.frames[1]:
            return
        del painted, image  # before the next frame is read


def _painted(plan: Plan, painter: Painter, estimate_flow: FlowEstimator, begin: int,
             memories: Sequence[Memory], folder: Path | None) -> Iterator[Painted]:
    """Frames from `begin` on, at least to the last of the plan, painted as the painter says."""
    keys, passes, frames = painter.key_frames, painter.passes, _Frames(plan.source, begin)
    references = find_method(plan.options.method).references(plan.options)

    def shrink(frame: Frame) -> Frame:
        return at_paint_size(frame, plan)

    if keys is not None:
        steady = paint_by_key_frames(frames, keys.paint, keys.mend, estimate_flow, cut_detector(), every=keys.every,
                                     always=key_frames_of(plan.options, plan.styles, plan.clip), given=plan.keyed_shots,
                                     refresh=keys.refresh, first=plan.frames[0] - keys.held, final=plan.frames[1],
                                     lookahead=lookahead_of(*plan.paint_size), memories=memories[:MEMORIES], shrink=shrink,
                                     refine_flow=refine, folder=folder if are_large(*plan.paint_size) else None)
        if keys.redraw is None:
            return steady
        return boil(steady, keys.redraw, estimate_flow, cut_detector(), held=keys.held, given=plan.keyed_shots,
                    first=plan.frames[0], memories=memories[MEMORIES:], shrink=shrink)
    if passes is not None:
        return paint_in_passes(frames, painter.stylize, passes.repaint, estimate_flow, cut_detector(), passes=passes.count,
                               references=references, memories=memories, shrink=shrink)
    return paint_frames(plan.source.decode(begin, plan.frames[1], clamp=False), painter.stylize, estimate_flow, cut_detector(),
                        references=references, memories=memories, shrink=shrink)
