"""Variants: one frame of a clip painted with several choices, on one sheet to choose from."""

from __future__ import annotations

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from vidstyle.core.atomic import check_target
from vidstyle.core.contact_sheet import tile_side
from vidstyle.core.devices import deterministic
from vidstyle.core.errors import UsageError
from vidstyle.core.images import resize
from vidstyle.core.options import Options
from vidstyle.core.progress import Listener, Progress
from vidstyle.flow import load_flow
from vidstyle.painting.methods import unused_options
from vidstyle.run.finish import finish, frame_hash
from vidstyle.run.kept_flow import KeptFlow
from vidstyle.run.naming import default_target
from vidstyle.run.paint import PaintedFrame, make_painter, painted_frames
from vidstyle.run.plan import Plan, Selection, plan_video
from vidstyle.run.planned_files import inputs_of
from vidstyle.run.variant_sheet import PaintedVariant, Variant, VariantsPlan, is_earlier
from vidstyle.video import evenly_spaced

Explain = Callable[[BaseException], tuple[int, str]]
"""An error -> its exit code and one sentence about it."""


def plan_variants(clip: Path, variants: Sequence[Variant], selection: Selection, *, across: int, target: Path | None = None,
                  folder: Path | None = None, overwrite: bool = False) -> VariantsPlan:
    """Check everything for each variant, and return the plan for `paint_variants`.

    The frame is the middle one of `selection`, or of the clip where that is all. target: the sheet, a PNG; None is
    CLIP_STYLE_vary_NAMES.png in `folder` or beside the clip; an earlier sheet of that name is replaced. Raises as
    `plan_video`.
    """
    if target is not None and target.suffix.lower() != ".png":
        raise UsageError(f"-o {target} is no .png; variants are shown on one sheet, so give -o {target.with_suffix('.png')}.")
    first = variants[0]
    with tempfile.TemporaryDirectory(prefix="vidstyle-") as name:
        aside = Path(name)  # the plans name an output that is never written
        begun = plan_video(clip, first.styles, None, _plain(first.options), selection, folder=aside, preview=True,
                           given=first.given)
        number = begun.clip.number(begun.frames[0] + evenly_spaced(begun.count, 1)[0])
        plans = tuple(plan_video(begun.source, each.styles, None, _plain(each.options), Selection(frames=(number, number)),
                                 folder=aside, given=each.given) for each in variants)
    sheet = target or _sheet(begun, first, folder)
    inputs = defaultdict[str, list[Path]](list)
    for plan in plans:
        for what, files in inputs_of(plan.source, plan.styles if plan.styled else (), plan.options, plan.control_files).items():
            inputs[what] += files
    for file in (sheet, sheet.with_suffix(".json")):
        check_target(file, inputs, overwrite or is_earlier(sheet))
    return VariantsPlan(tuple(variants), plans, across, sheet)


def paint_variants(plan: VariantsPlan, explain: Explain, listen: Listener = lambda progress: None) -> list[PaintedVariant]:
    """Paint the frame of each variant; one that fails stops no other.

    Variants that differ in strength, or in the colours of the style and of the source, share one painting, and others the
    motion of the frames. Raises the first error where all fail.
    """
    with tempfile.TemporaryDirectory(prefix="vidstyle-") as folder:
        return _paint_groups(plan, explain, listen, Path(folder))


def _paint_groups(plan: VariantsPlan, explain: Explain, listen: Listener, flows: Path) -> list[PaintedVariant]:
    """`paint_variants`; flows: the folder of those that are kept."""
    painted, errors, groups = dict[int, PaintedVariant](), list[Exception](), _alike(plan.plans)
    frames = [each.frames[1] - each.start.frame + 1 for each in (plan.plans[group[0]] for group in groups)]
    for number, group in enumerate(groups):
        began, own, before = time.monotonic(), plan.plans[group[0]], sum(frames[:number])

        def tick(done: int, loss: float | None = None, *, before: int = before) -> None:
            listen(Progress("variants", before + done, sum(frames), loss=loss))

        try:
            frame = _paint(own, tick, flows)
            for at in group:
                painted[at] = _shown(plan, at, frame, time.monotonic() - began if at == group[0] else 0.0)
        except Exception as error:  # also a bug of ours, which must not stop the variants that follow
            errors.append(error)
            code, sentence = explain(error)
            for at in group:
                painted[at] = PaintedVariant(plan.variants[at], exit_code=code, error=sentence)
        tick(frames[number])
    if len(errors) == len(groups):
        raise errors[0]
    return [painted[at] for at in range(len(plan.plans))]


