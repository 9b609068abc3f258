"""From a clip and a style picture to the painted clip: decode, flow, warp, paint, encode."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from vidstyle.core.atomic import check_target
from vidstyle.core.frame import Frame
from vidstyle.core.images import contact_sheet, resize, write_png
from vidstyle.core.options import Options
from vidstyle.core.progress import Listener, Progress
from vidstyle.flow import load_flow
from vidstyle.run.manifest import describe_run, job_of, write_manifest
from vidstyle.run.painter import make_stylizer, shrunk
from vidstyle.run.plan import (
    Plan,
    Selection,
    Style,
    may_replace,
    plan_video,
    preview_target,
    read_beside,
    read_source,
    sheet_target,
    write_settings,
)
from vidstyle.run.resume.checkpoint import Work, work_folder
from vidstyle.temporal.loop import paint_frames
from vidstyle.temporal.shots import cut_detector
from vidstyle.video import evenly_spaced, plan_output

__all__ = ["Listener", "Plan", "Progress", "Result", "Selection", "Style", "plan_video", "preview_target", "preview_video",
           "sheet_target", "stylize_video"]

@dataclass(frozen=True)
class Result:
    """What a run did."""

    plan: Plan
    frames: int
    """Frames written."""
    frame_hashes: tuple[str, ...]
    """SHA-256 of each written frame's 8-bit RGB before the encoder."""
    seconds: float
    stage_seconds: dict[str, float] = field(default_factory=dict)
    """`prepare` (analysis and fit), `paint` (flow, painting, writing), and `save`, the part of both spent on savings."""
    losses: dict[str, float] = field(default_factory=dict)
    """Last loss of the fit, by term."""
    held: tuple[int, ...] = ()
    """Frames that repeat another's picture because their own is damaged or missing (`Options.on_damage`)."""
    damaged: tuple[int, ...] = ()
    """Frames whose damaged picture was painted as it came."""
    clipped: tuple[int, int] = (0, 0)
    """Pixels brighter than white that are written as white, and in how many frames (scene-linear pictures)."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What only the frames themselves could tell, in sentences."""
        counts = ((self.held, "repeat another's picture, because their own are damaged or missing"),
                  (self.damaged, "are damaged and painted as they came"))
        damage = tuple(f"{len(frames)} of {self.frames} frames {fate}; the first is frame {self.plan.number(frames[0])}."
                       for frames, fate in counts if frames)
        pixels, bright = self.clipped
        return (*damage, f"{pixels} pixels in {bright} of {self.frames} frames are brighter than white and are written as "
                "white.") if bright else damage


def stylize_video(source: Path, styles: list[Style], target: Path | None = None, options: Options | None = None,
                  selection: Selection | None = None, *, overwrite: bool = False, restart: bool = False,
                  listen: Listener = lambda progress: None) -> Result:
    """Paint `source` in the style of `styles` and write it to `target` (default: CLIP_STYLE.EXT beside the clip).

    The output appears whole or not at all, and its manifest with it. What is done is kept in a folder beside the output
    until then: the same call goes on where one that was stopped or killed was saved last, or begins anew with `restart`.
    A `listen` that raises KeyboardInterrupt stops the run between two frames. Raises what `plan_video` raises, UsageError
    where what is kept is another run's, and InputError or OutputError when the clip breaks off or the disk fills on the way.
    """
    plan = plan_video(source, styles, target, options, selection, overwrite=overwrite)
    return _run(plan, styles, listen, overwrite, restart, sheet=None)


def preview_video(source: Path, styles: list[Style], target: Path | None = None, options: Options | None = None,
                  selection: Selection | None = None, *, count: int = 6, overwrite: bool = False, restart: bool = False,
                  listen: Listener = lambda progress: None) -> Result:
    """`stylize_video`, and beside the movie a contact sheet PNG of `count` frames: source above, painting below.

    Of a preview that was stopped, only the fit is kept.
    """
    plan = plan_video(source, styles, target, options, selection, overwrite=overwrite)
    picture = sheet_target(plan.target)
    check_target(picture, source, overwrite, [*read_beside(styles, plan.options), plan.target])
    first, last = plan.frames
    sheet = Sheet([first + place for place in evenly_spaced(last - first + 1, count)])
    result = _run(plan, styles, listen, overwrite, restart, sheet)
    write_png(picture, contact_sheet(sheet.columns, [f"frame {plan.number(index)}" for index in sheet.indices]))
    return result


