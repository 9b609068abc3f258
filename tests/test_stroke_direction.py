"""Strokes lie along the forms or the motion, and are smaller where they are asked to be."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from sequence_files import codes, read_coded, write_coded
from torch import Tensor
from video_clips import make_clip

from tests.style_images import noise
from vidstyle.cli import execute
from vidstyle.core.errors import InputError, OutputError, UsageError
from vidstyle.core.frame import FlowPair, Frame, Prior
from vidstyle.core.images import resize
from vidstyle.core.options import Options
from vidstyle.painting.methods import METHODS, find_method
from vidstyle.painting.strokes import StrokeIndex, Wishes, direction_of_forms, direction_of_motion, lay_strokes, mend
from vidstyle.painting.strokes.copies import Copy, copies, turn, turn_places
from vidstyle.painting.strokes.describe import blur
from vidstyle.painting.style_picture import Style
from vidstyle.run.manifest import describe_run, job_of
from vidstyle.run.plan import Plan, plan_video
from vidstyle.temporal.key_frames import paint_by_key_frames

HEIGHT, WIDTH = 144, 192
SIZE = (WIDTH, HEIGHT)


def hatching(period: float, size: int = 288) -> Tensor:
    """(3, size, size) in [0, 1]: level lines, a little wavy, over tones of every darkness."""
    down = torch.arange(size)[:, None] + 6 * resize(noise(1, 8)[:1], (size, size))[0]
    lines = 0.12 * torch.sin(2 * math.pi * down / period)
    return (0.3 + 0.4 * resize(noise(2, 6)[:1], (size, size)) + lines).clamp(0, 1).expand(3, -1, -1).contiguous()


def places() -> tuple[Tensor, Tensor]:
    """(HEIGHT, WIDTH) rightward and downward distance of every pixel from the middle."""
    y, x = torch.meshgrid(torch.arange(HEIGHT) - HEIGHT / 2, torch.arange(WIDTH) - WIDTH / 2, indexing="ij")
    return x, y


def rings() -> Tensor:
    x, y = places()
    return (0.5 + 0.15 * torch.sin(torch.hypot(x, y) * 2 * math.pi / 48)).expand(3, -1, -1).contiguous()


def degrees_off(painting: Tensor, angle: Tensor) -> float:
    """Median angle between the lines of a painting and `angle` (HEIGHT, WIDTH), in radians, away from the middle and borders.

    Lines are at right angles to the mean gradient, by central differences, whose directions are averaged as double angles.
    """
    fine = resize(painting, (3 * HEIGHT, 3 * WIDTH)).mean(0)  # differences over the pixels of thin lines are too small
    down, across = torch.gradient(fine)
    mean = blur(torch.stack([across**2 - down**2, 2 * across * down]), 12.0)[:, 1::3, 1::3]
    found = torch.atan2(mean[1], mean[0]) / 2 + math.pi / 2
    off = torch.remainder(found - angle + math.pi / 2, math.pi) - math.pi / 2
    x, y = places()
    ring = (torch.hypot(x, y) > 20) & (torch.hypot(x, y) < 65)
    return float(off.abs().rad2deg()[ring].median())


@pytest.fixture(scope="module")
def turned() -> StrokeIndex:
    return StrokeIndex.build([hatching(8)], [1.0], HEIGHT, copied=copies(turned=True, sized=False))


@pytest.fixture(scope="module")
def plain() -> StrokeIndex:
    return StrokeIndex.build([hatching(8)], [1.0], HEIGHT)


def test_strokes_lie_along_forms(turned: StrokeIndex, plain: StrokeIndex):
    guide, (x, y) = rings(), places()
    tangent = torch.atan2(x, -y)
    wishes = Wishes(direction_of_forms(guide))
    # The eight turns are 22.5 degrees apart, so the nearest is 5.6 off on average, and the lines are wavy by a few more; level
    # lines are 45 off on average.
    assert degrees_off(lay_strokes(turned, guide, wishes=wishes), tangent) < 9  # 6.9 and 6.8 with two seeds
    assert degrees_off(lay_strokes(plain, guide, wishes=wishes), tangent) > 30


@pytest.mark.parametrize("way", [30, 90, 135])
def test_strokes_lie_along_the_motion(turned: StrokeIndex, way: float):
    angle = torch.tensor(math.radians(way))
    motion = (3 * torch.stack([angle.cos(), angle.sin()]))[:, None, None].expand(2, HEIGHT, WIDTH)
    guide = rings()
    painted = lay_strokes(turned, guide, wishes=Wishes(direction_of_motion(guide, motion)))
    # 30 degrees is 7.5 from the nearest of the eight turns; the rest is that of the rings' own edges in the strokes.
    assert degrees_off(painted, angle) < 10


def test_what_is_still_has_the_direction_of_its_forms():
    guide = rings()
    still = direction_of_motion(guide, torch.zeros(2, HEIGHT, WIDTH))
    # It is resized to the size at which motion is smoothed and back.
    assert (still - direction_of_forms(guide)).abs().mean() < 0.02


def test_a_hole_is_mended_along_the_forms(turned: StrokeIndex):
    guide, (x, y) = rings(), places()
    wishes, known = Wishes(direction_of_forms(guide)), torch.zeros(1, HEIGHT, WIDTH)
    painting = lay_strokes(turned, guide, wishes=wishes)
    known[:, :, :WIDTH // 3] = 1
    mended = mend(turned, guide, painting * known, known, wishes=wishes)
    assert torch.equal(mended[:, :, :WIDTH // 3], painting[:, :, :WIDTH // 3])
    assert degrees_off(mended, torch.atan2(x, -y)) < 15  # only fine patches mend: strokes are less long


def period(painting: Tensor) -> float:
    """Distance in pixels between the lines of a painting (3, h, w), level lines: of the mean wave of its columns, by power."""
    columns = painting.mean(0).T
    columns = (columns - columns.mean(1, keepdim=True)) * torch.hann_window(columns.shape[1])
    waves = torch.fft.rfft(columns).abs().square().sum(0)
    waves[:columns.shape[1] // 24] = 0  # tones, which are larger than lines
    return float(columns.shape[1] * waves.sum() / (waves * torch.arange(len(waves))).sum())


def test_strokes_are_a_third_where_the_matte_is_black():
    # 24 pixels of a style picture that is twice as high as the painting are 12 of the painting.
    index = StrokeIndex.build([hatching(24, 480)], [1.0], 240, copied=copies(turned=False, sized=True))
    guide = 0.4 + 0.2 * resize(noise(5, 5), (240, 240))
    size = torch.ones(1, 240, 240)
    size[:, :, 120:] = 0
    painting = lay_strokes(index, guide, wishes=Wishes(size=size))
    full, small = period(painting[:, :, 8:108]), period(painting[:, :, 132:-8])
    assert full == pytest.approx(12, rel=0.15)  # neighbouring waves of the transform differ by a twelfth
    # Copies of the middle size fill in where the smallest has too few tones: 4.25 and 4.31 with two seeds.
    assert small == pytest.approx(4, rel=0.15)


def test_a_turned_copy_has_patches_of_the_style_only():
    picture, allowed = hatching(8, 96), torch.zeros(45, 45, dtype=torch.bool)
    allowed[5:40, 5:40] = True  # pixels 10 to 85
    shown, known = turn(picture, math.pi / 4), turn_places(allowed, math.pi / 4, 8, 2)
    rows, columns = known.nonzero().T
    # The square, turned by 45 degrees, is a diamond: |x| + |y| <= half its diagonal, about the picture's middle.
    corners = torch.stack([(rows[:, None] * 2 + torch.tensor([0, 0, 7, 7]) - 47.5).abs(),
                           (columns[:, None] * 2 + torch.tensor([0, 7, 0, 7]) - 47.5).abs()])
    assert known.sum() > 200
    assert corners.sum(0).max() <= 38 * math.sqrt(2) + 1
    down, across = torch.gradient(shown.mean(0))
    middle = (slice(30, 66), slice(30, 66))
    # Level lines, turned clockwise as y points down, run along x = y: the gradient is across it.
    assert float((down * across)[middle].mean()) < 0
    assert turn(picture, 0.0) is picture


def test_the_same_bits_for_any_number_of_threads():
    guide, x, few = resize(rings(), (48, 64)), places()[0][48:96, 64:128], (Copy(), Copy(math.pi / 4), Copy(math.pi / 2, 0.5))
    paintings, threads = [], torch.get_num_threads()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            index = StrokeIndex.build([hatching(8, 96)], [1.0], 48, copied=few)
            wishes = Wishes(direction_of_motion(guide, torch.stack([x / 20, x * 0 + 1])), (x[None] / WIDTH + 0.5).clamp(0, 1))
            paintings.append(lay_strokes(index, guide, wishes=wishes))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*paintings)


def test_distances_stay_exact():
    index = StrokeIndex.build([noise(3, 96)], [1.0], HEIGHT, copied=(Copy(), Copy(math.pi / 2), Copy(0.0, 0.5)))
    for patches in index.passes:
        some = patches.descriptions[patches.allowed]
        own, size, direction = (part.double() for part in (some[:, :32], some[:, 32], some[:, 33:]))
        assert direction.norm(dim=1).max() > 50
        # With every weight at its largest, no sum reaches 2^24.
        most = 9 * (2 * own.norm(dim=1).max()) ** 2 + 9 * (2 * direction.norm(dim=1).max()) ** 2 + 3 * size.max() ** 2
        assert most < 2**24


def test_key_frames_and_holes_are_painted_with_their_motion():
    """A still world but for a shift to the right by 2 pixels a frame."""
    def flow(last: Tensor, this: Tensor) -> FlowPair:
        right = torch.tensor([2.0, 0.0])[:, None, None].expand(2, *last.shape[1:])
        return FlowPair(-right, right)

    seen = dict[int, Tensor | None]()

    def paint(frame: Frame, prior: Prior | None) -> Tensor:
        seen[frame.index] = frame.motion
        return frame.image

    def fill(frame: Frame, painting: Tensor, known: Tensor) -> Tensor:
        seen[frame.index] = frame.motion
        return painting

    wide = noise(4, 96)
    frames = [Frame(wide[:, :40, 40 - 2 * index:80 - 2 * index], index, Fraction(1, 24), index) for index in range(8)]
    frames += [Frame(1 - frames[0].image, 8, Fraction(1, 24), 8)]
    for _ in paint_by_key_frames(frames, paint, fill, flow, lambda last, this: this.index == 8, every=7):
        pass
    assert {0, 7, 8} <= seen.keys()
    assert seen[8] is None  # a shot of one frame has no motion
    first, last = seen[0], seen[7]
    assert first is not None
    assert (first[0] == 2).all()  # to the next frame
    assert last is not None
    assert (last[0] == -2).all()  # to the last one
    for motion in (seen[index] for index in seen.keys() - {0, 7, 8}):
        assert motion is not None
        assert (motion[0] + 2).abs().max() < 0.01  # the flow of an in-between is kept as float16


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    make_clip(folder / "clip.mp4", frames=4, size=(48, 32))
    write_coded(folder / "style.png", codes(1, (96, 72), most=255))
    for name, size in (("matte", (48, 32)), ("other", (32, 32))):
        write_coded(folder / f"{name}.png", np.zeros((*size[::-1], 3), np.uint8))
    make_clip(folder / "moving.mkv", frames=4, size=(48, 32), codec="ffv1", pix_fmt="gray",
              picture=lambda index, width, height: np.full((height, width, 3), 40 * index, np.uint8))
    make_clip(folder / "short.mkv", frames=3, size=(48, 32), codec="ffv1", pix_fmt="gray")
    return folder


def planned(media: Path, target: str = "out.mp4", **options: object) -> Plan:
    return plan_video(media / "clip.mp4", [Style(media / "style.png")], media / target,
                      Options(device="cpu", method="palette", **options), overwrite=True)  # type: ignore[arg-type]


def test_the_size_of_every_frame_of_a_movie(media: Path):
    matte = planned(media, stroke_size=str(media / "moving.mkv")).stroke_size
    assert matte is not None
    found = [round(float(matte.at(index).mean()) * 255) for index in (2, 0, 3, 9, 1)]
    assert found == [80, 0, 120, 120, 40]  # beyond the end the last frame holds


def test_the_files_are_in_the_manifest(media: Path):
    jobs = [job_of(describe_run(planned(media, stroke_size=size)))
            for size in (None, "detail", str(media / "matte.png"), str(media / "moving.mkv"))]
    assert len({job.get("stroke_size") for job in jobs}) == 4


@pytest.mark.parametrize(("options", "target", "error", "message"), [
    ({"stroke_size": "other.png"}, "out.mp4", UsageError, r"other.png: is 32x32 .* give --stroke-size a file of"),
    ({"stroke_size": "short.mkv"}, "out.mp4", UsageError, r"has 3 frames and the clip has 4; give --stroke-size a file with"),
    ({"stroke_size": "missing.png"}, "out.mp4", InputError, r"missing.png"),
    ({"stroke_size": "moving.mkv"}, "moving.mkv", (UsageError, OutputError), r"moving.mkv"),
    ({"stroke_direction": "motion", "temporal": 0.0}, "out.mp4", UsageError, r"needs the motion.*give --temporal 1"),
    ({"stroke_direction": "up"}, "out.mp4", UsageError, r"stroke_direction is 'up'; choose one of none, edges, motion"),
])
def test_what_does_not_fit_is_one_sentence(media: Path, options: dict[str, object], target: str, error: type[Exception],
                                           message: str):
    if "stroke_size" in options:
        options = {"stroke_size": str(media / str(options["stroke_size"]))}
    with pytest.raises(error, match=message):
        planned(media, target, **options)


@pytest.mark.parametrize("flag", ["--stroke-direction edges", "--stroke-size detail"])
def test_without_strokes_they_are_refused(media: Path, flag: str, capsys: pytest.CaptureFixture[str]):
    words = ["run", str(media / "clip.mp4"), "--style", str(media / "style.png"), "--strokes", "0", *flag.split()]
    assert execute(words) == 2
    assert f"{flag.split()[0]} has no effect: give --strokes 1 too" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("method", METHODS)
def test_every_method_uses_them(method: str):
    assert {"stroke_direction", "stroke_size"} <= find_method(method).uses(Options(method=method, strokes=1.0))
    assert not {"stroke_direction", "stroke_size"} & find_method(method).uses(Options(method=method, strokes=0.0))


def test_a_range_is_a_slice_of_the_whole(media: Path):
    flags = ["--method", "palette", "--device", "cpu", "--stroke-direction", "motion",
             "--stroke-size", str(media / "moving.mkv")]
    for name, words in (("whole", []), ("part", ["--frames", "2-3"])):
        assert execute(["run", str(media / "clip.mp4"), "--style", str(media / "style.png"), *flags, *words, "--overwrite",
                        "-o", str(media / name / "frame.####.png")]) == 0
    for number in (2, 3):
        whole, part = (read_coded(media / name / f"frame.{number:04}.png") for name in ("whole", "part"))
        assert np.array_equal(whole, part)
