"""The look of paintings, judged by what did not paint them: VGG-19, its compressed form, RAFT-small, and sharpness.

    python benchmarks/looks.py --data DATA
    python benchmarks/looks.py --pair sam2_02_cups.mp4 fns_mosaic.jpg --method source --method optimize --method mosaic
    python benchmarks/looks.py --pair CLIP STYLE --method others=frames/ --sheet sheet.png --blind pairs --json looks.json

DATA (by default the environment variable VIDSTYLE_DATA) holds `video/`, `style/`, `style_training/` and `weights/`; clips and
style pictures are files, or names there. Without --pair, each of `CLIPS` in each of `STYLES`. `benchmarks/look_methods.py` says
what a method is. All is measured before a video encoder. Columns, means over the frames judged:

    match   feature match, precision (prec) plus coverage (cover), at the style height `at`: 0 is the style itself, lower is
            better; see `benchmarks/look_metrics.py`
    gram    Gram loss in the same layers and in relu4_1 and relu5_1 of the compressed VGG-19, at its best style height
    e_stab, gap 10      change along RAFT-small's motion from frame to frame, and over ten frames, as in `vidstyle evaluate`
    sharp/src, /style   sharpness over the source's, and over the style picture's at the painting's height
    rep, mean           how often one patch of the style picture recurs within an eighth of the height, at most and on average
                        over the copied patches, and the share of patches that are copies (`benchmarks/look_repetition.py`)
    prep s, s/frame     seconds before painting, and for each frame painted; other work on the machine counts
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent.parent))  # `benchmarks`, `samples` and `training` are not installed

from benchmarks.encoder import TeacherEncoder, TrueVGG
from benchmarks.look_methods import Method, Paintings, Pair
from benchmarks.look_metrics import LEAST, MOST_QUERIES, StyleJudge
from benchmarks.look_repetition import repetition
from benchmarks.look_sheets import grid, sheet, write_blind
from benchmarks.paintings import plan_of, read_frames
from benchmarks.peers import VGG_FILE
from training.teachers import Teacher
from vidstyle.core.errors import InputError
from vidstyle.core.images import read_image, resize, size_at_height, write_png
from vidstyle.core.interfaces import Encoder
from vidstyle.core.options import Options
from vidstyle.evaluate.judge import Judge, load_judge
from vidstyle.evaluate.stability import StabilityMetrics
from vidstyle.ops.metrics import gradient_energy
from vidstyle.temporal.shots import cut_detector

CLIPS = ("sam2_02_cups.mp4", "sam2_04_coffee.mp4", "mdn_flower.mp4", "exo_video_big_buck_bunny.mp4")
STYLES = ("nst_starry_night.jpg", "gord_vg_la_cafe.jpg", "nstf_water_lilies_crop.jpg", "fns_udnie.jpg")
RAFT = "weights/raft-small.pth"
COMPRESSED_VGG = "weights/collab_distill/encoder5.pth"


@dataclass(frozen=True)
class Look:
    """What one method's paintings of one pair measure; the module explains each. None if a value does not apply."""

    match: float
    precision: float
    coverage: float
    height: float
    gram: float
    e_stab: float | None
    e_stab_10: float | None
    sharp_source: float
    sharp_style: float
    most: float
    repeated: float
    copies: float
    preparation: float | None
    seconds: float | None


FORMATS = {"match": ("match", 7, ".3f"), "precision": ("prec", 7, ".3f"), "coverage": ("cover", 7, ".3f"),
           "height": ("at", 5, ".1f"), "gram": ("gram", 8, ".4f"), "e_stab": ("e_stab", 8, ".4f"),
           "e_stab_10": ("gap 10", 8, ".4f"), "sharp_source": ("sharp/src", 10, ".2f"), "sharp_style": ("/style", 7, ".2f"),
           "most": ("rep", 5, ".0f"), "repeated": ("mean", 6, ".2f"), "copies": ("share", 6, ".2f"),
           "preparation": ("prep s", 8, ".1f"), "seconds": ("s/frame", 8, ".3f")}
"""Heading, width and number format of each column."""