@dataclass(frozen=True)
class Sheet:
    """Frames picked out for a contact sheet while they go by."""

    indices: list[int]
    columns: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    def look(self, source: Frame, written: Frame) -> None:
        """Keep the pair if its frame is one of `indices`; no larger than a sheet can show."""
        if written.index in self.indices:
            height, width = written.image.shape[-2:]
            factor = min(1.0, 640 / max(height, width))
            size = (max(1, round(height * factor)), max(1, round(width * factor)))
            self.columns.append((resize(source.image.cpu(), size), resize(written.image.cpu(), size)))


def _run(plan: Plan, styles: list[Style], listen: Listener, overwrite: bool, restart: bool, sheet: Sheet | None) -> Result:
    began, options, opened = time.monotonic(), plan.options, read_source(plan.source, plan.options)
    estimate_flow, is_cut = load_flow(options.flow, plan.device), cut_detector()
    first, last = plan.frames
    total, run = last - first + 1, describe_run(plan, styles, opened)
    overwrite = may_replace(plan.target, plan.frames, overwrite)
    output = plan_output(plan.target, opened, plan.frames, write_settings(options, plan.output_size))
    with (Work(work_folder(plan.target), job_of(run), total, restart=restart, frames=sheet is None) as work,
          output.open(overwrite=overwrite) as sink):
        stylize, losses = make_stylizer(plan, styles, opened, estimate_flow, is_cut, listen, work)
        memories = work.restore(sink, plan.device)
        prepared = time.monotonic()
        references = () if options.temporal == 0 else options.references if options.method == "optimize" else (1,)
        begin = first + len(work.facts) if work.facts else plan.begin
        frames = opened.decode(begin, last, clamp=False)
        for painted in paint_frames(frames, stylize, estimate_flow, is_cut, references=references, memories=memories,
                                    shrink=lambda frame: shrunk(frame, plan)):
            source = painted.source
            if source.index < first:
                continue
            written = replace(source, image=finish(source.image, painted.painting.cpu(), plan))
            work.keep(sink.write(written), painted.memories, sha256=frame_hash(written.image), index=written.index,
                      damage=written.damage, clipped=_clipped(source, written, plan))
            if sheet is not None:
                sheet.look(source, written)
            listen(Progress("paint", len(work.facts), total))
        work.save()
        seconds = {"prepare": prepared - began, "paint": time.monotonic() - prepared, "save": work.seconds}
        write_manifest(plan, run, output, sink.close(), work, seconds)
    held, damaged = (tuple(fact["index"] for fact in work.facts if fact["damage"] == kind) for kind in ("held", "damaged"))
    clipped = [fact["clipped"] for fact in work.facts if fact["clipped"]]
    return Result(plan, total, tuple(fact["sha256"] for fact in work.facts), time.monotonic() - began, seconds, losses,
                  held, damaged, (sum(clipped), len(clipped)))


def _clipped(source: Frame, written: Frame, plan: Plan) -> int:
    """How many pixels brighter than white were written as white; none where the file's own values are written again."""
    kept = written.image is source.image and plan.target.suffix.lower() == plan.source.suffix.lower()
    return 0 if kept or source.original is None else source.original.clipped


def finish(source: Tensor, painting: Tensor, plan: Plan) -> Tensor:
    """The picture that is written: painting at the output's size, its colours and strength as asked for.

    source (3, H, W) as decoded; painting (3, h, w). With strength 0 at the source's size, `source` itself, bit for bit.
    """
    width, height = plan.output_size
    under = resize(source, (height, width))
    if plan.options.strength == 0:
        return under
    over = resize(painting, (height, width))
    if plan.options.color == "source":
        over = with_colours_of(under, over)
    return torch.lerp(under, over, plan.options.strength)


def with_colours_of(colours: Tensor, light: Tensor) -> Tensor:
    """`light`'s BT.709 luma with `colours`' colour difference from its own luma; both (3, H, W) in [0, 1]."""
    weights = torch.tensor([0.2126, 0.7152, 0.0722]).view(3, 1, 1)
    luma = [(image * weights).sum(0, keepdim=True) for image in (colours, light)]
    return (colours + luma[1] - luma[0]).clamp(0, 1)


def frame_hash(image: Tensor) -> str:
    """SHA-256 of a (3, H, W) picture in [0, 1] as 8-bit RGB, row by row."""
    rgb = image.clamp(0, 1).mul_(255).round_().to(torch.uint8).permute(1, 2, 0).contiguous()
    return hashlib.sha256(rgb.numpy().data).hexdigest()
