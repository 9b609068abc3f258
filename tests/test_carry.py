"""Carrying paint between key frames: composed motion, what waits in fewer bytes, and choices without ghosts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from samples import scene
from vidstyle.core.frame import FlowPair, Prior
from vidstyle.ops.warp import trust, trusts
from vidstyle.temporal.carry import Packed, choose, colour_change, extend, glide, hold, patch_bias, reverse

SIZE = 60, 80


def plain(value: float, trust: float) -> Prior:
    return Prior(torch.full((3, *SIZE), float(value)), torch.full((1, *SIZE), float(trust)))


def no_bias() -> Tensor:
    return torch.ones(1, *SIZE)


def true_pair(last: int, this: int) -> FlowPair:
    return FlowPair(*(torch.from_numpy(scene.true_flow(i, j)) for i, j in ((this, last), (last, this))))


def test_steps_along_true_motion_compose_to_the_motion_from_the_key_frame():
    """The scene has the motion of any two frames; composed from neighbour to neighbour it must be the direct one."""
    path = None
    for index in (21, 22):
        path = extend(path, true_pair(index - 1, index))
    assert path is not None
    for composed, (i, j) in ((path.to_last, (22, 20)), (path.to_this, (20, 22))):
        # Where a surface is hidden between the two, or two surfaces meet within a pixel, neighbours do not know the motion.
        seen = np.logical_and.reduce([scene.true_visibility(i, k)[0] > 0 for k in (20, 21, 22)])
        error = (composed - torch.from_numpy(scene.true_flow(i, j))).norm(dim=0).numpy()[seen]
        # Bilinear interpolation of a smooth flow is exact to some 0.01 px; a step left out would be 1 px or more.
        assert float(np.median(error)) < 0.02
        assert float((error < 0.25).mean()) > 0.95


def test_against_time_the_walk_is_the_same_motion_seen_from_the_other_end():
    forward = extend(extend(None, true_pair(20, 21)), true_pair(21, 22))
    backward = extend(extend(None, reverse(true_pair(21, 22))), reverse(true_pair(20, 21)))
    assert torch.equal(backward.to_last, forward.to_this)
    assert torch.equal(backward.to_this, forward.to_last)


def test_what_waits_is_packed_without_a_loss_that_matters():
    flow = 200 * torch.rand(2, *SIZE, generator=torch.Generator().manual_seed(0)) - 100
    flow[:, 0, 0] = torch.nan  # unknown motion stays unknown
    trust = torch.rand(1, *SIZE, generator=torch.Generator().manual_seed(1))
    found = Packed.of(flow, trust).unpack()
    # float16 has 11 bits: half a step of 2^-4 px between 64 and 128 px.
    assert float((found.to_last - flow).abs().nan_to_num().max()) <= 2**-5
    assert torch.isnan(found.to_last).sum() == 2
    assert float((found.visibility - trust).abs().max()) <= 0.5 / 255 + 1e-6
    assert torch.equal(Packed.of(found.to_last, torch.ones(1, *SIZE)).unpack().visibility, torch.ones(1, *SIZE))


def test_near_a_key_frame_it_alone_counts():
    for closeness, value in ((1 / 24, 0.0), (1 / 12, 0.0), (11 / 12, 1.0), (23 / 24, 1.0)):
        found = choose(plain(0, 1), plain(1, 1), closeness, patch_bias(torch.zeros(3, *SIZE)))
        assert float((found.image - value).abs().max()) < 0.01


def test_between_them_each_place_follows_one_key_frame_and_changes_once():
    """An average of black and white would be gray everywhere; a choice is gray only at the borders of patches."""
    bias = patch_bias(torch.zeros(3, *SIZE))
    found = torch.stack([choose(plain(0, 1), plain(1, 1), k / 24, bias).image[0] for k in range(1, 24)])
    gray = ((found > 0.1) & (found < 0.9)).float().mean((1, 2))
    # From 10 % to 90 % takes 9^(1/4) = 1.73 in the ratio of the weights: 0.55 of the 2.8 over which the patches pass, if
    # the logarithm of the bias were uniform; smooth noise lies more about its middle, where a third more are on their way.
    assert float(gray.max()) < 0.35
    assert bool((found.diff(dim=0) >= 0).all())
    shares = (found > 0.5).float().mean((1, 2))
    # The patches do not pass at once: from a tenth to nine tenths of the frame takes more than four frames.
    assert int(((shares > 0.1) & (shares < 0.9)).sum()) > 4
    assert float(shares[11]) == pytest.approx(0.5, abs=0.15)


def test_trust_decides_before_closeness():
    for closeness in (1 / 24, 0.5, 23 / 24):
        assert float(choose(plain(0, 1), plain(1, 0), closeness, no_bias()).image.max()) < 0.01
        assert float(choose(plain(0, 0), plain(1, 1), closeness, no_bias()).image.min()) > 0.99
        assert float(choose(plain(0, 0), plain(1, 1), closeness, no_bias()).visibility.min()) > 0.99
    untrusted = [choose(plain(0, 0), plain(1, 0), closeness, no_bias()) for closeness in (0.2, 0.8)]
    assert float(untrusted[0].image.max()) < 0.01
    assert float(untrusted[1].image.min()) > 0.99
    assert all(float(each.visibility.max()) == 0 for each in untrusted)


def test_the_last_frame_counts_only_where_no_key_frame_is_trusted():
    assert float(hold(plain(0, 1), plain(1, 1)).image.max()) < 0.01
    held = hold(plain(0, 0.1), plain(1, 0.9))
    assert float(held.image.min()) > 0.99
    assert float(held.visibility.min()) > 0.89
    nothing = hold(plain(0.25, 0), plain(1, 0))
    assert float(nothing.visibility.max()) == 0
    torch.testing.assert_close(nothing.image, torch.full((3, *SIZE), 0.25))


def test_paintings_that_agree_are_not_changed_by_choosing():
    image = torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(0))
    one = Prior(image, torch.rand(1, *SIZE, generator=torch.Generator().manual_seed(1)))
    other = Prior(image, torch.rand(1, *SIZE, generator=torch.Generator().manual_seed(2)))
    torch.testing.assert_close(hold(choose(one, other, 0.4, patch_bias(image)), other).image, image)


def test_flat_paint_is_held_although_its_motion_contradicts_itself():
    """Left a flat half, right a textured one, both still; the two directions of motion differ by 3 px everywhere."""
    image = torch.full((3, *SIZE), 0.7)
    image[:, :, 40:] = torch.rand(3, SIZE[0], 40, generator=torch.Generator().manual_seed(0))
    wrong = FlowPair(to_last=torch.zeros(2, *SIZE), to_this=torch.full((2, *SIZE), 3.0))
    assert float(trust(image, image, wrong).max()) == 0
    held = trusts(image, image, wrong)[1]
    assert float(held[:, :, :30].min()) > 0.99  # the variance is over 7x7 pixels, and trust fades within three more
    assert float(held[:, :, 44:].max()) < 0.01
    # What came into view or changed is not held, flat or not.
    other = image.clone()
    other[:, 20:40, 5:25] = 0.1
    assert float(trusts(image, other, wrong)[1][:, 22:38, 7:23].max()) < 0.01
    outside = FlowPair(to_last=torch.full((2, *SIZE), -50.0), to_this=torch.zeros(2, *SIZE))
    assert float(trusts(image, image, outside)[1][:, :, :40].max()) == 0
    # Where `trust` is 1 nothing is added.
    still = FlowPair(torch.zeros(2, *SIZE), torch.zeros(2, *SIZE))
    torch.testing.assert_close(trusts(image, image, still)[1], trusts(image, image, still)[0])
    torch.testing.assert_close(trusts(image, image, still)[0], trust(image, image, still))


def test_colours_glide_and_strokes_do_not_fade():
    """Two paintings in other colours, their strokes at other places: between them the mean is between, the contrast is not."""
    x = torch.arange(SIZE[1]) // 2 % 2  # stripes two pixels wide, narrower than a cell
    stripes = [(0.2 * (phase - 0.5)).expand(3, *SIZE) for phase in (x, 1 - x)]
    colours = [torch.tensor(colour).view(3, 1, 1) for colour in ((0.3, 0.5, 0.7), (0.7, 0.4, 0.3))]
    trusted = torch.ones(1, *SIZE)
    one, other = (Prior(colour + stripe, trusted) for colour, stripe in zip(colours, stripes, strict=True))
    change = colour_change(one, other, torch.full((3, *SIZE), 0.5))
    # The mean of stripes over a cell of 2.5 px, at most a quarter of their height; the borders of patches are no ghosts.
    assert float((change - (colours[1] - colours[0])).mean((1, 2)).abs().max()) < 0.01
    for closeness in (0.25, 0.75):
        found = choose(glide(one, change, closeness), glide(other, change, closeness - 1), closeness, no_bias()).image
        expected = torch.lerp(*colours, closeness)
        assert float((found.mean((1, 2)) - expected.flatten()).abs().max()) < 0.01
        # An average of the two would have stripes of half the height at these places, and none in the middle.
        assert float(found.std((1, 2)).min()) > 0.95 * float(stripes[0].std((1, 2)).min())
    alike = colour_change(one, one, torch.full((3, *SIZE), 0.5))
    assert not alike.any()


def test_colours_are_known_where_only_one_key_frame_is_trusted():
    """What one key frame alone shows changes as what lies around it."""
    seen = torch.ones(1, *SIZE)
    seen[:, 10:30, 10:40] = 0
    one, other = plain(0.2, 1), Prior(torch.full((3, *SIZE), 0.6), seen)
    other.image[:, 10:30, 10:40] = 1.0  # no paint of the place
    assert float((colour_change(one, other, torch.full((3, *SIZE), 0.5)) - 0.4).abs().max()) < 0.01


def test_colours_that_are_not_known_change_as_those_of_things_as_light():
    """A light table changes and the dark wall over it does not: neither does so in part where no key frame shows it."""
    image = torch.full((3, *SIZE), 0.1)
    image[:, SIZE[0] // 2:] = 0.8
    seen = torch.ones(1, *SIZE)
    seen[:, SIZE[0] // 2 - 12:SIZE[0] // 2 + 12, 20:50] = 0
    one, other = Prior(torch.full((3, *SIZE), 0.3), seen), Prior(torch.where(image > 0.5, 0.7, 0.3) * seen, seen)
    change = colour_change(one, other, image)
    # Cells of 2.5 px lie on the border of the hole: what is 3 px inside is continued alone.
    for rows, expected in ((slice(SIZE[0] // 2 - 9, SIZE[0] // 2), 0.0), (slice(SIZE[0] // 2, SIZE[0] // 2 + 9), 0.4)):
        assert float((change[:, rows, 23:47] - expected).abs().max()) < 0.02  # the fit is damped where the light varies little