@dataclass(frozen=True)
class Judges:
    """The networks that judge."""

    shallow: Encoder
    deep: Encoder
    motion: Judge

    @classmethod
    def load(cls, data: Path, size: tuple[int, int]) -> Judges:
        """From the folder `data`, for paintings of (height, width) `size`. Raises OSError or InputError without weights."""
        return cls(TrueVGG(data / VGG_FILE).eval().requires_grad_(False), TeacherEncoder(Teacher(data / COMPRESSED_VGG)),
                   load_judge(f"raft-small={data / RAFT}", "none", None, size, 0))


def stabilities(pair: Pair, clips: Sequence[Sequence[Tensor]], motion: Judge) -> list[dict[str, float]]:
    """`e_stab` and, from eleven frames on, `e_stab_10` of several paintings of one pair, along the same motion."""
    metrics, is_cut = StabilityMetrics(motion), cut_detector()
    for place, frame in enumerate(pair.sources):
        cut = place > 0 and is_cut(pair.sources[place - 1], frame)
        metrics.add(frame, torch.stack([clip[place] for clip in clips]), cut)
    return [metrics.values(clip) for clip in range(len(clips))]


def looks(pair: Pair, painted: Mapping[str, Paintings], judges: Judges, stills: int,
          queries: int = MOST_QUERIES) -> Iterator[tuple[str, Look, list[float]]]:
    """Of each method its name, its look, and the feature match of each of the `stills` frames judged, first to last."""
    style = read_image(pair.style)
    height = pair.sources[0].image.shape[1]
    judge = StyleJudge(style, height, judges.shallow, judges.deep, queries)
    shown = resize(style, size_at_height(style.shape[1:], height, LEAST))
    last = len(pair.sources) - 1
    places = sorted({round(number * last / max(1, stills - 1)) for number in range(stills)})
    steady = stabilities(pair, [paintings.images for paintings in painted.values()], judges.motion)
    for (name, paintings), stable in zip(painted.items(), steady, strict=True):
        images = [paintings.images[place] for place in places]
        matches, grams = zip(*map(judge.judge, images), strict=True)
        repeated = [repetition(image, shown) for image in images]
        sharp = statistics.mean(map(gradient_energy, images))
        source = statistics.mean(gradient_energy(pair.sources[place].image) for place in places)
        totals = [match.total for match in matches]
        yield name, Look(
            statistics.mean(totals), statistics.mean(match.precision for match in matches),
            statistics.mean(match.coverage for match in matches), statistics.mean(match.height for match in matches),
            statistics.mean(grams), stable.get("e_stab"), stable.get("e_stab_10"), sharp / source,
            sharp / gradient_energy(shown), max(one.most for one in repeated), statistics.mean(one.mean for one in repeated),
            statistics.mean(one.share for one in repeated), paintings.preparation, paintings.seconds), totals


def heading(title: str) -> str:
    return f"{title:34}" + "".join(f"{name:>{width}}" for name, width, _ in FORMATS.values())


def line(name: str, look: Look) -> str:
    cells = [(getattr(look, field), width, form) for field, (_, width, form) in FORMATS.items()]
    texts = (("-" if value is None else format(value, form)).rjust(width) for value, width, form in cells)
    return f"{name[:33]:34}" + "".join(texts)


def mean_look(rows: Sequence[Look]) -> Look:
    """The mean of each value over several pairs; of `most` the largest. None where a pair lacks the value."""
    columns = {field.name: [getattr(row, field.name) for row in rows] for field in fields(Look)}
    means = {name: None if None in values else statistics.mean(values) for name, values in columns.items()}
    return Look(**means | {"most": max(columns["most"])})


def find(name: str, *folders: Path) -> Path:
    """The file `name`, or the one of that name in a folder. Raises InputError if there is none."""
    for path in (Path(name), *(folder / name for folder in folders)):
        if path.is_file():
            return path
    raise InputError(f"{name}: there is no such file, here or in {', '.join(map(str, folders))}.")


