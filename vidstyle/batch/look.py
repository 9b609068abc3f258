"""One look for the shots of a scene: a palette, and for the method `feedforward` a network, that all of one style share."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from vidstyle.batch.conduct import Planned
from vidstyle.core.curve import constant
from vidstyle.core.errors import VidstyleError
from vidstyle.core.progress import Listener, Progress
from vidstyle.painting.methods import find_method
from vidstyle.painting.palette_file import blend_name, load_palette, save_palette
from vidstyle.painting.style import blended_palette
from vidstyle.run.plan import Plan
from vidstyle.run.sampling import at_paint_size
from vidstyle.video import evenly_spaced

SAMPLES = 64
"""Frames, over all shots together, whose colours make the palette; and at least one of each shot."""
_NAME_DIGITS = 6


def share_look(planned: Sequence[Planned], folder: Path, listen: Listener, *, make: bool = True) -> list[Planned]:
    """The shots, with the palette and the network of their style where they name none.

    The files lie in `folder`. A palette that is there is used as it is, so that a shot that is added later gets the look of
    the others; a palette that is missing is made from the frames of all shots of the style, if `make`. A missing network is
    fitted by the first shot that uses it. Raises InputError or UsageError where a file is no palette of the style.
    """
    scenes = defaultdict[str, list[Planned]](list)
    for each in planned:
        if each.shot.options.palette is None:
            scenes[blend_name(each.plan.styles)].append(each)
    palettes = dict[str, Path]()
    for scene, members in scenes.items():
        file = folder / f"palette_{_label(members[0].plan, scene)}.safetensors"
        if file.exists():
            load_palette(file, members[0].plan.styles)
        elif make:
            _make_palette(file, [each.plan for each in members], listen)
        if file.exists():
            palettes[scene] = file
    return [_with_look(each, folder, palettes.get(blend_name(each.plan.styles))) for each in planned]


def _make_palette(file: Path, plans: Sequence[Plan], listen: Listener) -> None:
    """Save the palette of the frames of all plans."""
    first = plans[0]
    frames = _samples(plans, max(1, SAMPLES // len(plans)), listen)
    palette = blended_palette(frames, [style.image for style in first.styles],
                              [constant(style.weight) for style in first.styles])
    save_palette(file, palette, first.styles)


def _samples(plans: Sequence[Plan], most: int, listen: Listener) -> Iterator[Tensor]:
    """Frames of every plan's range, (3, H, W) in [0, 1] at the painted size; a clip that cannot be read is left out."""
    for done, plan in enumerate(plans, 1):
        positions = [plan.frames[0] + place for place in evenly_spaced(plan.count, most)]
        try:
            for [frame] in plan.source.sample(positions, run=1):
                yield at_paint_size(frame, plan).image
        except VidstyleError:
            pass  # it fails as a shot, too, and is reported there
        listen(Progress("analyse", done, len(plans)))


def _with_look(planned: Planned, folder: Path, palette: Path | None) -> Planned:
    """The shot with the files of its style in its options."""
    plan, options = planned.plan, planned.plan.options
    method = find_method(options.method)
    if palette is not None and options.palette is None and "palette" in method.uses(options):
        options = replace(options, palette=palette)
    uses = method.uses(options)
    if "network" in uses and options.network is None and len(plan.layers) == 1:  # one file holds no network for each layer
        fit = {name: str(getattr(options, name)) for name in sorted({*uses, "flow", "color"} - {"network", "palette"})}
        key = f"{blend_name(plan.styles)} {fit} {options.size} {palette and palette.name}"
        options = replace(options, network=folder / f"network_{_label(plan, key)}.safetensors")
    return replace(planned, shot=replace(planned.shot, options=options), plan=replace(plan, options=options))


def _label(plan: Plan, key: str) -> str:
    """The names of the styles, and some digits that differ for another `key`."""
    names = "_".join(style.path.stem for style in plan.styles)[:60]
    return f"{names}_{hashlib.sha256(key.encode()).hexdigest()[:_NAME_DIGITS]}"
