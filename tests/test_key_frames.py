"""Key frames: where they are, what the frames between them are painted with, and that a run goes on where it stopped."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from samples import scene
from vidstyle.core.frame import FlowPair, Frame, Memory, Prior
from vidstyle.core.interfaces import CutDetector, FlowEstimator
from vidstyle.temporal.intervals import LONGEST, LOST, SHORTEST
from vidstyle.temporal.key_frames import paint_by_key_frames
from vidstyle.temporal.loop import Painted, paint_frames

HEIGHT, WIDTH = 32, 160


def at(image: Tensor, index: int) -> Frame:
    return Frame(image, pts=10 * index, time_base=Fraction(1, 250), index=index)


def pan(count: int, step: int) -> list[Frame]:
    """A window over a textured plane; what it shows moves `step` pixels to the right at every frame."""
    plane = torch.rand(3, HEIGHT, WIDTH + step * count, generator=torch.Generator().manual_seed(0))
    return [at(plane[:, :, step * (count - k):][:, :, :WIDTH].clone(), k) for k in range(count)]


def moving(step: float) -> FlowEstimator:
    def estimate_flow(last: Tensor, this: Tensor) -> FlowPair:
        right = torch.zeros(2, *last.shape[-2:])
        right[0] = step
        return FlowPair(to_last=-right, to_this=right)

    return estimate_flow


def never(last: Frame, this: Frame) -> bool:
    return False


def cut_at(*indices: int) -> CutDetector:
    return lambda last, this: this.index in indices


def unpainted(frame: Frame, prior: Prior | None) -> Tensor:
    return frame.image


def unmended(frame: Frame, painting: Tensor, known: Tensor) -> Tensor:
    return painting


def keys_of(painted: Sequence[Painted]) -> list[int]:
    """Key frames are the frames whose own memory is the one of the key frame behind."""
    return [one.source.index for one in painted if one.memories[0].frame.index == one.source.index]


def key_frames(frames: Sequence[Frame], step: float = 0, is_cut: CutDetector = never, every: int | None = None) -> list[int]:
    return keys_of(list(paint_by_key_frames(frames, unpainted, unmended, moving(step), is_cut, every=every)))


def test_a_still_shot_has_a_key_frame_at_each_limit_and_at_its_end():
    assert key_frames(pan(60, 0)) == [0, LONGEST, 2 * LONGEST, 59]


def test_a_pan_has_key_frames_where_enough_has_left_the_frame():
    step, fast = 4, 20
    # Of `WIDTH` columns, step x n came in since the key frame, and step since the last frame.
    expected = next(n for n in range(1, 25) if step * n - step > LOST * WIDTH)
    found = key_frames(pan(51, step), step)
    assert found[0] == 0
    assert found[-1] == 50
    assert found[1] == pytest.approx(expected, abs=1)  # rounding of the columns next to the new ones
    assert all(abs(b - a - expected) <= 1 for a, b in pairwise(found[:-1]))
    assert key_frames(pan(13, fast), fast) == [0, SHORTEST, 2 * SHORTEST, 3 * SHORTEST]


def test_what_no_flow_can_follow_does_not_ask_for_key_frames():
    generator = torch.Generator().manual_seed(0)
    noise = [at(torch.rand(3, HEIGHT, WIDTH, generator=generator), k) for k in range(30)]
    assert key_frames(noise) == [0, LONGEST, 29]


def test_a_cut_begins_anew_and_the_last_frame_before_it_is_a_key_frame():
    assert key_frames(pan(20, 0), every=5, is_cut=cut_at(8, 9)) == [0, 5, 7, 8, 9, 14, 19]
    priors: list[bool] = []

    def paint_key(frame: Frame, prior: Prior | None) -> Tensor:
        priors.append(prior is not None)
        return frame.image

    list(paint_by_key_frames(pan(20, 0), paint_key, unmended, moving(0), cut_at(8, 9), every=5))
    assert priors == [False, True, True, False, False, True, True]


@pytest.mark.parametrize("every", [None, 7])
def test_key_frames_belong_to_the_clip(every: int | None):
    """A range that begins with a shot, and is read on beyond its end, has the clip's own key frames."""
    frames, cut = pan(40, 4), cut_at(13)
    whole = key_frames(frames, 4, cut, every)
    assert key_frames(frames[13:], 4, cut, every) == [key for key in whole if key >= 13]
    part = key_frames(frames[:35], 4, cut, every)
    assert part == [key for key in whole if key < 34] + [34]  # where the frames end, as at the end of a shot