def _plain(options: Options) -> Options:
    """The options as far as one painted frame depends on them; what is written is none of it."""
    default = Options()
    network = options.network if options.network is not None and os.path.exists(options.network) else None
    return replace(options, network=network, codec=default.codec, crf=default.crf, audio="none", compare="none", strict=False)


def _sheet(plan: Plan, variant: Variant, folder: Path | None) -> Path:
    """CLIP_STYLE_A-B_vary_NAMES.png, without the style where that is varied, and without a range where none is given."""
    frames = plan.frames if plan.range_given else None
    target = default_target(plan.source, plan.styles, plan.options, frames, preview=True,
                            with_style="style" not in variant.values)
    stem = target.stem.removesuffix("_preview") + "_vary_" + "_".join(variant.values)
    return (folder or target.parent) / f"{stem}.png"


def _alike(plans: Sequence[Plan]) -> list[list[int]]:
    """Places of the plans that have the same painting, in order.

    Strength does not change it, nor do the source's colours, nor options that the method does not use.
    """
    groups = dict[Any, list[int]]()
    default = Options()
    for place, plan in enumerate(plans):
        unused = unused_options(plan.options, (each.name for each in fields(Options)))
        painting = replace(plan.options, **{name: getattr(default, name) for name in ("strength", *unused)})
        if painting.color == "source":  # which is made of a finished painting
            painting = replace(painting, color="style")
        styles = tuple((style.sha256, style.weight) for style in plan.styles)
        groups.setdefault((painting, styles, plan.options.strength == 0), []).append(place)
    return list(groups.values())


def _paint(plan: Plan, tick: Callable[[int, float | None], None], flows: Path) -> PaintedFrame:
    """The last frame of the plan, painted as a run of it would.

    tick: called with the frames painted, and the loss of a fit. flows: the folder of those that are kept.
    """
    last: PaintedFrame | None = None

    def listen(step: Progress) -> None:
        tick(0, step.loss)

    with deterministic(plan.device), tempfile.TemporaryDirectory(prefix="vidstyle-") as folder:
        flow = KeptFlow(load_flow(plan.options.flow, plan.device), flows, f"{plan.options.flow} {plan.device}")
        painter = None if plan.options.strength == 0 else make_painter(
            plan, lambda layer: _FitAside(Path(folder) / f"network-{layer}.safetensors"), flow, listen)
        for last in painted_frames(plan, painter, flow, plan.start.frame, ()):
            tick(last.source.index - plan.start.frame + 1, None)
    assert last is not None, "a plan has at least one frame"
    return last


def _shown(plan: VariantsPlan, at: int, frame: PaintedFrame, seconds: float) -> PaintedVariant:
    """A variant as the sheet shows it."""
    own = plan.plans[at]
    values = next(own.mattes.read(frame.source.index, frame.source.index))
    image = finish(frame.source, frame.painting, own.output.size, own.options, own.mattes, values)
    height, width = image.shape[-2:]
    factor = min(1.0, tile_side(plan.across) / max(height, width))
    small = resize(image.cpu(), (max(1, round(height * factor)), max(1, round(width * factor))))
    return PaintedVariant(plan.variants[at], small, frame_hash(image), seconds=seconds)


@dataclass
class _FitAside:
    """A `FitStore` in a temporary file: variants are not continued."""

    file: Path
    network: Path | None = None

    def state(self) -> dict[str, Tensor] | None:
        return None

    def save(self, step: int, state: Callable[[], dict[str, Tensor]], *, now: bool = False) -> None:
        """Nothing."""

    def save_network(self, save_to: Callable[[Path], None]) -> None:
        save_to(self.file)
        self.network = self.file
