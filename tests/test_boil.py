"""Boil: strokes are drawn anew on ones, twos or threes and on no other frame; forms stay, as do ranges and stopped runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from stopped_runs import save_often, until
from style_images import noise
from three_shots import CUTS, shots
from torch import Tensor
from video_clips import make_clip

from vidstyle.cli import execute
from vidstyle.core.choices import HELD
from vidstyle.core.curve import parse_number
from vidstyle.core.frame import FlowPair, Frame, Memory
from vidstyle.core.images import resize, write_png
from vidstyle.core.options import Options
from vidstyle.painting import key_frames
from vidstyle.painting.strokes import StrokeIndex, lay_strokes, redraw
from vidstyle.painting.strokes.describe import blur
from vidstyle.painting.style_picture import Style
from vidstyle.run.estimate import estimate
from vidstyle.run.parts import join, paint_part, split
from vidstyle.run.pipeline import stylize_video
from vidstyle.run.plan import Selection, plan_video
from vidstyle.temporal.boil import boil
from vidstyle.temporal.intervals import KeyedShot
from vidstyle.temporal.loop import Painted
from vidstyle.video import open_source

HEIGHT, WIDTH, STEP = 32, 96, 2
INSIDE = (slice(None), slice(8, -8), slice(16, -8))
"""Away from the borders: what a step of 2 px brings into view, and where its trust fades, is not carried."""


def pan(count: int) -> list[Frame]:
    """A window over a smooth plane; what it shows moves STEP pixels to the right at every frame."""
    plane = resize(torch.rand(3, 8, 40, generator=torch.Generator().manual_seed(0)), (HEIGHT, WIDTH + STEP * count))
    return [Frame(plane[:, :, STEP * (count - k):][:, :, :WIDTH].clone(), k, Fraction(1, 25), k) for k in range(count)]


def true_motion(last: Tensor, this: Tensor) -> FlowPair:
    """Of `pan`, between neighbours and between frames two apart, which the frames themselves tell."""
    apart = min((1, 2), key=lambda k: float((this[..., k * STEP:] - last[..., :-k * STEP]).abs().mean()))
    right = torch.zeros(2, HEIGHT, WIDTH)
    right[0] = apart * STEP
    return FlowPair(to_last=-right, to_this=right)


def steady(frames: Sequence[Frame]) -> list[Painted]:
    """Painted as the frames are, with the two memories of key frames."""
    return [Painted(frame, (Memory(frame, frame.image), Memory(frame, frame.image))) for frame in frames]


class Redraw:
    """Draws noise over a painting, other noise for every frame; remembers which frames were drawn."""

    def __init__(self) -> None:
        self.drawn: list[int] = []

    def __call__(self, frame: Frame, painting: Tensor) -> Tensor:
        self.drawn.append(frame.index)
        grain = torch.rand(3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(frame.index))
        return painting * 0.5 + 0.5 * grain


def boiled(frames: Sequence[Frame], held: int, cut: int = 0, **more: object) -> tuple[list[Painted], list[int]]:
    redraws = Redraw()
    painted = list(boil(steady(frames), redraws, true_motion, lambda last, this: this.index == cut, held=held, **more))
    return painted, redraws.drawn


@pytest.mark.parametrize(("held", "cut", "drawn"), [
    (1, 0, list(range(12))), (2, 0, [0, 2, 4, 6, 8, 10]), (3, 0, [0, 3, 6, 9]), (2, 7, [0, 2, 4, 6, 7, 8, 10]),
    (3, 7, [0, 3, 6, 7, 9])])
def test_drawings_are_frames_of_the_clip_and_first_frames_of_shots(held: int, cut: int, drawn: list[int]):
    assert boiled(pan(12), held, cut)[1] == drawn


@pytest.mark.parametrize(("held", "key", "drawn"), [(2, 5, [0, 2, 4, 5, 7, 9, 11]), (3, 4, [0, 3, 4, 7, 10]),
                                                    (2, 4, [0, 2, 4, 6, 8, 10])])
def test_drawings_after_a_painted_key_frame_are_counted_from_it(held: int, key: int, drawn: list[int]):
    given = [KeyedShot(0, 11, (key,))]
    whole, found = boiled(pan(12), held, given=given)
    assert found == drawn
    for first in (key, key + 1, key + 2):
        ranged, _ = boiled(pan(12), held, given=given, first=first)
        assert all(torch.equal(one.painting, other.painting) for one, other in zip(ranged[first:], whole[first:], strict=True))


@pytest.mark.parametrize("held", [2, 3])
def test_between_drawings_the_strokes_move_along_and_a_drawing_has_others(held: int):
    frames = pan(9)
    paintings = [painted.painting for painted in boiled(frames, held)[0]]
    for index in range(1, 9):
        before, now = paintings[index - 1], paintings[index]
        # Motion by whole pixels copies values; 0.4 % of the steady painting, up to 0.5 away from the drawing, are blended in.
        error = (now[..., STEP:] - before[..., :-STEP])[INSIDE].abs()
        if index % held:
            assert error.max() < 0.005
        else:  # the grain of two drawings, half of a uniform noise each: on average 0.5 / 3 apart
            assert error.mean() > 0.1


def test_a_part_of_a_clip_goes_on_from_its_memories():
    frames = pan(12)
    for held in (1, 2, 3):
        whole, _ = boiled(frames, held)
        for index in (5, 6, 7):
            rest, _ = boiled(frames[index + 1:], held, memories=whole[index].memories[2:])
            for one, other in zip(rest, whole[index + 1:], strict=True):
                assert torch.equal(one.painting, other.painting)


@pytest.mark.parametrize("first", [6, 7, 8])
def test_frames_before_a_range_are_drawn_only_for_its_first_frame(first: int):
    whole, _ = boiled(pan(12), 3)
    ranged, drawn = boiled(pan(12), 3, first=first)
    assert all(torch.equal(one.painting, other.painting) for one, other in zip(ranged[first:], whole[first:], strict=True))
    assert min(drawn) > first - 3
    assert [index for index in drawn if index >= first] == [index for index in (6, 9) if index >= first]


@pytest.fixture(scope="module")
def index() -> StrokeIndex:
    return StrokeIndex.build([resize(noise(1, 96), (144, 144))], [1.0], 96)


def likeness(one: Tensor, other: Tensor) -> float:
    """Correlation of the fine detail of two paintings."""
    fine = [(image - blur(image, 2.0)).flatten() for image in (one, other)]
    return float(torch.corrcoef(torch.stack(fine))[0, 1])


def test_other_strokes_in_the_same_forms(index: StrokeIndex):
    guide = resize(noise(2, 64), (96, 96))
    painting = lay_strokes(index, guide)
    drawings = [redraw(index.redrawn(number), guide, painting) for number in (0, 1)]
    afresh = [lay_strokes(index.redrawn(number), guide) for number in (0, 1)]
    assert likeness(*drawings) < 0.9  # the same strokes, resampled by a carry, keep 0.99
    coarse = [float((blur(one, 4.0) - blur(other, 4.0)).square().mean().sqrt()) for one, other in (drawings, afresh)]
    assert coarse[0] < 0.8 * coarse[1]  # drawn from the guide alone, large strokes jump


def test_strokes_depend_on_the_seed_and_the_number_alone(index: StrokeIndex):
    other = StrokeIndex.build([resize(noise(1, 96), (144, 144))], [1.0], 96, seed=1)
    drawn = [one.passes[-1].drawn for one in (index.redrawn(3), index.redrawn(3), index.redrawn(4), other.redrawn(3), index)]
    assert torch.equal(drawn[0], drawn[1])
    assert not any(torch.equal(drawn[0], another) for another in drawn[2:])
    assert all(one.allowed[one.drawn].all() for one in index.redrawn(3).passes)
    assert [len(one.drawn) for one in index.redrawn(3).passes] == [len(one.drawn) for one in index.passes]


FRAMES = 24
TWOS = Options(boil="twos", size=48, device="cpu", crf=0)


@dataclass(frozen=True)
class Grain:
    """Strokes that take no time: noise by the number of the drawing, in place of a `StrokeIndex`."""

    seed: int
    number: int = -1

    def redrawn(self, number: int) -> Grain:
        return replace(self, number=number)

    def over(self, image: Tensor) -> Tensor:
        noise = torch.rand(image.shape, generator=torch.Generator().manual_seed(1000 * self.seed + self.number + 1))
        return (image + noise) / 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A clip with a cut at 14, a style, and `twos.mp4`, painted on twos without a stop; strokes are a `Grain`."""
    folder = tmp_path_factory.mktemp("boil")
    make_clip(folder / "clip.mp4", frames=FRAMES, size=(48, 32), picture=shots)
    write_png(folder / "style.png", noise(3, 32))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StrokeIndex, "build", lambda *_, seed, copied, gamut: Grain(seed))
        patch.setattr(key_frames, "lay_strokes", lambda index, guide, prior, wishes: index.over(guide))
        patch.setattr(key_frames, "redraw", lambda index, guide, painting, wishes: index.over(painting))
        patch.setattr(key_frames, "mend", lambda index, guide, painting, known, wishes: painting)
        paint(folder, "twos.mp4")
        yield folder