def test_every_frame_comes_out_in_order_with_its_source():
    frames = pan(23, 4)
    small = [at(frame.image[:, ::2, ::2].contiguous(), frame.index) for frame in frames]
    painted = list(paint_by_key_frames(frames, unpainted, unmended, moving(2), never,
                                       shrink=lambda frame: small[frame.index]))
    assert [one.source for one in painted] == frames
    assert all(one.painting.shape == (3, HEIGHT // 2, WIDTH // 2) for one in painted)
    assert all(one.memories[-1].frame.index == one.source.index for one in painted)


def test_a_key_frame_at_every_frame_is_painting_each_with_the_last_one_as_prior():
    def paint(frame: Frame, prior: Prior | None) -> Tensor:
        painting = 1 - frame.image
        return painting if prior is None else torch.lerp(painting, prior.image, 0.7 * prior.visibility)

    frames, flow, cut = pan(9, 4), moving(3.7), cut_at(5)
    one_by_one = paint_frames(frames, lambda frame, priors: paint(frame, priors[0] if priors else None), flow, cut)
    by_keys = paint_by_key_frames(frames, paint, unmended, flow, cut, every=1)
    assert all(torch.equal(a.painting, b.painting) for a, b in zip(one_by_one, by_keys, strict=True))


def test_paint_follows_motion_between_pixels():
    """Waves whose every frame is known exactly; frames between keys must be those, though only the keys are given."""
    x = torch.arange(WIDTH, dtype=torch.float64).expand(HEIGHT, -1)
    y = torch.arange(HEIGHT, dtype=torch.float64)[:, None]

    def frame(index: int) -> Frame:
        moved = x - 0.7 * index
        waves = [0.5 + 0.4 * torch.sin(2 * torch.pi * (moved / length + y / 40)) for length in (13, 17, 29)]
        return at(torch.stack(waves).float(), index)

    frames = [frame(k) for k in range(13)]
    painted = list(paint_by_key_frames(frames, unpainted, unmended, moving(0.7), never, every=12))
    for one in painted:
        # PyTorch's bicubic (a = -0.75) is off by up to 0.4 x 0.014 in a wave of 13 px, and by twice that in both keys.
        assert float((one.painting - one.source.image)[:, :, 12:-12].abs().max()) < 0.012


def test_true_motion_brings_every_visible_surface_from_the_key_frames():
    """The rendered scene, whose motion and visibility are known: occlusion, a moving camera, and things that bend."""
    frames = [at(torch.from_numpy(scene.render(20 + k)).permute(2, 0, 1).contiguous(), k) for k in range(5)]
    place = {id(frame.image): 20 + frame.index for frame in frames}

    def estimate_flow(last: Tensor, this: Tensor) -> FlowPair:
        i, j = place[id(last)], place[id(this)]
        return FlowPair(*(torch.from_numpy(scene.true_flow(a, b)) for a, b in ((j, i), (i, j))))

    painted = list(paint_by_key_frames(frames, unpainted, unmended, estimate_flow, never, every=4))
    for k in (1, 2, 3):
        seen = torch.from_numpy(np.maximum(scene.true_visibility(20 + k, 20), scene.true_visibility(20 + k, 24)))[0] > 0
        error = (painted[k].painting - frames[k].image).abs().mean(0)[seen]
        # A warp of this scene by its true motion is off by 0.005 in the mean (leaves and grass are a pixel wide); a ghost of
        # the tree or the boat would be off by 0.3 over a hundredth of the frame and more.
        assert float(error.mean()) < 0.01
        assert float((error > 0.2).float().mean()) < 0.005


def test_key_frames_that_differ_are_not_averaged():
    colours = iter([torch.tensor([1.0, 0, 0]), torch.tensor([0, 0, 1.0])])

    def paint_key(frame: Frame, prior: Prior | None) -> Tensor:
        return next(colours)[:, None, None].expand_as(frame.image)

    painted = list(paint_by_key_frames(pan(25, 0), paint_key, unmended, moving(0), never, every=24))
    blue = torch.stack([one.painting[2] for one in painted])
    assert float(blue[1].max()) < 0.01  # next to a key frame, it alone: no pulse
    assert float(blue[-2].min()) > 0.99
    mixed = ((blue > 0.1) & (blue < 0.9)).float().mean((1, 2))
    assert float(mixed.max()) < 0.35  # see `test_carry`; an average would be mixed all over in 18 of the 23 frames
    assert float((blue[1:] - blue[:-1]).min()) > -1e-4  # each place changes once


def test_what_neither_key_frame_shows_is_mended_once_and_held():
    still = pan(13, 0)
    frames = [at(frame.image.clone(), frame.index) for frame in still]
    for frame in frames[4:9]:
        frame.image[:, 8:24, 60:90] = torch.tensor([0.0, 1.0, 0.0])[:, None, None]  # comes and goes between the keys
    mended: list[float] = []

    def mend(frame: Frame, painting: Tensor, known: Tensor) -> Tensor:
        mended.append(float((known < 0.5).float().mean()))
        return torch.where(known < 0.5, len(mended) / 10, painting)

    painted = list(paint_by_key_frames(frames, unpainted, mend, moving(0), never, every=12))
    # `likeness` compares means over five pixels, and `trust` fades within three more.
    assert 16 * 30 <= mended[0] * HEIGHT * WIDTH <= (16 + 10) * (30 + 10)
    inside = torch.stack([one.painting[:, 12:20, 66:84] for one in painted])
    assert torch.equal(inside[4], torch.full_like(inside[4], 0.1))
    # Carried by bicubic interpolation without motion; held by a weight of 1 up to the eighth power of the keys' trust.
    torch.testing.assert_close(inside[4:9], inside[4].expand(5, -1, -1, -1), atol=1e-3, rtol=0)
    torch.testing.assert_close(inside[9], frames[9].image[:, 12:20, 66:84], atol=1e-2, rtol=0)


@pytest.mark.parametrize("every", [None, 5])
def test_a_run_goes_on_where_it_stopped(every: int | None):
    def paint_key(frame: Frame, prior: Prior | None) -> Tensor:
        return frame.image * 0.5 if prior is None else torch.lerp(0.5 * frame.image, prior.image, 0.8 * prior.visibility)

    def mend(frame: Frame, painting: Tensor, known: Tensor) -> Tensor:
        return torch.where(known < 0.5, 1 - frame.image, painting)

    def paint(frames: list[Frame], memories: Sequence[Memory] = ()) -> list[Painted]:
        return list(paint_by_key_frames(frames, paint_key, mend, moving(4.3), cut_at(16), every=every, memories=memories))

    frames = pan(24, 4)
    whole = paint(frames)
    for stop in range(23):  # at key frames, between them, before and after the cut
        memories = whole[stop].memories
        rest = paint(frames[memories[0].frame.index:], memories)
        assert [one.source.index for one in rest] == list(range(stop + 1, 24))
        assert all(torch.equal(a.painting, b.painting) for a, b in zip(rest, whole[stop + 1:], strict=True))
        assert [m.frame.index for one in rest for m in one.memories] == [m.frame.index for one in whole[stop + 1:]
                                                                          for m in one.memories]


def test_frames_between_key_frames_before_the_first_wanted_one_are_not_painted():
    def paint_key(frame: Frame, prior: Prior | None) -> Tensor:
        return 1 - frame.image if prior is None else torch.lerp(1 - frame.image, prior.image, 0.8 * prior.visibility)

    def paint(first: int) -> dict[int, Tensor]:
        painted = paint_by_key_frames(pan(24, 4), paint_key, unmended, moving(4.3), cut_at(16), every=5, first=first)
        return {one.source.index: one.painting for one in painted}

    whole = paint(0)
    assert list(whole) == list(range(24))
    early = {1, 2, 3, 4}
    for first, left_out in ((4, set()), (5, early), (9, early), (12, early | {6, 7, 8, 9}), (16, {*range(1, 15)} - {5, 10})):
        part = paint(first)
        assert set(whole) - set(part) == left_out
        assert all(torch.equal(painting, whole[index]) for index, painting in part.items())


@pytest.mark.parametrize("lookahead", [0, 1, 3])
def test_nothing_is_painted_behind_the_key_frame_after_the_last_wanted_one(lookahead: int):
    keys = list[int]()

    def paint_key(frame: Frame, prior: Prior | None) -> Tensor:
        keys.append(frame.index)
        return frame.image

    painted = paint_by_key_frames(pan(24, 4), paint_key, unmended, moving(4.3), cut_at(16), every=5, final=7,
                                  lookahead=lookahead)
    assert [one.source.index for one in painted] == list(range(11))
    assert keys == [0, 5, 10]


def test_key_frames_painted_ahead_are_the_same(tmp_path: Path):
    def paint(lookahead: int, folder: Path | None = None) -> list[Painted]:
        def paint_key(frame: Frame, prior: Prior | None) -> Tensor:
            return frame.image * 0.5 if prior is None else torch.lerp(0.5 * frame.image, prior.image, 0.8 * prior.visibility)

        return list(paint_by_key_frames(pan(24, 4), paint_key, unmended, moving(4.3), cut_at(16), lookahead=lookahead,
                                        folder=folder))

    alone = paint(0)
    for other in (paint(1), paint(8), paint(0, tmp_path)):
        assert all(torch.equal(a.painting, b.painting) for a, b in zip(alone, other, strict=True))


def test_memories_of_other_frames_are_refused():
    memories = list(paint_by_key_frames(pan(6, 0), unpainted, unmended, moving(0), never))[3].memories
    with pytest.raises(ValueError, match="begin at 2"):
        next(paint_by_key_frames(pan(6, 0)[2:], unpainted, unmended, moving(0), never, memories=memories))


class Counted:
    """Frames of a still shot, made anew at each reading; which were read by each, and how many images are alive."""

    def __init__(self, count: int) -> None:
        self.frames, self.read, self.alive = pan(count, 0), list[list[int]](), weakref.WeakSet[Tensor]()

    def __iter__(self) -> Iterator[Frame]:
        self.read.append([])
        return self._frames(self.read[-1])

    def _frames(self, read: list[int]) -> Iterator[Frame]:
        for frame in self.frames:
            image = frame.image.clone()
            self.alive.add(image)
            read.append(frame.index)
            yield at(image, frame.index)


def test_few_frames_are_held_at_their_full_size():
    frames, most = Counted(30), 0
    for _ in paint_by_key_frames(frames, lambda frame, prior: frame.image * 1, unmended, moving(0), never, every=6):
        most = max(most, len(frames.alive))
    # The key frames at both ends, one read ahead with the one before it, and of the second reading the one painted.
    assert most <= 6


def test_a_range_that_stops_reads_no_further_than_the_next_key_frame():
    frames = Counted(30)
    for painted in paint_by_key_frames(frames, unpainted, unmended, moving(0), never, every=6):
        if painted.source.index == 7:
            break
    assert max(max(read) for read in frames.read) <= 13


def test_frames_that_cannot_be_read_twice_are_refused():
    with pytest.raises(ValueError, match="iterator"):
        next(paint_by_key_frames(iter(pan(6, 0)), unpainted, unmended, moving(0), never))
