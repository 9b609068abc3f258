"""One look for the shots of a scene, which all of one style share.

It is a palette; with color `match` also a picture of the scene's colours; and for the method `feedforward` a network.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from vidstyle.batch.conduct import Planned
from vidstyle.core.curve import constant
from vidstyle.core.errors import VidstyleError
from vidstyle.core.frame import Frame
from vidstyle.core.progress import Listener, Progress
from vidstyle.painting.methods import find_method
from vidstyle.painting.palette_file import blend_name, load_palette, save_palette
from vidstyle.painting.style import palette_of
from vidstyle.run.colours import matched_styles, opaque_colours, write_colours
from vidstyle.run.plan import Plan, with_options
from vidstyle.run.sampling import at_paint_size
from vidstyle.video import evenly_spaced

SAMPLES = 64
"""Frames, over all shots together, whose colours make the palette; and at least one of each shot."""
_NAME_DIGITS = 6


def share_look(planned: Sequence[Planned], folder: Path, listen: Listener, *, make: bool = True) -> list[Planned]:
    """The shots, with the palette and the network of their style where they name none; see above for color `match`.

    The files lie in `folder`. A palette that is there is used as it is, so that a shot that is added later gets the look of
    the others; a palette that is missing is made from the frames of all shots of the style, if `make`. A missing network is
    fitted by the first shot that uses it. Raises InputError or UsageError where a file is no palette of the style.
    """
    scenes = defaultdict[str, list[Planned]](list)
    for each in planned:
        if each.shot.options.palette is None:
            scenes[_scene(each.plan)].append(each)
    looks = dict[str, _Look]()
    for scene, members in scenes.items():
        plan, label = members[0].plan, _label(members[0].plan, scene)
        look = _Look(folder / f"palette_{label}.safetensors", _picture(plan, folder / f"colours_{label}.png"))
        if look.is_there():
            load_palette(look.palette, plan.styles, matched=plan.options.color == "match")
        elif make:
            _make(look, [each.plan for each in members], listen)
        if look.is_there():
            looks[scene] = look
    return [_with_look(each, folder, looks.get(_scene(each.plan))) for each in planned]


@dataclass(frozen=True)
class _Look:
    """The files of a scene."""

    palette: Path
    picture: Path | None
    """The picture whose colours the style is given; None without color `match`."""

    def is_there(self) -> bool:
        return os.path.exists(self.palette) and (self.picture is None or os.path.exists(self.picture))


def _scene(plan: Plan) -> str:
    """The same text for the shots that get one palette: their styles, in one way of colouring."""
    options, blend = plan.options, blend_name(plan.styles)
    return blend if options.color != "match" else f"{blend} match {options.color_map} {options.color_from}"


def _picture(plan: Plan, made: Path) -> Path | None:
    """See `_Look.picture`: the one that the options name, or `made`."""
    return None if plan.options.color != "match" else plan.options.color_from or made


def _make(look: _Look, plans: Sequence[Plan], listen: Listener) -> None:
    """Save the palette of the frames of all plans, and the picture of their colours where the options name none."""
    first, styles = plans[0], plans[0].styles
    clip = torch.cat(list(map(opaque_colours, _samples(plans, max(1, SAMPLES // len(plans)), listen))), 1)
    if look.picture is not None:
        if first.options.color_from is None:
            write_colours(look.picture, clip)
        styles = matched_styles(styles, clip, replace(first.options, color_from=look.picture))
    palette = palette_of(clip, [style.image for style in styles], [constant(style.weight) for style in styles])
    save_palette(look.palette, palette, styles, matched=look.picture is not None)


def _samples(plans: Sequence[Plan], most: int, listen: Listener) -> Iterator[Frame]:
    """Frames of every plan's range, in [0, 1] at the painted size; a clip that cannot be read is left out."""
    for done, plan in enumerate(plans, 1):
        positions = [plan.frames[0] + place for place in evenly_spaced(plan.count, most)]
        try:
            for [frame] in plan.source.sample(positions, run=1):
                yield at_paint_size(frame, plan)
        except VidstyleError:
            pass  # it fails as a shot, too, and is reported there
        listen(Progress("analyse", done, len(plans)))


def _with_look(planned: Planned, folder: Path, look: _Look | None) -> Planned:
    """The shot with the files of its style in its options."""
    plan, options = planned.plan, planned.plan.options
    method = find_method(options.method)
    if look is not None and options.palette is None and "palette" in method.uses(options):
        options = replace(options, palette=look.palette, color_from=look.picture)
    uses = method.uses(options)
    if "network" in uses and options.network is None and len(plan.layers) == 1:  # one file holds no network for each layer
        named = {*uses, "flow", "color"} - {"network", "palette", "color_from"}
        fit = {name: str(getattr(options, name)) for name in sorted(named)}
        key = f"{blend_name(plan.styles)} {fit} {options.size} {look and look.palette.name}"
        options = replace(options, network=folder / f"network_{_label(plan, key)}.safetensors")
    return replace(planned, shot=replace(planned.shot, options=options), plan=with_options(plan, options))


def _label(plan: Plan, key: str) -> str:
    """The names of the styles, and some digits that differ for another `key`."""
    names = "_".join(style.path.stem for style in plan.styles)[:60]
    return f"{names}_{hashlib.sha256(key.encode(errors='surrogatepass')).hexdigest()[:_NAME_DIGITS]}"
