"""Variants: one frame of a clip painted with several choices, on one sheet to choose from."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from vidstyle import __version__
from vidstyle.core.atomic import check_target, write_atomically
from vidstyle.core.contact_sheet import Tile, tile_side, variant_sheet
from vidstyle.core.devices import deterministic
from vidstyle.core.errors import OutputError, UsageError, reason
from vidstyle.core.files import sha256
from vidstyle.core.images import resize, write_png
from vidstyle.core.options import Options
from vidstyle.core.progress import Listener, Progress
from vidstyle.flow import load_flow
from vidstyle.painting.methods import unused_options
from vidstyle.painting.style_picture import Style
from vidstyle.run.finish import finish, frame_hash
from vidstyle.run.moment import moment
from vidstyle.run.naming import default_target
from vidstyle.run.paint import PaintedFrame, make_painter, painted_frames
from vidstyle.run.plan import Plan, Selection, plan_video
from vidstyle.video import evenly_spaced

FORMAT = 1
Explain = Callable[[BaseException], tuple[int, str]]
"""An error -> its exit code and one sentence about it."""


@dataclass(frozen=True)
class Variant:
    """One choice among several."""

    label: str
    """In words, `strength 0.3, style monet.jpg`."""
    values: Mapping[str, str]
    """What is varied: values as text, by the name of the option."""
    styles: tuple[Style, ...]
    options: Options
    given: frozenset[str]
    """Names of the options that the user chose."""
    command: str
    """The command that paints the clip so."""


@dataclass(frozen=True)
class VariantsPlan:
    """Which variants are painted, of which frame, and where they are shown."""

    variants: tuple[Variant, ...]
    plans: tuple[Plan, ...]
    """Of the one frame, for each variant; nothing is written where they say."""
    across: int
    """Variants in a row of the sheet."""
    sheet: Path

    @property
    def list_file(self) -> Path:
        """The file of the commands, beside the sheet."""
        return self.sheet.with_suffix(".json")

    @property
    def frame(self) -> int:
        """Index of the frame that is painted."""
        return self.plans[0].frames[0]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Those of all plans, each once."""
        return tuple(dict.fromkeys(warning for plan in self.plans for warning in plan.warnings))


@dataclass(frozen=True)
class PaintedVariant:
    """How one variant ended: with a picture or with an error."""

    variant: Variant
    image: Tensor | None = field(default=None, repr=False, compare=False)
    """(3, h, w) in [0, 1], as large as it is shown; None where it failed."""
    sha256: str = ""
    """Of the whole frame, as in the manifest of a run."""
    exit_code: int = 0
    error: str = ""
    """What went wrong, in one sentence."""
    seconds: float = 0.0
    """Painting took; 0 where another variant has the same painting."""

    def as_dict(self) -> dict[str, Any]:
        """In types that JSON has."""
        return {"label": self.variant.label, "values": dict(self.variant.values), "command": self.variant.command,
                "frame_sha256": self.sha256 or None, "exit_code": self.exit_code, "error": self.error or None,
                "seconds": round(self.seconds, 3)}


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
    for file in (sheet, sheet.with_suffix(".json")):
        read = [path for plan in plans for path in (*(style.path for style in plan.styles), *plan.source.files,
                                                    *(path for files in plan.control_files.values() for path in files))]
        check_target(file, begun.clip.path, overwrite or _is_earlier(sheet), read)
    return VariantsPlan(tuple(variants), plans, across, sheet)


def paint_variants(plan: VariantsPlan, explain: Explain, listen: Listener = lambda progress: None) -> list[PaintedVariant]:
    """Paint the frame of each variant; one that fails stops no other.

    Variants that differ in strength and colour only share one painting. Raises the first error where all fail.
    """
    painted, errors, groups = dict[int, PaintedVariant](), list[Exception](), _alike(plan.plans)
    frames = [each.frames[1] - each.start.frame + 1 for each in (plan.plans[group[0]] for group in groups)]
    for number, group in enumerate(groups):
        began, own, before = time.monotonic(), plan.plans[group[0]], sum(frames[:number])

        def tick(done: int, loss: float | None = None, *, before: int = before) -> None:
            listen(Progress("variants", before + done, sum(frames), loss=loss))

        try:
            frame = _paint(own, tick)
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


