"""`vidstyle preview --vary`: one frame with several choices on one sheet, and the command of each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from vidstyle.cli.events import emit, say
from vidstyle.cli.failures import explain
from vidstyle.cli.progress import show_progress
from vidstyle.cli.request import Request
from vidstyle.cli.stop import Stopper
from vidstyle.core.command_line import run_command
from vidstyle.core.errors import BatchError
from vidstyle.core.vary import Grid, label_of, options_of_variant, styles_of_variant

if TYPE_CHECKING:
    from vidstyle.run.variant_sheet import PaintedVariant, Variant, VariantsPlan


def preview_variants(clip: Path, request: Request, grid: Grid) -> None:
    """Paint the variants of `grid`, print the sheet and the list of their commands, and name those that failed.

    Raises BatchError at the end if some have failed, and the error itself if all have.
    """
    from vidstyle.run.variant_sheet import same_pictures, write_variants
    from vidstyle.run.variants import paint_variants, plan_variants

    target, folder = (None, request.output) if request.output_is_folder else (request.output, None)
    plan = plan_variants(clip, list(_variants(clip, request, grid)), request.selection, across=grid.across, target=target,
                         folder=folder, overwrite=request.overwrite)
    _announce(plan, request)
    stopper = Stopper()
    with stopper.watching(), show_progress(clip, json=request.json, stopper=stopper) as listen:
        painted = paint_variants(plan, explain, stopper.listening(listen))
    write_variants(plan, painted)
    _print(plan, painted, same_pictures(painted), request)
    if failed := [each for each in painted if each.error]:
        raise BatchError(f"{len(failed)} of {len(painted)} variants failed; the others are on {plan.sheet}.")


def _variants(clip: Path, request: Request, grid: Grid) -> Iterator[Variant]:
    from vidstyle.painting.style_picture import Style
    from vidstyle.run.variant_sheet import Variant

    for values in grid.variants:
        options = options_of_variant(values, request.options, request.given)
        styles = styles_of_variant(values) or tuple((style.path, style.weight) for style in request.styles)
        command = run_command(clip, styles, options, preset=values.get("preset", request.preset), config=request.config,
                              selection=request.selection_words)
        yield Variant(label_of(values), values, tuple(Style(*each) for each in styles), options,
                      request.given | grid.names - {"style", "preset"}, command)


def _announce(plan: VariantsPlan, request: Request) -> None:
    clip, size = plan.plans[0].clip, plan.plans[0].paint_size
    number = clip.number(plan.frame)
    if request.json:
        emit("start", source=clip.path, frame=number, sheet=plan.sheet, commands=plan.list_file,
             variants=[{"label": each.label, "command": each.command} for each in plan.variants])
    else:
        say(f"{clip.path.name}: {len(plan.variants)} variants of frame {number} at {size[0]}x{size[1]} on "
            f"{plan.plans[0].device} -> {plan.sheet}")
    for warning in plan.warnings:
        _warn(clip.path, warning, request)


def _print(plan: VariantsPlan, painted: list[PaintedVariant], notes: list[str], request: Request) -> None:
    clip = plan.plans[0].clip
    for note in notes:
        _warn(clip.path, note, request)
    if request.json:
        failed = any(each.error for each in painted)
        emit("result", exit_code=BatchError.exit_code if failed else 0, source=clip.path, frame=clip.number(plan.frame),
             sheet=plan.sheet, commands=plan.list_file, variants=[each.as_dict() for each in painted])
        return
    for each in painted:
        say(f"{each.variant.label}: " + (f"failed: {each.error}" if each.error else each.variant.command))
    print(plan.sheet)
    print(plan.list_file, flush=True)


def _warn(clip: Path, message: str, request: Request) -> None:
    if request.json:
        emit("warning", source=clip, message=message)
    else:
        say(f"{clip.name}: warning: {message}")
