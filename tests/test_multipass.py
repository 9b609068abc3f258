"""Several passes over the frames: the formula, the windows, what they do to trails, and that a run continues."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from vidstyle.core.frame import FlowPair, Frame, Memory, Prior
from vidstyle.temporal import multipass
from vidstyle.temporal.loop import Painted, paint_frames
from vidstyle.temporal.multipass import blended, find_windows, paint_in_passes

HEIGHT, WIDTH, OBJECT, STEP = 32, 64, 24, 3
STYLE = 0.75  # the gray level of a finished painting, everywhere
UNLIKE = 0.02  # the most by which finished paintings of two frames differ from it, each in its own way
HURRY = 0.05  # the most by which the steps of a later frame, or of a later pass, come closer to it


def texture(seed: int, width: int) -> Tensor:
    return torch.rand(3, HEIGHT, width, generator=torch.Generator().manual_seed(seed))


def leaving_object(count: int) -> tuple[list[Frame], list[FlowPair]]:
    """A textured object that moves left out of the picture, over a textured background that stands still.

    Frame k, and the true motion between frames k and k + 1: of the object STEP to the left, of the background none.
    """
    background, thing = texture(1, WIDTH), texture(2, OBJECT)
    frames, covered = [], []
    for k in range(count):
        image, edge = background.clone(), OBJECT - STEP * k
        if edge > 0:
            image[..., :edge] = thing[..., -edge:]
        covered.append((torch.arange(WIDTH) < edge).expand(HEIGHT, WIDTH))
        frames.append(Frame(image, pts=k, time_base=Fraction(1, 25), index=k))
    motions = []
    for last, this in pairwise(covered):
        still = torch.zeros(HEIGHT, WIDTH)
        motions.append(FlowPair(to_last=torch.stack([STEP * this.float(), still]),
                                to_this=torch.stack([-STEP * last.float(), still])))
    return frames, motions


class TrueMotion:
    """The flow between neighbouring frames of `leaving_object`, which it recognises by their images."""

    def __init__(self, frames: list[Frame], motions: list[FlowPair]) -> None:
        self.frames, self.motions = frames, motions

    def __call__(self, last: Tensor, this: Tensor) -> FlowPair:
        one, other = self._place(last), self._place(this)
        if one == other:  # the object has left
            return FlowPair(torch.zeros(2, HEIGHT, WIDTH), torch.zeros(2, HEIGHT, WIDTH))
        if other == one + 1:
            return self.motions[one]
        assert other == one - 1
        flow = self.motions[other]
        return FlowPair(to_last=flow.to_this, to_this=flow.to_last)

    def _place(self, image: Tensor) -> int:
        return min(range(len(self.frames)), key=lambda k: float((self.frames[k].image - image).abs().sum()))


def towards_style(start: Tensor) -> Tensor:
    return start + (STYLE - start).clamp(-HURRY, HURRY)


def held(painting: Tensor, priors: Sequence[Prior]) -> Tensor:
    """The minimum of |x − painting|² + 4 c |x − ω|²: what a temporal loss does to a painting."""
    for prior in priors:
        painting = (painting + 4 * prior.visibility * prior.image) / (1 + 4 * prior.visibility)
    return painting


def stylize(frame: Frame, priors: Sequence[Prior]) -> Tensor:
    """As the optimizer does: a frame on its own is finished; else a few steps from the warped painting, or from the frame."""
    if not priors:
        return STYLE + UNLIKE * (2 * texture(100 + frame.index, WIDTH) - 1)
    return held(towards_style(torch.lerp(frame.image, priors[0].image, priors[0].visibility)), priors)


def repaint(frame: Frame, start: Tensor, priors: Sequence[Prior]) -> Tensor:
    return held(towards_style(start), priors)


def never(last: Frame, this: Frame) -> bool:
    return False


def in_passes(frames: list[Frame], passes: int, flow: TrueMotion) -> list[Painted]:
    return list(paint_in_passes(frames, stylize, repaint, flow, never, passes=passes))


def trail(painted: Sequence[Painted]) -> float:
    """Mean distance from the finished painting, in codes of 255, of the background that has come into view at the border."""
    shown = [one.painting[..., max(0, OBJECT - STEP * k):OBJECT] for k, one in enumerate(painted) if k > 0]
    return 255 * float(torch.cat([(paint - STYLE).abs().flatten() for paint in shown]).mean())


def change(painted: Sequence[Painted]) -> float:
    """Root mean square change from frame to frame, in codes of 255, of the background that the object never hides."""
    shown = torch.stack([one.painting[..., OBJECT:] for one in painted])
    return 255 * float((shown[1:] - shown[:-1]).square().mean().sqrt())


def test_passes_remove_the_trails_of_what_leaves_the_picture_and_hold_the_paint():
    frames, motions = leaving_object(16)
    flow = TrueMotion(frames, motions)
    once, alone = list(paint_frames(frames, stylize, flow, never)), list(paint_frames(frames, stylize, flow, lambda *_: True))
    trails = {1: trail(once)} | {passes: trail(in_passes(frames, passes, flow)) for passes in (3, 5)}
    # Half-finished paint of the background, 0.25 off on average, is what the object uncovers.
    assert trails[1] > 8
    # No further off than frames that are painted on their own, by half of UNLIKE on average.
    assert trail(alone) == pytest.approx(255 * UNLIKE / 2, rel=0.05)  # the mean of 20,000 random values
    assert max(trails[3], trails[5]) < trail(alone)
    # And the paint stays: `held` leaves a fifth of what one frame's painting differs from the last one's.
    assert change(alone) > 3
    assert change(in_passes(frames, 3, flow)) < change(alone) / 5


def test_the_blend_is_that_of_the_paper():
    own, prior = texture(1, 8), Prior(texture(2, 8), texture(3, 8)[:1])
    delta, c = 0.5, prior.visibility
    expected = delta * c * prior.image + ((1 - delta) * torch.ones_like(c) + delta * (1 - c)) * own
    torch.testing.assert_close(blended(own, prior), expected)
    assert torch.equal(blended(own, None), own)


@pytest.mark.parametrize(("first", "count", "cuts", "expected"), [
    (0, 9, (), [(0, 4, 6), (4, 4, 9), (8, 1, 9)]),
    (2, 7, (), [(2, 2, 6), (4, 4, 9), (8, 1, 9)]),  # a range: the blocks are the clip's
    (0, 9, (5,), [(0, 4, 5), (4, 1, 5), (5, 3, 9), (8, 1, 9)]),
    (0, 9, (4,), [(0, 4, 4), (4, 4, 9), (8, 1, 9)]),
])
def test_a_window_is_a_block_of_the_clip_and_the_frames_after_it_in_its_shot(
        first: int, count: int, cuts: tuple[int, ...], expected: list[tuple[int, int, int]], monkeypatch: pytest.MonkeyPatch):
    """expected: index of the first frame, frames of the block, index after the last frame."""
    monkeypatch.setattr(multipass, "BLOCK", 4)
    monkeypatch.setattr(multipass, "OVERLAP", 2)
    frames = [Frame(torch.full((3, 8, 8), 0.2), k, Fraction(1, 25), k) for k in range(first, first + count)]
    windows = list(find_windows(frames, lambda last, this: this.index in cuts, lambda frame: frame, None))
    assert [(one.frames[0].index, one.final, one.frames[-1].index + 1) for one in windows] == expected
    assert [one.starts_shot for one in windows] == [begin in (first, *cuts) for begin, _, _ in expected]


@pytest.mark.parametrize("references", [(1,), (1, 2)])
def test_a_run_continues_after_any_frame(references: tuple[int, ...], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(multipass, "BLOCK", 4)
    monkeypatch.setattr(multipass, "OVERLAP", 2)
    frames = [Frame(texture(k // 3, WIDTH), k, Fraction(1, 25), k) for k in range(11)]

    def cut(last: Frame, this: Frame) -> bool:
        return this.index in (5, 8)

    def paint(begin: int, memories: Sequence[Memory] = ()) -> list[Painted]:
        still = torch.zeros(2, HEIGHT, WIDTH)
        return list(paint_in_passes(frames[begin:], stylize, repaint, lambda last, this: FlowPair(still, still), cut, passes=3,
                                    references=references, memories=memories))

    whole = paint(0)
    assert [one.source.index for one in whole] == list(range(11))
    for stop in range(10):
        memories = whole[stop].memories
        begin = memories[-2].frame.index + 1 if len(memories) > 1 else 0
        assert begin <= stop + 1
        assert stop - begin < 4  # no more than a block is painted anew
        rest = paint(begin, memories)
        assert [one.source.index for one in rest] == list(range(stop + 1, 11))
        assert all(torch.equal(a.painting, b.painting) for a, b in zip(rest, whole[stop + 1:], strict=True))


def test_a_shot_owes_nothing_to_the_one_before_and_a_range_is_a_slice():
    still = torch.zeros(2, HEIGHT, WIDTH)
    frames = [Frame(texture(k, WIDTH), k, Fraction(1, 25), k) for k in range(12)]

    def paint(part: list[Frame]) -> list[Painted]:
        return list(paint_in_passes(part, stylize, repaint, lambda last, this: FlowPair(still, still),
                                    lambda last, this: this.index == 5, passes=3))

    whole, part = paint(frames), paint(frames[5:])
    assert all(torch.equal(a.painting, b.painting) for a, b in zip(part, whole[5:], strict=True))


def test_frames_wait_as_bytes_and_in_one_window_only(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(multipass, "BLOCK", 4)
    monkeypatch.setattr(multipass, "OVERLAP", 2)
    frames, pulled = [Frame(texture(0, WIDTH), k, Fraction(1, 25), k) for k in range(20)], list[int]()

    class Twice:
        def __iter__(self):
            for frame in frames:
                pulled.append(frame.index)
                yield replace(frame)

    still = torch.zeros(2, HEIGHT, WIDTH)
    painted = paint_in_passes(Twice(), stylize, repaint, lambda last, this: FlowPair(still, still), never, passes=3)
    next(painted)
    assert max(pulled) == 5  # a block of four and two more
    [window, *_] = find_windows(frames, never, lambda frame: frame, None)
    assert {frame.image.dtype for frame in window.frames} == {torch.uint8}


@pytest.mark.parametrize("passes", [1, 2, 4])
def test_another_number_of_passes_is_refused(passes: int):
    frames, motions = leaving_object(2)
    with pytest.raises(ValueError, match="odd, 3 or more"):
        in_passes(frames, passes, TrueMotion(frames, motions))