def write_variants(plan: VariantsPlan, painted: Sequence[PaintedVariant]) -> None:
    """Write the sheet, and beside it the commands as JSON. Raises OutputError."""
    first = plan.plans[0]
    tiles = [Tile(each.image, each.variant.label, each.error or each.variant.command) for each in painted]
    shape = (first.output.size[1], first.output.size[0])
    # The pictures that all have in common are shown once.
    pictures = {style.sha256: style.image for each in plan.plans for style in each.styles}
    sizes = dict.fromkeys("x".join(map(str, each.paint_size)) for each in plan.plans)
    heading = [f"{first.clip.path.name}, {moment(first.clip, plan.frame)}",
               f"{len(painted)} variants, painted at {' and '.join(sizes)}",
               f"below each the command that paints it; vidstyle {__version__}"]
    source = next(iter(first.source.decode(plan.frame, plan.frame)))
    sheet = variant_sheet(tiles, shape, plan.across, heading=heading, pictures=[source.image, *list(pictures.values())[:4]])
    record = {"format": FORMAT, "vidstyle": __version__, "clip": str(first.clip.path),
              "frame": first.clip.number(plan.frame), "sheet": plan.sheet.name,
              "variants": [each.as_dict() for each in painted]}
    try:
        plan.sheet.absolute().parent.mkdir(parents=True, exist_ok=True)
        write_png(plan.sheet, sheet)
        record["sheet_sha256"] = sha256(plan.sheet)
        write_atomically(plan.list_file, json.dumps(record, indent=1).encode() + b"\n")
    except OSError as error:
        raise OutputError(f"{plan.list_file}: cannot be written ({reason(error)}); check the folder and the disk.") from error


def same_pictures(painted: Sequence[PaintedVariant]) -> list[str]:
    """A sentence for each picture that several variants have, so that nobody looks for a difference."""
    by_hash = dict[str, list[str]]()
    for each in painted:
        if each.sha256:
            by_hash.setdefault(each.sha256, []).append(each.variant.label)
    return [f"The same picture, bit for bit: {'; '.join(labels)}." for labels in by_hash.values() if len(labels) > 1]


def _plain(options: Options) -> Options:
    """The options as far as one painted frame depends on them; what is written is none of it."""
    default = Options()
    network = options.network if options.network is not None and options.network.exists() else None
    return replace(options, network=network, codec=default.codec, crf=default.crf, audio="none", compare="none", strict=False)


def _sheet(plan: Plan, variant: Variant, folder: Path | None) -> Path:
    """CLIP_STYLE_A-B_vary_NAMES.png, without the style where that is varied, and without a range where none is given."""
    styles, frames = () if "style" in variant.values else plan.styles, plan.frames if plan.range_given else None
    target = default_target(plan.source, styles, plan.options, frames, preview=True)
    stem = target.stem.removesuffix("_preview") + "_vary_" + "_".join(variant.values)
    return (folder or target.parent) / f"{stem}.png"


def _is_earlier(sheet: Path) -> bool:
    """Whether the file `sheet` is one that was written with the list beside it and that nobody has changed, or is gone."""
    try:
        record = json.loads(sheet.with_suffix(".json").read_text(encoding="utf-8"))
        return record["sheet"] == sheet.name and (not sheet.exists() or bool(record["sheet_sha256"] == sha256(sheet)))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _alike(plans: Sequence[Plan]) -> list[list[int]]:
    """Places of the plans that have the same painting, in order.

    Strength and colour do not change it, and neither do options that the method does not use.
    """
    groups = dict[Any, list[int]]()
    default = Options()
    for place, plan in enumerate(plans):
        unused = unused_options(plan.options, (each.name for each in fields(Options)))
        painting = replace(plan.options, **{name: getattr(default, name) for name in ("strength", "color", *unused)})
        styles = tuple((style.sha256, style.weight) for style in plan.styles)
        groups.setdefault((painting, styles, plan.options.strength == 0), []).append(place)
    return list(groups.values())


def _paint(plan: Plan, tick: Callable[[int, float | None], None]) -> PaintedFrame:
    """The last frame of the plan, painted as a run of it would; tick: called with the frames painted, and the loss of a fit."""
    last: PaintedFrame | None = None

    def listen(step: Progress) -> None:
        tick(0, step.loss)

    with deterministic(plan.device), tempfile.TemporaryDirectory(prefix="vidstyle-") as folder:
        flow = load_flow(plan.options.flow, plan.device)
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
