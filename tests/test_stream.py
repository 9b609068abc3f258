"""The loop: what each frame is told about the last ones, and when it is told nothing."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from vidstyle.core.frame import FlowPair, Frame, Memory, Prior
from vidstyle.temporal.loop import Painted, paint_frames

SIZE = 24


def clip(count: int, step: int = 0) -> list[Frame]:
    """A textured picture that moves `step` pixels to the right at every frame."""
    image = torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    return [Frame(image.roll(step * k, -1), pts=10 * k, time_base=Fraction(1, 250), index=k) for k in range(count)]


def motion(pixels: float) -> FlowPair:
    right = torch.zeros(2, SIZE, SIZE)
    right[0] = pixels
    return FlowPair(to_last=-right, to_this=right)


def never(last: Frame, this: Frame) -> bool:
    return False


def test_the_last_painting_arrives_where_things_are_now():
    seen: list[Sequence[Prior]] = []

    def painter(image: Tensor, priors: Sequence[Prior]) -> Tensor:
        seen.append(priors)
        return 1 - image

    frames = clip(3, step=2)
    painted = list(paint_frames(frames, painter, lambda last, this: motion(2), never))
    assert [one.source.pts for one in painted] == [0, 10, 20]
    assert [len(priors) for priors in seen] == [0, 1, 1]
    for frame, (prior,) in zip(frames[1:], seen[1:], strict=True):
        visible = prior.visibility[0] == 1
        # Two columns are new; looking at the picture reaches two pixels further, and trust falls within three.
        assert visible[:, 7:].all()
        assert not visible[:, :2].any()  # these came in from beyond the frame
        torch.testing.assert_close(prior.image[:, :, 2:], 1 - frame.image[:, :, 2:], atol=1e-5, rtol=0)


def test_a_cut_forgets():
    told = []

    def painter(image: Tensor, priors: Sequence[Prior]) -> Tensor:
        told.append(len(priors))
        return image

    list(paint_frames(clip(6), painter, lambda last, this: motion(0), lambda last, this: this.index == 3, references=(1, 2)))
    assert told == [0, 1, 2, 0, 1, 2]


def test_references_are_as_many_frames_back_as_they_say():
    told: list[list[float]] = []

    def painter(image: Tensor, priors: Sequence[Prior]) -> Tensor:
        told.append([round(float(prior.image.mean()), 4) for prior in priors])
        return torch.full_like(image, len(told) / 10)

    list(paint_frames(clip(6), painter, lambda last, this: motion(0), never, references=(1, 2, 4)))
    assert told[-1] == [0.5, 0.4, 0.2]
    assert told[1] == [0.1]


def test_no_references_need_no_flow():
    def no_flow(last: Tensor, this: Tensor) -> FlowPair:
        raise AssertionError("flow was asked for")

    painted = paint_frames(clip(3), lambda image, priors: image, no_flow, never, references=())
    assert [one.source.index for one in painted] == [0, 1, 2]


def test_frames_stream_one_at_a_time():
    pulled = []

    def source():
        for frame in clip(5):
            pulled.append(frame.index)
            yield frame

    painted = paint_frames(source(), lambda image, priors: image, lambda last, this: motion(0), never)
    next(painted)
    next(painted)
    assert pulled in ([0, 1], [0, 1, 2])  # the next one may be read meanwhile


def test_memory_steadies_a_painter_that_flickers():
    generator = torch.Generator().manual_seed(1)

    def painter(image: Tensor, priors: Sequence[Prior]) -> Tensor:
        fresh = (image + 0.1 * torch.randn(image.shape, generator=generator)).clamp(0, 1)
        return torch.lerp(fresh, priors[0].image, 0.8 * priors[0].visibility) if priors else fresh

    def flicker(references: tuple[int, ...]) -> float:
        frames = paint_frames(clip(12), painter, lambda last, this: motion(0), never, references=references)
        images = [frame.painting for frame in frames]
        return float(torch.stack([(b - a).square().mean() for a, b in pairwise(images)]).mean().sqrt())

    # Noise of variance s², mixed (1 - k) fresh to k kept, changes by s(1 - k) sqrt(2 / (1 + k)) a frame: 0.15 of fresh.
    assert flicker((1,)) < 0.3 * flicker(())


def test_what_fails_ahead_fails_after_what_was_before_it():
    def source():
        yield from clip(2)
        raise ValueError("the third picture")

    painted = paint_frames(source(), lambda image, priors: image, lambda last, this: motion(0), never)
    assert [next(painted).source.index, next(painted).source.index] == [0, 1]
    with pytest.raises(ValueError, match="the third picture"):
        next(painted)


def test_painting_goes_on_where_it_was_left():
    def painter(image: Tensor, priors: Sequence[Prior]) -> Tensor:
        return sum((0.3 * prior.image for prior in priors), 0.1 * image)

    def cut(last: Frame, this: Frame) -> bool:
        return this.index == 3

    def paint(frames: list[Frame], memories: Sequence[Memory] = ()) -> list[Painted]:
        return list(paint_frames(frames, painter, lambda last, this: motion(1), cut, references=(1, 2), memories=memories))

    frames = clip(8, step=1)
    whole = paint(frames)
    for stop in range(1, 8):  # before, at and after the cut
        rest = paint(frames[stop:], whole[stop - 1].memories)
        assert all(torch.equal(a.painting, b.painting) for a, b in zip(rest, whole[stop:], strict=True))
