"""The loop over frames: which priors each frame is painted with, and that a run continues where it stopped."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from vidstyle.core.frame import FlowPair, Frame, Memory, Prior
from vidstyle.core.once import once_per_image
from vidstyle.temporal.loop import Painted, paint_frames

SIZE = 24


def clip(count: int, step: int = 0) -> list[Frame]:
    """A textured image that moves `step` pixels to the right at every frame."""
    image = torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    return [Frame(image.roll(step * k, -1), pts=10 * k, time_base=Fraction(1, 250), index=k) for k in range(count)]


def motion(pixels: float) -> FlowPair:
    right = torch.zeros(2, SIZE, SIZE)
    right[0] = pixels
    return FlowPair(to_last=-right, to_this=right)


def never(last: Frame, this: Frame) -> bool:
    return False


def test_the_last_painting_is_warped_onto_this_frame():
    received: list[Sequence[Prior]] = []

    def stylize(frame: Frame, priors: Sequence[Prior]) -> Tensor:
        received.append(priors)
        return 1 - frame.image

    frames = clip(3, step=2)
    painted = list(paint_frames(frames, stylize, lambda last, this: motion(2), never))
    assert [one.source.pts for one in painted] == [0, 10, 20]
    assert [len(priors) for priors in received] == [0, 1, 1]
    for frame, (prior,) in zip(frames[1:], received[1:], strict=True):
        visible = prior.visibility[0] == 1
        # Two columns are new; `likeness` averages over two pixels more, and trust falls to 0 within another three.
        assert visible[:, 7:].all()
        assert not visible[:, :2].any()  # these came in from beyond the frame
        torch.testing.assert_close(prior.image[:, :, 2:], 1 - frame.image[:, :, 2:], atol=1e-5, rtol=0)


def test_a_frame_after_a_cut_has_no_priors():
    counts = []

    def stylize(frame: Frame, priors: Sequence[Prior]) -> Tensor:
        counts.append(len(priors))
        return frame.image

    list(paint_frames(clip(6), stylize, lambda last, this: motion(0), lambda last, this: this.index == 3, references=(1, 2)))
    assert counts == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize(("references", "distances"), [
    ((1, 2, 4), [[], [1], [1, 2], [1, 2], [1, 2, 4], [1, 2, 4]]),
    ((2,), [[], [], [2], [2], [2], [2]]),
    ((3, 1), [[], [1], [1], [1, 3], [1, 3], [1, 3]]),
    ((4, 1), [[], [1], [1], [1], [1, 4], [1, 4]]),
])
def test_priors_are_the_references_within_the_shot_nearest_first(references: tuple[int, ...],
                                                                 distances: list[list[int]]):
    """Frame k is painted in the gray level k / 10, so that a prior's mean names the frame it comes from."""
    received: list[list[float]] = []

    def stylize(frame: Frame, priors: Sequence[Prior]) -> Tensor:
        received.append([round(float(prior.image.mean()), 4) for prior in priors])
        return torch.full_like(frame.image, (len(received) - 1) / 10)

    def is_cut(last: Frame, this: Frame) -> bool:
        return this.index == 6

    list(paint_frames(clip(12), stylize, lambda last, this: motion(0), is_cut, references=references))
    expected = [[round((k - j) / 10, 4) for j in distances[k % 6]] for k in range(12)]
    assert received == expected


def test_no_references_need_no_flow():
    def no_flow(last: Tensor, this: Tensor) -> FlowPair:
        raise AssertionError("flow was estimated")

    painted = paint_frames(clip(3), lambda frame, priors: frame.image, no_flow, never, references=())
    assert [one.source.index for one in painted] == [0, 1, 2]


def test_frames_stream_one_at_a_time():
    pulled = []

    def source():
        for frame in clip(5):
            pulled.append(frame.index)
            yield frame

    painted = paint_frames(source(), lambda frame, priors: frame.image, lambda last, this: motion(0), never)
    next(painted)
    next(painted)
    assert pulled in ([0, 1], [0, 1, 2])  # the next frame may be read ahead


def test_a_value_is_computed_once_for_each_frame():
    """Each image comes up twice, as this frame and as the last one, and more often with several references."""
    computed: list[float] = []

    @once_per_image
    def mean(image: Tensor) -> float:
        computed.append(float(image.mean()))
        return computed[-1]

    def estimate_flow(last: Tensor, this: Tensor) -> FlowPair:
        assert (mean(last), mean(this)) == (float(last.mean()), float(this.mean()))
        return motion(0)

    frames = [Frame(torch.full((3, SIZE, SIZE), k / 10), k, Fraction(1, 25), k) for k in range(6)]
    list(paint_frames(frames, lambda frame, priors: frame.image, estimate_flow, never, references=(1, 3)))
    assert computed == pytest.approx([k / 10 for k in range(6)])


def test_a_value_is_computed_anew_for_an_image_that_was_written_to():
    @once_per_image
    def total(image: Tensor) -> float:
        return float(image.sum())

    image = torch.zeros(3, 2, 2)
    assert total(image) == 0
    image += 1
    assert total(image) == 12
    assert total(image.clone() * 2) == 24


def test_priors_reduce_the_flicker_of_a_random_stylizer():
    generator = torch.Generator().manual_seed(1)

    def stylize(frame: Frame, priors: Sequence[Prior]) -> Tensor:
        fresh = (frame.image + 0.1 * torch.randn(frame.image.shape, generator=generator)).clamp(0, 1)
        return torch.lerp(fresh, priors[0].image, 0.8 * priors[0].visibility) if priors else fresh

    def flicker(references: tuple[int, ...]) -> float:
        frames = paint_frames(clip(12), stylize, lambda last, this: motion(0), never, references=references)
        images = [frame.painting for frame in frames]
        return float(torch.stack([(b - a).square().mean() for a, b in pairwise(images)]).mean().sqrt())

    # Noise of deviation s, mixed (1 - k) new with k of the prior, changes by s(1 - k) sqrt(2 / (1 + k)) a frame: k = 0.8
    # gives 0.15 of the change without priors.
    assert flicker((1,)) < 0.3 * flicker(())


def test_an_error_of_the_reader_comes_after_the_frames_before_it():
    def source():
        yield from clip(2)
        raise ValueError("the third frame")

    painted = paint_frames(source(), lambda frame, priors: frame.image, lambda last, this: motion(0), never)
    assert [next(painted).source.index, next(painted).source.index] == [0, 1]
    with pytest.raises(ValueError, match="the third frame"):
        next(painted)


@pytest.mark.parametrize("references", [(1,), (1, 2), (2,), (3, 1)])
def test_a_run_continues_from_its_memories(references: tuple[int, ...]):
    def stylize(frame: Frame, priors: Sequence[Prior]) -> Tensor:
        return sum((0.3 * prior.image for prior in priors), 0.1 * frame.image)

    def cut(last: Frame, this: Frame) -> bool:
        return this.index == 3

    def paint(frames: list[Frame], memories: Sequence[Memory] = ()) -> list[Painted]:
        return list(paint_frames(frames, stylize, lambda last, this: motion(1), cut, references=references,
                                 memories=memories))

    frames = clip(8, step=1)
    whole = paint(frames)
    for stop in range(1, 8):  # before, at and after the cut
        rest = paint(frames[stop:], whole[stop - 1].memories)
        assert all(torch.equal(a.painting, b.painting) for a, b in zip(rest, whole[stop:], strict=True))