def read_pair(clip: str, style: str, data: Path, first: int, last: int, size: int) -> Pair:
    """The frames `first` to `last` of a clip at the painted size, with a style picture."""
    clip_file, style_file = find(clip, data / "video"), find(style, data / "style", data / "style_training")
    plan = plan_of(clip_file, style_file, Options(size=size, output_size=size, device="cpu"))
    return Pair(clip_file, style_file, read_frames(plan, first, last))


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("VIDSTYLE_DATA") or None)
    parser.add_argument("--pair", nargs=2, action="append", metavar=("CLIP", "STYLE"), help="may be repeated")
    parser.add_argument("--method", action="append", help="may be repeated; default: source and vidstyle's default")
    parser.add_argument("--frames", default="30-53", help="first and last, both painted; eleven or more for gap 10")
    parser.add_argument("--size", type=int, default=640, help="longest side painted, in pixels")
    parser.add_argument("--stills", type=int, default=3, help="frames whose look is judged, first and last included")
    parser.add_argument("--queries", type=int, default=MOST_QUERIES, help="positions looked up in each layer; a quarter of the "
                        "default takes a quarter of the time")
    parser.add_argument("--sheet", type=Path, help="PNG file: each pair's style and paintings of the middle frame, at 100 %%")
    parser.add_argument("--grid", type=Path, help="PNG file: the middle frames of the last method, one row for each clip")
    parser.add_argument("--blind", type=Path, help="folder for unlabelled pairs; the key is FOLDER-key.json beside it")
    parser.add_argument("--json", type=Path, help="file for all values, rounded to five places")
    args = parser.parse_args(argv)
    if args.data is None:
        parser.error("the judges' weights are needed: set VIDSTYLE_DATA or give --data")
    args.pair = args.pair or [(clip, style) for clip in CLIPS for style in STYLES]
    args.method = [Method.parse(text) for text in args.method or ["source", Options.method]]
    args.first, args.last = map(int, args.frames.split("-"))
    return args


def main(argv: Sequence[str] | None = None) -> None:
    args = arguments(argv)
    records, rows = list[dict[str, object]](), dict[str, list[Look]]()
    pictures = list[tuple[str, Tensor, dict[str, Tensor]]]()
    print(f"frames {args.first}-{args.last} at {args.size} px, {args.stills} judged, {torch.get_num_threads()} threads")
    for clip, style in args.pair:
        pair = read_pair(clip, style, args.data, args.first, args.last, args.size)
        painted = {method.label: method.paint(pair, args.size, args.data / "weights")
                   for method in args.method if method.applies(pair)}
        height, width = pair.sources[0].image.shape[1:]
        judges = Judges.load(args.data, (height, width))
        print(heading(pair.name))
        for name, look, totals in looks(pair, painted, judges, args.stills, args.queries):
            print(line(f"  {name}", look), flush=True)
            rows.setdefault(name, []).append(look)
            values = {key: round(value, 5) if value is not None else None for key, value in asdict(look).items()}
            records.append({"clip": pair.clip.name, "style": pair.style.name, "method": name, "frames": args.frames,
                            "size": args.size, "threads": torch.get_num_threads(), **values,
                            "matches": [round(value, 5) for value in totals]})
        middle = {name: paintings.images[len(pair.sources) // 2] for name, paintings in painted.items()}
        pictures.append((pair.name, read_image(pair.style), {"source": pair.sources[len(pair.sources) // 2].image} | middle))
        if args.sheet:
            write_png(args.sheet, sheet(pictures))
        if args.grid:
            write_png(args.grid, grid([list(row.values())[-1] for _, _, row in pictures], len(STYLES)))
        if args.json:
            args.json.write_text(json.dumps(records, indent=1))
    if len(args.pair) > 1:
        print(heading(f"mean of {len(args.pair)} pairs"))
        for name, found in rows.items():
            print(line(f"  {name}" + (f" ({len(found)} pairs)" if len(found) < len(args.pair) else ""), mean_look(found)))
    if args.blind:
        paintings_only = [(name, style, {key: image for key, image in row.items() if key != "source"})
                          for name, style, row in pictures]
        print(f"key of the blind pairs: {write_blind(args.blind, paintings_only)}")


if __name__ == "__main__":
    main()