def paint(folder: Path, name: str, options: Options = TWOS, **more: object) -> list[str]:
    """Hashes of the painted frames."""
    return list(stylize_video(folder / "clip.mp4", [Style(folder / "style.png")], folder / name, options, **more).frame_hashes)


def twos(folder: Path) -> list[str]:
    return json.loads((folder / "twos.mp4.vidstyle.json").read_text())["frame_sha256"]


@pytest.mark.parametrize("stop", [5, 18])
def test_a_stopped_run_goes_on_to_the_same_file(folder: Path, monkeypatch: pytest.MonkeyPatch, stop: int):
    save_often(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        paint(folder, f"stopped{stop}.mp4", listen=until(stop))
    assert paint(folder, f"stopped{stop}.mp4") == twos(folder)


@pytest.mark.parametrize("first", [3, 19])
def test_a_range_is_a_slice_of_the_full_run(folder: Path, first: int):
    assert paint(folder, f"from{first}.mp4", selection=Selection((first, first + 2))) == twos(folder)[first:first + 3]


def test_parts_join_to_the_run(folder: Path):
    plan = plan_video(folder / "clip.mp4", [Style(folder / "style.png")], folder / "joined.mp4", TWOS)
    parts = split(plan, 8)
    assert parts == [(0, CUTS[0] - 1), (CUTS[0], FRAMES - 1)]
    assert list(join(plan, [paint_part(plan, part) for part in parts]).frame_hashes) == twos(folder)


def test_the_method_and_the_seed_of_a_boil_count(folder: Path):
    short = {"selection": Selection((0, 1))}
    hashes = [paint(folder, f"{name}.mp4", replace(TWOS, **changes), **short) for name, changes in (
        ("palette", {"method": "palette"}), ("seed", {"seed": 1}), ("none", {"boil": "none"}), ("half", {"strokes": 0.5}))]
    assert hashes[0] == twos(folder)[:2]  # the palette's forms are the frame's own, as those of optimize are by default
    assert all(found[0] != twos(folder)[0] for found in hashes[1:])


def test_drawings_of_strokes_that_grow_over_the_clip_and_of_two_regions(folder: Path):
    """A boil changes every frame of both; the strokes' share grows from frame to frame also where a drawing is carried."""
    selection = Selection((0, 3))
    growing = replace(TWOS, strokes=parse_number("0:0.5 3:1", "strokes"))
    hashes = {name: paint(folder, f"{name}.mp4", options, selection=selection) for name, options in (
        ("grown", growing), ("ungrown", replace(growing, boil="none")))}
    assert len({*hashes["grown"], *hashes["ungrown"]}) == 8
    write_png(folder / "left.png", (torch.arange(48) < 24).float().expand(3, 32, 48))
    other = folder / "other.png"
    write_png(other, noise(4, 32))
    matted = replace(TWOS, matte=(f"{folder / 'left.png'}={other}",))
    regions = [paint(folder, f"both_{boil}.mp4", replace(matted, boil=boil), selection=selection) for boil in ("none", "twos")]
    assert not {*regions[0]} & {*regions[1]}


def test_every_frame_a_key_frame_and_drawn_on_twos(tmp_path: Path):
    """Of a still clip, whose steady painting is one picture, strokes change at every second frame and at no other."""
    make_clip(tmp_path / "clip.mp4", frames=6, size=(96, 64),
              picture=lambda _, width, height: (resize(noise(5, 64), (height, width)) * 255).byte().permute(1, 2, 0).numpy())
    write_png(tmp_path / "style.png", resize(noise(3, 64), (96, 128)))
    options = Options(size=96, device="cpu", codec="ffv1", key_every=1, boil="twos")
    stylize_video(tmp_path / "clip.mp4", [Style(tmp_path / "style.png")], tmp_path / "out.mkv", options)
    images = [frame.image for frame in open_source(tmp_path / "out.mkv").decode()]
    changed = [float(((now - before).abs().amax(0) > 0.04).float().mean()) for before, now in pairwise(images)]
    assert all(change == 0 for change in changed[::2])
    assert all(change > 0.2 for change in changed[1::2])  # 0.28 and 0.30: of a small style, some new strokes look like the old


@pytest.mark.parametrize(("name", "drawings"), [("none", None), ("ones", 24), ("twos", 12), ("threes", 9)])
def test_a_dry_run_counts_the_drawings(folder: Path, name: str, drawings: int | None):
    """On threes 14 is drawn too, where the second shot begins."""
    plan = plan_video(folder / "clip.mp4", [Style(folder / "style.png")], folder / "planned.mp4", replace(TWOS, boil=name))
    found = estimate(plan)
    assert found.drawings == drawings
    assert found.seconds == pytest.approx(sum(found.parts.values()))
    assert HELD[name] == (0 if drawings is None else {24: 1, 12: 2, 9: 3}[drawings])


@pytest.mark.parametrize(("words", "needed"), [
    ("--temporal 0", "--temporal 1"), ("--strokes 0", "--strokes 1"), ("--method feedforward", "--strokes 1"),
    ("--temporal 0 --strokes 0", "--strokes 1, --temporal 1")])
@pytest.mark.parametrize("option", ["--boil twos", "--refresh 4"])
def test_without_strokes_or_memory_it_is_said_what_is_needed(option: str, words: str, needed: str,
                                                            capsys: pytest.CaptureFixture[str]):
    assert execute(["run", "a.mp4", "--style", "b.jpg", *option.split(), *words.split()]) == 2
    name, needed = option.split()[0], needed.replace(", ", " ")
    assert capsys.readouterr().err == f"vidstyle: {name} has no effect: give {needed} too, or leave it out.\n"
